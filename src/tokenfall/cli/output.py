"""Where a one-shot verb prints: to a pipe or a file, or rendered on a terminal (`terminal.live`)."""

import asyncio
import codecs
import os
import select
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from tokenfall.config import Folders
from tokenfall.errors import TokenfallError, UserError
from tokenfall.filters import Visible
from tokenfall.terminal.outlet import ReaderGone

if TYPE_CHECKING:
    from tokenfall.terminal.live import Live

_CHUNK = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes without blocking once it says that it is writable (POSIX pipe(7))."""


class Output(Protocol):
    """A context to be entered in the event loop. Where the reader has left, `write` and `finish` raise ReaderGone, and
    TokenfallError when nothing can be written."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    async def write(self, text: str) -> None:
        """More text."""

    async def finish(self) -> None:
        """The end of the text; it has been printed when this returns."""


def standard_output() -> int:
    """Its file. Raises UserError when it is closed."""
    if sys.stdout is None:
        raise UserError("Standard output is closed.")
    return sys.stdout.fileno()


def live(file: int, theme: str, folders: Folders, env: Mapping[str, str], *, width: int | None = None, waits: bool = False) -> "Live":
    """The terminal `file`, in the colours of a theme, "" for the one that suits it. Raises UserError for a theme that isn't there."""
    from tokenfall.terminal.capabilities import capabilities
    from tokenfall.terminal.live import Live
    from tokenfall.terminal.themes import load_themes

    colours = capabilities(env).count
    themes = load_themes(folders.config / "themes", colourless=colours == 0)
    if theme and theme not in themes.by_name:
        known = f"There are {', '.join(themes.by_name)}."
        raise themes.problems[0] if themes.problems else UserError(f"There is no theme {theme!r}.", known)
    return Live(file, themes.chosen(theme, colours).look, env, width=width, waits=waits)


async def wait_ready(file: int, watch: Callable[[int, Callable[[], None]], object], unwatch: Callable[[int], object]) -> None:
    """Until the file can be read or written: `watch` and `unwatch` are the event loop's methods for it."""
    ready = asyncio.Event()
    try:
        watch(file, ready.set)
    except (PermissionError, NotImplementedError):
        return  # a file is always ready, and Windows can't tell
    try:
        await ready.wait()
    finally:
        unwatch(file)


class Bytes:
    """Standard output, unbuffered. While its reader is slow the loop goes on, so that Ctrl-C is still heard."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._rest = b""
        """What a `send` that was cancelled has not sent; it goes before the next."""

    async def send(self, text: str) -> None:
        self._rest += text.encode()
        loop = asyncio.get_running_loop()
        while self._rest:
            await wait_ready(self._file, loop.add_writer, loop.remove_writer)
            try:
                self._rest = self._rest[os.write(self._file, self._rest[:_CHUNK]) :]
            except BrokenPipeError:
                raise ReaderGone from None
            except OSError as error:
                raise TokenfallError(f"Standard output can't be written: {error.strerror}.") from error


class Joiner:
    """Text in pieces, in which the halves of a character that two pieces split meet again; by way of UTF-16, where both are units.
    A half that stays alone becomes U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16-le")("replace")

    def feed(self, text: str) -> str:
        return self._decoder.decode(text.encode("utf-16-le", "surrogatepass"))

    def flush(self) -> str:
        return self._decoder.decode(b"", True)


class Raw:
    """The text exactly as it came, in UTF-8; on a terminal control characters become visible."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._bytes = Bytes(file)
        self._visible = Visible() if os.isatty(file) else None
        self._joiner = Joiner()
        self._open_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """On a terminal the shell's prompt begins on a line of its own."""
        if self._visible is not None and self._open_line:
            with suppress(OSError):  # the terminal is gone, and with it the shell
                os.write(self._file, b"\n")

    async def write(self, text: str) -> None:
        await self._put(self._joiner.feed(text))

    async def finish(self) -> None:
        await self._put(self._joiner.flush())
        if self._visible is not None:
            await self._send(self._visible.flush())

    async def _put(self, text: str) -> None:
        await self._send(text if self._visible is None else self._visible.feed(text))

    async def _send(self, text: str) -> None:
        await self._bytes.send(text)
        if text:
            self._open_line = not text.endswith("\n")
