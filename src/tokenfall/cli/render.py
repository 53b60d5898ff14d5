"""Markdown from a file or standard input, rendered as it comes."""

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tokenfall import config
from tokenfall.cli.interruption import run
from tokenfall.cli.output import Bytes, Output, live, standard_output, wait_ready
from tokenfall.errors import UserError
from tokenfall.filters import Visible
from tokenfall.markdown.document import Document
from tokenfall.terminal.capabilities import draws
from tokenfall.terminal.outlet import ReaderGone

WIDTH = 80
"""Columns where there is no terminal that has some."""

_PIECE = 1 << 16
"""Bytes read at once."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """`file` is None for standard input, `width` None for the terminal's, `theme` "" for the configured one."""

    file: Path | None
    width: int | None
    theme: str
    colour: bool


def render(asked: Rendering, env: Mapping[str, str]) -> None:
    """Raises UserError for what can't be read, and KeyboardInterrupt after the terminal is given back."""
    if not asked.colour:
        env = {**env, "NO_COLOR": "1"}
    with _opened(asked.file) as source:
        output = _output(asked, env)
        try:
            run(_copy(source, str(asked.file or "Standard input"), output))
        except ReaderGone:
            return


def _output(asked: Rendering, env: Mapping[str, str]) -> Output:
    file = standard_output()
    if not draws(file, env):
        columns = os.isatty(file) and os.get_terminal_size(file).columns
        return Plain(file, min(asked.width or columns or WIDTH, columns or sys.maxsize))
    folders = config.folders(env)
    return live(file, asked.theme or config.load(folders).theme, folders, env, width=asked.width, waits=True)


class Plain:
    """Rendered lines without any escape sequence, each as soon as no later text changes it."""

    def __init__(self, file: int, width: int) -> None:
        self._bytes = Bytes(file)
        self._width = width
        self._visible = Visible()
        self._document = Document()
        self._printed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    async def write(self, text: str) -> None:
        self._document.append(self._visible.feed(text))
        await self._print()

    async def finish(self) -> None:
        self._document.append(self._visible.flush())
        self._document.finish()
        await self._print()

    async def _print(self) -> None:
        for piece in range(self._printed, self._document.closed):
            lines = self._document.closed_lines(self._width, piece)
            await self._bytes.send("".join(f"{''.join(run.text for run in (*line.prefix, *line.runs)).rstrip()}\n" for line in lines))
            self._printed = piece + 1


@contextmanager
def _opened(path: Path | None) -> Iterator[int]:
    if path is None:
        if sys.stdin is None or os.isatty(sys.stdin.fileno()):
            raise UserError("There is nothing to render.", "Name a file, as in: tokenfall render README.md, or pipe one in.")
        yield sys.stdin.fileno()
        return
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(str(path), error) from error
    try:
        yield file
    finally:
        os.close(file)


async def _copy(source: int, name: str, output: Output) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with output:
        async for data in _read(source, name):
            await output.write(decoder.decode(data))
        await output.write(decoder.decode(b"", True))
        await output.finish()


async def _read(source: int, name: str) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    while True:
        await wait_ready(source, loop.add_reader, loop.remove_reader)
        try:
            data = os.read(source, _PIECE)
        except OSError as error:
            raise _unreadable(name, error) from error
        if not data:
            return
        yield data


def _unreadable(name: str, error: OSError) -> UserError:
    return UserError(f"{name} can't be read: {error.strerror}.")
