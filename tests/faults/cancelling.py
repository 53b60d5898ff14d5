"""Turns that are stopped at any moment: when the server saw it, and what was left behind."""

import asyncio
import os
import random
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass

from tests.byteserver import CEILING, ByteServer, Hold, Script, Send, Sleep, Step, chunked, sse_response
from tests.faults.dialects import OPENAI_CHAT
from tests.faults.table import good

from tokenfall.config import Endpoint
from tokenfall.engine import Turn
from tokenfall.events import Ended, Streamed, TextDelta
from tokenfall.messages import Request, user_message
from tokenfall.transport import Transport

HELLO = Request("", (user_message("hello"),))
LONGEST_DELAY = 0.02
"""Seconds from the moment that is aimed at to the cancel."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the server does; with `tls` it never answers the handshake. `text` is what the turn waits for before it is cancelled."""

    script: Script
    text: str = ""
    tls: bool = False


TOKENS: list[Step] = [Send(chunked(OPENAI_CHAT.text("t"))), Sleep(0.002)]

MOMENTS: Mapping[str, Moment] = {
    "connecting": Moment([Hold()], tls=True),
    "before headers": Moment([Hold()]),
    "before a token": Moment([Sleep(0.005), Send(sse_response(OPENAI_CHAT.start)), Hold()]),
    "in tokens": Moment([Send(sse_response()), *TOKENS * 2000], "t"),
    "at the last token": Moment([Send(sse_response(OPENAI_CHAT.reply("a", "b"))), Hold()], "ab"),
}


@dataclass(frozen=True, slots=True)
class Cut:
    """Cancelled `times` times, after `delay` seconds, with so many `turns` of the loop between."""

    moment: str
    delay: float
    times: int
    turns: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """`seconds` from the first cancel to the server's knowing, None where there was no connection yet; `again` is the text of the
    next turn, which began at once."""

    ended: Ended
    seconds: float | None
    again: str


def cuts(count: int, dice: random.Random) -> Iterator[Cut]:
    for index in range(count):
        yield Cut(
            moment=[*MOMENTS][index % len(MOMENTS)],
            delay=dice.choice([0.0, dice.uniform(0, LONGEST_DELAY)]),
            times=dice.choice([1, 2, 3]),
            turns=dice.choice([0, 0, 1, 2, 5]),
        )


async def cut(transport: Transport, healthy: ByteServer, plan: Cut) -> Stopped:
    moment = MOMENTS[plan.moment]
    reached = asyncio.Event()
    async with ByteServer(moment.script, at_once=moment.tls) as server:
        turn = _turn(transport, server.url.replace("http:", "https:") if moment.tls else server.url)
        task = asyncio.create_task(_consume(turn, moment.text, reached))
        if not moment.tls:
            async with asyncio.timeout(CEILING):
                await server.exchange()
                await (reached.wait() if moment.text else asyncio.sleep(0))
        await asyncio.sleep(plan.delay)
        at = time.monotonic()
        for _ in range(plan.times):
            task.cancel()
            for _ in range(plan.turns):
                await asyncio.sleep(0)
        again = await _text(_turn(transport, healthy.url))
        await asyncio.wait({task}, timeout=CEILING)
        await server.quiet()
        seconds = max(server.hang_ups) - at if server.hang_ups else None
    return Stopped(turn.stopped(at), seconds, again)


def _turn(transport: Transport, url: str) -> Turn:
    async def route() -> Endpoint:
        return Endpoint("house", "openai-chat", f"{url}/v1", "m")

    return Turn(transport, route, HELLO)


async def _consume(turn: Turn, text: str, reached: asyncio.Event) -> None:
    async with aclosing(turn.events()) as events:
        async for event in events:
            if isinstance(event, Streamed) and isinstance(event.event, TextDelta) and turn.text == text:
                reached.set()


async def _text(turn: Turn) -> str:
    async with asyncio.timeout(CEILING):
        ends = [event async for event in turn.events() if isinstance(event, Ended)]
    return ends[-1].reply.text


@dataclass(frozen=True, slots=True)
class Left:
    """`stops` in order of their plans; sockets and tasks that are there after all is closed and were not before."""

    stops: list[Stopped]
    sockets: int
    tasks: int


async def cut_all(plans: Iterator[Cut]) -> Left:
    before, tasks = open_sockets(), len(asyncio.all_tasks())
    transport = Transport()
    await asyncio.to_thread(transport.warm)
    async with ByteServer([Send(good(OPENAI_CHAT, "fine"))]) as healthy:
        stops = [await cut(transport, healthy, plan) for plan in plans]
        await transport.close()
        await healthy.quiet()
    for _ in range(int(CEILING * 1000)):
        if len(asyncio.all_tasks()) <= tasks and open_sockets() <= before:
            break
        await asyncio.sleep(0.001)
    return Left(stops, open_sockets() - before, len(asyncio.all_tasks()) - tasks)


def open_sockets() -> int:
    """Of this process; 0 where the system does not tell."""
    count = 0
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        with suppress(OSError):  # the folder itself was listed
            count += stat.S_ISSOCK(os.stat(f"/proc/self/fd/{name}").st_mode)
    return count
