"""The transport against a real server on loopback that misbehaves in every way that is met."""

import asyncio
import gc
import os
import random
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.byteserver import (
    DONE,
    SSE_HEAD,
    ByteServer,
    Close,
    Hold,
    Reset,
    Script,
    Send,
    Sleep,
    Step,
    Wait,
    chunked,
    json_response,
    openai_chunk,
    openai_reply,
    response,
    sse_event,
    sse_response,
)

from tokenfall.config import Deadlines, Endpoint, Secret, is_loopback
from tokenfall.errors import NetworkError, ServiceError, TokenfallError, UserError, WireError
from tokenfall.events import Finished, FirstByte, Opened, StreamEvent, TextDelta
from tokenfall.transport import Arrival, Transport
from tokenfall.wire import Frame
from tokenfall.wire.openai_chat import ChatDecoder

CANARY = "sk-canary-5f1e2d"
BODY = {"model": "asked-model", "messages": [], "stream": True}
SHORT = 0.3
"""Seconds; a deadline that a test waits for."""


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.close()


def at(server: ByteServer, path: str = "/v1") -> Endpoint:
    return Endpoint("house", "openai-chat", server.url + path, "asked-model", Secret(CANARY))


async def collect(transport: Transport, endpoint: Endpoint) -> list[Arrival]:
    async with aclosing(transport.stream(endpoint, BODY)) as arrivals:
        return [arrival async for arrival in arrivals]


def events(arrivals: list[Arrival]) -> list[StreamEvent]:
    decoder = ChatDecoder()
    return [event for arrival in arrivals if isinstance(arrival, Frame) for event in decoder.decode(arrival)]


def texts(arrivals: list[Arrival]) -> str:
    return "".join(event.text for event in events(arrivals) if isinstance(event, TextDelta))


async def collect_into(got: list[Arrival], transport: Transport, endpoint: Endpoint) -> None:
    async with aclosing(transport.stream(endpoint, BODY)) as arrivals:
        async for arrival in arrivals:
            got.append(arrival)  # noqa: PERF401 - what came before an error counts


async def fault(endpoint: Endpoint, deadlines: Deadlines | None = None) -> tuple[list[Arrival], TokenfallError]:
    """What came before the error, and the error, which must not hold the key."""
    transport = Transport()
    got: list[Arrival] = []
    try:
        with pytest.raises(TokenfallError) as caught:
            await collect_into(got, transport, replace(endpoint, deadlines=deadlines or endpoint.deadlines))
    finally:
        await transport.close()
    error = caught.value
    told = [str(error), repr(error), repr(error.__cause__), repr(error.__context__), repr(endpoint)]
    assert not [text for text in told if CANARY in text]
    return got, error


async def refusal(answer: bytes) -> ServiceError:
    async with ByteServer([Send(answer)]) as server:
        got, error = await fault(at(server))
        assert error.message.startswith(f"house ({server.url}) ")
    assert got == []
    assert isinstance(error, ServiceError)
    return error


# --- a good reply ---


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


# --- the client ---


def test_the_module_alone_imports_no_http() -> None:
    import subprocess
    import sys

    code = "import sys, tokenfall.transport; tokenfall.transport.Transport(); print('httpx' in sys.modules, 'anyio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


async def test_warm_from_many_threads_and_inside_a_loop() -> None:
    transport = Transport()
    threads = [threading.Thread(target=transport.warm) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    transport.warm()
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        assert texts(await collect(transport, at(server))) == "a"
    await transport.close()
    await transport.close()


async def test_loopback_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ByteServer([Send(openai_reply(["direct"]))]) as server, ByteServer([Send(openai_reply(["proxied"]))]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        transport = Transport()
        try:
            for host in ("127.0.0.1", "localhost"):
                near = replace(at(server), base_url=f"http://{host}:{server.port}/v1")
                assert texts(await collect(transport, near)) == "direct"
            far = replace(at(server), base_url="http://model.invalid/v1")
            assert texts(await collect(transport, far)) == "proxied"
            assert proxy.exchanges[0].path == "http://model.invalid/v1/chat/completions"
        finally:
            await transport.close()


@pytest.mark.parametrize(
    ("host", "near"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("[::1]", True), ("localhost", True), ("LOCALHOST", True), ("m.localhost", True),
     ("0.0.0.0", True), ("10.0.0.1", False), ("localhost.example.com", False), ("127.0.0.1.example.com", False)],
)  # fmt: skip
def test_what_loopback_is(host: str, near: bool) -> None:
    assert is_loopback(f"http://{host}:80/v1") is near


async def test_a_proxy_that_can_not_be_used_spares_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy.invalid")
    transport = Transport()
    async with ByteServer([Send(openai_reply(["near"]))]) as server:
        assert texts(await collect(transport, at(server))) == "near"
        with pytest.raises(UserError, match="proxy that the environment names"):
            await collect(transport, replace(at(server), base_url="http://model.invalid"))
    await transport.close()


async def test_certificates_that_can_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
    with pytest.raises(UserError, match="certificates"):
        await collect(Transport(), Endpoint("far", "openai-chat", "https://model.invalid"))


# --- services that refuse ---


@pytest.mark.parametrize(
    ("status", "body", "parts"),
    [
        ("400 Bad Request", {"error": {"message": "max_tokens is too large", "type": "x"}}, ["HTTP 400", "max_tokens is too large."]),
        ("401 Unauthorized", {"error": {"message": f"Incorrect API key provided: {CANARY}."}}, ["key", "HTTP 401", "Incorrect", "[key]"]),
        ("403 Forbidden", {"detail": "Not allowed"}, ["refused access", "Not allowed."]),
        ("404 Not Found", {"error": {"message": "The model `x` does not exist"}}, ["asked-model", "The model `x` does not exist."]),
        ("404 Not Found", {"detail": "Not Found"}, ["HTTP 404", "Not Found."]),
        ("422 Unprocessable Entity", {"detail": [{"loc": ["body"], "msg": "field required"}]}, ["field required."]),
        ("500 Internal Server Error", {"error": "CUDA out of memory"}, ["failed (HTTP 500)", "CUDA out of memory."]),
        ("503 Service Unavailable", {"error": {"code": 503, "message": "Loading model"}}, ["not ready", "Loading model."]),
        ("529 Overloaded", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ["overloaded", "HTTP 529"]),
        ("418 I'm a teapot", {}, ["refused the request (HTTP 418)."]),
        ("500 Internal Server Error", {"message": "flat\n\tand   wrapped"}, ["flat and wrapped."]),
        ("500 Internal Server Error", [{"error": {"message": "in a list"}}], ["in a list."]),
    ],
)
async def test_a_status_is_a_sentence(status: str, body: object, parts: list[str]) -> None:
    error = await refusal(json_response(body, status))
    assert error.status == int(status[:3])
    assert [part for part in parts if part not in error.message] == []
    assert error.message.endswith((".", "…"))


async def test_no_key_at_all_is_said() -> None:
    async with ByteServer([Send(json_response({}, "401 Unauthorized"))]) as server:
        _, error = await fault(replace(at(server), api_key=None))
        _, named = await fault(replace(at(server), api_key=None, api_key_env="HOUSE_KEY"))
    assert "wants a key" in error.message
    assert "--api-key-env" in error.advice
    assert "HOUSE_KEY" in named.advice


@pytest.mark.parametrize(
    ("value", "wait"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("nan", None), ("soon", None), ("inf", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
     ("1e999", None)],
)  # fmt: skip
async def test_retry_after(value: str, wait: float | None) -> None:
    error = await refusal(json_response({"error": {"message": "Slow down"}}, "429 Too Many Requests", [("Retry-After", value)]))
    assert (error.status, error.retry_after) == (429, wait)
    if wait:
        assert "Wait" in error.advice


async def test_a_long_message_is_cut() -> None:
    error = await refusal(json_response({"error": {"message": "x" * 5000}}, "500 Oops"))
    assert "x" * 500 + "…" in error.message
    assert "x" * 501 not in error.message


async def test_an_error_page_is_not_quoted() -> None:
    error = await refusal(response("502 Bad Gateway", b"<html>502</html>", kind="text/html"))
    assert "<" not in error.message


async def test_plain_words_are_quoted() -> None:
    error = await refusal(response("500 Oops", b"upstream gone\n", kind="text/plain"))
    assert error.message.endswith("upstream gone.")


async def test_an_endless_error_body_ends() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with ByteServer([Send(head), Send(chunked(b"word " * 20_000)), Hold()]) as server:
        _, error = await fault(at(server))
        assert isinstance(error, ServiceError)
        await server.quiet()


async def test_an_error_body_that_never_comes_is_not_waited_for() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf"
    async with ByteServer([Send(head), Hold()]) as server:
        _, error = await fault(at(server), Deadlines(body=SHORT))
        assert isinstance(error, ServiceError)
        await server.quiet()


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect", "308 Permanent Redirect"])
async def test_redirects_are_refused_and_named(status: str) -> None:
    async with ByteServer([Send(openai_reply(["a"]))]) as other:
        error = await refusal(response(status, headers=[("Location", other.url + "/v1")]))
        assert other.accepted == 0
    assert other.url + "/v1" in error.message


# --- answers that are no stream ---


async def test_a_web_page() -> None:
    async with ByteServer([Send(response("200 OK", b"<html>hi</html>", kind="text/html; charset=utf-8"))]) as server:
        _, error = await fault(at(server))
    assert isinstance(error, WireError)
    assert "answered with a web page, not a stream: check the base URL" in error.message


@pytest.mark.parametrize(("kind", "named"), [("text/plain", "text/plain"), ("image/png", "image/png"), ("", "does not name")])
async def test_something_else(kind: str, named: str) -> None:
    async with ByteServer([Send(response("200 OK", b"hello", kind=kind))]) as server:
        _, error = await fault(at(server))
    assert isinstance(error, WireError)
    assert named in error.message


@pytest.mark.parametrize(("body", "part"), [(b"{half", "not JSON"), (b"[" * 50_000, "not JSON"), (b"", "an empty body")])
async def test_json_that_is_none(body: bytes, part: str) -> None:
    async with ByteServer([Send(response("200 OK", body))]) as server:
        got, error = await fault(at(server))
    assert isinstance(error, WireError)
    assert part in error.message
    assert not any(isinstance(arrival, Frame) for arrival in got)


async def test_an_endless_line_is_named() -> None:
    block = chunked(b"x" * 65536) * 16
    async with ByteServer([Send(SSE_HEAD), *[Send(block)] * 9, Hold()]) as server:
        _, error = await fault(at(server))
        assert isinstance(error, WireError)
        assert "house" in error.message
        assert "8 MiB" in error.message
        await server.quiet()


@pytest.mark.parametrize(
    ("answer", "part"),
    [(b"SSH-2.0-OpenSSH_9.6\r\n", "broke off"), (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "not HTTP"), (b"HTTP/1.1 abc\r\n\r\n", "not HTTP")],
)
async def test_bytes_that_are_not_http(answer: bytes, part: str) -> None:
    async with ByteServer([Send(answer), Close()]) as server:
        _, error = await fault(at(server))
    assert part in error.message


async def test_gzip_that_is_none() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!"
    async with ByteServer([Send(head)]) as server:
        _, error = await fault(at(server))
    assert isinstance(error, WireError)
    assert "compressed" in error.message


# --- the network ---


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nothing_listens(host: str) -> None:
    port = free_port()
    _, error = await fault(Endpoint("house", "openai-chat", f"http://{host}:{port}/v1"))
    assert isinstance(error, NetworkError)
    assert f"Nothing listens at http://{host}:{port}" in error.message
    assert error.advice


async def test_unknown_host() -> None:
    _, error = await fault(Endpoint("far", "openai-chat", "http://no-such-host.invalid/v1", api_key=Secret(CANARY)))
    assert isinstance(error, NetworkError)
    assert "no-such-host.invalid" in error.message


async def test_tls_asked_of_a_plain_server() -> None:
    async with ByteServer([Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()], at_once=True) as server:
        _, error = await fault(replace(at(server), base_url=f"https://127.0.0.1:{server.port}"))
    assert isinstance(error, NetworkError)
    assert "TLS" in error.message


async def test_a_handshake_that_never_comes() -> None:
    async with ByteServer([Hold()], at_once=True) as server:
        _, error = await fault(replace(at(server), base_url=f"https://127.0.0.1:{server.port}"), Deadlines(connect=SHORT))
        assert isinstance(error, NetworkError)
        assert "in time" in error.message
        await server.quiet()


async def test_no_first_byte() -> None:
    async with ByteServer([Hold()]) as server:
        got, error = await fault(at(server), Deadlines(first_event=SHORT))
        assert got == []
        assert isinstance(error, NetworkError)
        assert "sent nothing for 0.3 seconds" in error.message
        await server.quiet()


async def test_headers_are_no_first_event() -> None:
    async with ByteServer([Send(SSE_HEAD), Hold()]) as server:
        got, error = await fault(at(server), Deadlines(first_event=SHORT, between_events=60))
        assert [type(arrival) for arrival in got] == [Opened]
        assert isinstance(error, NetworkError)


async def test_a_stall_that_comments_do_not_hide() -> None:
    alive: list[Step] = [Send(chunked(b": PROCESSING\n\n")), Sleep(0.05)]
    async with ByteServer([Send(sse_response(openai_chunk("a"))), *alive * 1000]) as server:
        got, error = await fault(at(server), Deadlines(between_events=SHORT))
        assert texts(got) == "a"
        assert isinstance(error, NetworkError)
        assert "stalled" in error.message
        await server.quiet()


async def test_a_stall_that_single_bytes_do_not_hide() -> None:
    drip: list[Step] = [Send(chunked(b"x")), Sleep(0.05)]
    async with ByteServer([Send(sse_response(openai_chunk("a"), b"data: ")), *drip * 1000]) as server:
        _, error = await fault(at(server), Deadlines(between_events=SHORT))
        assert isinstance(error, NetworkError)
        assert "stalled" in error.message
        await server.quiet()


async def test_a_slow_stream_is_no_stall(transport: Transport) -> None:
    steps: list[Step] = [Send(SSE_HEAD)]
    for index in range(12):
        steps += (Send(chunked(openai_chunk(str(index)))), Sleep(0.1))
    async with ByteServer([*steps, Send(b"0\r\n\r\n")]) as server:
        patient = replace(at(server), deadlines=Deadlines(first_event=10, between_events=10))
        assert texts(await collect(transport, patient)) == "01234567891011"


@pytest.mark.parametrize("end", [Reset(), Close()])
async def test_a_stream_that_breaks_keeps_what_came(transport: Transport, end: Step) -> None:
    gate = asyncio.Event()
    async with (
        ByteServer([Send(sse_response(openai_chunk("a"), openai_chunk("b"))), Wait(gate), end]) as server,
        aclosing(transport.stream(at(server), BODY)) as arrivals,
    ):
        got = [await anext(arrivals) for _ in range(4)]
        gate.set()
        with pytest.raises(NetworkError, match=r"house .*broke off"):
            await anext(arrivals)
    assert texts(got) == "ab"


@pytest.mark.parametrize("url", ["localhost:8080/v1", "http://[::1/v1", "http://a:99999", "ftp://host/v1", "http:///v1", "", "http://a b/"])
async def test_a_base_url_that_is_none(url: str) -> None:
    _, error = await fault(Endpoint("house", "openai-chat", url))
    assert isinstance(error, UserError)
    assert "base URL of house" in error.message


@pytest.mark.parametrize("key", [f"{CANARY}\n", f" {CANARY}", f"{CANARY}é", f"{CANARY}\x00", f"{CANARY} "])
async def test_a_key_that_http_can_not_carry(key: str) -> None:
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        _, error = await fault(replace(at(server), api_key=Secret(key)))
        assert server.accepted == 0
    assert isinstance(error, UserError)
    assert "key of house" in error.message


# --- stopping ---


def sockets() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


async def settled(count: int) -> None:
    """Until no more tasks run than before; fails when one stays."""
    for _ in range(20_000):
        if len(asyncio.all_tasks()) <= count:
            return
        await asyncio.sleep(0.001)
    pytest.fail(f"still running: {asyncio.all_tasks()}")


TOKEN: list[Step] = [Send(chunked(openai_chunk("t"))), Sleep(0.002)]
ENDLESS: list[Step] = [Sleep(0.01), Send(SSE_HEAD), Sleep(0.01), *TOKEN * 5000]
"""Headers after 10 ms, the first token after 20, then one every 2."""


async def consume(transport: Transport, endpoint: Endpoint, owned: bool) -> None:
    if owned:
        await collect(transport, endpoint)
    else:
        async for _ in transport.stream(endpoint, BODY):
            pass


async def cancelled_at(task: asyncio.Task[None], ticks: int, second: int | None) -> None:
    """Cancelled after so many ticks of half a millisecond, and again after so many turns of the loop."""
    for _ in range(ticks):
        await asyncio.sleep(0.0005)
    task.cancel()
    if second is not None:
        for _ in range(second):
            await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancel_at_any_time_closes_the_socket(transport: Transport) -> None:
    """Twenty times, before, during and after the headers; half of them twice, with and without a loop turn between."""
    dice = random.Random(7)
    gc.collect()
    async with ByteServer(ENDLESS) as server:
        await asyncio.to_thread(transport.warm)
        before, files = len(asyncio.all_tasks()), sockets()
        for index in range(20):
            task = asyncio.create_task(consume(transport, at(server), owned=index % 3 != 0))
            await cancelled_at(task, dice.randrange(100) if index % 4 else index // 4, dice.choice([None, None, 0, 1, 2, 5]))
            await server.quiet()
            assert all([await exchange.hung_up_within() for exchange in server.exchanges])
        await settled(before)
        assert sockets() <= files
        assert len(server.exchanges) > 5


async def test_two_cancels_at_every_turn_of_a_close(transport: Transport) -> None:
    """The second cancel meets the close at each of its steps, and a third follows."""
    async with ByteServer([Send(sse_response(openai_chunk("a"))), Hold()]) as server:
        for turns in range(12):
            arrived = asyncio.Event()

            async def read(seen: asyncio.Event = arrived) -> None:
                async with aclosing(transport.stream(at(server), BODY)) as arrivals:
                    async for arrival in arrivals:
                        if isinstance(arrival, Frame):
                            seen.set()

            task = asyncio.create_task(read())
            await arrived.wait()
            task.cancel()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await server.exchanges[-1].hung_up_within()
            await server.quiet()


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_a_cancel_that_meets_an_end(transport: Transport, turns: int) -> None:
    """A cancel while a finished or broken exchange is put away leaves a transport that works, and no socket once closed."""
    async with ByteServer([Send(openai_reply(["a"])), Close()], [Send(SSE_HEAD), Reset()], [Send(openai_reply(["b"]))]) as server:
        for _ in range(2):
            task = asyncio.create_task(collect(transport, at(server)))
            await server.exchange(len(server.exchanges) - 1) if server.exchanges else None
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            task.cancelled() or task.exception()
        while len(server.exchanges) < 3:
            with suppress(NetworkError):
                await collect(transport, at(server))
        assert texts(await collect(transport, at(server))) == "b"
        await transport.close()
        await server.quiet()


async def test_a_cancelled_handshake_leaves_no_socket(transport: Transport) -> None:
    async with ByteServer([Hold()], at_once=True) as server:
        endpoint = replace(at(server), base_url=f"https://127.0.0.1:{server.port}")
        for index in range(4):
            task = asyncio.create_task(consume(transport, endpoint, owned=True))
            await server.connected(index + 1)
            await cancelled_at(task, 2 * index, index if index % 2 else None)
            await server.quiet()


async def test_closing_the_generator_closes_the_socket(transport: Transport) -> None:
    async with ByteServer([Send(sse_response(openai_chunk("a"))), Hold()], [Send(openai_reply(["next"]))]) as server:
        before = len(asyncio.all_tasks()) + 1  # the server's own, for the connection
        arrivals = transport.stream(at(server), BODY)
        await anext(arrivals)
        await anext(arrivals)
        await arrivals.aclose()
        await settled(before)
        assert await server.exchanges[0].hung_up_within()
        assert texts(await collect(transport, at(server))) == "next"


async def test_a_new_stream_works_at_once_after_a_cancel(transport: Transport) -> None:
    async with ByteServer([Hold()], [Send(openai_reply(["next"]))]) as server:
        task = asyncio.create_task(consume(transport, at(server), owned=True))
        await server.exchange(0)
        task.cancel()
        assert texts(await collect(transport, at(server))) == "next"
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_generator_that_was_never_started_does_nothing(transport: Transport) -> None:
    async with ByteServer([Hold()]) as server:
        await transport.stream(at(server), BODY).aclose()
        assert server.accepted == 0


async def test_a_connection_held_open_after_the_end_mark(transport: Transport) -> None:
    async with ByteServer([Send(sse_response(openai_chunk("a"), DONE)), Hold()]) as server:
        async with asyncio.timeout(20), aclosing(transport.stream(at(server), BODY)) as arrivals:
            async for arrival in arrivals:
                if isinstance(arrival, Frame) and arrival.data == "[DONE]":
                    break
        assert await server.exchanges[0].hung_up_within()
        await server.quiet()


async def test_closing_the_transport_closes_idle_connections() -> None:
    transport = Transport()
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        await collect(transport, at(server))
        assert server.open == 1
        await transport.close()
        await server.quiet()


# --- the list of models ---


async def test_models(transport: Transport) -> None:
    async with ByteServer([Send(json_response({"object": "list", "data": [{"id": "b"}, {"id": "a"}]}))]) as server:
        assert await transport.list_models(at(server)) == ["b", "a"]
        asked = await server.exchange()
    assert (asked.method, asked.path, asked.body) == ("GET", "/v1/models", b"")
    assert asked.headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("answer", "kind", "part"),
    [
        (response("200 OK", b"<html>", kind="text/html"), WireError, "answered with a web page, not a list of models"),
        (response("200 OK", b"{half"), WireError, "not JSON"),
        (json_response({"models": 7}), WireError, "not a list of models"),
        (json_response({"error": "no"}), ServiceError, "no."),
        (json_response({"error": {"message": "bad key"}}, "401 Unauthorized"), ServiceError, "bad key."),
        (json_response({}, "404 Not Found"), ServiceError, "HTTP 404"),
    ],
)
async def test_models_that_are_none(transport: Transport, answer: bytes, kind: type[TokenfallError], part: str) -> None:
    async with ByteServer([Send(answer)]) as server:
        with pytest.raises(kind) as caught:
            await transport.list_models(at(server))
    assert part in caught.value.message


async def test_models_that_do_not_come(transport: Transport) -> None:
    async with ByteServer([Hold()]) as server:
        with pytest.raises(NetworkError, match="in time"):
            await transport.list_models(replace(at(server), deadlines=Deadlines(connect=SHORT, body=SHORT)))
        await server.quiet()


def test_deadlines_are_those_of_the_design() -> None:
    assert (Deadlines().connect, Deadlines().first_event, Deadlines().between_events) == (5.0, 120.0, 60.0)
