"""What a reply costs and how late it is, on a direct line and on a slow one."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.bench.processes import cpu_seconds, resident_mb
from tests.bench.server import PacedServer, Part, Reply
from tests.bench.streams import MARK, Author, Text
from tests.bench.table import Figure, Measured, Unmeasured
from tests.bench.terminal import CTRL_C, DIRECT, ENTER, MOST_QUIET, Line, Terminal, Unseen, quiet_after, sightings
from tests.bench.turns import Program, ask, chat, delays

SAME_WORDS = 11
"""The seed of each stretch whose cost is measured, so that the lengths of the reply before it are all that differs."""

QUIET_S = 2.0
"""A screen is quiet when so long no more than a few bytes come."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """Milliseconds from a token's bytes leaving the server to its glyph, for each mark, infinite for those never seen;
    processor milliseconds and terminal bytes a token."""

    latency: list[float]
    cpu_ms: float
    size: float

    @property
    def missing(self) -> int:
        return self.latency.count(float("inf"))

    def seen_whole(self, value: float) -> Figure:
        """A figure that an unseen reply would make look good."""
        if self.missing:
            return Unmeasured(f"{self.missing} of {len(self.latency)} marks never seen")
        return Measured(value)


async def at_rest(screen: Terminal, limit: float) -> None:
    """Until the program takes next to no processor time, and its line is at least half free. Raises TimeoutError once it has taken
    `limit` seconds of that time: what else runs on the machine is not to decide."""
    before = last = cpu_seconds(screen.child.pid)
    quiet = 0
    while quiet < 2:
        await asyncio.sleep(0.25)
        now = cpu_seconds(screen.child.pid)
        if now - before > limit:
            raise TimeoutError(f"still busy after {limit:.0f} s of processor time")
        full = screen.line.rate and screen.size(time.monotonic() - 0.25) > screen.line.rate * 0.25 / 2
        quiet = quiet + 1 if now - last < 0.025 and not full else 0
        last = now


async def streamed(program: Program, text: Text, rate: float, line: Line = DIRECT) -> Streamed:
    async with chat(program, Reply((Part(text.tokens, rate),)), line=line) as (server, screen):
        cpu, size = cpu_seconds(screen.child.pid), screen.size()
        await ask(screen)
        sent = await server.sent(0, limit=2 * len(text.tokens) / rate + 30)
        await asyncio.sleep(1.5)
        with suppress(TimeoutError):  # a backlog that isn't on the screen by then counts as never seen
            await asyncio.wait_for(at_rest(screen, 15), 15)
        cpu, size = cpu_seconds(screen.child.pid) - cpu, screen.size() - size
        begun = {mark: sent[token] for mark, token in text.marks.items()}
        late = delays(begun, sightings(screen.chunks, MARK))
    return Streamed(late, cpu * 1000 / len(text.tokens), size / len(text.tokens))


@dataclass(frozen=True, slots=True)
class Stopped:
    """Milliseconds from the interrupt key to the server seeing the connection close, and to the screen being quiet."""

    interrupt: float
    quiet: float


async def stopped_on(line: Line, program: Program, after: int, rate: float, limit: float) -> Stopped:
    """The key comes so many tokens into a reply. Raises Unseen when the program showed nothing of it, or doesn't say that it
    stopped."""
    tokens = Author("mixed").write(after + round(rate * limit)).tokens
    reply = Reply((Part(tokens[:after], rate), Part(tokens[after:], rate)))
    async with chat(program, reply, line=line) as (server, screen):
        await ask(screen)
        await server.sent(0)
        await asyncio.sleep(0.2)
        pressed = screen.press(CTRL_C)
        gone = await server.gone(0, limit)
        quiet = await _quiet(screen, pressed, limit)
        await screen.seen(program.stopped, limit)
        if not sightings(screen.chunks, MARK):
            raise Unseen("the reply was never seen")
    return Stopped((gone - pressed) * 1000, quiet * 1000)


async def _quiet(screen: Terminal, pressed: float, limit: float) -> float:
    while (now := time.monotonic()) < pressed + limit:
        if now - pressed >= QUIET_S and screen.size(now - QUIET_S) < MOST_QUIET:
            return quiet_after(screen.chunks, pressed)
        await asyncio.sleep(0.25)
    return float("inf")


async def memory(program: Program, replies: int, tokens: int, limit: float) -> Figure:
    """Megabytes with so many replies of so many tokens open, each of which was seen to its end."""
    texts = [Author("mixed", mark=100 * number).write(tokens + 50).first(tokens) for number in range(replies)]
    async with chat(program, *(Reply((Part(text.tokens),), before=0) for text in texts)) as (_, screen):
        deadline = time.monotonic() + limit
        for number, text in enumerate(texts):
            try:
                screen.press("hello")
                await screen.seen("hello")
                screen.press(ENTER)
                await screen.seen(text.last_mark, deadline - time.monotonic())
                await screen.seen(program.ready, deadline - time.monotonic())
            except Unseen:
                return Unmeasured(f"{resident_mb(screen.child.pid):.0f} MB after {number} replies, more take longer than {limit:.0f} s")
        await at_rest(screen, limit)
        return Measured(resident_mb(screen.child.pid))


@dataclass(frozen=True, slots=True)
class Stage:
    """A reply grows by what comes at once, and then by stretches that come in time."""

    growth: Text
    stretches: tuple[Text, ...]

    @property
    def parts(self) -> list[Part]:
        return [Part(self.growth.tokens, waits=True), *(Part(each.tokens, 100, waits=True) for each in self.stretches)]


def stages(shape: str, sizes: Sequence[int], stretch: int, repeats: int) -> list[Stage]:
    author, found = Author(shape), list[Stage]()
    there = 0
    for size in sizes:
        found.append(Stage(author.write(size - there), tuple(author.write(stretch, SAME_WORDS) for _ in range(repeats))))
        there += sum(len(part.tokens) for part in found[-1].parts)
    return found


async def growing(program: Program, shape: str, sizes: Sequence[int], stretch: int, repeats: int, limit: float) -> list[Figure]:
    """Processor milliseconds a token at 100 tokens a second, at each size of the reply before: the least of the repeats, since
    what else runs on the machine only adds. What takes more than `limit` seconds of processor time to draw isn't measured."""
    figures: list[Figure] = []
    staged = stages(shape, sizes, stretch, repeats)
    async with chat(program, Reply(tuple(part for stage in staged for part in stage.parts))) as (server, screen):
        await ask(screen)
        try:
            for number, stage in enumerate(staged):
                first = number * (repeats + 1)
                await _cost(server, screen, first, stage.growth, limit)
                costs = [await _cost(server, screen, first + 1 + each, text, limit) for each, text in enumerate(stage.stretches)]
                figures.append(Measured(min(costs)))
        except (TimeoutError, Unseen) as error:
            figures += [Unmeasured(str(error))] * (len(sizes) - len(figures))
    return figures


async def _cost(server: PacedServer, screen: Terminal, part: int, text: Text, limit: float) -> float:
    """Processor milliseconds a token of a part that is let play, drawn whole."""
    before = cpu_seconds(screen.child.pid)
    server.go()
    await server.sent(0, part)
    await at_rest(screen, limit)
    spent = cpu_seconds(screen.child.pid) - before
    await screen.seen(text.last_mark, limit)
    return spent * 1000 / len(text.tokens)
