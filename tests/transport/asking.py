"""Requests to a scripted server, and what came of them."""

from contextlib import aclosing
from dataclasses import replace

import pytest
from tests.byteserver import (
    ByteServer,
    Send,
)

from tokenfall.config import Deadlines, Endpoint, Secret
from tokenfall.errors import ServiceError, TokenfallError
from tokenfall.events import StreamEvent, TextDelta
from tokenfall.transport import Arrival, Transport
from tokenfall.wire import Frame
from tokenfall.wire.openai_chat import ChatDecoder

CANARY = "sk-canary-5f1e2d"
BODY = {"model": "asked-model", "messages": [], "stream": True}
SHORT = 0.3
"""Seconds; a deadline that a test waits for."""


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
