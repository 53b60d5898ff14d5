"""A good reply, however its bytes come, from a real server on loopback."""

import asyncio
import json
import random
import time
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.byteserver import (
    DONE,
    ByteServer,
    Close,
    Hold,
    Script,
    Send,
    Sleep,
    Step,
    json_response,
    openai_chunk,
    openai_reply,
    response,
    sse_event,
    sse_response,
)
from tests.transport.asking import BODY, CANARY, at, collect, events, texts

from tokenfall.events import Finished, FirstByte, Opened
from tokenfall.transport import Transport
from tokenfall.wire import WIRES, Frame


async def test_a_reply(transport: Transport) -> None:
    async with ByteServer([Send(openai_reply(["Hel", "lo"], usage=(3, 2)))]) as server:
        got = await collect(transport, at(server))
        asked = await server.exchange()
    assert [type(arrival) for arrival in got[:3]] == [Opened, FirstByte, Frame]
    assert all(isinstance(arrival, Frame) for arrival in got[2:])
    assert texts(got) == "Hello"
    times = [arrival.at for arrival in got]
    assert times == sorted(times)
    assert times[0] >= asked.at
    assert (asked.method, asked.path, asked.json) == ("POST", "/v1/chat/completions", BODY)
    assert asked.headers["authorization"] == f"Bearer {CANARY}"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["content-type"] == "application/json"
    assert CANARY.encode() not in asked.body
    assert CANARY not in asked.path


async def test_a_frame_does_not_wait_for_the_next(transport: Transport) -> None:
    async with (
        ByteServer([Send(sse_response(openai_chunk("a"))), Hold()]) as server,
        aclosing(transport.stream(at(server), BODY)) as arrivals,
    ):
        assert isinstance(await anext(arrivals), Opened)
        assert isinstance(await anext(arrivals), FirstByte)
        frame = await anext(arrivals)
        assert isinstance(frame, Frame)
        assert "a" in frame.data


@pytest.mark.parametrize(
    ("base", "path"),
    [("/v1", "/v1/chat/completions"), ("/v1/", "/v1/chat/completions"), ("", "/chat/completions"), ("/a/b", "/a/b/chat/completions"),
     ("/v1?version=2", "/v1/chat/completions?version=2")],
)  # fmt: skip
async def test_the_path_is_joined_to_the_base(transport: Transport, base: str, path: str) -> None:
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        await collect(transport, at(server, base))
        assert (await server.exchange()).path == path


async def test_headers_of_the_endpoint_win_and_no_key_is_no_header(transport: Transport) -> None:
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        bare = replace(at(server), api_key=None, headers=(("X-Title", "t"), ("User-Agent", "mine")))
        await collect(transport, bare)
        headers = (await server.exchange()).headers
    assert "authorization" not in headers
    assert (headers["x-title"], headers["user-agent"]) == ("t", "mine")


async def test_the_connection_is_used_again(transport: Transport) -> None:
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        for _ in range(3):
            assert texts(await collect(transport, at(server))) == "a"
        assert [exchange.connection for exchange in server.exchanges] == [0, 0, 0]


async def test_two_streams_at_a_time(transport: Transport) -> None:
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        replies = await asyncio.gather(*(collect(transport, at(server)) for _ in range(5)))
    assert [texts(reply) for reply in replies] == ["a"] * 5


async def test_the_header_s_charset_is_not_obeyed(transport: Transport) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=windows-1252\r\n\r\n"
    async with ByteServer([Send(head + "data: ok…\n\n".encode()), Close()]) as server:
        got = await collect(transport, at(server))
    assert [arrival.data for arrival in got if isinstance(arrival, Frame)] == ["ok…"]


async def test_a_server_that_ignores_identity(transport: Transport) -> None:
    import gzip

    body = gzip.compress(openai_chunk("a") + DONE)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    async with ByteServer([Send(head.encode() + body)]) as server:
        assert texts(await collect(transport, at(server))) == "a"


async def test_a_reply_that_came_whole(transport: Transport) -> None:
    whole = {"object": "chat.completion", "model": "m", "choices": [{"message": {"content": "all of it"}, "finish_reason": "stop"}]}
    async with ByteServer([Send(json_response(whole))]) as server:
        got = await collect(transport, at(server))
    assert [type(arrival) for arrival in got] == [Opened, FirstByte, Frame]
    assert texts(got) == "all of it"
    assert Finished("complete", "stop") in events(got)


async def test_a_stream_without_anything_is_the_engine_s_to_judge(transport: Transport) -> None:
    async with ByteServer([Send(sse_response(last=True))]) as server:
        assert [type(arrival) for arrival in await collect(transport, at(server))] == [Opened]


async def test_any_cut_of_the_socket_s_bytes_gives_the_same_events(transport: Transport) -> None:
    reply = openai_reply(["Hé", "日本", "", "\ud83d", "\ude00", "x" * 3000], usage=(1, 5))
    async with ByteServer([Send(reply)]) as server:
        wanted = events(await collect(transport, at(server)))
    dice = random.Random(5)
    scripts: list[Script] = []
    for _ in range(25):
        edges = [0, *sorted(dice.randrange(len(reply)) for _ in range(dice.randrange(1, 20))), len(reply)]
        steps: list[Step] = []
        for start, end in pairwise(edges):
            steps += (Send(reply[start:end]), Sleep(0))
        scripts.append(steps)
    async with ByteServer(*scripts) as server:
        for _ in scripts:
            assert events(await collect(transport, at(server))) == wanted


async def test_a_reader_slower_than_the_socket_gets_everything_in_order(transport: Transport) -> None:
    count = 12_000
    data = sse_response(*(sse_event(str(index)) for index in range(count)), last=True)
    async with ByteServer([Send(data)]) as server, aclosing(transport.stream(at(server), BODY)) as arrivals:
        await anext(arrivals)
        await asyncio.sleep(0.2)
        assert [arrival.data async for arrival in arrivals if isinstance(arrival, Frame)] == [str(index) for index in range(count)]


async def test_a_reader_that_stands_still_stops_the_socket(transport: Transport) -> None:
    """20 MB are more than the system's buffers hold on loopback, so the rest must stay with the server."""
    data = sse_response(*[sse_event("x" * 4096)] * 5000)
    async with ByteServer([Send(data), Hold()]) as server, aclosing(transport.stream(at(server), BODY)) as arrivals:
        await anext(arrivals)
        await asyncio.sleep(1)
        assert server.unsent > 0


async def test_the_wire_says_where_the_key_goes(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    own = replace(WIRES["openai-chat"], key_header="x-api-key", key_prefix="", headers={"x-version": "1", "x-kind": "wire"})
    monkeypatch.setitem(WIRES, "openai-chat", own)
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        await collect(transport, replace(at(server), headers=(("X-Kind", "mine"),)))
        headers = (await server.exchange()).headers
    assert "authorization" not in headers
    assert (headers["x-api-key"], headers["x-version"], headers["x-kind"]) == (CANARY, "1", "mine")


async def test_the_endpoint_s_body_is_joined_to_the_wire_s(transport: Transport) -> None:
    extra = {"temperature": 0, "stream_options": {"more": True}, "model": "other", "provider": {"order": ["x"]}, "stream": {"odd": 1}}
    body = {"model": "m", "stream": True, "stream_options": {"include_usage": True, "more": False}, "temperature": 1}
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        async with aclosing(transport.stream(replace(at(server), extra_body=extra), body)) as arrivals:
            _ = [arrival async for arrival in arrivals]
        sent = (await server.exchange()).json
    assert sent == {
        "model": "other", "stream": {"odd": 1}, "stream_options": {"include_usage": True, "more": True}, "temperature": 0,
        "provider": {"order": ["x"]},
    }  # fmt: skip
    assert body["stream_options"] == {"include_usage": True, "more": False}


async def test_the_path_is_that_of_the_model_and_may_ask(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WIRES, "openai-chat", replace(WIRES["openai-chat"], path=lambda model: f"/models/{model}:go?alt=sse"))
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        await collect(transport, replace(at(server, "/v1?v=2")))
        async with aclosing(transport.stream(at(server), {})) as arrivals:
            _ = [arrival async for arrival in arrivals]
        paths = [exchange.path for exchange in server.exchanges]
    assert paths == ["/v1/models/asked-model:go?v=2&alt=sse", "/v1/models/asked-model:go?alt=sse"]


async def test_the_phases_of_a_request_are_in_order(transport: Transport) -> None:
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        before = time.monotonic()
        opened, first, frame, *_ = await collect(transport, at(server))
        opened_again = (await collect(transport, at(server)))[0]
    assert isinstance(opened, Opened)
    assert isinstance(opened_again, Opened)
    phases, again = opened.phases, opened_again.phases
    assert (phases.tls, phases.reused, again.connected, again.reused) == (None, False, None, True)
    times = [before, phases.connected, phases.written, phases.headers, opened.at, first.at, frame.at]
    times += [again.written, again.headers]
    assert None not in times
    assert times == sorted(times, key=lambda at: at or 0.0)


NDJSON = ("application/x-ndjson", "application/json", "application/jsonl; charset=utf-8")


@pytest.mark.parametrize("kind", NDJSON)
async def test_lines_of_json(transport: Transport, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setitem(WIRES, "openai-chat", replace(WIRES["openai-chat"], framing="ndjson"))
    async with ByteServer([Send(response("200 OK", b'{"a": 1}\n\n{"b": 2}\n{"c": 3}', kind=kind))]) as server:
        got = await collect(transport, at(server))
    assert [type(arrival) for arrival in got[:2]] == [Opened, FirstByte]
    assert [arrival.data for arrival in got if isinstance(arrival, Frame)] == ['{"a": 1}', '{"b": 2}', '{"c": 3}']


async def test_one_json_text_over_several_lines(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WIRES, "openai-chat", replace(WIRES["openai-chat"], framing="ndjson"))
    text = json.dumps({"error": "no"}, indent=2)
    async with ByteServer([Send(response("200 OK", text.encode()))]) as server:
        got = await collect(transport, at(server))
    assert [arrival.data for arrival in got if isinstance(arrival, Frame)] == [text]
