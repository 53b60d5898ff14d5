"""A terminal with its scrollback, for output that scrolls away."""

import re

import pyte
from pyte.screens import Char

_NOT_PYTES = re.compile(r"\x1b\[\?2026[hl]|\x1b\]8;;[^\x1b]*\x1b\\")
"""Synchronised updates and links."""


class _Screen(pyte.HistoryScreen):
    def delete_lines(self, count: int | None = None) -> None:
        # pyte (0.8.2) leaves a line as it is where the one that should replace it is a blank that was never written
        for y in range(self.lines):
            self.buffer[y]
        super().delete_lines(count)


class _WrapsAtOnce(_Screen):
    """Behind the last column the cursor is in the next line."""

    def draw(self, data: str) -> None:
        for character in data:
            super().draw(character)
            if self.cursor.x == self.columns:
                self.carriage_return()
                self.linefeed()


class Scrollback:
    """As a terminal: a line end of the program's becomes CR LF on its way."""

    def __init__(self, columns: int, lines: int, *, wraps_late: bool = True) -> None:
        self.screen = (_Screen if wraps_late else _WrapsAtOnce)(columns, lines, history=1_000_000, ratio=1)
        self._stream = pyte.Stream(self.screen)

    def feed(self, text: str) -> "Scrollback":
        self._stream.feed(re.sub("(?<!\r)\n", "\r\n", _NOT_PYTES.sub("", text)))
        return self

    def cells(self) -> list[list[Char]]:
        """Every row that there is, from the oldest, down to the cursor's."""
        shown = [self.screen.buffer[y] for y in range(self.screen.cursor.y + 1)]
        return [[row[x] for x in range(self.screen.columns)] for row in (*self.screen.history.top, *shown)]

    def rows(self) -> list[str]:
        """The same as text, without the blanks at the ends; the last is the cursor's, where the shell's prompt would be."""
        return ["".join(cell.data for cell in row).rstrip() for row in self.cells()]
