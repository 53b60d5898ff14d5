"""A text that grows, as lines.

Exact at the end: after `finish` the lines are those of the whole text given at once, however it came in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from tokenfall.markdown.blocks import AnyBlock, Bullets, Code, Formula, Heading, Numbers, Paragraph, Quote, Rule, Table, parse
from tokenfall.markdown.lines import Line
from tokenfall.markdown.pieces import Pieces
from tokenfall.markdown.tail import Closed, Tail


@dataclass(frozen=True, slots=True)
class _Shown:
    """The lines at a width, of a version: `closed` ones, those of the tail that are settled, which may have grown since
    (`settled` counts them), and `fresh` ones. The first `kept` are as they were the time before."""

    width: int = 0
    version: int = -1
    closed: int = 0
    tail: list[Line] = field(default_factory=list)
    settled: int = 0
    fresh: list[Line] = field(default_factory=list)
    kept: int = 0

    @property
    def height(self) -> int:
        return self.closed + self.settled + len(self.fresh)


def _kept(before: _Shown, closed: int, tail: list[Line], fresh: list[Line]) -> int:
    """Leading lines that are as they were before, at the same width; those closed by now count only where they were closed."""
    same = before.settled if tail is before.tail else 0
    if closed != before.closed or same < before.settled:
        return min(closed, before.closed)
    for old, new in zip(before.fresh, chain(islice(tail, same, None), fresh), strict=False):
        if old is not new and old != new:
            break
        same += 1
    return closed + same


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fence or an indented block, as the model wrote it; `text` ends with a newline where the source has one."""

    info: str
    text: str


class Document:
    """Text goes in at the end; lines come out at any width.

    The text is inert already (no control characters but newline and tab) and its line ends are "\\n".
    """

    def __init__(self) -> None:
        self.version = 0
        """Grows whenever lines may have changed."""
        self.finished = False
        self._texts: list[str] = []
        self._pieces = Pieces()
        self._tail = Tail()
        self._hold = True
        self._shown = _Shown()

    @property
    def source(self) -> str:
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
        return self._texts[0] if self._texts else ""

    def append(self, text: str) -> None:
        """More text. Nothing may come after `finish`."""
        if self.finished:
            raise ValueError("The document is finished.")
        if not text:
            return
        self.version += 1
        self._hold = True
        self._texts.append(text)
        closed = self._tail.append(text, self._pieces.references)
        if closed is not None:
            self._take(closed)

    def flush_held(self) -> bool:
        """Shows a marker that is held back because it is ambiguous; tells whether there was one. The next text holds again."""
        if not self.held:
            return False
        self._hold = False
        self.version += 1
        return True

    @property
    def held(self) -> bool:
        return self._hold and not self.finished and self._tail.holds()

    def finish(self) -> None:
        """The end of the text; late link definitions take effect."""
        if self.finished:
            return
        self.version += 1
        self.finished = True
        self._take(self._tail.end(self._pieces.references))

    def _take(self, closed: Closed) -> None:
        self._pieces.add(closed.pieces, closed.laid)
        if self._pieces.define(closed.references):
            self._shown = _Shown()

    def laying(self, width: int) -> Iterator[None]:
        """Most of what `height` does, in short steps. Others may come in between."""
        return self._pieces.laying(width)

    def height(self, width: int) -> int:
        """Lines at a width of cells, 1 or more."""
        return self._at(width).height

    def line(self, width: int, y: int) -> Line:
        """Line `y`, counted from 0; IndexError beyond the height."""
        shown = self._at(width)
        if y < 0:
            raise IndexError(y)
        if y < shown.closed:
            return self._pieces.line(width, y)
        y -= shown.closed
        return shown.tail[y] if y < shown.settled else shown.fresh[y - shown.settled]

    def stable(self, width: int) -> int:
        """Leading lines that no later text changes, short of a link definition that arrives later."""
        return self._pieces.height(width)

    def kept(self, width: int) -> int:
        """Leading lines that the last change left as they were, if they had been looked at at this width before."""
        return self._at(width).kept

    @property
    def closed(self) -> int:
        """How many pieces no later text changes, short of a link definition that arrives later. Such a one may change how many
        lines a piece has, but not how many pieces there are."""
        return len(self._pieces)

    def closed_lines(self, width: int, piece: int) -> Sequence[Line]:
        """The lines of a closed piece, counted from 0."""
        return self._pieces.lines(width, piece)

    def open_lines(self, width: int, most: int) -> list[Line]:
        """The last lines, `most` of them (1 or more), of what later text can change."""
        shown = self._at(width)
        missing = most - len(shown.fresh)
        return shown.fresh[-most:] if missing <= 0 else shown.tail[max(shown.settled - missing, 0) : shown.settled] + shown.fresh

    def lines(self, width: int) -> Iterator[Line]:
        return (self.line(width, y) for y in range(self.height(width)))

    def code_blocks(self) -> list[CodeBlock]:
        """Every code block, also in lists and quotes, in order; the last may be unfinished."""
        return code_blocks(self.source)

    def _at(self, width: int) -> _Shown:
        before = self._shown
        if before.width == width and before.version == self.version:
            return before
        tail, fresh = ([], []) if self.finished else self._tail.lines(width, self._pieces.references, hold=self._hold)
        closed = self._pieces.height(width)
        kept = _kept(before, closed, tail, fresh) if before.width == width else 0
        self._shown = _Shown(width, self.version, closed, tail, len(tail), fresh, kept)
        return self._shown


def code_blocks(source: str) -> list[CodeBlock]:
    """Every code block of a markdown text, also in lists and quotes, in order."""
    return [CodeBlock(code.info, code.text) for code in _codes(parse(source, {}))]


def _codes(blocks: tuple[AnyBlock, ...]) -> Iterator[Code]:
    for block in blocks:
        match block:
            case Code():
                yield block
            case Quote(children=children):
                yield from _codes(children)
            case Bullets(items=items) | Numbers(items=items):
                for item in items:
                    yield from _codes(item.children)
            case Heading() | Paragraph() | Rule() | Table() | Formula():
                pass
