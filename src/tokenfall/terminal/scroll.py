"""A document on its way into the scrollback of a terminal, live.

Lines that no later text changes are written once and scroll away. What follows them, the tail, stands below and is drawn anew
in place. Nothing is known of where on the screen that is, so the cursor only ever moves from where it is. The first line
stands below what was there, also where that was left without a line end.

- A tail that is taller than the screen shows its last rows; the others are written when they can't change any more.
- A link definition that comes late may change lines that have scrolled away: they stay as they were shown.
- After a change of the terminal's size what has scrolled away stays, and the tail is drawn again at the new width. A terminal
  that wraps its lines anew then may keep a torn copy of a part of the tail above it, and may take a line that was left without
  its end for the beginning of the first.

Sequences: ECMA-48 (CUU, CUD, CUF, CUB, ED, IL, DL), DECAWM and DECTCEM from the VT510 manual.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from rich.segment import Segment
from rich.style import Style as RichStyle

from tokenfall.markdown.document import Document
from tokenfall.markdown.lines import Line, Style
from tokenfall.terminal.cells import Row, row
from tokenfall.terminal.drawing import UNKNOWN, Drawing, Place, along
from tokenfall.terminal.pens import Palette
from tokenfall.terminal.picture import SYNC, SYNC_END, Shift, find_shift, shifted
from tokenfall.terminal.themes import Look

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"

BATCH = 64
"""Lines that one frame writes at most: some kilobytes, so that an interrupt has not much to wait for on a slow line."""

STYLES_KEPT = 2000


@dataclass(frozen=True, slots=True)
class Traits:
    """Of a terminal: whether it erases with the background colour, moves lines, has synchronised updates, wraps what it shows
    anew when its width changes, and wraps a full line only when more is written."""

    paints_erased: bool = True
    moves_lines: bool = True
    synchronises: bool = False
    rewraps: bool = False
    wraps_late: bool = True


class Scroll:
    """The document is laid out at the terminal's width, or at `most` cells where that is less."""

    def __init__(self, document: Document, look: Look, palette: Palette, traits: Traits, most: int | None = None) -> None:
        self._document = document
        self._look = look
        self._palette = palette
        self._traits = traits
        self._most = most
        self._drawing = Drawing(palette, movement, paints_erased=traits.paints_erased)
        self._styles: dict[Style, RichStyle] = {}
        self._made: dict[int, tuple[Line, Row]] = {}
        """The rows of the last frame, by the identity of their lines: those that stay are the same objects."""
        self._size = (0, 0)
        self._blank = row((), 1, palette)
        self._piece = 0
        self._rest: Iterator[Line] | None = None
        """What has not been written of that piece, once it is begun."""
        self._shown: list[Row] = []
        """What stands where the tail may be drawn. Rows of the drawing are counted from its first."""
        self._end = 0
        """The row below the text."""

    @property
    def behind(self) -> bool:
        """Whether there are more lines to write than the last frame held."""
        return self._piece < self._document.closed

    def begin_anew(self) -> None:
        """Something else may have been written to the terminal: what follows stands below it."""
        self._size = (0, 0)
        self._drawing.forget()

    def frame(self, columns: int, lines: int, *, tail: bool = True) -> str:
        """What brings a terminal of that size up to date; without the `tail` the cursor never goes up."""
        if (columns, lines) != self._size:
            self._fit(columns, lines)
        width = min(columns, self._most or columns)
        written = self._written(width)
        below = self._document.open_lines(width, lines) if tail and not self.behind else []
        sequence = self._draw(self._rows([*written, *below]))
        # from here on rows are counted from the first that can still be drawn
        del self._shown[: len(written)]
        self._end = len(below)
        if self._drawing.at is not None:
            x, y = self._drawing.at
            self._drawing.at = x, y - len(written)
        return sequence

    def leave(self) -> str:
        """Brings the cursor to a line of its own, below everything, and the pen back."""
        if self._drawing.at is not None:
            self._reach(self._end)
        self._drawing.wear(self._palette.plain)
        return self._drawing.taken()

    def _fit(self, columns: int, lines: int) -> None:
        """The tail is to be drawn again at this size: what there is of it goes."""
        drawing = self._drawing
        drawing.wear(self._palette.plain)
        up = 0 if drawing.at is None else self._above(drawing.at, columns)
        if columns != self._size[0]:
            self._rest = None  # a piece that was begun is written again, at the new width
        self._size = columns, lines
        self._blank = row((), columns, self._palette)
        self._made = {}
        self._shown = []
        if up >= 0:
            up = min(up, lines - 1)
            reach = (f"\x1b[{up}A" if up else "") if drawing.at is not None else self._line_of_its_own(columns)
            drawing.send(f"{reach}\r\x1b[J", (0, 0))
            self._shown = [self._blank]

    def _line_of_its_own(self, columns: int) -> str:
        """As many blanks as fill a line: they end in the next one if the cursor was not at the beginning of its own. Nothing
        else tells these two apart without asking the terminal; zsh does so too (PROMPT_SP)."""
        return " " * (columns if self._traits.wraps_late else columns - 1)

    def _above(self, at: Place, columns: int) -> int:
        """Rows between the cursor and the first that can be drawn on, at the new width; negative when the cursor is above that.
        Too few leave a copy of what they miss, too many would erase what has to stay."""
        x, y = at
        if not self._traits.rewraps or y < 0:
            return y
        x = x if x != UNKNOWN else self._size[0] - 1
        return sum(max(-(-each.end // columns), 1) for each in self._shown[:y]) + x // columns

    def _written(self, width: int) -> list[Line]:
        """The next lines that stay."""
        due: list[Line] = []
        while self.behind and len(due) < BATCH:
            if self._rest is None:
                self._rest = iter(self._document.closed_lines(width, self._piece))
            due += islice(self._rest, BATCH - len(due))
            if len(due) < BATCH:
                self._piece += 1
                self._rest = None
        return due

    def _draw(self, rows: list[Row]) -> str:
        """Draws rows from the first that can be drawn on, and blanks where more are shown; then the cursor waits behind the
        last of them."""
        blank = self._blank
        wanted = rows + [blank] * (len(self._shown) - len(rows))
        changed = [y for y, each in enumerate(wanted) if y >= len(self._shown) or (each is not self._shown[y] and each != self._shown[y])]
        before = ""
        movable = self._traits.moves_lines and len(changed) > 2 and len(wanted) == len(self._shown)
        if movable and (shift := find_shift(self._shown, wanted, changed, blank)):
            before = self._shift(shift)
            changed = [y for y in changed if wanted[y] != self._shown[y]]
        places = 0
        for y in changed:
            if y >= len(self._shown):
                self._reach(y)
                self._shown.append(blank)
            places += self._drawing.row(y, self._shown[y], wanted[y])
        if rows:
            self._wait_behind(rows[-1], len(rows) - 1)
        elif changed:
            self._drawing.move(0, 0)
        unsure = any(wanted[y].unsure for y in changed)
        self._shown = wanted
        return before + self._wrapped(self._drawing.taken(), hops=places > 1, unsure=unsure)

    def _wrapped(self, drawn: str, *, hops: bool, unsure: bool) -> str:
        if unsure:  # one that is wider than we think must not wrap
            drawn = f"{NO_WRAP}{drawn}{WRAP}"
        if hops and self._traits.synchronises:
            return f"{SYNC}{drawn}{SYNC_END}"
        return f"{HIDE}{drawn}{SHOW}" if hops else drawn

    def _wait_behind(self, last: Row, y: int) -> None:
        if last.end < len(last.texts):
            self._drawing.move(last.end, y)
        elif self._drawing.at != (UNKNOWN, y):
            self._drawing.move(last.end - 1, y)

    def _reach(self, y: int) -> None:
        """The beginning of a row that may not be there yet: a new line makes it, scrolling where the screen ends."""
        if y >= len(self._shown):
            self._drawing.wear(self._palette.plain)  # a line that scrolls in may have the background of the pen
            if self._drawing.at is not None and self._drawing.at[1] < y - 1:
                self._drawing.move(0, y - 1)
        self._drawing.move(0, y)

    def _shift(self, shift: Shift) -> str:
        """Moves rows by deleting and inserting lines, so that none of them gets into the scrollback."""
        count, below = abs(shift.up), shift.bottom - abs(shift.up)
        if shift.up > 0:
            steps = [(shift.top, "M"), (below, "L")] if shift.bottom < len(self._shown) else [(shift.top, "M")]
        else:
            steps = [(below, "M"), (shift.top, "L")]
        self._drawing.wear(self._palette.plain)
        for y, final in steps:
            self._drawing.move(0, y)
            self._drawing.send(f"\x1b[{count if count > 1 else ''}{final}", (UNKNOWN, y))
        self._shown = [each or self._blank for each in shifted(self._shown, shift, self._blank)]
        return self._drawing.taken()

    def _rows(self, lines: list[Line]) -> list[Row]:
        kept, self._made = self._made, {}
        for line in lines:
            self._made[id(line)] = kept.get(id(line)) or (line, self._row(line))
        return [self._made[id(line)][1] for line in lines]

    def _row(self, line: Line) -> Row:
        columns = self._size[0]
        segments = [Segment(run.text, self._style(run.style)) for run in (*line.prefix, *line.runs)]
        return row([*segments, Segment(" " * max(columns - line.width, 0), self._look.base)], columns, self._palette)

    def _style(self, style: Style) -> RichStyle:
        found = self._styles.get(style)
        if found is None:
            if len(self._styles) >= STYLES_KEPT:
                self._styles.clear()
            found = self._styles[style] = self._look.linked(style)
        return found


def movement(at: Place | None, x: int, y: int) -> str:
    """The shortest sequence that brings the cursor from a known row to a column and a row; it never scrolls but for a new line."""
    assert at is not None
    down = y - at[1]
    if down == 1 and x == 0:
        return "\r\n"
    vertical = f"\x1b[{abs(down) if abs(down) > 1 else ''}{'B' if down > 0 else 'A'}" if down else ""
    if at[0] == x:
        return vertical
    return vertical + (along(at[0], x) if x == 0 or at[0] != UNKNOWN else "\r" + along(0, x))
