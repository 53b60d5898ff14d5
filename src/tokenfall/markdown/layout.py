"""Blocks to lines of a width."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from rich.cells import cell_len, set_cell_size

from tokenfall.markdown import tables
from tokenfall.markdown.blocks import (
    AnyBlock,
    Bullets,
    Code,
    Formula,
    Heading,
    Item,
    Leaf,
    Numbers,
    Paragraph,
    Quote,
    References,
    Rule,
    Table,
)
from tokenfall.markdown.highlight import code_lines
from tokenfall.markdown.inline import atoms
from tokenfall.markdown.lines import BLANK, PLAIN, CodeText, Line, Run, Style
from tokenfall.markdown.wrap import INDENT, LEAST_CONTENT, Wrapped, Wrapper, chop

MARKER = Style("marker")
QUOTE = Style("quote")
BULLETS = "•◦▪"
BOXES = {False: "☐", True: "☑"}
CODE_INDENT = Run(" " * INDENT, Style("code_block"))
CODE_WRAP = Run("↪ ", MARKER)


@dataclass(slots=True)
class _Edge:
    """What one container puts before its lines: `first` once, then `rest`."""

    first: Run | None
    rest: Run


@dataclass(slots=True)
class _Mark:
    """Where the growing block begins: after how many lines, within which edges, what each of them puts first there."""

    lines: int
    edges: list[tuple[_Edge, Run | None]]
    style: Style


@dataclass(frozen=True, slots=True)
class Context:
    """Where in the tree of blocks a text goes on: `stubs` are source lines that open its containers again and give no
    lines of their own, `numbers` the numbers of those that are items of ordered lists, outermost first; `follows` tells
    that blocks stand before it."""

    stubs: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    follows: bool = False

    def source(self, text: str) -> str:
        return "\n".join((*self.stubs, text)) if self.stubs else text


class Layout:
    """Lays blocks out one after the other into `lines`."""

    def __init__(self, width: int, references: References, context: Context, *, growing: Leaf | None = None) -> None:
        """`growing` is the block that is still being written."""
        self.lines: list[Line] = []
        self.width = width
        self.references = references
        self.stubs = len(context.stubs)
        self._follows = context.follows
        self._numbers = list(context.numbers)
        self.growing = growing
        self._edges: list[_Edge] = []
        self._bullet_depth = 0
        self.style = PLAIN
        self._mark = _Mark(0, [], PLAIN)

    def document(self, blocks: Iterable[AnyBlock]) -> list[Line]:
        self._blocks(blocks, spaced=True, follows=self._follows)
        return self.lines

    def _blocks(self, blocks: Iterable[AnyBlock], *, spaced: bool, follows: bool = False) -> None:
        """Siblings. `spaced` sets a blank line between all of them, else only where the source has one; `follows` tells
        that others stand before the first."""
        for block in blocks:
            stub = block.line < self.stubs
            if follows and not stub and (spaced or block.gap):
                self.lines.append(self.gap())
            follows = True
            match block:
                case Quote() | Bullets() | Numbers():
                    self._container(block)
                case _ if not stub:
                    if block is self.growing:
                        self._mark = _Mark(len(self.lines), [(edge, edge.first) for edge in self._edges], self.style)
                    self.leaf(block)

    def again(self, growing: Leaf) -> list[Line]:
        """The lines after the growing block, which is the last, has become another."""
        self.lines = self.lines[: self._mark.lines]
        self._edges = [edge for edge, _ in self._mark.edges]
        for edge, first in self._mark.edges:
            edge.first = first
        self.style = self._mark.style
        self.growing = growing
        self.leaf(growing)
        return self.lines

    def _container(self, block: Quote | Bullets | Numbers) -> None:
        match block:
            case Quote():
                outer, self.style = self.style, QUOTE
                bar = Run("▎ ", MARKER)
                self._within(_Edge(None if block.line < self.stubs else bar, bar), block.children, spaced=True)
                self.style = outer
            case Bullets():
                bullet = BULLETS[self._bullet_depth % len(BULLETS)]
                self._bullet_depth += 1
                for index, item in enumerate(block.items):
                    self._item(item, f"{bullet} ", follows=index > 0)
                self._bullet_depth -= 1
            case Numbers():
                start = self._numbers.pop(0) if block.line < self.stubs and self._numbers else block.start
                for index, item in enumerate(block.items):
                    self._item(item, f"{start + index:2}{block.mark} ", follows=index > 0)
            case _:
                assert_never(block)

    def _item(self, item: Item, marker: str, *, follows: bool) -> None:
        if follows and item.gap:
            self.lines.append(self.gap())
        stub = item.line < self.stubs
        if item.checked is not None:
            box = f"{BOXES[item.checked]} "
            marker = box if marker[0] in BULLETS else marker + box
        edge = _Edge(None if stub else Run(marker, MARKER), Run(" " * cell_len(marker)))
        self._within(edge, item.children, spaced=False)

    def _within(self, edge: _Edge, children: Iterable[AnyBlock], *, spaced: bool) -> None:
        self._edges.append(edge)
        self._blocks(children, spaced=spaced)
        if edge.first is not None:
            self._emit(())
        self._edges.pop()

    def leaf(self, block: Leaf) -> None:
        match block:
            case Paragraph() | Formula():
                self._wrap(block, block.content, self.style)
            case Heading():
                self._wrap(block, block.content, Style(f"h{block.level}", bold=True))
            case Rule():
                self._emit((), Run("─" * self.room(), Style("rule")))
            case Code():
                self.code(code_lines(block.info, block.text), CodeText(block.info, block.text))
            case Table():
                self._table(block)
            case _:
                assert_never(block)

    def _wrap(self, block: Leaf, content: str, style: Style) -> None:
        wrapper = Wrapper(self.room())
        wrapper.feed(atoms(content, self.references, style, growing=block is self.growing))
        self.wrapped(wrapper.finish())

    def wrapped(self, lines: Sequence[Wrapped]) -> None:
        """Lines of a paragraph; an empty one (an empty heading) takes a line all the same."""
        for line in lines or (Wrapped((), None),):
            self._emit(line.runs, Run(" " * line.indent) if line.indent else None, joint=line.joint)

    def code(self, lines: Iterable[list[Run]], whole: CodeText) -> None:
        """Lines of a block, or some of them."""
        room = self.room()
        indent = mark = None
        if room >= LEAST_CONTENT:
            room, indent, mark = room - INDENT, CODE_INDENT, CODE_WRAP
        for line in lines:
            first, *more = chop(line, room)
            self._emit(first, indent, code=whole)
            for part in more:
                self._emit(part, mark, joint="", code=whole)

    def _table(self, table: Table) -> None:
        head = self.head_cells(table)
        rows = [self.row_cells(row, growing=table is self.growing and row is table.rows[-1]) for row in table.rows]
        widths = tables.column_widths(tables.measure((head, *rows)), self.room())
        self.table_head(head, widths, table.aligns, alone=not rows)
        for number, row in enumerate(rows):
            self.table_row(head, row, widths, table.aligns, first=number == 0)

    def head_cells(self, table: Table) -> list[tables.Cell]:
        return [list(atoms(cell, self.references, tables.HEADER)) for cell in table.head]

    def row_cells(self, row: Sequence[str], *, growing: bool) -> list[tables.Cell]:
        return [list(atoms(cell, self.references, self.style, growing=growing)) for cell in row]

    def table_head(self, head: Sequence[tables.Cell], widths: tables.Widths, aligns: Sequence[str], *, alone: bool) -> None:
        """Records have no head, unless it is all there is."""
        if widths is not None:
            for runs in tables.row_lines(head, widths, aligns):
                self._emit(runs)
            self._emit((), tables.rule(widths))
        elif alone:
            for cell in head:
                self.wrapped(tables.wrapped(cell, self.room()))

    def table_row(
        self, head: Sequence[tables.Cell], row: Sequence[tables.Cell], widths: tables.Widths, aligns: Sequence[str], *, first: bool
    ) -> None:
        if widths is not None:
            for runs in tables.row_lines(row, widths, aligns):
                self._emit(runs)
            return
        if not first:
            self.lines.append(self.gap())
        for line in tables.record_lines(head, row, self.room()):
            self._emit(line.runs, joint=line.joint)

    def marked(self) -> None:
        """The markers of the open containers stand already."""
        for edge in self._edges:
            edge.first = None

    def room(self) -> int:
        """Cells for content within the open containers."""
        used = sum(len(edge.rest.text) for edge in self._edges)
        return max(1, self.width - used, min(self.width, LEAST_CONTENT))

    def _emit(
        self, runs: tuple[Run, ...], decoration: Run | None = None, joint: str | None = None, code: CodeText | None = None
    ) -> None:
        prefix = [edge.first or edge.rest for edge in self._edges]
        self.marked()
        self.lines.append(Line(self._cut(prefix) + ((decoration,) if decoration else ()), runs, joint, code))

    def _cut(self, prefix: list[Run]) -> tuple[Run, ...]:
        room = self.width - self.room()
        kept: list[Run] = []
        for run in prefix:
            size = cell_len(run.text)
            kept.append(run if size <= room else Run(set_cell_size(run.text, max(0, room)), run.style))
            room -= size
            if room <= 0:
                break
        return tuple(run for run in kept if run.text)

    def gap(self) -> Line:
        """A blank line that keeps the bars of quotes."""
        if not self._edges:
            return BLANK
        prefix = [edge.rest for edge in self._edges]
        while prefix and not prefix[-1].text.strip():
            prefix.pop()
        return Line(self._cut(prefix))
