"""A program in a pseudo-terminal whose output is kept with the time at which it was read.

What stood on the screen and when is found by replaying the output in an emulator, after the run where it matters: an
emulator that draws meanwhile takes the processor from the program that is measured.
"""

import asyncio
import os
import re
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pexpect
from tests.ptyscreen import Emulator, terminal_env

COLUMNS, ROWS = 100, 30

CTRL_C, ENTER, BACKSPACE = "\x03", "\r", "\x7f"

TICK_S = 0.02
"""A slow line delivers so much at a time."""

MOST_QUIET = 4000
"""Bytes of a quiet screen: a program may still draw its prompt and its status line, or once the whole screen."""

ANSWERS = {
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[c": b"\x1b[?62;22c",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[?u": b"\x1b[?0u",
    b"\x1b]11;?": b"\x1b]11;rgb:0000/0000/0000\x07",
    b"\x1b]10;?": b"\x1b]10;rgb:ffff/ffff/ffff\x07",
}
"""What programs ask and a present-day terminal says: its cursor, its class, synchronised output, the keyboard, its colours."""

_QUESTION = re.compile(b"|".join(map(re.escape, ANSWERS)))
_LONGEST = max(map(len, ANSWERS))


@dataclass(frozen=True, slots=True)
class Line:
    """What joins program and terminal: `rate` in bytes a second that the terminal reads, 0 for all there are; `round_trip` in
    seconds."""

    rate: int = 0
    round_trip: float = 0.0


DIRECT = Line()


class Unseen(Exception):
    """What was to stand on the screen didn't."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What the terminal read at one time, which is when its user sees it."""

    at: float
    data: bytes


class View:
    """The screen that chunks draw."""

    def __init__(self) -> None:
        self._emulator = Emulator(COLUMNS, ROWS)

    def draw(self, chunk: Chunk) -> list[str]:
        """The rows that it drew on."""
        screen = self._emulator.screen
        screen.dirty.clear()
        self._emulator.feed(chunk.data)
        return [self._row(y) for y in sorted(screen.dirty) if y < ROWS]

    def rows(self) -> list[str]:
        return [self._row(y) for y in range(ROWS)]

    def _row(self, y: int) -> str:
        row = self._emulator.screen.buffer[y]
        return "".join(row[x].data for x in range(COLUMNS))


def sightings(chunks: Iterable[Chunk], pattern: re.Pattern[str]) -> dict[str, float]:
    """When each text that matches the pattern first stood on the screen."""
    view = View()
    seen: dict[str, float] = {}
    for chunk in chunks:
        for row in view.draw(chunk):
            for found in pattern.findall(row):
                seen.setdefault(found, chunk.at)
    return seen


def quiet_after(chunks: Sequence[Chunk], pressed: float) -> float:
    """Seconds from a key to when all but the last MOST_QUIET bytes had come."""
    size = 0
    for chunk in reversed(chunks):
        if chunk.at <= pressed:
            break
        size += len(chunk.data)
        if size > MOST_QUIET:
            return chunk.at - pressed
    return 0.0


class Questions:
    """Finds what a program asks its terminal, also where a question comes in two chunks."""

    def __init__(self) -> None:
        self._rest = b""

    def answers(self, data: bytes) -> Iterator[bytes]:
        data = self._rest + data
        end = 0
        for found in _QUESTION.finditer(data):
            end = found.end()
            yield ANSWERS[found[0]]
        self._rest = data[max(end, len(data) - _LONGEST + 1) :]


@dataclass
class Terminal:
    child: pexpect.spawn
    line: Line = DIRECT
    started: float = field(default_factory=time.monotonic)
    chunks: list[Chunk] = field(default_factory=list)
    _questions: Questions = field(default_factory=Questions)
    _view: View = field(default_factory=View)
    _drawn: int = 0
    _free_at: float = 0.0
    _closed: bool = False
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def read(self) -> None:
        """Called when there is something to read."""
        try:
            data = os.read(self.child.child_fd, max(16, round(self.line.rate * TICK_S)) if self.line.rate else 65536)
        except OSError:  # Linux says EIO when the program has ended
            self.close()
            self._more.set()
            return
        now = time.monotonic()
        self.chunks.append(Chunk(now + self.line.round_trip / 2, data))
        for answer in self._questions.answers(data):
            self._send(answer, self.line.round_trip)
        self._more.set()
        if self.line.rate:
            self._pause(now, len(data) / self.line.rate)

    def _pause(self, now: float, seconds: float) -> None:
        """Until the line has carried what was read."""
        late = now - self._free_at  # a timer's lateness is made up for, or the line would be slower than it says
        self._free_at = (self._free_at if late < TICK_S else now) + seconds
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.child.child_fd)
        loop.call_later(self._free_at - now, self.open)

    def open(self) -> None:
        if not self._closed:
            asyncio.get_running_loop().add_reader(self.child.child_fd, self.read)

    def close(self) -> None:
        """Nothing touches the terminal after this: its number may be another file's."""
        self._closed = True
        asyncio.get_running_loop().remove_reader(self.child.child_fd)

    def _send(self, data: bytes, delay: float) -> None:
        if delay:
            asyncio.get_running_loop().call_later(delay, self._write, data)
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        with suppress(OSError):  # the program may have ended by now
            if not self._closed:
                os.write(self.child.child_fd, data)

    def press(self, keys: str) -> float:
        """When they were pressed; the program has them half a round trip later."""
        now = time.monotonic()
        self._send(keys.encode(), self.line.round_trip / 2)
        return now

    def size(self, since: float = 0.0) -> int:
        """Bytes read since then."""
        return sum(len(chunk.data) for chunk in self.chunks if chunk.at > since)

    async def seen(self, pattern: str, limit: float = 60) -> float:
        """When the bytes came that brought the pattern onto a row of the screen, or those before this call. Raises
        Unseen."""
        wanted = re.compile(pattern)
        if self.shows(pattern):
            return self.chunks[self._drawn - 1].at
        deadline = time.monotonic() + limit
        while True:
            while self._drawn < len(self.chunks):
                if any(map(wanted.search, self._draw())):
                    return self.chunks[self._drawn - 1].at
            if self._closed:
                raise Unseen(f"the program ended before {pattern!r} was on its screen")
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), deadline - time.monotonic())
            except TimeoutError:
                raise Unseen(f"{pattern!r} was not on the screen within {limit:.0f} s") from None

    def shows(self, pattern: str) -> bool:
        """Whether it stands there now."""
        while self._drawn < len(self.chunks):
            self._draw()
        return any(map(re.compile(pattern).search, self._view.rows()))

    def _draw(self) -> list[str]:
        self._drawn += 1
        return self._view.draw(self.chunks[self._drawn - 1])


@asynccontextmanager
async def terminal(argv: Sequence[str], line: Line = DIRECT) -> AsyncIterator[Terminal]:
    with tempfile.TemporaryDirectory() as folder:
        env = terminal_env(TOKENFALL_CONFIG=f"{folder}/config", TOKENFALL_DATA=f"{folder}/data", COLORTERM="truecolor", LC_ALL="C.UTF-8")
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        child = pexpect.spawn(argv[0], list(argv[1:]), dimensions=(ROWS, COLUMNS), env=env, timeout=60)
        made = Terminal(child, line)
        made.open()
        try:
            yield made
        finally:
            made.close()
            if child.isalive():
                child.kill(signal.SIGKILL)
                child.wait()
