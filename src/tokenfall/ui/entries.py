"""What stands in the transcript and never changes: questions, notices, faults. No widget in here."""

from collections.abc import Iterator

from tokenfall.filters import visible
from tokenfall.markdown.lines import BLANK, Line, Run, Style
from tokenfall.ui.plain_text import estimate_plain, wrap_plain


class Fixed:
    """A label and plain text under it, then a blank line."""

    def __init__(self, text: str, style: Style, label: Run | None = None) -> None:
        self._text = visible(text)
        self._style = style
        self._label = label
        self._width = -1
        self._lines: list[Line] = []

    @property
    def source(self) -> str:
        return f"{self._label.text}\n{self._text}" if self._label else self._text

    def estimate(self, width: int) -> int:
        return estimate_plain(self.source, width) + 1

    def laying(self, width: int) -> Iterator[None]:
        yield from ()

    def height(self, width: int) -> int:
        if width != self._width:
            self._width = width
            label = [Line((), (self._label,))] if self._label else []
            self._lines = [*label, *wrap_plain(self._text, self._style, width), BLANK]
        return len(self._lines)

    def line(self, width: int, y: int) -> Line:
        self.height(width)
        return self._lines[y]

    def forget(self) -> None:
        self._width = -1
        self._lines = []


SHOWN = 20_000
"""Characters of a message that are shown: some screens. A novel that was pasted is sent whole, but nobody reads it here."""


def question(text: str) -> Fixed:
    return Fixed(beginning(text), Style("question"), Run("you", Style("you", bold=True)))


def beginning(text: str) -> str:
    if len(text) <= SHOWN:
        return text
    return f"{text[:SHOWN]}\n[... {len(text) - SHOWN:,} more characters, sent whole]"


def queued(text: str) -> Fixed:
    return Fixed(beginning(text), Style("muted"), Run("you, queued: goes when the reply ends", Style("muted", italic=True)))


def notice(text: str) -> Fixed:
    return Fixed(text, Style("notice"))


def fault(text: str) -> Fixed:
    return Fixed(text, Style("fault"))
