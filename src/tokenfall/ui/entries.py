"""What stands in the transcript, one entry under the other; each gives its lines at a width. No widget in here."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tokenfall.filters import Visible, visible
from tokenfall.markdown.lines import BLANK, Line, Run, Style
from tokenfall.markdown.wrap import Wrapped, Wrapper, chop

if TYPE_CHECKING:
    from tokenfall.markdown.document import Document


class Entry(Protocol):
    """`height` counts lines at a width in cells."""

    def height(self, width: int) -> int: ...

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


@dataclass(frozen=True, slots=True)
class Mark:
    """What a reply's last line says of its end."""

    text: str
    role: str


class Thought:
    """Reasoning: plain text that grows. Only the line that is being written is wrapped again."""

    def __init__(self) -> None:
        self._text = ""
        self._width = -1
        self._closed: list[Line] = []
        self._growing: list[Line] = []
        self._open = Wrapper(1)
        self._newlines = 0

    def append(self, text: str) -> None:
        self._text += text
        if self._width > 0:
            self._wrap(text)

    def finish(self) -> None:
        """Nothing is left to do: what was shown stays."""

    def height(self, width: int) -> int:
        self._lay(width)
        return len(self._closed) + len(self._growing)

    def stable(self, width: int) -> int:
        self._lay(width)
        return len(self._closed) + len(self._open.lines)

    def line(self, width: int, y: int) -> Line:
        self._lay(width)
        return self._closed[y] if y < len(self._closed) else self._growing[y - len(self._closed)]

    def _lay(self, width: int) -> None:
        if width != self._width:
            self._width, self._closed, self._open, self._newlines = width, [], Wrapper(width), 0
            self._wrap(self._text)

    def _wrap(self, text: str) -> None:
        for number, piece in enumerate(text.split("\n")):
            self._newlines += bool(number)
            if not piece:
                continue
            # line ends wait for what follows them, so that none stand at the end
            for _ in range(self._newlines):
                self._closed += map(as_line, self._open.finish() or [Wrapped((), None)])
                self._open = Wrapper(self._width)
            self._newlines = 0
            self._open.feed([Run(piece.expandtabs(4), Style("reasoning", italic=True))])
        self._growing = [*map(as_line, self._open.lines), *map(as_line, self._open.copy().finish())]


def as_line(wrapped: Wrapped) -> Line:
    return Line((), wrapped.runs, wrapped.joint)


class Reply:
    """A reply that grows: reasoning and markdown in the order in which they come, then how it ended."""

    def __init__(self, model: str) -> None:
        self._label = Line((), (Run(visible(model, newlines=False), Style("model", bold=True)),))
        self._parts: list[Thought | Document] = []
        self._visible = Visible()
        self._mark: Mark | None = None
        self._turned = True
        """The last text began a part of its own."""

    def append(self, text: str, *, reasoning: bool = False) -> None:
        from tokenfall.markdown.document import Document  # the parser takes its time to import, and the first screen has no reply

        kind = Thought if reasoning else Document
        self._turned = not self._parts or not isinstance(self._parts[-1], kind)
        if self._turned:
            self._close()
            self._parts.append(kind())
        if shown := self._visible.feed(text):
            self._parts[-1].append(shown)

    def finish(self, mark: Mark | None) -> None:
        self._close()
        self._mark = mark

    def _close(self) -> None:
        if self._parts:
            if rest := self._visible.flush():
                self._parts[-1].append(rest)
            self._parts[-1].finish()

    @property
    def held(self) -> bool:
        """Whether a marker that may yet become something else is not shown."""
        return any(not isinstance(part, Thought) and part.held for part in self._parts[-1:])

    def flush_held(self) -> None:
        for part in self._parts[-1:]:
            if not isinstance(part, Thought):
                part.flush_held()

    def _foot(self, width: int) -> list[Line]:
        mark = wrap_plain(self._mark.text, Style(self._mark.role, italic=True), width) if self._mark else []
        return [*mark, BLANK]

    def height(self, width: int) -> int:
        # a blank line stands between two parts
        return sum(part.height(width) + 1 for part in self._parts) + len(self._foot(width)) + (not self._parts)

    def stable(self, width: int) -> int:
        """How many lines, from the top, no longer change."""
        if not self._parts:
            return 1
        *before, last = self._parts
        return 1 + sum(part.height(width) + 1 for part in before) + last.stable(width)

    def kept(self, width: int) -> int:
        """How many lines, from the top, the last change left as they were; perhaps more are."""
        *before, last = self._parts
        if self._turned or isinstance(last, Thought):
            return 0
        return 1 + sum(part.height(width) + 1 for part in before) + last.kept(width)

    def line(self, width: int, y: int) -> Line:
        if y == 0:
            return self._label
        y -= 1
        for number, part in enumerate(self._parts):
            if number:
                if y == 0:
                    return BLANK
                y -= 1
            if y < (tall := part.height(width)):
                return part.line(width, y)
            y -= tall
        return self._foot(width)[y]


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
