"""What the terminal shows, and the bytes that make it show something else.

Sequences: ECMA-48 (CUP), DECSTBM from the VT510 manual, synchronised updates as in
https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import ne

from tokenfall.terminal.cells import Row
from tokenfall.terminal.drawing import UNKNOWN, Drawing, Place, along
from tokenfall.terminal.pens import Palette, Pen

SYNC, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"

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
        self._drawing = Drawing(palette, movement, paints_erased=paints_erased)
        self._scrolls = scrolls and not whole
        self._whole = whole
        self._rows: list[Row | None] = []
        self._width = 0
        self.synchronised = False

    def forget(self) -> None:
        """Nobody knows any more what the terminal shows."""
        self._rows = [None] * len(self._rows)
        self._drawing.forget()

    def frame(self, rows: Sequence[Row], cursor: Place | None = None) -> str:
        """What makes the terminal show `rows`, and leaves the cursor at the column and line given."""
        width = len(rows[0].texts) if rows else 0
        if len(rows) != len(self._rows) or width != self._width:
            self._rows, self._width = [None] * len(rows), width
            self._drawing.forget()
        changed = [y for y, row in enumerate(rows) if row is not self._rows[y] and row != self._rows[y]]
        before = ""
        blank = _blank(width, self._palette.plain)
        if len(changed) > 2 and self._scrolls and (shift := find_shift(self._rows, rows, changed, blank)):
            before = self._scroll(shift, blank)
            changed = [y for y in range(len(rows)) if rows[y] is not self._rows[y] and rows[y] != self._rows[y]]
        places = sum(self._drawing.row(y, None if self._whole else self._rows[y], rows[y]) for y in changed)
        self._rows = list(rows)
        if cursor is not None:
            self._drawing.move(*cursor)
        drawn = self._drawing.taken()
        if self.synchronised and places > 1:
            drawn = f"{SYNC}{drawn}{SYNC_END}"
        return before + drawn

    def _scroll(self, shift: Shift, blank: Row) -> str:
        """Sent before the synchronised update begins: tmux draws the whole region again for a scroll within one."""
        self._drawing.wear(self._palette.plain)
        lines = f"\x1b[{shift.bottom}H" + "\n" * shift.up if shift.up > 0 else f"\x1b[{shift.top + 1}H" + "\x1bM" * -shift.up
        self._drawing.send(f"\x1b[{shift.top + 1};{shift.bottom}r{lines}\x1b[r", None)
        self._rows = shifted(self._rows, shift, blank)
        return self._drawing.taken()


@lru_cache(maxsize=4)
def _blank(width: int, pen: Pen) -> Row:
    return Row((" ",) * width, (pen,) * width)


def movement(at: Place | None, x: int, y: int) -> str:
    """The shortest sequence that brings the cursor to a column and a line, both from 0."""
    if at is not None and at[1] == y and (x == 0 or at[0] != UNKNOWN):
        return along(at[0], x)
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
    cells: int = sum(map(ne, zip(old.texts, old.pens, strict=True), zip(new.texts, new.pens, strict=True)))
    return 10 + cells
