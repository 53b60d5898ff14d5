"""What a streamed reply costs and how late it is, beside the same of a chat made of Textual's own widgets in the same run.

    uv run python -m tests.bench.render [--quick] [--only latency,slow,...]

Each program runs in a pseudo-terminal of 100 by 30 cells whose output is replayed in an emulator after the run; a server in a
third process plays the reply on loopback. Replies are markdown with marks in it: words that occur once, so that it can be told
when the reply up to them stood on the screen. A figure for which they weren't all seen is not given.

start       spawning the program to the first screen that says it is ready, over the plain chat's; medians, in turns
latency     a mixed answer at 100 tokens a second: a token's bytes leaving the server to its glyph on the terminal; processor
            time of the program, and bytes that it sends to the terminal, for each token
turns       replies that are stopped in their first second: Enter to the request's last byte at the server; the first token's
            bytes leaving the server to its glyph; the interrupt key to the server seeing the connection close
echo        a key press to its glyph, while 200 tokens a second stream
slow        a line of 30,000 bytes a second with a round trip of 60 ms, 60 tokens a second: the same echo and latency
quiet       a terminal that reads 8,000 bytes a second, 300 tokens into an answer at 100 a second: the interrupt key to the
            server seeing the connection close, and to the time after which no more than 4,000 bytes come
memory      resident memory with 200 replies of 500 tokens open
cost        processor time for each token at 100 a second, once the reply is 1,000, 10,000 and 50,000 tokens long, for each
            shape of reply; and the last over the first. `-` for what takes more than --patience to draw

The plain chat has fewer runs, interrupts and keys, and a quarter of the time for memory.

Times are milliseconds. The marks: `stretch` and `target` are met, or the target is `missed`.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tests.bench import measures
from tests.bench.processes import machine, stolen
from tests.bench.streams import SHAPES, Author
from tests.bench.table import HEAD, Figure, Goal, Measured, Unmeasured, growth_head, growth_row, percentile, row, shown
from tests.bench.terminal import Line, Unseen
from tests.bench.turns import PLAIN, TOKENFALL, Program, echo, starts, turns

SLOW = Line(rate=30_000, round_trip=0.06)
SLOWER = Line(rate=8_000)


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured."""

    only: tuple[str, ...]
    starts: int = 7
    runs: int = 2
    tokens: int = 1000
    interrupts: int = 50
    keys: int = 60
    stops: int = 2
    replies: int = 200
    sizes: tuple[int, ...] = (1000, 10_000, 50_000)
    shapes: tuple[str, ...] = tuple(SHAPES)
    stretch: int = 200
    repeats: int = 2
    patience: float = 10
    session: float = 100

HELP = {
    "only": "sections to run, of those above",
    "starts": "starts of each program",
    "runs": "streamed answers whose latency is measured",
    "tokens": "tokens of each",
    "interrupts": "replies that are interrupted",
    "keys": "keys whose echo is measured",
    "stops": "interrupts on the terminal that hardly reads",
    "replies": "replies that are open when memory is measured",
    "sizes": "tokens of the growing reply",
    "shapes": f"of {', '.join(SHAPES)}",
    "stretch": "tokens over which a cost is measured",
    "repeats": "stretches at each size, of which the cheapest counts",
    "session": "seconds for all replies whose memory is measured",
    "patience": "seconds of processor time that a program gets to draw what has come",
}

def lighter(options: Options) -> Options:
    """For the plain chat, whose figures are there to compare with."""
    fewer = replace(options, runs=1, stops=1, interrupts=min(options.interrupts, 20), keys=min(options.keys, 30))
    return replace(fewer, session=options.session / 4)


Measure = Callable[[Program, Options], Awaitable[Sequence[Figure]]]
Section = Callable[[Options], AsyncIterator[str]]


async def attempted(measure: Awaitable[Sequence[Figure]], count: int) -> Sequence[Figure]:
    """What a program that ended or hung leaves without figures is told in their place."""
    try:
        return await measure
    except (Unseen, TimeoutError, OSError) as error:
        return [Unmeasured(str(error) or type(error).__name__)] * count


def section(measure: Measure, *goals: Goal) -> Section:
    async def lines(options: Options) -> AsyncIterator[str]:
        ours = await attempted(measure(TOKENFALL, options), len(goals))
        plain = await attempted(measure(PLAIN, lighter(options)), len(goals))
        for goal, *figures in zip(goals, ours, plain, strict=True):
            yield row(replace(goal, name=goal.name.format(**asdict(options))), *figures)

    return lines


def spread(values: Sequence[float], *shares: float) -> list[Figure]:
    """Percentiles, each with the number of values."""
    if not values:
        return [Unmeasured("nothing to see")] * len(shares)
    return [Measured(percentile(values, share), f"n={len(values)}, most {shown(Measured(max(values)), 0)}") for share in shares]


async def start(options: Options) -> AsyncIterator[str]:
    try:
        ours, plain = map(statistics.median, await starts((TOKENFALL, PLAIN), options.starts))
        figure: Figure = Measured(ours / plain, f"{ours:.0f} and {plain:.0f} ms")
    except (Unseen, TimeoutError, OSError) as error:
        figure = Unmeasured(str(error))
    yield row(Goal("start to ready, over plain's", 1.25, 1.0, 2), figure, Measured(1.0))


async def latency(program: Program, options: Options) -> Sequence[Figure]:
    text = Author("mixed").write(options.tokens).first(options.tokens)
    found = [await measures.streamed(program, text, 100) for _ in range(options.runs)]
    worst = max(found, key=lambda run: run.missing)
    cpu, size = (statistics.fmean(values) for values in zip(*((run.cpu_ms, run.size) for run in found), strict=True))
    return [*spread([late for run in found for late in run.latency], 0.5, 0.95), worst.seen_whole(cpu), worst.seen_whole(size)]


async def interrupted(program: Program, options: Options) -> Sequence[Figure]:
    found = await turns(program, options.interrupts)
    return [*spread(found.request, 0.5), *spread(found.first, 0.5), *spread(found.interrupt, 0.99)]


async def echoed(program: Program, options: Options) -> Sequence[Figure]:
    return spread(await echo(program, options.keys, 200), 0.95)


async def slow(program: Program, options: Options) -> Sequence[Figure]:
    text = Author("mixed").write(options.tokens).first(options.tokens)
    keys = await echo(program, options.keys, 60, SLOW)
    return [*spread(keys, 0.95), *spread((await measures.streamed(program, text, 60, SLOW)).latency, 0.5, 0.95)]


async def quiet(program: Program, options: Options) -> Sequence[Figure]:
    found = [await measures.stopped_on(SLOWER, program, 300, 100, 30) for _ in range(options.stops)]
    return [*spread([each.interrupt for each in found], 0.5), *spread([each.quiet for each in found], 0.5)]


async def memory(program: Program, options: Options) -> Sequence[Figure]:
    return [await measures.memory(program, options.replies, 500, options.session)]


async def cost(options: Options) -> AsyncIterator[str]:
    goal = Goal("CPU a token, at tokens", 1.2, 1.05, 2)
    yield "\n" + growth_head(goal, options.sizes)
    for shape in options.shapes:
        ours, plain = [await attempted(grown(program, shape, options), len(options.sizes)) for program in (TOKENFALL, PLAIN)]
        yield growth_row(shape, goal, ours, plain)


def grown(program: Program, shape: str, options: Options) -> Awaitable[Sequence[Figure]]:
    return measures.growing(program, shape, options.sizes, options.stretch, options.repeats, options.patience)


SECTIONS: dict[str, Section] = {
    "start": start,
    "latency": section(
        latency,
        Goal("latency at 100 tokens a second, p50", 8, 5),
        Goal("latency at 100 tokens a second, p95", 18, 12),
        Goal("CPU a token", 2.0, 1.2, 2),
        Goal("bytes a token", 60, 35),
    ),
    "turns": section(
        interrupted,
        Goal("Enter to the request, p50", 15, 8),
        Goal("first token to its glyph, p50", 8, 3),
        Goal("interrupt key to the server's end, p99", 20, 8),
    ),
    "echo": section(echoed, Goal("key echo at 200 tokens a second, p95", 16, 10)),
    "slow": section(
        slow,
        Goal("30 kB/s, 60 ms round trip: key echo, p95", 80, 68),
        Goal("30 kB/s, 60 ms round trip: latency, p50", 50, 40),
        Goal("30 kB/s, 60 ms round trip: latency, p95", 90, 60),
    ),
    "quiet": section(
        quiet,
        Goal("8 kB/s: interrupt key to the server's end, p50", 50, 20),
        Goal("8 kB/s: interrupt key to a quiet screen, p50", 500, 250),
    ),
    "memory": section(memory, Goal("memory with {replies} replies of 500 tokens, MB", 90, 70)),
    "cost": cost,
}


QUICK: dict[str, Any] = {
    "only": tuple(name for name in SECTIONS if name != "memory"),  # which says nothing of fewer replies
    "starts": 2, "runs": 1, "tokens": 500, "interrupts": 10, "keys": 15, "stops": 1,
    "sizes": (1000, 10_000), "shapes": ("mixed", "one table"), "stretch": 100, "patience": 5.0,
}  # fmt: skip


def names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


PARSERS: dict[str, Callable[[str], Any]] = {"only": names, "shapes": names, "sizes": numbers, "patience": float, "session": float}


def asked(argv: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer of everything: some three minutes, and coarse")
    full = Options(only=tuple(SECTIONS))
    for name, value in asdict(full).items():
        standard = ",".join(map(str, value)) if isinstance(value, tuple) else value
        parser.add_argument(f"--{name}", type=PARSERS.get(name, int), help=f"{HELP[name]} ({standard})")
    given = vars(parser.parse_args(argv))
    chosen = (QUICK if given.pop("quick") else {}) | {name: value for name, value in given.items() if value is not None}
    options = replace(full, **chosen)
    if unknown := {*options.only} - {*SECTIONS} | {*options.shapes} - {*SHAPES}:
        parser.error(f"not known: {', '.join(unknown)}")
    return options


async def main() -> None:
    options = asked()
    began, before, busy = time.monotonic(), stolen(), os.getloadavg()[0]
    print(HEAD, flush=True)
    try:
        for name in options.only:
            async for line in SECTIONS[name](options):
                print(line, flush=True)
    finally:
        taken, passed = (after - earlier for after, earlier in zip(stolen(), before, strict=True))
        print(f"\n{machine()}; {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
        print(f"{time.monotonic() - began:.0f} s, in which the host took {taken:.1f} of {passed:.0f} core-seconds away; ", end="")
        print(f"{busy:.1f} processes wanted a core before it, {os.getloadavg()[1]:.1f} at its end")


if __name__ == "__main__":
    asyncio.run(main())
