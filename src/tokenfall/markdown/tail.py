"""The open end of a text: what later text can still change, and what leaves it when later text has come."""

import re
from collections import ChainMap
from collections.abc import Iterator
from itertools import pairwise

from tokenfall.markdown.blocks import AnyBlock, Bullets, Leaf, Numbers, Paragraph, Quote, References, is_blank, parse
from tokenfall.markdown.layout import Layout
from tokenfall.markdown.lines import Line
from tokenfall.markdown.pieces import Context, Piece

_MARKER_ONLY = re.compile(
    r"[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+[>\t ]*)*"
    r"(?:#{1,6}|[-+*]|\d{1,9}[.)]?|(?:[-+*]|\d{1,9}[.)])[ \t]+\[[ xX]?\]?|`+|(?:```|~~~)[^`]*|~+|=+|_+|[-*_ \t]+|[|:\- \t]*)[ \t]*"
)
"""A line that may still become a heading, item, task, fence, underline, rule or table: nothing on it is a word."""


Blocks = tuple[AnyBlock, ...]
Container = Quote | Bullets | Numbers


class Tail:
    def __init__(self) -> None:
        self.text = ""
        self.context = Context()

    def close(self, references: References) -> tuple[list[Piece], References]:
        """Takes off what is closed; with the link definitions in it.

        Only whole lines decide, and the last block that they begin stays, with whatever stands before it and could
        still belong to it.
        """
        whole = self.text[: self.text.rfind("\n") + 1]
        if not whole:
            return [], {}
        stubs = len(self.context.stubs)
        defined: References = {}
        blocks = parse(self.context.source(whole), ChainMap(defined, references))
        if not blocks:
            return [], {}
        lines = [*self.context.stubs, *whole.split("\n")]
        path, line = _open_path(blocks, lines, stubs)
        if line <= stubs:
            return [], {}
        boundaries = [stubs, *(block.line for block in blocks if stubs < block.line < line), line]
        closed = list(self._cut(lines, boundaries, blocks[0].line))
        size = sum(len(piece.text) + 1 for piece in closed)
        if defined:
            defined = {}
            for piece in closed:
                parse(piece.context.source(piece.text), ChainMap(defined, references))
        self.context = _context(path, line, lines, self.context, follows=self.context.follows or blocks[0].line < line)
        self.text = self.text[size:]
        return closed, defined

    def end(self, references: References) -> tuple[list[Piece], References]:
        """All that is left, closed by the end of the text."""
        stubs = len(self.context.stubs)
        defined: References = {}
        blocks = parse(self.context.source(self.text), ChainMap(defined, references))
        lines = [*self.context.stubs, *self.text.split("\n")]
        boundaries = [stubs, *(block.line for block in blocks if stubs < block.line), len(lines)]
        pieces = list(self._cut(lines, boundaries, blocks[0].line if blocks else len(lines)))
        self.text, self.context = "", Context()
        return pieces, defined

    def holds(self) -> bool:
        """The last line is only a marker so far."""
        last = self.text.rfind("\n") + 1
        return last < len(self.text) and _MARKER_ONLY.fullmatch(self.text, last) is not None

    def lines(self, width: int, references: References, *, hold: bool) -> list[Line]:
        """As it is to be shown now. `hold` keeps back a last line that is only a marker so far."""
        text = self.text[: self.text.rfind("\n") + 1] if hold and self.holds() else self.text
        if not text:
            return []
        scratch: References = ChainMap({}, references)
        source = self.context.source(text)
        blocks = parse(source, scratch)
        layout = Layout(
            width, scratch, stubs=len(self.context.stubs), numbers=self.context.numbers, growing=_growing(blocks, source.count("\n"))
        )
        layout.blocks(blocks, spaced=True, follows=self.context.follows)
        return layout.lines

    def _cut(self, lines: list[str], boundaries: list[int], first_block: int) -> Iterator[Piece]:
        context = self.context
        for start, end in pairwise(boundaries):
            yield Piece(context, "\n".join(lines[start:end]))
            context = Context(follows=self.context.follows or first_block < end)


def _open_path(blocks: Blocks, lines: list[str], stubs: int) -> tuple[list[Container], int]:
    """The containers around the last block, outermost first, and the line from which text must be kept: that of the last
    block, or of the link definitions directly above it, whose titles may go on in it. A first block keeps the marker of its
    container."""
    path: list[Container] = []
    line = stubs
    while True:
        last = blocks[-1]
        if len(blocks) > 1:
            line = last.line
        match last:
            case Quote():
                inner = last.children
            case Bullets() | Numbers():
                inner = last.items[-1].children
                line = last.items[-1].line if len(last.items) > 1 else line
            case _:
                if len(blocks) > 1 and isinstance(last, Paragraph):
                    while line > max(stubs, blocks[-2].end) and not is_blank(lines[line - 1]):
                        line -= 1
                return path, line
        path.append(last)
        if not inner:
            return path, line
        blocks = inner


def _context(path: list[Container], line: int, lines: list[str], before: Context, *, follows: bool) -> Context:
    """What opens again, for the text from `line` on, the containers that began above it.

    Of a list that began above and whose last item begins here, the item before it stands for the list; left empty if its
    first line is, since only then an item that is indented more can follow it. A blank line directly above is kept: gaps
    depend on it.
    """
    kept: dict[int, str] = {}
    numbers: list[int] = []
    known = list(before.numbers)
    for container in path:
        if container.line >= line:
            break
        if isinstance(container, Quote):
            kept[container.line] = container.stub
            continue
        index = len(container.items) - (1 if container.items[-1].line < line else 2)
        item = container.items[index]
        empty = item.line < line <= container.items[-1].line and not (item.children and item.children[0].line == item.line)
        kept[item.line] = item.stub[:-1] if empty else item.stub
        if isinstance(container, Numbers):
            carried = container.line < len(before.stubs) and known
            numbers.append((known.pop(0) if carried else container.start) + index)
    if kept and is_blank(lines[line - 1]):
        kept[line - 1] = lines[line - 1]
    return Context(tuple(kept[number] for number in sorted(kept)), tuple(numbers), follows)


def _growing(blocks: Blocks, last_line: int) -> Leaf | None:
    """The block that the last line belongs to, if any."""
    while blocks:
        match blocks[-1]:
            case Quote(children=children):
                blocks = children
            case Bullets(items=items) | Numbers(items=items):
                blocks = items[-1].children
            case leaf:
                return leaf if leaf.end >= last_line else None
    return None
