"""What a user waits for in the chat, measured on a pseudo-terminal against a paced server on loopback.

    uv run python -m tests.bench.chat [--interrupts N] [--starts N]

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
import os
import platform
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
import pyte
from tests.byteserver import SSE_HEAD, ByteServer, Exchange, Send, Sleep, Step, chunked, openai_chunk
from tests.ptyscreen import terminal_env

COLUMNS, ROWS = 100, 30
RATE = 100
TOKENFALL = Path(sys.executable).with_name("tokenfall")
CTRL_C, ENTER = "\x03", "\r"


UNDRAWN = re.compile(rb"\x1b\[[<>=?]?[0-9;]*\$?[pu]")
"""Queries and keyboard modes, which pyte would draw as text."""


@dataclass
class Terminal:
    """A program in a pseudo-terminal, and the screen that it draws. It answers where its cursor is asked for."""

    child: pexpect.spawn
    started: float = field(default_factory=time.monotonic)
    read_at: float = 0.0
    screen: pyte.Screen = field(default_factory=lambda: pyte.Screen(COLUMNS, ROWS))
    _stream: pyte.ByteStream = field(default_factory=pyte.ByteStream)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._stream.attach(self.screen)

    def read(self) -> None:
        try:
            data = os.read(self.child.child_fd, 65536)
        except OSError:
            asyncio.get_running_loop().remove_reader(self.child.child_fd)
            return
        self.read_at = time.monotonic()
        for _ in range(data.count(b"\x1b[6n")):
            os.write(self.child.child_fd, b"\x1b[1;1R")
        self._stream.feed(UNDRAWN.sub(b"", data))
        self._more.set()

    def press(self, keys: str) -> float:
        os.write(self.child.child_fd, keys.encode())
        return time.monotonic()

    async def seen(self, pattern: str) -> float:
        """When the bytes were read that brought the pattern onto the screen."""
        async with asyncio.timeout(60):
            while re.search(pattern, "\n".join(self.screen.display)) is None:
                self._more.clear()
                await self._more.wait()
        return self.read_at


@asynccontextmanager
async def terminal(argv: list[str]) -> AsyncIterator[Terminal]:
    with tempfile.TemporaryDirectory() as folder:
        env = terminal_env(TOKENFALL_CONFIG=f"{folder}/config", TOKENFALL_DATA=f"{folder}/data")
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        child = pexpect.spawn(argv[0], argv[1:], dimensions=(ROWS, COLUMNS), env=env, timeout=60)
        made = Terminal(child)
        loop = asyncio.get_running_loop()
        loop.add_reader(child.child_fd, made.read)
        try:
            yield made
        finally:
            loop.remove_reader(child.child_fd)
            child.kill(signal.SIGKILL)
            child.wait()


def tokenfall(url: str) -> list[str]:
    return [str(TOKENFALL), "--base-url", f"{url}/v1", "--model", "m"]


def plain() -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("plain.py"))]


READY = r"ready\b"


BEFORE_S = 0.3
"""What the server thinks before its first token."""


def reply(tokens: int, number: int = 0) -> list[Step]:
    """Tokens at RATE: a marker word first, then words."""
    words = [f"mark{number:04d} "] + [f"word{number % 7} " for number in range(tokens)]
    steps: list[Step] = [Send(SSE_HEAD), Sleep(BEFORE_S)]
    for word in words:
        steps += [Send(chunked(openai_chunk(word))), Sleep(1 / RATE)]
    return steps


async def starts(runs: int, url: str) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(runs + 1):
        for argv, kept in ((tokenfall(url), ours), (plain(), bare)):
            async with terminal(argv) as screen:
                kept.append((await screen.seen(READY) - screen.started) * 1000)
    # the first pair compiles byte code
    return ours[1:], bare[1:]


async def ask(screen: Terminal, server: ByteServer) -> tuple[Exchange, float]:
    number = len(server.exchanges)
    screen.press("hello")
    await asyncio.sleep(0.3)
    pressed = screen.press(ENTER)
    return await server.exchange(number), pressed


async def turns(runs: int) -> dict[str, list[float]]:
    """Request, first token and interrupt, `runs` times in one chat."""
    figures: dict[str, list[float]] = {"request": [], "first": [], "interrupt": []}
    scripts = [reply(2000, run) for run in range(runs)]
    async with ByteServer(*scripts) as server, terminal(tokenfall(server.url)) as screen:
        await screen.seen(READY)
        await asyncio.sleep(1)
        for run in range(runs):
            exchange, pressed = await ask(screen, server)
            figures["request"].append((exchange.at - pressed) * 1000)
            seen = await screen.seen(f"mark{run:04d}")
            figures["first"].append((seen - exchange.at - BEFORE_S) * 1000)
            await asyncio.sleep(0.3 + (run % 10) / 20)
            pressed = screen.press(CTRL_C)
            await exchange.hung_up_within(10)
            assert exchange.hung_up_at is not None, "the server never saw the connection close"
            figures["interrupt"].append((exchange.hung_up_at - pressed) * 1000)
            await screen.seen("stopped │")
    return figures


async def echo(keys: int) -> list[float]:
    times: list[float] = []
    async with ByteServer(reply(6000)) as server, terminal(tokenfall(server.url)) as screen:
        await screen.seen(READY)
        await asyncio.sleep(1)
        await ask(screen, server)
        await asyncio.sleep(1)
        for number in range(keys):
            screen.press(f" q{number:02d}")
            await asyncio.sleep(0.05)
            pressed = screen.press("z")
            times.append((await screen.seen(f"q{number:02d}z") - pressed) * 1000)
            await asyncio.sleep(0.15)
    return times


async def idle(seconds: float) -> float:
    async with terminal([str(TOKENFALL)]) as screen:
        await screen.seen(READY)
        await asyncio.sleep(3)
        before = cpu_seconds(screen.child.pid)
        await asyncio.sleep(seconds)
        return (cpu_seconds(screen.child.pid) - before) / seconds * 100


def cpu_seconds(pid: int) -> float:
    """Of the process and its children."""
    ticks = 0
    for each in (str(pid), *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def row(name: str, values: list[float]) -> str:
    ordered = sorted(values)
    at = [ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in (0.5, 0.95, 0.99)]
    return f"{name:<22}" + "".join(f"{value:>9.1f}" for value in [*at, ordered[-1]]) + f"{len(ordered):>6}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interrupts", type=int, default=50)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--keys", type=int, default=60)
    given = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}")
    print(f"{'':<22}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}{'n':>6}")
    async with ByteServer(reply(1)) as server:
        ours, bare = await starts(given.starts, server.url)
    print(row("start", ours))
    print(row("start of bare Textual", bare))
    for name, values in (await turns(given.interrupts)).items():
        print(row(name, values))
    print(row("echo", await echo(given.keys)))
    print(f"start ratio {statistics.median(ours) / statistics.median(bare):.2f}; idle CPU {await idle(10):.2f} % of a core")


if __name__ == "__main__":
    asyncio.run(main())
