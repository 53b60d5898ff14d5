"""What a user waits for in one chat: its start, its answers, the echo of keys, the end of a reply that is stopped."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.server import PacedServer, Part, Reply
from tests.bench.streams import Author
from tests.bench.terminal import BACKSPACE, CTRL_C, DIRECT, ENTER, Line, Terminal, sightings, terminal


@dataclass(frozen=True, slots=True)
class Program:
    """A chat: its command line for a server's address, and what its screen says when it is ready, and when a reply has been
    stopped."""

    name: str
    argv: Callable[[str], list[str]]
    ready: str
    stopped: str


TOKENFALL = Program(
    "tokenfall",
    lambda url: [str(Path(sys.executable).with_name("tokenfall")), "--base-url", f"{url}/v1", "--model", "m"],
    r"\bready │",
    r"\bstopped │",
)
PLAIN = Program("plain", lambda url: [sys.executable, str(Path(__file__).with_name("plain.py")), f"{url}/v1"], r"^ready>", r"^stopped>")

SETTLED_S = 1.0
"""From the first screen to the first key: what a program still does behind it isn't a user's first key."""

FIRST_MARK = re.compile(r"fst\d{4}t")
KEYS_MARK = re.compile(r"qq\d{3}q")

KEY_S = 0.2
"""From one measured key to the next."""

AFTER_S = 3.0
"""How long a glyph that is still due is waited for."""

KEYS_KEPT = 12
"""Words that are typed before they are deleted again, all on the prompt's first line: its growth is another thing."""


def first_mark(number: int) -> str:
    return f"fst{number:04d}t"


@asynccontextmanager
async def chat(program: Program, *replies: Reply, line: Line = DIRECT) -> AsyncIterator[tuple[PacedServer, Terminal]]:
    """A server with these replies, and the program in a terminal, ready."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(PacedServer(*replies))
        screen = await stack.enter_async_context(terminal(program.argv(server.url), line))
        await screen.seen(program.ready)
        await asyncio.sleep(SETTLED_S)
        yield server, screen


async def ask(screen: Terminal) -> float:
    """When Enter was pressed."""
    screen.press("hello")
    await asyncio.sleep(0.4)
    return screen.press(ENTER)


async def starts(programs: tuple[Program, Program], runs: int) -> tuple[list[float], list[float]]:
    """Milliseconds from spawning each to its sign that it is ready, in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    async with PacedServer(Reply(())) as server:
        for _ in range(runs + 1):
            for program, kept in zip(programs, times, strict=True):
                async with terminal(program.argv(server.url)) as screen:
                    kept.append((await screen.seen(program.ready) - screen.started) * 1000)
    # the first of each compiles byte code
    return times[0][1:], times[1][1:]


@dataclass(frozen=True, slots=True)
class Turns:
    """Milliseconds of each turn; what was never seen is infinite."""

    request: list[float]
    first: list[float]
    interrupt: list[float]


async def turns(program: Program, runs: int, rate: float = 100) -> Turns:
    """So many replies in one chat, each stopped somewhere in its first second."""
    found = Turns([], [], [])
    begun: dict[str, float] = {}
    texts = [(first_mark(run) + " ", *(f"word{number % 7} " for number in range(2000))) for run in range(runs)]
    async with chat(program, *(Reply((Part(text[:1], rate), Part(text[1:], rate))) for text in texts)) as (server, screen):
        for run in range(runs):
            pressed = await ask(screen)
            found.request.append((await server.asked(run) - pressed) * 1000)
            (begun[first_mark(run)],) = await server.sent(run)
            await asyncio.sleep(0.3 + (run % 10) / 20)
            pressed = screen.press(CTRL_C)
            found.interrupt.append((await server.gone(run, 10) - pressed) * 1000)
            await screen.seen(program.stopped)
            await asyncio.sleep(0.1)
        found.first.extend(delays(begun, sightings(screen.chunks, FIRST_MARK)))
    return found


async def echo(program: Program, keys: int, rate: float, line: Line = DIRECT) -> list[float]:
    """Milliseconds from a key to its glyph while so many tokens a second stream; infinite for a glyph that never came."""
    text = Author("mixed").write(round(rate * (0.6 * keys + 10)))  # longer than the keys take
    pressed: dict[str, float] = {}
    async with chat(program, Reply((Part(text.tokens, rate),)), line=line) as (server, screen):
        await ask(screen)
        await server.asked(0)
        await asyncio.sleep(1.5)
        for number in range(keys):
            screen.press(f" qq{number:03d}")
            await asyncio.sleep(0.03)
            pressed[f"qq{number:03d}q"] = screen.press("q")
            await asyncio.sleep(KEY_S)
            if number % KEYS_KEPT == KEYS_KEPT - 1 or number == keys - 1:
                await asyncio.sleep(AFTER_S)
                screen.press(BACKSPACE * KEYS_KEPT * len(" qq000q"))
                await asyncio.sleep(0.5)
        return delays(pressed, sightings(screen.chunks, KEYS_MARK))


def delays(begun: dict[str, float], seen: dict[str, float]) -> list[float]:
    """Milliseconds to each sighting; infinite where there is none."""
    return [(seen.get(mark, float("inf")) - at) * 1000 for mark, at in begun.items()]
