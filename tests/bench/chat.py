"""What a user waits for in the chat, measured on a pseudo-terminal against a paced server on loopback.

    uv run python -m tests.bench.chat [--interrupts N] [--starts N] [--keys N]

start       spawning the program to its first screen that says `ready`, beside the barest Textual program with the
            stock Markdown widget; the ratio is of this run's medians, in turns
request     Enter to the request's last byte at the server
first       the first token's bytes leaving the server to its glyph leaving the program
echo        a key press to its glyph, while 100 tokens a second stream
interrupt   Ctrl-C to the server seeing the connection close
idle        CPU of the program and of the embedded model's process over ten quiet seconds, in percent of one core

Figures are milliseconds unless said otherwise.
"""

import argparse
import asyncio
import statistics
import sys
from pathlib import Path

from tests.bench.processes import cpu_seconds, machine
from tests.bench.table import percentile
from tests.bench.terminal import terminal
from tests.bench.turns import PLAIN, TOKENFALL, echo, starts, turns

RATE = 100


async def idle(seconds: float) -> float:
    async with terminal([str(Path(sys.executable).with_name("tokenfall"))]) as screen:
        await screen.seen(TOKENFALL.ready)
        await asyncio.sleep(3)
        before = cpu_seconds(screen.child.pid)
        await asyncio.sleep(seconds)
        return (cpu_seconds(screen.child.pid) - before) / seconds * 100


def row(name: str, values: list[float]) -> str:
    at = [percentile(values, share) for share in (0.5, 0.95, 0.99, 1)]
    return f"{name:<22}" + "".join(f"{value:>9.1f}" for value in at) + f"{len(values):>6}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interrupts", type=int, default=50)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--keys", type=int, default=60)
    given = parser.parse_args()
    print(machine())
    print(f"{'':<22}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}{'n':>6}")
    ours, bare = await starts((TOKENFALL, PLAIN), given.starts)
    print(row("start", ours))
    print(row("start of bare Textual", bare))
    found = await turns(TOKENFALL, given.interrupts, RATE)
    for name, values in (("request", found.request), ("first", found.first), ("interrupt", found.interrupt)):
        print(row(name, values))
    print(row("echo", await echo(TOKENFALL, given.keys, RATE)))
    print(f"start ratio {statistics.median(ours) / statistics.median(bare):.2f}; idle CPU {await idle(10):.2f} % of a core")


if __name__ == "__main__":
    asyncio.run(main())
