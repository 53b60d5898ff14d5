"""Markdown on a terminal while it is written: the tail is drawn anew, what is above it scrolls away."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from types import TracebackType

from tokenfall.filters import Visible
from tokenfall.markdown.document import Document
from tokenfall.markdown.lines import HELD_S
from tokenfall.terminal.capabilities import capabilities, rewraps, screenful, synchronises, wraps_late
from tokenfall.terminal.outlet import FAREWELL_S, Outlet, ReaderGone, open_terminal
from tokenfall.terminal.pens import Palette
from tokenfall.terminal.scroll import Scroll, Traits
from tokenfall.terminal.silence import Silence, in_foreground
from tokenfall.terminal.themes import Look

SIZE = (80, 24)
"""Columns and lines of a terminal that doesn't know its own, such as a serial line."""


class Live:
    """A context, to be entered in the event loop; at its end everything that was written has been shown and the terminal is
    given back. An end by an exception is not waited for longer than a second or two.

    With `waits` writing lasts until the terminal has taken what was written.
    """

    def __init__(self, file: int, look: Look, env: Mapping[str, str], *, width: int | None = None, waits: bool = False) -> None:
        self._file = file
        self._waits = waits
        self._visible = Visible()
        self._document = Document()
        drawn = screenful(env, "changes")
        traits = Traits(drawn.paints_erased, drawn.scrolls, synchronises(env), rewraps(env), wraps_late(env))
        palette = Palette(capabilities(env).system, hyperlinks=drawn.hyperlinks)
        self._scroll = Scroll(self._document, look, palette, traits, width)
        self._outlet = Outlet(self._paint, self._lost, asks=False)
        self._silence = Silence(file)
        self._held: asyncio.TimerHandle | None = None
        self._shown: asyncio.Future[None] | None = None
        self._broken: Exception | None = None
        self._reactions = {signal.SIGWINCH: self._outlet.want, signal.SIGTSTP: self._suspend, signal.SIGCONT: self._resume}

    def __enter__(self) -> "Live":
        loop = asyncio.get_running_loop()
        self._outlet.open(open_terminal(self._file), loop)
        for number, react in self._reactions.items():
            loop.add_signal_handler(number, react)
        self._silence.keep()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        loop = asyncio.get_running_loop()
        for number in self._reactions:
            loop.remove_signal_handler(number)
        try:
            self._leave()
            self._outlet.close()
        finally:
            if isinstance(error, asyncio.CancelledError):
                self._silence.forget_typed()
            self._silence.end()

    async def write(self, text: str) -> None:
        """Raises ReaderGone when the terminal is gone."""
        self._append(self._visible.feed(text))
        if self._waits:
            await self._until_shown()
        elif self._broken is not None:
            raise self._broken

    async def finish(self) -> None:
        """The end of the text, and the time that the terminal takes to show it. Raises as `write` does."""
        self._end()
        await self._until_shown()

    # ── the text ────────────────────────────────────────────────────────────

    def _append(self, text: str) -> None:
        if self._held is not None:
            self._held.cancel()
            self._held = None
        self._document.append(text)
        if self._document.held:
            self._held = asyncio.get_running_loop().call_later(HELD_S, self._show_held)
        self._outlet.want()

    def _show_held(self) -> None:
        self._document.flush_held()
        self._outlet.want()

    def _end(self) -> None:
        if not self._document.finished:
            self._append(self._visible.flush())
            self._document.finish()

    # ── the terminal ────────────────────────────────────────────────────────

    async def _until_shown(self) -> None:
        if self._broken is not None:
            raise self._broken
        self._shown = asyncio.get_running_loop().create_future()
        self._outlet.want()
        await self._shown

    def _paint(self) -> bytes:
        try:
            frame = self._frame()
        except Exception as defect:  # noqa: BLE001  what a callback raises reaches nobody; whoever writes next is told
            self._break(defect)
            return b""
        if frame and (self._scroll.behind or self._shown is not None):
            # the next is asked for when this one has left
            self._outlet.want_more()
        elif not frame:
            self._tell_shown()
        return frame

    def _frame(self) -> bytes:
        # while another job has the terminal, what is drawn over may be that job's
        return self._scroll.frame(*self._size(), tail=in_foreground(self._file)).encode("utf-8", "replace")

    def _size(self) -> tuple[int, int]:
        try:
            columns, lines = os.get_terminal_size(self._file)
        except OSError:
            return SIZE
        return columns or SIZE[0], lines or SIZE[1]

    def _tell_shown(self) -> None:
        if self._shown is not None and not self._shown.done():
            self._shown.set_result(None)
        self._shown = None

    def _lost(self) -> None:
        self._break(ReaderGone())

    def _break(self, error: Exception) -> None:
        self._broken = error
        if self._shown is not None and not self._shown.done():
            self._shown.set_exception(error)
        self._shown = None

    def _leave(self) -> None:
        """Shows what has not been shown, line by line while the terminal takes it, and brings the cursor below it."""
        end = time.monotonic() + FAREWELL_S
        if self._broken is None:
            self._end()
            while self._outlet.drain(end - time.monotonic()) and (frame := self._frame()):
                self._outlet.control(frame)
        self._outlet.control(self._scroll.leave().encode())

    def _suspend(self) -> None:
        self._outlet.control(self._scroll.leave().encode())
        self._outlet.drain(FAREWELL_S)
        self._silence.end()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self) -> None:
        """Others had the terminal: the tail is shown once more below what they wrote."""
        self._silence.keep()
        self._scroll.begin_anew()
        self._outlet.want()
