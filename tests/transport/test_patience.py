"""How long is waited, and what is no progress."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest
from tests.byteserver import (
    SSE_HEAD,
    ByteServer,
    Hold,
    Send,
    Sleep,
    Step,
    Wait,
    chunked,
    openai_chunk,
    sse_event,
    sse_response,
)
from tests.transport.asking import BODY, SHORT, at, collect, fault, texts

from tokenfall.config import Deadlines, Endpoint
from tokenfall.errors import NetworkError
from tokenfall.events import FirstByte, Opened, Stalled
from tokenfall.transport import Arrival, Patience, Transport
from tokenfall.wire import Frame


async def test_no_first_byte() -> None:
    async with ByteServer([Hold()]) as server:
        got, error = await fault(at(server), Deadlines(first_event=SHORT))
        assert got == []
        assert isinstance(error, NetworkError)
        assert "sent no token for 0.3 seconds" in error.message
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


def test_deadlines_are_those_of_the_design() -> None:
    assert (Deadlines().connect, Deadlines().first_event, Deadlines().between_events) == (5.0, 120.0, 60.0)


async def test_a_stall_is_told_once_and_again_for_the_next() -> None:
    limits = Deadlines(first_event=30, between_events=30, warn=0.1)
    go = asyncio.Event()
    alive: list[Step] = [Send(chunked(b": PROCESSING\n\n")), Sleep(0.02)]
    steps: list[Step] = [Send(SSE_HEAD), *alive * 20, Send(chunked(openai_chunk("a"))), Wait(go)]
    steps.append(Send(chunked(openai_chunk("b"), last=True)))
    transport = Transport()
    got: list[Arrival] = []
    async with ByteServer(steps) as server, aclosing(transport.stream(replace(at(server), deadlines=limits), BODY)) as arrivals:
        async for arrival in arrivals:
            got.append(arrival)
            if isinstance(arrival, Stalled) and texts(got) == "a":
                go.set()
    await transport.close()
    assert [type(arrival) for arrival in got if not isinstance(arrival, Opened | FirstByte)] == [Stalled, Frame, Stalled, Frame]
    for stalled in (arrival for arrival in got if isinstance(arrival, Stalled)):
        assert stalled.at - stalled.since >= 0.1


TOKENS: list[Step] = [Send(chunked(openai_chunk("t"))), Sleep(0.01)] * 2000


async def test_a_reply_may_not_take_for_ever() -> None:
    async with ByteServer([Send(SSE_HEAD), *TOKENS]) as server:
        got, error = await fault(at(server), Deadlines(whole=SHORT))
        await server.quiet()
    assert "still at it after 0.3 seconds" in error.message
    assert isinstance(error, NetworkError)
    assert not error.passing
    assert set(texts(got)) <= {"t"}


async def drained(arrivals: AsyncGenerator[Arrival, None]) -> None:
    async with aclosing(arrivals):
        async for _ in arrivals:
            pass


async def test_who_brings_a_patience_says_what_counts() -> None:
    """Frames that hold nothing don't count."""
    pings: list[Step] = [Send(chunked(sse_event('{"choices":[]}'))), Sleep(0.02)]
    transport = Transport()
    limits = Deadlines(first_event=SHORT, between_events=60)
    async with ByteServer([Send(SSE_HEAD), *pings * 2000]) as server:
        with pytest.raises(NetworkError, match=r"sent no token for 0\.3 seconds"):
            await drained(transport.stream(at(server), BODY, Patience(limits)))
        await server.quiet()
    await transport.close()


# --- the arithmetic of it ---


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


HOUSE = Endpoint("house", "openai-chat", "http://127.0.0.1:1/v1")
LIMITS = Deadlines(first_event=20, between_events=8, whole=50, warn=5)


def at_due(patience: Patience, clock: Clock) -> Stalled | None:
    clock.now = patience.due
    return patience.spent(HOUSE)


def test_a_warning_then_a_limit() -> None:
    clock = Clock()
    patience = Patience(LIMITS, clock)
    assert at_due(patience, clock) == Stalled(105.0, 100.0)
    patience.progress(110.0)
    assert at_due(patience, clock) == Stalled(115.0, 110.0)
    with pytest.raises(NetworkError, match="stalled: no token came for 8 seconds"):
        at_due(patience, clock)
    assert clock.now == 118.0


def test_no_warning_later_than_the_limit() -> None:
    clock = Clock()
    with pytest.raises(NetworkError, match="sent no token for 3 seconds"):
        at_due(Patience(Deadlines(first_event=3, warn=5), clock), clock)


def test_the_whole_is_limited_whatever_comes() -> None:
    clock = Clock()
    patience = Patience(LIMITS, clock)
    for second in range(100, 150, 2):
        clock.now = second
        patience.progress(second)
        assert patience.due <= 150
    with pytest.raises(NetworkError, match="still at it after 50 seconds"):
        at_due(patience, clock)


def test_behind_the_finish_little_is_waited_for() -> None:
    clock = Clock()
    patience = Patience(LIMITS, clock)
    patience.progress(100.0)
    patience.finish()
    assert patience.due == 102.0


def test_a_suspension_is_no_wait() -> None:
    """It is known by an alarm that rings late; the deadlines begin anew."""
    clock = Clock()
    patience = Patience(LIMITS, clock)
    patience.progress(101.0)
    clock.now = 5000.0
    assert patience.spent(HOUSE) is None
    assert patience.due == 5005.0
    assert at_due(patience, clock) == Stalled(5005.0, 5000.0)
    patience.progress(5006.0)
    assert at_due(patience, clock) == Stalled(5011.0, 5006.0)
    for second in range(5012, 5044, 2):
        patience.progress(second)
    assert patience.due == pytest.approx(5044.0)  # 50 seconds and the 4894 that were slept
