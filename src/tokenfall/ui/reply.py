"""A reply in the transcript: reasoning and markdown in the order in which they come, then how it ended. No widget in here."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from tokenfall.filters import Visible, visible
from tokenfall.markdown.lines import BLANK, Line, Run, Style
from tokenfall.messages import File, Image, Message, Reasoning, Text, ToolCall
from tokenfall.ui.plain_text import SourceText, WrappedText, estimate_plain, wrap_plain

if TYPE_CHECKING:
    from tokenfall.markdown.document import Document

REASONING = Style("reasoning", italic=True)
INDENT = Run("  ", REASONING)
SOURCE = Style("source")

BITE = 2_000
"""Characters of a finished reply that are parsed before others may come in between: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a reply's last line says of its end."""

    text: str
    role: str


class Thought:
    """Reasoning under a line that tells how long it took, and that alone when it is folded."""

    def __init__(self, began: float | None) -> None:
        """`began` is a time in seconds, None where it is not known."""
        self.folded = False
        self.chosen = False
        """The reader has opened or folded it by hand."""
        self._began = began
        self._text = WrappedText(REASONING, INDENT)
        self._words = "thinking"
        self._head = self._headed()

    @property
    def source(self) -> str:
        return self._text.source

    def append(self, text: str) -> None:
        self._text.append(text)

    def finish(self, at: float | None, *, fold: bool) -> None:
        took = "" if at is None or self._began is None else f" for {duration(at - self._began)}"
        self._words = f"thought{took}"
        self.folded = self.folded if self.chosen else fold
        self._head = self._headed()

    def toggle(self) -> None:
        self.folded = not self.folded
        self.chosen = True
        self._head = self._headed()

    def _headed(self) -> Line:
        return Line((Run("▸ " if self.folded else "▾ ", Style("marker")),), (Run(self._words, REASONING),))

    def forget(self) -> None:
        self._text.forget()

    def height(self, width: int) -> int:
        return 1 if self.folded else 1 + self._text.height(width)

    def stable(self, width: int) -> int:
        # the head changes when the thought ends, but then everything is painted
        return 1 if self.folded else 1 + self._text.stable(width)

    def line(self, width: int, y: int) -> Line:
        return self._text.line(width, y - 1) if y else self._head


def duration(seconds: float) -> str:
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Prose:
    """Markdown that grows, shown as it is meant or as it was written. Once it is finished the document is made when it is
    looked at."""

    def __init__(self, source: str = "", *, finished: bool = False) -> None:
        self.as_source = False
        self._finished = finished
        self._kept = source
        self._document: Document | None = None
        self._raw: SourceText | None = None

    @property
    def source(self) -> str:
        return self._kept if self._document is None else self._document.source

    @property
    def _shown(self) -> "Document":
        if self._document is None:
            from tokenfall.markdown.document import Document  # the parser takes its time to import, and the first screen has no reply

            self._document = Document()
            self._document.append(self._kept)
            if self._finished:
                self._document.finish()
        return self._document

    def append(self, text: str) -> None:
        self._shown.append(text)
        if self._raw is not None:
            self._raw.append(text)

    def finish(self) -> None:
        self._finished = True
        self._raw = None  # the blank lines at its end are no longer shown
        self._shown.finish()

    def toggle(self) -> None:
        self.as_source = not self.as_source
        self._raw = None

    def forget(self) -> None:
        if self._finished:
            self._kept = self.source
            self._document = self._raw = None

    @property
    def held(self) -> bool:
        return self._shown.held and not self.as_source

    def flush_held(self) -> None:
        self._shown.flush_held()

    def laying(self, width: int) -> Iterator[None]:
        """What `height` does, in steps. Others may come in between; what they make is not made again."""
        if self._document is None and self._finished and not self.as_source:
            from tokenfall.markdown.document import Document

            document = Document()
            for start in range(0, len(self._kept), BITE):
                document.append(self._kept[start : start + BITE])
                yield
            document.finish()
            self._document = self._document or document
        if self._document is not None and not self.as_source:
            yield from self._document.laying(width)

    def height(self, width: int) -> int:
        return self._written(width).height if self.as_source else self._shown.height(width)

    def stable(self, width: int) -> int:
        return self._written(width).stable if self.as_source else self._shown.stable(width)

    def kept(self, width: int) -> int | None:
        """How many lines, from the top, the last change left as they were; None where only those are known that were stable."""
        return None if self.as_source else self._shown.kept(width)

    def line(self, width: int, y: int) -> Line:
        return self._written(width).line(y) if self.as_source else self._shown.line(width, y)

    def _written(self, width: int) -> SourceText:
        if self._raw is None or self._raw.width != width:
            self._raw = SourceText(SOURCE, self.source.rstrip("\n") if self._finished else self.source, width)
        return self._raw


class Reply:
    def __init__(self, model: str) -> None:
        self._label = Line((), (Run(visible(model, newlines=False), Style("model", bold=True)),))
        self._parts: list[Thought | Prose] = []
        self._visible = Visible()
        self._mark: Mark | None = None
        self._finished = False
        self._turned = True
        """The last text began a part of its own."""
        self._tops: list[int] = []
        """The first line of each part at one width, as far as they are known; a part that grows moves none."""
        self._tops_width = 0

    def append(self, text: str, *, at: float, reasoning: bool = False, fold: bool = True) -> None:
        """More of it, read at a time in seconds. `fold` tells whether reasoning is folded when something else follows it."""
        kind = Thought if reasoning else Prose
        self._turned = not self._parts or not isinstance(self._parts[-1], kind)
        if self._turned:
            self._close(at, fold=fold)
            self._parts.append(Thought(at) if reasoning else Prose())
        if shown := self._visible.feed(text):
            self._parts[-1].append(shown)

    def finish(self, mark: Mark | None, at: float) -> None:
        self._close(at, fold=False)
        self._mark = mark
        self._finished = True

    def _close(self, at: float, *, fold: bool) -> None:
        if not self._parts:
            return
        last = self._parts[-1]
        if rest := self._visible.flush():
            last.append(rest)
        if isinstance(last, Thought):
            last.finish(at, fold=fold)
        else:
            last.finish()

    def take(self, message: Message, mark: Mark | None) -> None:
        """A reply that was made before, whole."""
        for part in message.parts:
            match part:
                case Reasoning(text):
                    thought = Thought(None)
                    thought.append(visible(text))
                    thought.finish(None, fold=True)
                    self._parts.append(thought)
                case Text(text):
                    self._parts.append(Prose(visible(text), finished=True))
                case ToolCall() | Image() | File():
                    pass
                case _:
                    assert_never(part)
        self._mark = mark
        self._finished = True

    @property
    def thinks(self) -> bool:
        return bool(self._parts) and isinstance(self._parts[-1], Thought) and not self._finished

    @property
    def held(self) -> bool:
        """Whether a marker that may yet become something else is not shown."""
        return any(isinstance(part, Prose) and part.held for part in self._parts[-1:])

    def flush_held(self) -> None:
        for part in self._parts[-1:]:
            if isinstance(part, Prose):
                part.flush_held()

    def toggle_source(self) -> bool:
        """From rendered to source or back; False when there is nothing that has a source."""
        prose = [part for part in self._parts if isinstance(part, Prose)]
        for part in prose:
            part.toggle()
        self._tops.clear()
        return bool(prose)

    def toggle_thought(self, thought: Thought) -> None:
        thought.toggle()
        self._tops.clear()

    @property
    def thoughts(self) -> list[Thought]:
        return [part for part in self._parts if isinstance(part, Thought)]

    def thought_at(self, width: int, y: int) -> Thought | None:
        """The reasoning that a line is the head of."""
        found, own = self._part_at(width, y)
        return found if isinstance(found, Thought) and own == 0 else None

    # an entry

    @property
    def source(self) -> str:
        return "\n".join((self._label.text, *(part.source for part in self._parts), self._mark.text if self._mark else ""))

    def estimate(self, width: int) -> int:
        return 2 + sum(2 if isinstance(part, Thought) and part.folded else estimate_plain(part.source, width) + 1 for part in self._parts)

    def laying(self, width: int) -> Iterator[None]:
        for part in self._parts:
            if isinstance(part, Prose):
                yield from part.laying(width)

    def forget(self) -> None:
        for part in self._parts:
            part.forget()

    def _foot(self, width: int) -> list[Line]:
        mark = wrap_plain(self._mark.text, Style(self._mark.role, italic=True), width) if self._mark else []
        return [*mark, BLANK]

    def height(self, width: int) -> int:
        return self._end(width) + len(self._foot(width))

    def _end(self, width: int) -> int:
        """The line below the parts."""
        return self._top(width, len(self._parts) - 1) + self._parts[-1].height(width) if self._parts else 1

    def _top(self, width: int, index: int) -> int:
        if width != self._tops_width:
            self._tops_width = width
            self._tops.clear()
        while len(self._tops) <= index:
            # a blank line stands between two parts
            before = len(self._tops) - 1
            self._tops.append(self._tops[before] + self._parts[before].height(width) + 1 if self._tops else 1)
        return self._tops[index]

    def stable(self, width: int) -> int:
        """How many lines, from the top, no longer change, short of a link definition that reaches back."""
        if not self._parts:
            return 1
        return self._top(width, len(self._parts) - 1) + self._parts[-1].stable(width)

    def kept(self, width: int, stable: int) -> int:
        """How many lines, from the top, the last change left as they were, of which `stable` were meant to; perhaps more are."""
        if self._turned or not self._parts:
            return 0
        last = self._parts[-1]
        kept = last.kept(width) if isinstance(last, Prose) else None
        return stable if kept is None else self._top(width, len(self._parts) - 1) + kept

    def line(self, width: int, y: int) -> Line:
        if y == 0:
            return self._label
        part, own = self._part_at(width, y)
        if part is None:
            return self._foot(width)[own]
        return part.line(width, own) if own >= 0 else BLANK

    def _part_at(self, width: int, y: int) -> tuple[Thought | Prose | None, int]:
        """The part that a line below the label is of, and which of its lines, -1 for the blank above it; None is the foot."""
        if y >= (end := self._end(width)):
            return None, y - end
        index = bisect_right(self._tops, y + 1) - 1
        return self._parts[index], y - self._tops[index]
