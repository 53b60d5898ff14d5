"""The line between transcript and prompt; it tells when there is more below."""

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from tokenfall.markdown.lines import Style
from tokenfall.ui.output import OwnRows
from tokenfall.ui.theme import Look


class Rule(OwnRows):
    DEFAULT_CSS = "Rule { height: 1; }"

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._below = 0

    def wear(self, look: Look) -> None:
        self._look = look
        self.refresh()

    def show_below(self, lines: int) -> None:
        """`lines` are hidden below the view; 0 takes the mark away."""
        if lines != self._below:
            self._below = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        line = Style("separator")
        mark = f" ↓ {self._below} more · End " if self._below else ""
        if cell_len(mark) + 2 > width:
            mark = "↓" if self._below else ""
        left = max(width - cell_len(mark) - 2, 0)
        style = self._look.style
        return Strip(
            [Segment("─" * left, style(line)), Segment(mark, style(Style("more"))), Segment("──", style(line))]
        ).adjust_cell_length(width, style(line))
