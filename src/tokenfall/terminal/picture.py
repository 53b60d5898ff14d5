"""What the terminal shows, and the bytes that make it show something else.

Sequences: ECMA-48 (CUP, CUF, EL, SGR), DECSTBM from the VT510 manual, synchronised updates as in
https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import ne

from tokenfall.terminal.cells import Row
from tokenfall.terminal.pens import Palette, Pen

SYNC, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"

GAP = 8
"""Unchanged cells between two changed ones that cost less to send again than a move of the cursor over them."""

ERASED = 4
"""From so many blanks on, erasing costs less than sending them."""

SCROLL_COST = 24
"""Bytes that a scroll of a region takes, about."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Rows `top` to `bottom` (exclusive) move by `up` lines; negative is down. What is exposed is blank."""

    top: int
    bottom: int
    up: int


class Picture:
    """`scrolls` tells whether the terminal scrolls regions, `paints_erased` whether it erases with the background colour.
    With `whole` a changed row is sent whole and nothing is scrolled."""

    def __init__(self, palette: Palette, *, scrolls: bool = True, paints_erased: bool = True, whole: bool = False) -> None:
        self._palette = palette
        self._scrolls = scrolls and not whole
        self._paints_erased = paints_erased
        self._whole = whole
        self._rows: list[Row | None] = []
        self._width = 0
        self._pen: Pen | None = None
        self._at: tuple[int, int] | None = None
        self._out: list[str] = []
        self.synchronised = False

    def forget(self) -> None:
        """Nobody knows any more what the terminal shows."""
        self._rows = [None] * len(self._rows)
        self._pen = None
        self._at = None

    def frame(self, rows: Sequence[Row], cursor: tuple[int, int] | None = None) -> str:
        """What makes the terminal show `rows`, and leaves the cursor at the column and line given."""
        width = len(rows[0].texts) if rows else 0
        if len(rows) != len(self._rows) or width != self._width:
            self._rows, self._width = [None] * len(rows), width
            self._at = self._pen = None
        changed = [y for y, row in enumerate(rows) if row is not self._rows[y] and row != self._rows[y]]
        before = ""
        blank = _blank(width, self._palette.plain)
        if len(changed) > 2 and self._scrolls and (shift := find_shift(self._rows, rows, changed, blank)):
            before = self._scroll(shift, blank)
            changed = [y for y in range(len(rows)) if rows[y] is not self._rows[y] and rows[y] != self._rows[y]]
        places = sum(self._row(y, rows[y]) for y in changed)
        self._rows = list(rows)
        if cursor is not None:
            self._move(*cursor)
        drawn = self._taken()
        if self.synchronised and places > 1:
            drawn = f"{SYNC}{drawn}{SYNC_END}"
        return before + drawn

    def _taken(self) -> str:
        out = "".join(self._out)
        self._out.clear()
        return out

    def _scroll(self, shift: Shift, blank: Row) -> str:
        """Sent before the synchronised update begins: tmux draws the whole region again for a scroll within one."""
        self._wear(self._palette.plain)
        self._out.append(f"\x1b[{shift.top + 1};{shift.bottom}r")
        if shift.up > 0:
            self._out.append(f"\x1b[{shift.bottom}H" + "\n" * shift.up)
        else:
            self._out.append(f"\x1b[{shift.top + 1}H" + "\x1bM" * -shift.up)
        self._out.append("\x1b[r")
        self._at = None
        self._rows = shifted(self._rows, shift, blank)
        return self._taken()

    def _row(self, y: int, new: Row) -> int:
        """Draws what differs in a row; returns at how many places."""
        old = None if self._whole else self._rows[y]
        wanted = new.end
        last = new.pens[-1]
        if not (last.erases and (self._paints_erased or not last.paper)):
            wanted = self._width
        spans = self._spans(old, new)
        for start, end in spans:
            if end - max(start, wanted) >= ERASED:
                self._span(new, y, start, max(start, wanted))
                self._move(max(start, wanted), y)
                self._wear(last)
                self._out.append("\x1b[K")
                break  # every later span is in what was erased
            self._span(new, y, start, end)
        return len(spans)

    def _spans(self, old: Row | None, new: Row) -> list[tuple[int, int]]:
        """The changed cells as ranges; none cuts a wide character, old or new."""
        if old is None:
            return [(0, self._width)]
        spans: list[tuple[int, int]] = []
        before = min(same(old.texts, new.texts), same(old.pens, new.pens))
        after = self._width - min(same(old.texts[:before:-1], new.texts[:before:-1]), same(old.pens[:before:-1], new.pens[:before:-1]))
        for x in range(before, after):
            if (old.texts[x] == new.texts[x] and old.pens[x] is new.pens[x]) or (spans and x < spans[-1][1]):
                continue
            start, end = x, x + 1
            if any(place >= x for place in new.unsure):
                end = self._width  # where such a one is drawn anew, so is what it may have covered
            while start and not (new.texts[start] and old.texts[start]):
                start -= 1
            while end < self._width and not (new.texts[end] and old.texts[end]):
                end += 1
            if spans and start - spans[-1][1] < GAP:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return spans

    def _span(self, row: Row, y: int, start: int, end: int) -> None:
        if start >= end:
            return
        self._move(start, y)
        pen = self._pen
        out = self._out
        for x in range(start, end):
            text, wanted = row.texts[x], row.pens[x]
            if wanted is not pen and text and not (text == " " and pen is not None and pen.on_blank is wanted):
                out.append(self._palette.change(pen, wanted))
                pen = wanted
            if x in row.unsure:
                self._unsure(row, x, y)
            else:
                out.append(text)
        self._pen = pen
        # behind the last column terminals differ about where the cursor is
        self._at = (end, y) if end < self._width else None

    def _unsure(self, row: Row, x: int, y: int) -> None:
        """A cell whose width terminals disagree about: on blanks of the width that it has for us, and the cursor set behind it."""
        end = x + 1
        while end < self._width and not row.texts[end]:
            end += 1
        self._out += (" " * (end - x), f"\x1b[{y + 1};{x + 1}H", row.texts[x])
        if end < self._width:
            self._out.append(f"\x1b[{y + 1};{end + 1}H")

    def _wear(self, pen: Pen) -> None:
        self._out.append(self._palette.change(self._pen, pen))
        self._pen = pen

    def _move(self, x: int, y: int) -> None:
        if self._at != (x, y):
            self._out.append(movement(self._at, x, y))
            self._at = (x, y)


@lru_cache(maxsize=4)
def _blank(width: int, pen: Pen) -> Row:
    return Row((" ",) * width, (pen,) * width)


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


def movement(at: tuple[int, int] | None, x: int, y: int) -> str:
    """The shortest sequence that brings the cursor to a column and a line, both from 0."""
    if at is not None and at[1] == y:
        if x == 0:
            return "\r"
        if (ahead := x - at[0]) > 0:
            return "\x1b[C" if ahead == 1 else f"\x1b[{ahead}C"
        return "\b" * -ahead if ahead >= -3 else f"\x1b[{-ahead}D"
    if at is not None and at[1] + 1 == y and x == 0:
        return "\r\n"
    return f"\x1b[{y + 1}H" if x == 0 else f"\x1b[{y + 1};{x + 1}H"


def find_shift(old: Sequence[Row | None], new: Sequence[Row], changed: Sequence[int], blank: Row) -> Shift | None:
    """The scroll of a region after which least is left to send; None when nothing is gained."""
    first, last = changed[0], changed[-1]
    places = {row.key: y for y, row in enumerate(old) if row is not None and row.end}
    votes = Counter(places[new[y].key] - y for y in changed if new[y].key in places)
    best: Shift | None = None
    least = sum(difference(old[y], new[y]) for y in changed)
    for up, count in votes.most_common(2):
        if not up or count < 2:
            continue
        moved = [y for y in range(first, last + 1) if (row := places.get(new[y].key)) is not None and row - y == up]
        top, bottom = min(moved[0], moved[0] + up), max(moved[-1], moved[-1] + up) + 1
        for shift in (Shift(top, bottom, up), Shift(top, min(bottom + 1, last + 1), up), Shift(min(top, first), max(bottom, last + 1), up)):
            after = shifted(old, shift, blank)
            cost = SCROLL_COST + abs(up) + sum(difference(was, row) for was, row in zip(after, new, strict=True) if was is not row)
            if cost < least - (SCROLL_COST // 4 if best else 0):
                best, least = shift, cost
    return best


def shifted(rows: Sequence[Row | None], shift: Shift, blank: Row) -> list[Row | None]:
    after = list(rows)
    region = after[shift.top : shift.bottom]
    empty: list[Row | None] = [blank] * min(abs(shift.up), len(region))
    after[shift.top : shift.bottom] = region[shift.up :] + empty if shift.up > 0 else empty + region[: shift.up]
    return after


def difference(old: Row | None, new: Row) -> int:
    """About how many bytes turn one row into the other."""
    if old is None:
        return new.end + 10
    if old is new or old == new:
        return 0
    return 10 + sum(map(ne, zip(old.texts, old.pens, strict=True), zip(new.texts, new.pens, strict=True)))
