"""`tokenfall decode` as people use it who look into a stream."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from tests.cli.running import CEILING, Program
from tests.faults.dialects import DIALECTS
from tests.wire.test_cases import FOLDER

from tokenfall.wire import WIRES

SSE = b": hello\n\nevent: a\nid: 1\ndata: x\n\ndata: \xc3\xa9\r\n\r\n"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_the_framing_only_with_offsets(program: Program) -> None:
    done = await program.run("decode", "--wire", "sse", "--at", stdin=SSE)
    assert (done.code, done.stderr) == (0, "")
    assert lines(done.stdout) == [
        {"event": "a", "data": "x", "id": "1", "at": 33},
        {"event": "message", "data": "é", "id": "1", "at": len(SSE) - 1},  # it is whole with the CR; the LF only belongs to it
    ]


@pytest.mark.parametrize("wire", WIRES)
async def test_a_reply_of_each_wire(program: Program, wire: str) -> None:
    done = await program.run("decode", "--wire", wire, stdin=DIALECTS[wire].reply("Hel", "lo \x1b]52;c;x\x07"))
    events = lines(done.stdout)
    assert (done.code, done.stderr) == (0, "")
    assert "".join(str(event["text"]) for event in events if event["event"] == "text") == "Hello \x1b]52;c;x\x07"
    assert done.stdout.isascii()
    assert done.stdout.replace("\n", "").isprintable()
    assert [event["state"] for event in events if event["event"] == "finish"] == ["complete"]
    assert any(event["event"] == "usage" and event.get("output_tokens") == 2 for event in events)


async def test_a_file(program: Program) -> None:
    done = await program.run("decode", "--wire", "anthropic", str(FOLDER / "anthropic" / "tool-cut-off.sse"))
    calls = [event for event in lines(done.stdout) if event["event"] == "tool_call"]
    assert calls == [
        {"event": "tool_call", "index": 0, "id": "toolu_1", "name": "rm"},
        {"event": "tool_call", "index": 0, "arguments": '{"path": "/'},
    ]


async def test_a_body_that_is_no_stream(program: Program) -> None:
    done = await program.run("decode", "--wire", "openai-chat", stdin=b'{"error": {"message": "bad key", "code": 401}}\n')
    assert (done.code, lines(done.stdout)) == (0, [{"event": "fault", "message": "bad key", "passing": False}])


async def test_bytes_that_the_wire_forbids_after_what_it_allows(program: Program) -> None:
    good = DIALECTS["openai-chat"].said("a")
    done = await program.run("decode", "--wire", "openai-chat", stdin=good + b"data: {oops\n\ndata: [DONE]\n\n")
    assert done.code == 1
    assert [event["event"] for event in lines(done.stdout)] == ["start", "text"]
    assert done.stderr.startswith("tokenfall: openai-chat: an event of type 'message' is not JSON: '{oops'")
    assert f"it ends at byte {len(good) + 13}." in done.stderr


async def test_an_event_that_broke_off_is_told(program: Program) -> None:
    done = await program.run("decode", "--wire", "sse", stdin=b"data: a\n\ndata: b")
    assert (done.code, len(lines(done.stdout))) == (0, 1)
    assert done.stderr == "tokenfall: The last 7 bytes are of an event that is not whole.\n"


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\n", b"<html></html>"])
async def test_no_event_at_all(program: Program, data: bytes) -> None:
    done = await program.run("decode", "--wire", "openai-chat", stdin=data)
    assert (done.code, done.stdout) == (2, "")
    assert f"no whole event in these {len(data)} bytes" in done.stderr


async def test_events_that_another_wire_sends(program: Program) -> None:
    done = await program.run("decode", "--wire", "anthropic", stdin=DIALECTS["openai-chat"].said("a"))
    assert (done.code, done.stdout) == (2, "")
    assert "none is one that anthropic knows. Is it the right wire?" in done.stderr.replace("\n", " ")


async def test_each_event_is_printed_as_soon_as_it_is_whole(program: Program) -> None:
    reader, writer = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *program.command, "decode", "--wire", "sse", stdin=reader, stdout=asyncio.subprocess.PIPE, env=program.env()
    )
    os.close(reader)
    assert process.stdout is not None
    os.write(writer, b"data: a\n\nda")
    assert json.loads(await asyncio.wait_for(process.stdout.readline(), CEILING))["data"] == "a"
    os.write(writer, b"ta: b\n\n")
    assert json.loads(await asyncio.wait_for(process.stdout.readline(), CEILING))["data"] == "b"
    os.close(writer)
    assert await asyncio.wait_for(process.wait(), CEILING) == 0


async def test_a_reader_that_leaves_early_ends_it_quietly(program: Program) -> None:
    command = f"{' '.join(program.command)} decode --wire sse | head -n 1"
    process = await asyncio.create_subprocess_shell(
        command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=program.env()
    )
    printed, complaints = await asyncio.wait_for(process.communicate(b"data: a\n\n" * 100_000), CEILING)
    assert (len(printed.splitlines()), complaints) == (1, b"")
