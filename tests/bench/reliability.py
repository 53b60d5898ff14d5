"""What is promised when things go wrong, in full numbers: `uv run python -m tests.bench.reliability [SECTION...]`, all without one.

patterns [--sizes 0.125,0.25,0.5,1] [--only NAME,...]

Each pattern of tests/hostile/patterns.py comes as one reply, as fast as the program reads, while keys are typed. For each: the
time from a key to its glyph on the terminal in milliseconds (p50, p95, longest), how many of the keys were seen, and the
program's resident memory in MB afterwards. Promised are 100 ms, and a memory that is bounded.

cancels [--count 200] [--seed 1]

Turns are stopped at random times, at each moment of an exchange, with one, two or three cancels. The time in milliseconds from the
first cancel to the server's seeing the connection closed, and the sockets and tasks that are left. Promised are a p99 of 50 ms and none.
"""

import argparse
import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

from tests.bench.processes import machine, resident_mb
from tests.bench.table import percentile
from tests.bench.terminal import ENTER, sightings, terminal
from tests.bench.turns import TOKENFALL
from tests.byteserver import DONE, ByteServer, Hold, Send, Step, chunked, openai_chunk, sse_response
from tests.faults.cancelling import MOMENTS, cut_all, cuts
from tests.hostile.patterns import PATTERNS

DELTA = 400
"""Characters of a delta: what a fast server sends in one."""

KEYS, KEY_S = 12, 0.2
GLYPH = re.compile(r"kk\d\dk")


def reply(name: str, size: float) -> list[Step]:
    text = PATTERNS[name].text(size)
    deltas = (chunked(openai_chunk(text[start : start + DELTA])) for start in range(0, len(text), DELTA))
    return [Send(sse_response()), *map(Send, deltas), Send(chunked(openai_chunk(finish="stop"), DONE)), Hold()]


async def typed(name: str, size: float) -> str:
    """The row of one pattern at one size."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ByteServer(reply(name, size)))
        screen = await stack.enter_async_context(terminal(TOKENFALL.argv(server.url)))
        await screen.seen(TOKENFALL.ready)
        await asyncio.sleep(1)
        screen.press("q" + ENTER)
        await server.exchange(0)
        pressed = {}
        for number in range(KEYS):
            screen.press(f" kk{number:02d}")
            await asyncio.sleep(KEY_S / 4)
            pressed[f"kk{number:02d}k"] = screen.press("k")
            await asyncio.sleep(KEY_S)
        await asyncio.sleep(2)
        memory = resident_mb(screen.child.pid)
        seen = sightings(screen.chunks, GLYPH)
    echoes = [(seen[word] - at) * 1000 for word, at in pressed.items() if word in seen]
    figures = [percentile(echoes, 0.5), percentile(echoes, 0.95), max(echoes)] if echoes else []
    return f"{name:<28}{size:>7}" + "".join(f"{each:>9.1f}" for each in figures) + f"{len(echoes):>6}/{KEYS}{memory:>8.0f}"


async def patterns(given: argparse.Namespace) -> None:
    print(f"{'pattern':<28}{'size':>7}{'p50':>9}{'p95':>9}{'max':>9}{'seen':>9}{'MB':>8}")
    for name in given.only.split(","):
        for size in map(float, given.sizes.split(",")):
            print(await typed(name, size), flush=True)


async def cancels(given: argparse.Namespace) -> None:
    plans = [*cuts(given.count, random.Random(given.seed))]
    left = await cut_all(iter(plans))
    print(f"{'cancelled':<28}{'count':>7}{'p50':>9}{'p99':>9}{'max':>9}")
    for name in ("", *MOMENTS):
        waits = [
            stopped.seconds * 1000
            for plan, stopped in zip(plans, left.stops, strict=True)
            if stopped.seconds is not None and name in {"", plan.moment}
        ]
        figures = "".join(f"{each:>9.1f}" for each in (percentile(waits, 0.5), percentile(waits, 0.99), max(waits))) if waits else ""
        print(f"{name or 'at any time':<28}{len(waits):>7}{figures}")
    print(f"{left.sockets} sockets and {left.tasks} tasks are left; {sum(not stopped.again for stopped in left.stops)} next turns failed")


SECTIONS: Mapping[str, Callable[[argparse.Namespace], Awaitable[None]]] = {"patterns": patterns, "cancels": cancels}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--sizes", default="1", help="shares of each pattern's full length (%(default)s)")
    parser.add_argument("--only", default=",".join(PATTERNS), help="patterns to run")
    parser.add_argument("--count", type=int, default=200, help="cancels (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the cancels (%(default)s)")
    given = parser.parse_args()
    if unknown := set(given.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; sections are {', '.join(SECTIONS)}")
    print(machine())
    for name in given.sections or SECTIONS:
        await SECTIONS[name](given)


if __name__ == "__main__":
    asyncio.run(main())
