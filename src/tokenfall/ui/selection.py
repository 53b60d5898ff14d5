"""Selecting in the lines of a stack, by cells on the screen. No widget in here."""

from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes

from tokenfall.ui.stack import Place, Stack


class Spot(NamedTuple):
    """A cell of a line; `x` counts from the left edge of the text."""

    entry: int
    y: int
    x: int

    @property
    def place(self) -> Place:
        return Place(self.entry, self.y)


@dataclass(frozen=True, slots=True)
class Span:
    """From `anchor`, where the selection began, to `head`, where it is now; both cells are in it."""

    anchor: Spot
    head: Spot

    @property
    def start(self) -> Spot:
        return min(self.anchor, self.head)

    @property
    def end(self) -> Spot:
        return max(self.anchor, self.head)

    def columns(self, place: Place, width: int) -> tuple[int, int] | None:
        """The selected cells of a line of `width` cells as (first, one past the last), or None."""
        start, end = self.start, self.end
        if not start.place <= place <= end.place:
            return None
        return (start.x if place == start.place else 0, end.x + 1 if place == end.place else width)


def extract(span: Span, stack: Stack) -> str:
    """The selected text without decoration, and with the line breaks of the source instead of those of the view."""
    pieces: list[str] = []
    first = span.start.place
    places = [first] if stack.holds(first) else []
    for place in (*places, *stack.walk(first, 1)):
        if place > span.end.place:
            break
        current = stack.line(place)
        begin, end = span.columns(place, current.width) or (0, 0)
        indent = current.width - cell_len(current.text)
        if pieces:
            pieces.append("\n" if current.joint is None else current.joint)
        pieces.append(cut(current.text, begin - indent, end - indent))
    return "".join(pieces)


def cut(text: str, first: int, last: int) -> str:
    """The graphemes of `text` whose first cell is one of the cells `first` to `last - 1`."""
    kept: list[str] = []
    x = 0
    for begin, end, cells in split_graphemes(text)[0]:
        if first <= x < last:
            kept.append(text[begin:end])
        x += cells
    return "".join(kept)
