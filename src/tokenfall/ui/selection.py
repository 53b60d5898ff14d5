"""Selecting in lines of text, by cells on the screen; pure."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len, split_graphemes

from tokenfall.markdown.lines import Line


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A cell of the transcript: `y` counts lines from its beginning, `x` cells from the left edge of the text."""

    y: int
    x: int


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

    def columns(self, y: int, width: int) -> tuple[int, int] | None:
        """The selected cells of line `y` as (first, one past the last), or None."""
        start, end = self.start, self.end
        if not start.y <= y <= end.y:
            return None
        return (start.x if y == start.y else 0, end.x + 1 if y == end.y else width)


def extract(span: Span, line: Callable[[int], Line], height: int) -> str:
    """The selected text without decoration, and with the line breaks of the source instead of those of the view."""
    pieces: list[str] = []
    for y in range(max(span.start.y, 0), min(span.end.y + 1, height)):
        current = line(y)
        first, last = span.columns(y, current.width) or (0, 0)
        indent = current.width - cell_len(current.text)
        if pieces:
            pieces.append("\n" if current.joint is None else current.joint)
        pieces.append(cut(current.text, first - indent, last - indent))
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
