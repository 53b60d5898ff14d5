"""From text of a model to the bytes of a frame as the chat makes them, and an emulator that shows what a terminal makes of those."""

import random
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import pyte
import pyte.screens
from rich.color import ColorSystem

from tokenfall.filters import Visible
from tokenfall.markdown.document import Document
from tokenfall.markdown.lines import Line
from tokenfall.terminal.cells import Row, row
from tokenfall.terminal.pens import Palette
from tokenfall.terminal.picture import SYNC, SYNC_END, Picture
from tokenfall.terminal.themes import Look, load_themes
from tokenfall.ui.painter import Painter


@cache
def look() -> Look:
    return load_themes().by_name["dark"].look


def cut(rng: random.Random, text: str, longest: int) -> list[str]:
    """At random places, in chunks of up to so many characters."""
    chunks = []
    at = 0
    while at < len(text):
        size = rng.randint(1, longest)
        chunks.append(text[at : at + size])
        at += size
    return chunks


class Frames:
    """Lines in, rows and the bytes that bring them onto a terminal out; each call is a frame."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows: list[Row] = []
        self._palette = Palette(ColorSystem.TRUECOLOR)
        self._picture = Picture(self._palette)
        self._picture.synchronised = True
        self._painter = Painter(look())

    def frame(self, lines: Sequence[Line]) -> bytes:
        """The last lines, as many as fit."""
        first = max(0, len(lines) - self.height)
        shown = [self._row(number, line) for number, line in enumerate(lines[first:], first)]
        blank = row((), self.width, self._palette)
        self.rows = [*shown, *[blank] * (self.height - len(shown))]
        return self._picture.frame(self.rows, (0, 0)).encode("utf-8", "replace")

    def _row(self, number: int, line: Line) -> Row:
        strip = self._painter.strip((0, number), line).adjust_cell_length(self.width, self._painter.base)
        return row(strip, self.width, self._palette)


def streamed(chunks: Iterable[str], frames: Frames) -> bytes:
    """All that is sent while a reply comes in these chunks, a frame after each and one at the end."""
    visible, document = Visible(), Document()
    sent = b""
    for chunk in chunks:
        document.append(visible.feed(chunk))
        sent += frames.frame(list(document.lines(frames.width)))
    document.append(visible.flush())
    document.finish()
    return sent + frames.frame(list(document.lines(frames.width)))


def emulated(sent: bytes, width: int, height: int, cells: Callable[[str], int]) -> list[list[str]]:
    """What stands in every cell of a terminal that takes `cells` for the width of a code point."""
    screen = pyte.Screen(width, height)
    stream = pyte.Stream(screen)
    stream.feed("\x1b[?7l")
    own = pyte.screens.wcwidth
    pyte.screens.wcwidth = cells
    try:
        # as a terminal: a line end becomes CR LF on its way; pyte has no synchronised updates
        stream.feed(sent.decode().replace("\n", "\r\n").replace(SYNC, "").replace(SYNC_END, ""))
    finally:
        pyte.screens.wcwidth = own
    return [_whole([screen.buffer[y][x].data for x in range(width)]) for y in range(height)]


def _whole(cells: list[str]) -> list[str]:
    """The emulator puts the marks of a wide character into its right half, which is empty in a terminal."""
    for x in range(1, len(cells)):
        if cells[x] and all(map(unicodedata.combining, cells[x])):
            cells[x - 1 : x + 1] = unicodedata.normalize("NFC", cells[x - 1] + cells[x]), ""
    return cells
