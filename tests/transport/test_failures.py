"""The network, and addresses and keys that are none."""

import asyncio
import socket
from contextlib import aclosing
from dataclasses import replace

import pytest
from tests.byteserver import (
    ByteServer,
    Close,
    Hold,
    Reset,
    Send,
    Step,
    Wait,
    openai_chunk,
    openai_reply,
    sse_response,
)
from tests.transport.asking import BODY, CANARY, SHORT, at, fault, texts

from tokenfall.config import Deadlines, Endpoint, Secret
from tokenfall.errors import NetworkError, UserError
from tokenfall.transport import Transport


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
