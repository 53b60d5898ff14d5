"""From lines to strips in a theme's colours."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tokenfall.markdown.lines import Line
from tokenfall.terminal.themes import Look

CURSOR = Style(reverse=True)

KEPT = 500
"""Painted lines that are kept, some screens of them."""


class Painter:
    """Paints lines and keeps what it painted: a line that stands where it stood, and says the same, gives the same strip, by
    which those below tell that nothing changed."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._kept: dict[tuple[int, int], tuple[Line, Strip]] = {}

    @property
    def base(self) -> Style:
        return self._look.base

    @property
    def found(self) -> Style:
        """For what a search found."""
        return self._look.found

    def strip(self, key: tuple[int, int], line: Line) -> Strip:
        kept = self._kept.get(key)
        if kept is not None and (kept[0] is line or kept[0] == line):
            return kept[1]
        if len(self._kept) >= KEPT:
            self._kept.clear()
        linked = self._look.linked
        strip = Strip([Segment(run.text, linked(run.style)) for run in (*line.prefix, *line.runs)])
        self._kept[key] = line, strip
        return strip

    def lay_over(self, strip: Strip, first: int, last: int, style: Style | None = None) -> Strip:
        """Lays a style, by default that of selected text, over the cells `first` to `last - 1`."""
        over = self._look.selection if style is None else style
        strip = strip.extend_cell_length(last, self.base)
        before, chosen, after = strip.crop(0, first), strip.crop(first, last), strip.crop(last)
        marked = Strip([Segment(segment.text, (segment.style or Style.null()) + over) for segment in chosen])
        return Strip.join([before, marked, after])
