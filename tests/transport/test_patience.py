"""How long is waited, and what is no progress."""

from dataclasses import replace

from tests.byteserver import (
    SSE_HEAD,
    ByteServer,
    Hold,
    Send,
    Sleep,
    Step,
    chunked,
    openai_chunk,
    sse_response,
)
from tests.transport.asking import SHORT, at, collect, fault, texts

from tokenfall.config import Deadlines
from tokenfall.errors import NetworkError
from tokenfall.events import Opened
from tokenfall.transport import Transport


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


def test_deadlines_are_those_of_the_design() -> None:
    assert (Deadlines().connect, Deadlines().first_event, Deadlines().between_events) == (5.0, 120.0, 60.0)
