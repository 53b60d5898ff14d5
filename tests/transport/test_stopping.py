"""Stop means stop: at every moment, and however often."""

import asyncio
import gc
import os
import random
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest
from tests.byteserver import (
    DONE,
    SSE_HEAD,
    ByteServer,
    Close,
    Hold,
    Reset,
    Send,
    Sleep,
    Step,
    chunked,
    openai_chunk,
    openai_reply,
    sse_response,
)
from tests.transport.asking import BODY, at, collect, texts

from tokenfall.config import Endpoint
from tokenfall.errors import NetworkError
from tokenfall.transport import Transport
from tokenfall.wire import Frame


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
