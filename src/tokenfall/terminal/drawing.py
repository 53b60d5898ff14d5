"""Rows become bytes: of two rows only what differs is drawn, with few moves of the cursor and few changes of the pen.

Sequences: ECMA-48 (CUP, CUF, CUB, EL, SGR).
"""

from collections.abc import Callable

from tokenfall.terminal.cells import Row
from tokenfall.terminal.pens import Palette, Pen

GAP = 8
"""Unchanged cells between two changed ones that cost less to send again than a move of the cursor over them."""

ERASED = 4
"""From so many blanks on, erasing costs less than sending them."""

PASSED = 3
"""So many blanks cost less to send again than a move of the cursor over them."""

UNKNOWN = -1
"""The column of a cursor that is known to be in a row, but not where: behind the last column terminals differ about it."""

Place = tuple[int, int]
"""A column and a line, both from 0."""

Movement = Callable[[Place | None, int, int], str]
"""The sequence that brings the cursor from a place, None for one that nobody knows, to a column and a line."""


class Drawing:
    """The cursor, the pen, and what is to be sent to the terminal. `paints_erased` tells whether that erases with the background
    colour."""

    def __init__(self, palette: Palette, movement: Movement, *, paints_erased: bool = True) -> None:
        self._palette = palette
        self._movement = movement
        self._paints_erased = paints_erased
        self._pen: Pen | None = None
        self._out: list[str] = []
        self.at: Place | None = None

    def forget(self) -> None:
        """Nobody knows any more where the cursor is and what it draws with."""
        self._pen = None
        self.at = None

    def taken(self) -> str:
        out = "".join(self._out)
        self._out.clear()
        return out

    def send(self, sequence: str, at: Place | None) -> None:
        """A sequence that leaves the cursor at a place."""
        self._out.append(sequence)
        self.at = at

    def wear(self, pen: Pen) -> None:
        self._out.append(self._palette.change(self._pen, pen))
        self._pen = pen

    def move(self, x: int, y: int) -> None:
        if self.at != (x, y):
            self.send(self._movement(self.at, x, y), (x, y))

    def row(self, y: int, old: Row | None, new: Row) -> int:
        """Draws what differs in row `y`, all of it where `old` is None; returns at how many places."""
        width = len(new.texts)
        wanted = new.end
        last = new.pens[-1]
        if not (last.erases and (self._paints_erased or not last.paper)):
            wanted = width
        spans = differing(old, new)
        for start, end in spans:
            if end - max(start, wanted) >= ERASED:
                self._span(new, y, start, max(start, wanted))
                self.move(max(start, wanted), y)
                self.wear(last)
                self._out.append("\x1b[K")
                break  # every later span is in what was erased
            self._span(new, y, start, end)
        return len(spans)

    def _span(self, row: Row, y: int, start: int, end: int) -> None:
        if start >= end:
            return
        start = self._nearby(row, y, start)
        self.move(start, y)
        pen = self._pen
        for x in range(start, end):
            text, wanted = row.texts[x], row.pens[x]
            if wanted is not pen and text and not (text == " " and pen is not None and pen.on_blank is wanted):
                self.wear(wanted)
                pen = wanted
            if x in row.unsure:
                self._unsure(row, x, y)
            else:
                self._out.append(text)
        self.at = _behind(row, end, y)

    def _nearby(self, row: Row, y: int, start: int) -> int:
        """Where to begin: blanks between the cursor and the span, as between words, are sent again instead of passed over."""
        pen = self._pen
        if pen is None or self.at is None or self.at[1] != y or not 0 < start - self.at[0] <= PASSED or self.at[0] == UNKNOWN:
            return start
        near = range(self.at[0], start)
        return near[0] if all(row.texts[x] == " " and row.pens[x] in {pen, pen.on_blank} for x in near) else start

    def _unsure(self, row: Row, x: int, y: int) -> None:
        """A cell whose width terminals disagree about: on blanks of the width that it has for us, and the cursor set behind it."""
        end = x + 1
        while end < len(row.texts) and not row.texts[end]:
            end += 1
        self.send(" " * (end - x), _behind(row, end, y))
        self.move(x, y)
        self.send(row.texts[x], (UNKNOWN, y))
        if end < len(row.texts):
            self.move(end, y)


def along(at: int, x: int) -> str:
    """The shortest sequence from one known column of a row to another, or from any to the first."""
    if x == 0:
        return "\r"
    if (ahead := x - at) > 0:
        return "\x1b[C" if ahead == 1 else f"\x1b[{ahead}C"
    return "\b" * -ahead if ahead >= -3 else f"\x1b[{-ahead}D"


def _behind(row: Row, end: int, y: int) -> Place:
    return (end, y) if end < len(row.texts) else (UNKNOWN, y)


def differing(old: Row | None, new: Row) -> list[tuple[int, int]]:
    """The changed cells as ranges; none cuts a wide character, old or new."""
    width = len(new.texts)
    if old is None:
        return [(0, width)]
    spans: list[tuple[int, int]] = []
    before = min(same(old.texts, new.texts), same(old.pens, new.pens))
    after = width - min(same(old.texts[:before:-1], new.texts[:before:-1]), same(old.pens[:before:-1], new.pens[:before:-1]))
    for x in range(before, after):
        if (old.texts[x] == new.texts[x] and old.pens[x] is new.pens[x]) or (spans and x < spans[-1][1]):
            continue
        start, end = x, x + 1
        if any(place >= x for place in new.unsure):
            end = width  # where such a one is drawn anew, so is what it may have covered
        while start and not (new.texts[start] and old.texts[start]):
            start -= 1
        while end < width and not (new.texts[end] and old.texts[end]):
            end += 1
        if spans and start - spans[-1][1] < GAP:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def same(old: tuple[object, ...], new: tuple[object, ...]) -> int:
    """How many items, from the first on, are the same in both, which are of one length."""
    if old == new:
        return len(new)
    low, high = 0, len(new)
    while high - low > 1:
        middle = (low + high) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle
    return low
