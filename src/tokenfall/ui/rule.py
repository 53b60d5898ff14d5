"""The line between transcript and prompt; it tells when there is more below, and the transcript's keys while it has them."""

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from tokenfall.markdown.lines import Style
from tokenfall.terminal.themes import Look
from tokenfall.ui.output import OwnRows
from tokenfall.ui.plain_text import fit

KEYS = "] [ next, previous · / find · v select · y copy · Tab back"


class Rule(OwnRows):
    DEFAULT_CSS = "Rule { height: 1; }"

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._below = 0
        self._in_transcript = False
        self._note = ""
        self._pointed = ""

    def wear(self, look: Look) -> None:
        self._look = look
        self.refresh()

    def show_below(self, lines: int) -> None:
        """`lines` are hidden below the view; 0 takes the mark away."""
        if lines != self._below:
            self._below = lines
            self.refresh()

    def show_keys(self, in_transcript: bool) -> None:
        """Whether keys go to the transcript."""
        if in_transcript != self._in_transcript:
            self._in_transcript = in_transcript
            self.refresh()

    def show_note(self, note: str) -> None:
        """Something to be read now, or "" when it is over."""
        if note != self._note:
            self._note = note
            self.refresh()

    def show_pointed(self, words: str) -> None:
        """What the cursor in the transcript stands on; "" for nothing."""
        if words != self._pointed:
            self._pointed = words
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        mark = f" ↓ {self._below:,} more · End " if self._below else ""
        words = self._note or self._pointed or (KEYS if self._in_transcript else "")
        if cell_len(words) + cell_len(mark) + 6 > width:
            mark = mark and " ↓ "
        keys = f" {fit(words, width - cell_len(mark) - 6)} " if words else ""
        style = self._look.style
        dash, more = style(Style("separator")), style(Style("more"))
        middle = max(width - cell_len(keys) - cell_len(mark) - 4, 0)
        return Strip(
            [Segment("──", dash), Segment(keys, more), Segment("─" * middle, dash), Segment(mark, more), Segment("──", dash)]
        ).adjust_cell_length(width, dash)
