"""The one way out to the terminal. It never blocks and holds no queue of frames: a frame is asked for when it can leave."""

import asyncio
import errno
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context

from tokenfall.terminal.flow import QUESTION, Flow

FRAME_S = 1 / 120
"""The least time from frame to frame. A change that comes after it is painted at once."""

MUTE_FRAME_S = 1 / 20
"""The same where the terminal doesn't tell what it has read."""

SHARE = 4
"""Making frames may take a quarter of the processor's time, not more, but for the slowest machines."""

SLOWEST_S = 1 / 15
"""More than this never passes from frame to frame for the time that they take."""

HURRY_S, HURRIED_FRAME_S = 0.05, 1 / 250
"""So long after a key was pressed frames follow one another faster: whoever typed looks for it."""

FAREWELL_S = 1.0
"""How long the end waits for a terminal that doesn't read."""


class ReaderGone(Exception):
    """Whoever read what is written has closed it, or the terminal is gone."""


class Outlet:
    """`paint` gives the bytes of the newest frame; it is called in the event loop, in the context of `open`, when they can
    leave. `lost` is called once when the terminal is gone. `asks` is False where nobody would hear the terminal's answers."""

    def __init__(
        self,
        paint: Callable[[], bytes],
        lost: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        *,
        asks: bool = True,
    ) -> None:
        self._paint = paint
        self._lost = lost
        self._clock = clock
        self._asks = asks
        self._flow = Flow()
        self._file = -1
        self._rest = bytearray()
        self._wanted = False
        self._more = False
        self._next = 0.0
        self._took = 0.0
        self._hurry_until = 0.0
        self._planned: asyncio.Handle | None = None
        self._awaiting: list[Callable[[float], object]] = []
        self._leaving: list[Callable[[float], object]] = []
        self._writing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None

    def open(self, file: int, loop: asyncio.AbstractEventLoop) -> None:
        """`file` is open for writing without blocking, and ours to close. What had to wait for it leaves now."""
        self._file = file
        self._loop = loop
        self._context = copy_context()
        self._flow.forget()
        self._ask()
        self._wanted = True
        self._write()

    def control(self, data: bytes) -> None:
        """Sends what is no frame: in order, never dropped, kept until the terminal is open."""
        self._flow.wrote(len(data), self._clock())
        self._rest += data
        if self._file >= 0 and not self._writing:
            self._write()

    def send_at_once(self, data: bytes) -> None:
        """Before all that waits, as far as the terminal takes it now; for the very end."""
        if self._file >= 0:
            with suppress(OSError):
                os.write(self._file, data)

    def want(self) -> None:
        """There is something new to paint."""
        self._wanted = True
        self._plan()

    def want_more(self) -> None:
        """Said while painting: the frame is not all that there is. What follows isn't paced."""
        self._wanted = self._more = True

    def before_frame(self, call: Callable[[], None]) -> None:
        """Calls once, as soon as pacing lets a frame follow, and makes that frame at once: what comes until then is in it."""
        loop = self._loop or asyncio.get_running_loop()
        wait = self.pause()
        if wait > 0:
            loop.call_later(wait, self._call, call, context=self._context)
        else:
            loop.call_soon(self._call, call, context=self._context)

    def _call(self, call: Callable[[], None]) -> None:
        call()
        if self._planned is not None and not isinstance(self._planned, asyncio.TimerHandle):
            self._planned.cancel()
            self._due()

    def after_frame(self, call: Callable[[float], object]) -> None:
        """Calls once with the time at which the terminal has taken the whole of the next frame; not at all if that is empty."""
        self._awaiting.append(call)

    def hurry(self) -> None:
        """A key was pressed: what it does is to be seen at once."""
        now = self._clock()
        self._hurry_until = now + HURRY_S
        self._next = min(self._next, now)
        self._replan()

    def answered(self, at: float) -> None:
        """The terminal has reported its cursor, at that time of the clock."""
        self._flow.answered(at)
        self._replan()

    def _replan(self) -> None:
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None
        self._plan()

    def pause(self) -> float:
        """Seconds until the next frame may be painted, as far as pacing goes."""
        return max(self._next - self._clock(), 0.0)

    @property
    def holds(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._rest)

    @property
    def answers_due(self) -> int:
        return self._flow.open_questions

    def close(self) -> None:
        """Sends what is under way and what was said since, within a second; no frame any more. The file is closed."""
        self._empty(FAREWELL_S)
        if self._file >= 0:
            self._rest.clear()
            os.close(self._file)
            self._file = -1

    def drain(self, seconds: float) -> bool:
        """Sends what is under way, waiting for the terminal for so long; whether all has left. Then it goes on."""
        self._empty(seconds)
        if self._file >= 0:
            self._write()
        return self._file >= 0 and not self._rest

    def _empty(self, seconds: float) -> None:
        if self._file >= 0:
            self._settle()
        end = self._clock() + seconds
        while self._rest and self._file >= 0 and (left := end - self._clock()) > 0 and select.select([], [self._file], [], left)[1]:
            self._write_some()

    def _settle(self) -> None:
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None
        if self._writing and self._loop is not None:
            self._writing = False
            self._loop.remove_writer(self._file)

    def _plan(self) -> None:
        if not self._wanted or self._rest or self._planned is not None or self._file < 0 or self._loop is None:
            return
        now = self._clock()
        wait = max(self._next - now, self._flow.wait(now))
        if wait > 0:
            self._planned = self._loop.call_later(wait, self._due, context=self._context)
        else:
            self._planned = self._loop.call_soon(self._due, context=self._context)

    def _due(self) -> None:
        self._planned = None
        began = self._clock()
        spent = time.thread_time()
        if self._flow.wait(began) > 0:
            self._plan()
            return
        self._wanted = self._more = False
        frame = self._paint()
        awaiting, self._awaiting = self._awaiting, []
        if frame:
            self._leaving += awaiting
            self._rest += frame
            self._flow.wrote(len(frame), began)
            if self._flow.to_ask(began):
                self._ask()
            self._write()
        least = MUTE_FRAME_S if self._flow.mute(began) else FRAME_S
        # of the processor's time: one that others use as well may hold up any frame
        self._took += (time.thread_time() - spent - self._took) / 8
        least = HURRIED_FRAME_S if began < self._hurry_until else max(least, min(SHARE * self._took, SLOWEST_S))
        self._next = began if self._more else began + least
        self._plan()

    def _ask(self) -> None:
        if not self._asks:
            return
        self._rest += QUESTION
        self._flow.wrote(len(QUESTION), self._clock())
        self._flow.asked(self._clock())

    def _write(self) -> None:
        self._write_some()
        if bool(self._rest) != self._writing and self._loop is not None and self._file >= 0:
            self._writing = bool(self._rest)
            if self._writing:
                self._loop.add_writer(self._file, self._write)
            else:
                self._loop.remove_writer(self._file)
        if not self._rest:
            self._plan()

    def _write_some(self) -> None:
        with suppress(BlockingIOError):
            try:
                del self._rest[: os.write(self._file, self._rest)]
                if not self._rest and self._leaving:
                    self._tell_left()
            except OSError as error:
                if error.errno in {errno.EAGAIN, errno.EINTR}:
                    raise BlockingIOError from error
                self._rest.clear()
                self._gone()

    def _tell_left(self) -> None:
        leaving, self._leaving = self._leaving, []
        for call in leaving:
            call(self._clock())

    def _gone(self) -> None:
        """Nobody reads any more: what is written from now on goes nowhere."""
        self._settle()
        os.close(self._file)
        self._file = -1
        self._lost()


def open_terminal(like: int) -> int:
    """The terminal that `like` is, opened once more without blocking: the flag on `like` itself would be the shell's as well."""
    for path in (_name(like), "/dev/tty"):
        with suppress(OSError):
            return os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    copy = os.dup(like)
    os.set_blocking(copy, False)
    return copy


def _name(file: int) -> str:
    try:
        return os.ttyname(file)
    except OSError:
        return "/dev/tty"
