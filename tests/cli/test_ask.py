"""`tokenfall ask` as pipes and scripts use it."""

import asyncio
import fcntl
import json
import os
import re
import signal
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.byteserver import (
    DONE,
    ByteServer,
    Close,
    Hold,
    Script,
    Send,
    Wait,
    chunked,
    json_response,
    openai_chunk,
    openai_reply,
    sse_event,
    sse_response,
)  # fmt: skip
from tests.cli.running import CEILING, Outcome, Program, outcome
from tests.cli.test_render import echoes, given_back
from tests.ptyscreen import PtyScreen, terminal_env
from tests.ptytokens import Allowed, foreign
from tests.scrollback import Scrollback
from tests.ui.test_output import HOSTILE

from tokenfall.cli.ask import read_prompt
from tokenfall.errors import UserError

HELLO = openai_reply(["Hel", "lo", " you."])
HELD: Script = [Send(sse_response(openai_chunk("kept "), openai_chunk("text"))), Hold()]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


async def ask(program: Program, server: ByteServer, *arguments: str, stdin: bytes = b"") -> Outcome:
    return await program.run("ask", "--base-url", f"{server.url}/v1", "-m", "m", *arguments, stdin=stdin)


async def test_the_answer_goes_to_standard_output_as_it_is(program: Program) -> None:
    async with ByteServer([Send(HELLO)]) as server:
        done = await ask(program, server, "Hi")
    assert done == Outcome(0, "Hello you.", "")
    assert server.exchanges[0].path == "/v1/chat/completions"
    assert server.exchanges[0].json["model"] == "m"
    assert "authorization" not in server.exchanges[0].headers


def prompt_of(words: Sequence[str], piped: bytes) -> str:
    reader, writer = os.pipe()
    try:
        os.write(writer, piped)
        os.close(writer)
        return read_prompt(words, reader)
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("words", "piped", "prompt"),
    [
        (["What", "is", "this?"], b"", "What is this?"),
        ([], b"From a pipe\n", "From a pipe"),
        (["Sum up:"], b"one\ntwo\n", "Sum up:\n\none\ntwo"),
        (["Sum up:"], b" \n", "Sum up:"),
        (["é 宽"], "ü\r\n".encode(), "é 宽\n\nü"),
    ],
)
def test_the_prompt_is_arguments_and_standard_input(words: Sequence[str], piped: bytes, prompt: str) -> None:
    assert prompt_of(words, piped) == prompt


def test_a_closed_standard_input_holds_nothing() -> None:
    assert read_prompt(["Hi"], None) == "Hi"


@pytest.mark.parametrize("words", [[], [""], [" ", "\n"]])
def test_no_prompt_is_a_mistake(words: Sequence[str]) -> None:
    with pytest.raises(UserError, match="There is no prompt"):
        prompt_of(words, b" \n")


@pytest.mark.parametrize(("words", "piped"), [(["x"], b"caf\xe9"), (["caf\udce9"], b"")])
def test_a_prompt_that_is_not_utf8_is_refused(words: Sequence[str], piped: bytes) -> None:
    with pytest.raises(UserError, match=r"is not UTF-8 text: byte 0xe9 at 3\."):
        prompt_of(words, piped)


async def test_a_prompt_of_both(program: Program) -> None:
    async with ByteServer([Send(HELLO)]) as server:
        assert (await ask(program, server, "--", "--really?", stdin=b"yes\n")).code == 0
        assert server.exchanges[0].json["messages"] == [{"role": "user", "content": "--really?\n\nyes"}]


async def test_an_empty_prompt_asks_nobody(program: Program) -> None:
    async with ByteServer([Send(HELLO)]) as server:
        done = await ask(program, server, "")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("tokenfall: There is no prompt.\n")
    assert not server.accepted


async def test_options_reach_the_service(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "k-1")
    options = ["--system", "Be brief.", "--max-tokens", "7", "--temperature", "0", "--api-key-env", "A_KEY"]
    async with ByteServer([Send(HELLO)]) as server:
        assert (await ask(program, server, *options, "Hi")).code == 0
        exchange = server.exchanges[0]
    assert exchange.headers["authorization"] == "Bearer k-1"
    assert exchange.json["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert exchange.json["temperature"] == 0
    assert 7 in exchange.json.values()


@pytest.mark.parametrize("source", ["api_key_command = 'echo canary'", "api_key_file = 'lab.key'"])
async def test_a_key_is_fetched_and_never_printed(program: Program, source: str) -> None:
    (program.folder / "lab.key").write_text("canary\n")
    (program.folder / "lab.key").chmod(0o600)
    refusal = json_response({"error": {"message": "canary is no key"}}, "401 Unauthorized")
    async with ByteServer([Send(HELLO)], [Send(refusal)]) as server:
        program.configure(f'[endpoints.lab]\nbase_url = "{server.url}"\nmodel = "m"\n{source}')
        good, bad = await program.run("ask", "Hi"), await program.run("--debug", "ask", "Hi")
        assert [exchange.headers["authorization"] for exchange in server.exchanges] == ["Bearer canary"] * 2
    assert (good.code, bad.code) == (0, 1)
    assert "canary" not in f"{good}{bad}"


async def test_a_key_that_cannot_be_fetched_is_told(program: Program) -> None:
    program.configure('[endpoints.lab]\nbase_url = "https://x.test"\nmodel = "m"\napi_key_command = "echo It is locked >&2; exit 2"')
    done = await program.run("ask", "Hi")
    assert (done.code, done.stdout) == (2, "")
    said = "tokenfall: The key for lab is the first line that the command echo prints, which ended with 2.\n"
    assert done.stderr == f"{said}Run it by hand to see why.\n"


async def test_without_a_model_the_first_that_the_server_lists(program: Program) -> None:
    models = json_response({"object": "list", "data": [{"id": "first"}, {"id": "second"}]})
    async with ByteServer([Send(models)], [Send(HELLO)]) as server:
        done = await program.run("ask", "--base-url", server.url, "Hi")
    assert done == Outcome(0, "Hello you.", "")
    assert [exchange.path for exchange in server.exchanges] == ["/models", "/chat/completions"]
    assert server.exchanges[1].json["model"] == "first"


async def test_a_configured_endpoint(program: Program) -> None:
    async with ByteServer([Send(HELLO)]) as server:
        program.configure(f'model = "lab"\n[endpoints.lab]\nbase_url = "{server.url}"\nmodel = "m"\nheaders = {{ X-Own = "1" }}')
        assert (await program.run("ask", "Hi")).stdout == "Hello you."
        assert server.exchanges[0].headers["x-own"] == "1"


async def test_piped_text_is_not_altered(program: Program) -> None:
    pieces = ["\x1b[31m", "a\r\n", "\x00\u202e", "e\u0301", "宽", "\n\n"]
    async with ByteServer([Send(openai_reply(pieces))]) as server:
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "Hi")
        printed, _ = await asyncio.wait_for(process.communicate(), CEILING)
    assert printed == "".join(pieces).encode()


async def test_halves_of_a_character_in_two_deltas_meet(program: Program) -> None:
    async with ByteServer([Send(openai_reply(["<\ud83d", "\ude00>", "\ud83d"]))]) as server:
        assert (await ask(program, server, "Hi")).stdout == "<😀>\ufffd"


async def test_each_delta_is_printed_at_once(program: Program) -> None:
    go = asyncio.Event()
    script: Script = [Send(sse_response(openai_chunk("first"))), Wait(go), Send(chunked(openai_chunk(" second", finish="stop"), last=True))]
    async with ByteServer(script) as server:
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "Hi")
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readexactly(5), CEILING) == b"first"
        go.set()
        done = await outcome(process)
    assert (done.code, done.stdout) == (0, " second")


# ── how it ends ─────────────────────────────────────────────────────────────


async def test_the_token_limit_is_no_failure(program: Program) -> None:
    async with ByteServer([Send(openai_reply(["cut"], finish="length"))]) as server:
        done = await ask(program, server, "Hi")
    assert (done.code, done.stdout) == (0, "cut")
    assert done.stderr == "tokenfall: The answer ends at its length limit; --max-tokens sets another.\n"


async def test_a_refusal_ends_with_1(program: Program) -> None:
    async with ByteServer([Send(openai_reply(["I"], finish="content_filter"))]) as server:
        done = await ask(program, server, "Hi")
    assert (done.code, done.stdout) == (1, "I")
    assert "refused" in done.stderr


async def test_a_stream_that_breaks_off_keeps_what_came_and_ends_with_1(program: Program) -> None:
    async with ByteServer([Send(sse_response(openai_chunk("half"))), Close()]) as server:
        done = await ask(program, server, "Hi")
    assert (done.code, done.stdout) == (1, "half")
    assert done.stderr.startswith("tokenfall: ")


async def test_an_error_of_the_service_is_inert_and_ends_with_1(program: Program) -> None:
    body = json_response({"error": {"message": "no model \x1b]52;c;aGk=\x07 here"}}, "404 Not Found")
    async with ByteServer([Send(body)]) as server:
        done = await ask(program, server, "Hi")
    assert (done.code, done.stdout) == (1, "")
    assert "no model" in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr


async def test_nothing_listens(program: Program) -> None:
    async with ByteServer([Hold()]) as server:
        url = server.url
    done = await program.run("ask", "--base-url", url, "-m", "m", "Hi")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("tokenfall: ")


@pytest.mark.parametrize("times", [1, 2])
async def test_ctrl_c_keeps_what_was_printed_and_closes_the_connection(program: Program, times: int) -> None:
    async with ByteServer(HELD) as server:
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "Hi")
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readexactly(9), CEILING) == b"kept text"
        for _ in range(times):
            process.send_signal(signal.SIGINT)
        assert await server.exchanges[0].hung_up_within()
        assert await outcome(process) == Outcome(130, "", "")


async def test_ctrl_c_before_the_first_token(program: Program) -> None:
    async with ByteServer([Hold()]) as server:
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "Hi")
        exchange = await server.exchange()
        process.send_signal(signal.SIGINT)
        assert await exchange.hung_up_within()
        assert await outcome(process) == Outcome(130, "", "")


async def test_ctrl_c_while_standard_input_is_read(program: Program) -> None:
    reader, writer = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *program.command, "ask", stdin=reader, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=program.env()
    )
    os.close(reader)
    # more than the pipe holds: it is written once the program reads
    await asyncio.to_thread(os.write, writer, b"x" * 2**20)
    done = asyncio.create_task(outcome(process))
    while not done.done():
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        # one that comes just before a read begins is heard only after it; and one while Python itself ends would end it otherwise
        await asyncio.wait([done], timeout=5)
    os.close(writer)
    assert await done == Outcome(130, "", "")


def wait_full(pipe: int) -> None:
    """Until the pipe holds as much as it takes, by its writer having written whole pages."""
    deadline = time.monotonic() + CEILING
    while int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder) < fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ):
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_ctrl_c_is_heard_while_nobody_reads_the_output(program: Program) -> None:
    flood: Script = [Send(sse_response(*[openai_chunk("x" * 65_536)] * 20)), Hold()]
    async with ByteServer(flood) as server:
        reader, writer = os.pipe()
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "Hi", stdout=writer)
        os.close(writer)
        await asyncio.to_thread(wait_full, reader)
        process.send_signal(signal.SIGINT)
        assert await server.exchanges[0].hung_up_within()
        assert (await outcome(process)).code == 130
        os.close(reader)


async def test_a_reader_that_leaves_early_ends_it_quietly(program: Program) -> None:
    go = asyncio.Event()
    more = [Send(chunked(openai_chunk("more")))] * 3
    async with ByteServer([Send(sse_response(openai_chunk("line\n"))), Wait(go), *more, Hold()]) as server:
        reader, writer = os.pipe()
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "Hi", stdout=writer)
        os.close(writer)
        assert await asyncio.to_thread(os.read, reader, 5) == b"line\n"
        os.close(reader)
        go.set()
        assert await server.exchanges[0].hung_up_within()
        assert await outcome(process) == Outcome(0, "", "")


async def test_a_full_disk_is_told(program: Program) -> None:
    async with ByteServer([Send(HELLO)]) as server:
        full = os.open("/dev/full", os.O_WRONLY)
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "Hi", stdout=full)
        os.close(full)
        done = await outcome(process)
    assert done.code == 1
    assert done.stderr == "tokenfall: Standard output can't be written: No space left on device.\n"


async def test_into_a_file(program: Program, tmp_path: Path) -> None:
    async with ByteServer([Send(HELLO)]) as server:
        file = os.open(tmp_path / "answer", os.O_WRONLY | os.O_CREAT)
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "Hi", stdout=file)
        os.close(file)
        assert (await outcome(process)).code == 0
    assert (tmp_path / "answer").read_bytes() == b"Hello you."


# ── as JSON, with files, with figures, in time ──────────────────────────────


def thought(text: str) -> bytes:
    return sse_event(json.dumps({"choices": [{"index": 0, "delta": {"reasoning_content": text}}]}))


USAGE = sse_event(json.dumps({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}))


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_events_as_lines_of_json(program: Program) -> None:
    texts = [openai_chunk("<\ud83d"), openai_chunk("\ude00>"), openai_chunk("\x1b]52", finish="stop")]
    chunks = [thought("hm"), *texts, USAGE, DONE]
    async with ByteServer([Send(sse_response(*chunks, last=True))]) as server:
        done = await ask(program, server, "--json", "Hi")
        told = lines(done.stdout)
        name = f"127.0.0.1:{server.port}/m"
    end = told.pop()
    assert (done.code, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert told == [
        {"event": "start", "model": name, "attempt": 1},
        {"event": "reasoning", "text": "hm"},
        {"event": "text", "text": "<"},
        {"event": "text", "text": "😀>"},
        {"event": "text", "text": "\x1b]52"},
        {"event": "usage", "input_tokens": 3, "output_tokens": 5},
    ]
    assert (end["event"], end["state"], end["usage"]) == ("end", "complete", {"input_tokens": 3, "output_tokens": 5})
    assert end["ttft_ms"] == pytest.approx(end["timing"]["ttft_ms"], abs=0.1)  # type: ignore[index]
    assert "error" not in end


async def test_a_half_of_a_character_before_something_else_is_replaced(program: Program) -> None:
    chunks = [thought("\ud83d"), openai_chunk("a\ud83d", finish="stop"), DONE]
    async with ByteServer([Send(sse_response(*chunks, last=True))]) as server:
        done = await ask(program, server, "--json", "Hi")
    said = [(line["event"], line["text"]) for line in lines(done.stdout) if "text" in line]
    assert said == [("reasoning", "\ufffd"), ("text", "a"), ("text", "\ufffd")]


@pytest.mark.parametrize(
    ("script", "state", "error"),
    [
        ([Send(sse_response(openai_chunk("half"))), Close()], "cut_off", "broke off"),
        ([Send(json_response({"error": {"message": "bad"}}, "400 Bad Request"))], "failed", "bad"),
        ([Send(openai_reply(["I"], finish="content_filter"))], "refused", None),
    ],
)
async def test_the_last_line_is_the_end_however_it_ends(program: Program, script: Script, state: str, error: str | None) -> None:
    async with ByteServer(script) as server:
        done = await ask(program, server, "--json", "Hi")
    end = lines(done.stdout)[-1]
    assert done.code == 1
    assert (end["event"], end["state"]) == ("end", state)
    assert (error is None and "error" not in end) or str(error) in str(end["error"])


async def test_the_end_of_an_interrupted_answer_is_told(program: Program) -> None:
    async with ByteServer(HELD) as server:
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "--json", "Hi")
        assert process.stdout is not None
        for _ in range(3):
            await asyncio.wait_for(process.stdout.readline(), CEILING)
        process.send_signal(signal.SIGINT)
        assert await server.exchanges[0].hung_up_within()
        done = await outcome(process)
    assert done.code == 130
    assert lines(done.stdout)[-1]["state"] == "stopped"


async def test_files_go_along(program: Program, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("some words")
    (tmp_path / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    async with ByteServer([Send(HELLO)]) as server:
        done = await ask(program, server, "-a", str(tmp_path / "notes.txt"), "-a", str(tmp_path / "dot.png"), "What is this?")
        message = json.dumps(server.exchanges[0].json["messages"])
    assert done.code == 0
    assert "some words" in message
    assert "What is this?" in message
    assert "data:image/png;base64,iVBORw0KGgo=" in message


async def test_a_file_that_is_not_there_asks_nobody(program: Program) -> None:
    async with ByteServer([Send(HELLO)]) as server:
        done = await ask(program, server, "-a", "nothing.txt", "Hi")
    assert (done.code, done.stderr) == (2, "tokenfall: nothing.txt can't be read: No such file or directory.\n")
    assert not server.accepted


async def test_figures_on_standard_error(program: Program) -> None:
    async with ByteServer([Send(openai_reply(["a", "b", "c"]))]) as server:
        done = await ask(program, server, "--stats", "Hi")
        name = f"127.0.0.1:{server.port}/m"
    assert (done.code, done.stdout) == (0, "abc")
    assert re.fullmatch(rf"complete │ {name} │ TTFT \d+ ms │ [\d.]+ tok/s │ gap \d+/\d+ ms, longest \d+ │ .*3↓\n", done.stderr)


async def test_figures_of_an_answer_that_was_stopped(program: Program) -> None:
    async with ByteServer(HELD) as server:
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "--stats", "Hi")
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readexactly(9), CEILING) == b"kept text"
        process.send_signal(signal.SIGINT)
        done = await outcome(process)
    assert done.code == 130
    assert done.stderr.startswith("stopped │ ")


async def test_a_prompt_that_does_not_fit_is_told_as_that(program: Program) -> None:
    said = "request (50050 tokens) exceeds the available context size (8192 tokens), try increasing it"
    async with ByteServer([Send(json_response({"error": {"message": said}}, "400 Bad Request"))]) as server:
        done = await ask(program, server, "Hi")
    assert done.code == 1
    assert "It is more than the model can read at once: send less" in done.stderr


async def test_an_answer_that_takes_too_long_is_ended(program: Program) -> None:
    async with ByteServer(HELD) as server:
        done = await ask(program, server, "--timeout", "3", "Hi")
        assert await server.exchanges[0].hung_up_within()
    assert (done.code, done.stdout) == (1, "kept text")
    assert "was not whole after 3 seconds" in done.stderr


async def test_a_request_that_is_sent_again_is_told(program: Program) -> None:
    busy = json_response({"error": {"message": "warming up"}}, "503 Service Unavailable", [("Retry-After", "1")])
    async with ByteServer([Send(busy)], [Send(HELLO)]) as server:
        done = await ask(program, server, "Hi")
    assert (done.code, done.stdout) == (0, "Hello you.")
    assert "is not ready (HTTP 503): warming up. Attempt 2 follows in 1" in done.stderr


async def test_a_hostile_name_of_a_model_is_inert_in_the_figures(program: Program) -> None:
    models = json_response({"data": [{"id": "m\x1b]52;c;aGk=\x07"}]})
    async with ByteServer([Send(models)], [Send(HELLO)]) as server:
        done = await program.run("ask", "--base-url", server.url, "--stats", "Hi")
    assert done.code == 0
    assert "\x1b" not in done.stderr
    assert "52;c;aGk=" in done.stderr


@pytest.mark.parametrize("what", ["key in an event", "escape in a body"])
async def test_what_debug_shows_is_inert_and_has_no_key(program: Program, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setenv("A_KEY", "k-canary-123456789")
    stream = sse_response(sse_event("nope k-canary-123456789"), last=True)
    script = [Send(stream)] if what == "key in an event" else [Send(json_response({"error": "\x1b]52;c;x\x07"}, "400 Bad"))]
    async with ByteServer(script) as server:
        done = await ask(program, server, "--debug", "--api-key-env", "A_KEY", "Hi")
    assert done.code == 1
    assert "Traceback" in done.stderr
    assert "canary" not in done.stderr
    assert "\x1b" not in done.stderr


async def test_a_slow_reader_holds_up_no_time_limit_and_the_last_line_is_whole(program: Program) -> None:
    flood: Script = [Send(sse_response(*[openai_chunk("x" * 5_000)] * 40)), Hold()]
    async with ByteServer(flood) as server:
        process = await program.start("ask", "--base-url", server.url, "-m", "m", "--json", "--timeout", "3", "Hi")
        exchange = await server.exchange()
        assert await exchange.hung_up_within()
        done = await outcome(process)
    told = [line for line in done.stdout.splitlines() if line]
    assert all(json.loads(line) for line in told[:-1])


async def test_text_and_events_exclude_each_other(program: Program) -> None:
    done = await program.run("ask", "--json", "--plain", "Hi")
    assert (done.code, done.stdout) == (2, "")
    assert "Give one of them" in done.stderr


# ── on a terminal ───────────────────────────────────────────────────────────


@contextmanager
def terminal(program: Program, server: ByteServer, *arguments: str) -> Iterator[PtyScreen]:
    argv = [*program.command, "ask", "--base-url", server.url, "-m", "m", *arguments, "Hi"]
    with PtyScreen(argv, env=program.env(**terminal_env())) as screen:
        yield screen


def left(screen: PtyScreen) -> list[str]:
    return Scrollback(80, 24).feed(screen.raw.decode()).rows()


async def test_on_a_terminal_markdown_is_rendered_as_it_comes(program: Program) -> None:
    go = asyncio.Event()
    first = sse_response(openai_chunk("# Title\n\nSome *em"))
    lines = [openai_chunk(f"line {number}\n") for number in range(40)]
    rest = [openai_chunk("phasis*\n\n```\n"), *lines, openai_chunk("```", finish="stop")]
    async with ByteServer([Send(first), Wait(go), Send(chunked(*rest, last=True))]) as server:
        with terminal(program, server) as screen:
            await asyncio.to_thread(screen.wait_for, "^Title\n\nSome em$")
            go.set()
            assert await asyncio.to_thread(screen.exit_status) == 0
            assert left(screen) == ["Title", "", "Some emphasis", "", *[f"  line {number}" for number in range(40)], ""]
            assert foreign(screen.raw, Allowed(inline=True)) == []
            assert given_back(screen)
            assert echoes(screen)


async def test_reasoning_is_not_printed(program: Program) -> None:
    thought = b'data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}\n\n'
    async with ByteServer([Send(sse_response(thought, openai_chunk("so", finish="stop"), last=True))]) as server:
        with terminal(program, server) as screen:
            assert await asyncio.to_thread(screen.exit_status) == 0
            assert left(screen) == ["so", ""]


async def test_plain_on_a_terminal_is_the_text_with_control_characters_inert(program: Program) -> None:
    async with ByteServer([Send(openai_reply(["*a\x1b]52;c;", "aGk=\x07b*"]))]) as server:
        with terminal(program, server, "--plain") as screen:
            assert await asyncio.to_thread(screen.exit_status) == 0
            assert screen.raw == "*a␛]52;c;aGk=␇b*\r\n".encode()


async def test_a_dumb_terminal_gets_the_plain_text(program: Program) -> None:
    async with ByteServer([Send(openai_reply(["*a*"]))]) as server:
        argv = [*program.command, "ask", "--base-url", server.url, "-m", "m", "Hi"]
        with PtyScreen(argv, env=program.env(**terminal_env(TERM="dumb"))) as screen:
            assert await asyncio.to_thread(screen.exit_status) == 0
            assert screen.raw == b"*a*\r\n"


@pytest.mark.parametrize(("arguments", "printed"), [((), ["kept text", ""]), (("--plain",), ["kept text^C", ""])])
async def test_ctrl_c_on_a_terminal_leaves_the_shell_a_line_of_its_own(
    program: Program, arguments: tuple[str, ...], printed: list[str]
) -> None:
    async with ByteServer(HELD) as server:
        with terminal(program, server, *arguments) as screen:
            await asyncio.to_thread(screen.wait_for, "kept text")
            screen.press("ctrl+c")
            assert await server.exchanges[0].hung_up_within()
            assert await asyncio.to_thread(screen.exit_status) == 130
            assert left(screen) == printed
            assert given_back(screen)
            assert bool(termios.tcgetattr(screen._master)[3] & termios.ECHO)


async def test_a_failure_is_told_below_what_came(program: Program) -> None:
    async with ByteServer([Send(sse_response(openai_chunk("half a reply"))), Close()]) as server:
        with terminal(program, server) as screen:
            assert await asyncio.to_thread(screen.exit_status) == 1
            assert left(screen)[0] == "half a reply"
            assert left(screen)[1].startswith("tokenfall: ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_gives_the_terminal_back_and_closes_the_connection(program: Program, number: signal.Signals) -> None:
    async with ByteServer(HELD) as server:
        with terminal(program, server) as screen:
            await asyncio.to_thread(screen.wait_for, "kept text")
            screen.signal(number)
            assert await server.exchanges[0].hung_up_within()
            assert await asyncio.to_thread(screen.exit_status) == -number
            assert left(screen) == ["kept text", ""]
            assert given_back(screen)
            assert echoes(screen)


async def test_a_terminal_that_nobody_reads_holds_up_neither_the_stream_nor_an_interrupt(program: Program) -> None:
    flood: Script = [Send(sse_response(*[openai_chunk("some words of a long text\n\n")] * 20_000)), Hold()]
    async with ByteServer(flood) as server:
        master, slave = os.openpty()
        process = await asyncio.create_subprocess_exec(
            *program.command, "ask", "--base-url", server.url, "-m", "m", "Hi",
            stdin=slave, stdout=slave, stderr=slave, env=program.env(**terminal_env()),
        )  # fmt: skip
        os.close(slave)
        try:
            deadline = time.monotonic() + CEILING
            while server.unsent or not server.exchanges:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            assert await server.exchanges[0].hung_up_within()
            assert await asyncio.wait_for(process.wait(), CEILING) == 130
        finally:
            if process.returncode is None:
                process.kill()
            os.close(master)


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_hostile_text_reaches_the_terminal_as_text_only(program: Program, size: int) -> None:
    text = "\n\n".join(case["text"] for case in HOSTILE["terminal"].values())[:4000]
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    async with ByteServer([Send(openai_reply([*pieces, "\n\nthe end"]))]) as server:
        with terminal(program, server) as screen:
            assert await asyncio.to_thread(screen.exit_status) == 0
            assert foreign(screen.raw, Allowed(inline=True)) == []
            assert left(screen)[-2:] == ["the end", ""]


async def test_a_terminal_is_not_read_for_a_prompt(program: Program) -> None:
    with PtyScreen([*program.command, "ask"], columns=120, env=program.env(**terminal_env())) as screen:
        assert await asyncio.to_thread(screen.exit_status) == 2
        assert "There is no prompt." in screen.text()
