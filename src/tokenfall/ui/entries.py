"""What stands in the transcript, one entry under the other; each gives its lines at a width. No widget in here."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tokenfall.filters import Visible, visible
from tokenfall.markdown.document import Document
from tokenfall.markdown.lines import BLANK, Line, Run, Style
from tokenfall.markdown.wrap import Wrapper, chop

LineAt = Callable[[int], Line]


class Entry(Protocol):
    """`height` counts lines at a width in cells; `stable` of them, from the top, no longer change."""

    def height(self, width: int) -> int: ...

    def stable(self, width: int) -> int: ...

    def line(self, width: int, y: int) -> Line: ...


class Fixed:
    """An entry that never changes: a label and plain text under it, then a blank line."""

    def __init__(self, text: str, style: Style, label: Run | None = None) -> None:
        self._text = visible(text)
        self._style = style
        self._label = label
        self._width = -1
        self._lines: list[Line] = []

    def height(self, width: int) -> int:
        if width != self._width:
            self._width = width
            label = [Line((), (self._label,))] if self._label else []
            self._lines = [*label, *wrap_plain(self._text, self._style, width), BLANK]
        return len(self._lines)

    def stable(self, width: int) -> int:
        return self.height(width)

    def line(self, width: int, y: int) -> Line:
        self.height(width)
        return self._lines[y]


def wrap_plain(text: str, style: Style, width: int) -> list[Line]:
    """Text that is not markdown, wrapped at words; a line that continues hangs under its indent. Tabs are four cells."""
    lines: list[Line] = []
    for source in text.expandtabs(4).split("\n"):
        words = source.lstrip(" ")
        indent = len(source) - len(words)
        if indent > width // 2:
            broken = chop([Run(source, style)], width)
            lines += [Line((), runs, "" if number else None) for number, runs in enumerate(broken)]
            continue
        wrapper = Wrapper(width - indent)
        wrapper.feed([Run(words, style)])
        space = (Run(" " * indent, style),) if indent else ()
        for number, wrapped in enumerate(wrapper.finish()):
            lines.append(Line(space, wrapped.runs, wrapped.joint) if number else Line((), (*space, *wrapped.runs)))
        if not words:
            lines.append(Line((), space))
    return lines


def question(text: str) -> Fixed:
    return Fixed(text, Style("question"), Run("you", Style("you", bold=True)))


def queued(text: str) -> Fixed:
    return Fixed(text, Style("muted"), Run("you, queued: goes when the reply ends", Style("muted", italic=True)))


def notice(text: str) -> Fixed:
    return Fixed(text, Style("notice"))


def fault(text: str) -> Fixed:
    return Fixed(text, Style("fault"))


@dataclass(frozen=True, slots=True)
class Mark:
    """What a reply's last line says of its end."""

    text: str
    role: str


class Reply:
    """A reply that grows: reasoning, then markdown, then how it ended. The one seam between the stream and the screen
    is `append` and `finish`."""

    def __init__(self, model: str) -> None:
        self._model = visible(model, newlines=False)
        self._reasoning = ""
        self._document = Document()
        self._visible_text = Visible()
        self._visible_reasoning = Visible()
        self._mark: Mark | None = None
        self._head_lines: list[Line] = []
        self._head_key = (-1, -1)
        self.finished = False

    def append(self, text: str) -> None:
        self._document.append(self._visible_text.feed(text))

    def append_reasoning(self, text: str) -> None:
        self._reasoning += self._visible_reasoning.feed(text)

    def finish(self, mark: Mark | None) -> None:
        self._document.append(self._visible_text.flush())
        self._reasoning += self._visible_reasoning.flush()
        self._document.finish()
        self._mark = mark
        self.finished = True

    def _head(self, width: int) -> list[Line]:
        key = (width, len(self._reasoning))
        if key != self._head_key:
            self._head_key = key
            self._head_lines = [Line((), (Run(self._model, Style("model", bold=True)),))]
            if self._reasoning:
                self._head_lines += [*wrap_plain(self._reasoning.rstrip("\n"), Style("reasoning", italic=True), width), BLANK]
        return self._head_lines

    def _foot(self, width: int) -> list[Line]:
        mark = wrap_plain(self._mark.text, Style(self._mark.role, italic=True), width) if self._mark else []
        return [*mark, BLANK]

    def height(self, width: int) -> int:
        return len(self._head(width)) + self._document.height(width) + len(self._foot(width))

    def stable(self, width: int) -> int:
        if self.finished:
            return self.height(width)
        # reasoning grows above the text; once there is text it has ended
        stable = self._document.stable(width)
        return len(self._head(width)) + stable if self._document.source else 1

    def line(self, width: int, y: int) -> Line:
        head = self._head(width)
        if y < len(head):
            return head[y]
        y -= len(head)
        if y < (tall := self._document.height(width)):
            return self._document.line(width, y)
        return self._foot(width)[y - tall]


class Stack:
    """Entries one under the other at one width; knows which line of which entry a line of the whole is."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.width = 1
        self.height = 0
        self._starts: list[int] = []

    def add(self, entry: Entry) -> int:
        """Puts it at the bottom; returns its first line."""
        self.entries.append(entry)
        self.measure(len(self.entries) - 1)
        return self._starts[-1]

    def remove(self, entry: Entry) -> int:
        """Takes it out; returns the first line that changed."""
        index = self.entries.index(entry)
        first = self._starts[index]
        del self.entries[index]
        self.measure(index)
        return first

    def clear(self) -> None:
        self.entries.clear()
        self.measure(0)

    def measure(self, index: int) -> None:
        """The first lines of the entries from `index` on, anew, because the one at `index` changed."""
        at = self._starts[index] if index < len(self._starts) else self.height
        del self._starts[index:]
        for entry in self.entries[index:]:
            self._starts.append(at)
            at += entry.height(self.width)
        self.height = at

    def rewrap(self, width: int) -> None:
        self.width = width
        self._starts.clear()
        self.height = 0
        self.measure(0)

    def start(self, index: int) -> int:
        return self._starts[index]

    def locate(self, y: int) -> tuple[int, int]:
        """The index of the entry that line `y` belongs to, and which of its lines it is. `y` is within the stack."""
        index = bisect_right(self._starts, y) - 1
        return index, y - self._starts[index]

    def line(self, y: int) -> Line:
        if not 0 <= y < self.height:
            return BLANK
        index, own = self.locate(y)
        return self.entries[index].line(self.width, own)

    def place(self, y: int) -> tuple[int, float]:
        """Where line `y` is, in a form that a change of width leaves true: the entry, and how far into it as a share."""
        if not 0 <= y < self.height:
            return len(self.entries), 0.0
        index, own = self.locate(y)
        return index, own / self.entries[index].height(self.width)

    def line_of(self, place: tuple[int, float]) -> int:
        index, share = place
        if index >= len(self.entries):
            return self.height
        return self._starts[index] + round(share * self.entries[index].height(self.width))
