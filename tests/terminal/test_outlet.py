"""The way out, on a pseudo-terminal whose other side reads when the test says so."""

import asyncio
import os
import pty
import time
import tty
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from tokenfall.terminal.flow import QUESTION
from tokenfall.terminal.outlet import FAREWELL_S, Outlet, open_terminal


@dataclass
class Side:
    """The terminal's side, and what was painted and lost on ours."""

    master: int
    terminal: int
    outlet: Outlet = field(init=False)
    frames: list[bytes] = field(default_factory=list)
    painted: int = 0
    lost: int = 0
    read: bytes = b""

    def __post_init__(self) -> None:
        self.outlet = Outlet(self.paint, self.gone)

    def paint(self) -> bytes:
        self.painted += 1
        return self.frames.pop() if self.frames else b""

    def gone(self) -> None:
        self.lost += 1

    def take(self) -> bytes:
        """What there is to read, answering questions as a terminal does."""
        try:
            data = os.read(self.master, 65536)
        except (BlockingIOError, OSError):
            return b""
        self.read += data
        for _ in range(data.count(QUESTION)):
            self.outlet.answered(time.monotonic())
        return data

    async def until_read(self, wanted: bytes) -> None:
        async with asyncio.timeout(20):
            while wanted not in self.read:
                self.take()
                await asyncio.sleep(0.002)


@pytest.fixture
def side() -> Iterator[Side]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    side = Side(master, slave)
    yield side
    side.outlet.close()
    for file in (master, slave):
        with suppress(OSError):
            os.close(file)


def opened(side: Side) -> Outlet:
    side.outlet.open(open_terminal(side.terminal), asyncio.get_running_loop())
    return side.outlet


async def test_a_change_leaves_at_once_and_the_terminal_is_asked(side: Side) -> None:
    opened(side)
    side.frames.append(b"frame")
    await side.until_read(b"frame")
    assert side.read.startswith(QUESTION)


async def test_while_nobody_reads_frames_replace_one_another_and_the_loop_goes_on(side: Side) -> None:
    outlet = opened(side)
    side.frames.append(b"x" * 200_000 + b"first")
    outlet.want()
    await asyncio.sleep(0.05)
    for number in range(100):
        side.frames[:] = [b"frame %d " % number]
        outlet.want()
        outlet.control(b"control %d " % number)
        await asyncio.sleep(0)
    assert side.painted == 1
    await side.until_read(b"frame 99 ")
    assert b"frame 98 " not in side.read
    assert b"".join(b"control %d " % number for number in range(100)) in side.read
    assert side.read.index(b"first") < side.read.index(b"control 0 ")


async def test_what_is_said_before_the_terminal_is_open_comes_first(side: Side) -> None:
    side.outlet.control(b"mode")
    assert side.outlet.holds
    opened(side)
    await side.until_read(b"mode" + QUESTION)


async def test_a_frame_is_out_when_the_terminal_has_taken_all_of_it(side: Side) -> None:
    outlet = opened(side)
    await side.until_read(QUESTION)
    out: list[float] = []
    side.frames.append(b"x" * 200_000 + b"end")
    outlet.after_frame(out.append)
    outlet.want()
    await asyncio.sleep(0.05)
    assert out == []
    await side.until_read(b"end")
    assert len(out) == 1


async def test_an_empty_frame_is_never_out(side: Side) -> None:
    outlet = opened(side)
    await side.until_read(QUESTION)
    out: list[float] = []
    outlet.after_frame(out.append)
    outlet.want()
    await asyncio.sleep(0.1)
    side.frames.append(b"later")
    outlet.want()
    await side.until_read(b"later")
    assert out == []


async def test_over_the_limit_it_waits_for_the_answer(side: Side) -> None:
    outlet = opened(side)
    await side.until_read(QUESTION)
    side.frames.append(b"a" * 5000)  # more than an unmeasured line may hold, and within the kernel's buffer or not
    outlet.want()
    await asyncio.sleep(0.1)
    side.frames.append(b"newest")
    outlet.want()
    await asyncio.sleep(0.1)
    assert side.frames == [b"newest"]
    await side.until_read(b"newest")


async def test_the_end_writes_what_was_said_but_no_frame(side: Side) -> None:
    outlet = opened(side)
    await side.until_read(QUESTION)
    side.frames.append(b"frame")
    outlet.want()
    outlet.control(b"bye")
    outlet.close()
    assert side.take() == b"bye"
    outlet.control(b"kept for the next time")
    assert side.take() == b""
    opened(side)
    await side.until_read(b"kept for the next time")


async def test_the_end_does_not_wait_for_ever(side: Side) -> None:
    outlet = opened(side)
    outlet.control(b"x" * 500_000)
    began = time.monotonic()
    outlet.close()
    assert time.monotonic() - began < FAREWELL_S + 5


async def test_when_the_terminal_is_gone_it_is_told_once(side: Side) -> None:
    outlet = opened(side)
    await side.until_read(QUESTION)
    os.close(side.master)
    for _ in range(3):
        outlet.control(b"anybody there?")
        outlet.want()
        await asyncio.sleep(0.01)
    assert side.lost == 1


async def test_the_flag_is_not_set_on_the_file_that_others_use(side: Side) -> None:
    opened(side)
    assert os.get_blocking(side.terminal)


async def test_where_nobody_hears_answers_nothing_is_asked(side: Side) -> None:
    side.outlet = Outlet(side.paint, side.gone, asks=False)
    outlet = opened(side)
    for number in range(3):
        side.frames.append(b"frame %d " % number + b"." * 3000)
        outlet.want()
        await side.until_read(b"frame %d " % number)
    assert QUESTION not in side.read


@pytest.mark.parametrize("more", [True, False])
async def test_a_frame_that_says_that_there_is_more_is_followed_unpaced(side: Side, more: bool) -> None:
    pauses: list[float] = []

    def paint() -> bytes:
        pauses.append(side.outlet.pause())
        if len(pauses) == 1:
            (side.outlet.want_more if more else side.outlet.want)()
        return side.paint()

    side.outlet = Outlet(paint, side.gone, lambda: 1.0, asks=False)
    side.frames += [b"two", b"one"]
    opened(side)
    await side.until_read(b"two")
    assert (pauses[1] == 0) is more


async def test_draining_waits_for_the_terminal_and_goes_on(side: Side) -> None:
    outlet = opened(side)
    outlet.control(b"x" * 500_000)
    assert not outlet.drain(0.01)
    side.frames.append(b"frame")
    outlet.want()
    await side.until_read(b"frame")
    outlet.control(b"last")
    assert outlet.drain(FAREWELL_S)
    assert side.take().endswith(b"last")


async def test_the_end_comes_though_the_terminal_is_gone(side: Side) -> None:
    outlet = opened(side)
    await side.until_read(QUESTION)
    outlet.control(b"x" * 500_000)
    os.close(side.master)
    outlet.close()
    assert not outlet.drain(FAREWELL_S)
    assert side.lost == 1
