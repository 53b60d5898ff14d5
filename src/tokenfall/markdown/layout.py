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
from tokenfall.markdown.lines import BLANK, PLAIN, Line, Run, Style
from tokenfall.markdown.wrap import Wrapped, Wrapper, chop

MARKER = Style("marker")
BULLETS = "•◦▪"
BOXES = {False: "☐", True: "☑"}
LEAST_CONTENT = 8
"""Cells left for content when nested decoration would fill a narrow view."""
CODE_INDENT = Run("  ", Style("code_block"))
CODE_WRAP = Run("↪ ", MARKER)


@dataclass(slots=True)
class _Edge:
    """What one container puts before its lines: `first` once, then `rest`."""

    first: Run | None
    rest: Run


class Layout:
    """Lays blocks out one after the other into `lines`."""

    def __init__(
        self, width: int, references: References, *, stubs: int = 0, numbers: Sequence[int] = (), growing: Leaf | None = None
    ) -> None:
        """`stubs` leading source lines stand for containers that are open already: they give no line of their own.
        `numbers` are the numbers of those that are items of ordered lists, outermost first. `growing` is the block
        that is still being written."""
        self.lines: list[Line] = []
        self._width = width
        self._references = references
        self._stubs = stubs
        self._numbers = list(numbers)
        self._growing = growing
        self._edges: list[_Edge] = []
        self._bullet_depth = 0
        self._style = PLAIN

    def blocks(self, blocks: Iterable[AnyBlock], *, spaced: bool, follows: bool = False) -> None:
        """Siblings. `spaced` sets a blank line between all of them, else only where the source has one; `follows` tells
        that others stand before the first."""
        for block in blocks:
            stub = block.line < self._stubs
            if follows and not stub and (spaced or block.gap):
                self.lines.append(self._gap())
            follows = True
            match block:
                case Quote() | Bullets() | Numbers():
                    self._container(block)
                case _ if not stub:
                    self._leaf(block)

    def _container(self, block: Quote | Bullets | Numbers) -> None:
        match block:
            case Quote():
                outer, self._style = self._style, Style("quote")
                bar = Run("▎ ", MARKER)
                self._within(_Edge(None, bar), block.children, spaced=True)
                self._style = outer
            case Bullets():
                bullet = BULLETS[self._bullet_depth % len(BULLETS)]
                self._bullet_depth += 1
                for index, item in enumerate(block.items):
                    self._item(item, f"{bullet} ", follows=index > 0)
                self._bullet_depth -= 1
            case Numbers():
                start = self._numbers.pop(0) if block.line < self._stubs and self._numbers else block.start
                for index, item in enumerate(block.items):
                    self._item(item, f"{start + index:2}{block.mark} ", follows=index > 0)
            case _:
                assert_never(block)

    def _item(self, item: Item, marker: str, *, follows: bool) -> None:
        if follows and item.gap:
            self.lines.append(self._gap())
        stub = item.line < self._stubs
        if item.checked is not None:
            box = f"{BOXES[item.checked]} "
            marker = box if marker[0] in BULLETS else marker + box
        before = len(self.lines)
        edge = _Edge(None if stub else Run(marker, MARKER), Run(" " * cell_len(marker)))
        self._within(edge, item.children, spaced=False)
        if not stub and len(self.lines) == before:
            self._edges.append(edge)
            self._emit(())
            self._edges.pop()

    def _within(self, edge: _Edge, children: Iterable[AnyBlock], *, spaced: bool) -> None:
        self._edges.append(edge)
        self.blocks(children, spaced=spaced)
        self._edges.pop()

    def _leaf(self, block: Leaf) -> None:
        match block:
            case Paragraph():
                self._wrap(block, block.content, self._style)
            case Heading():
                self._wrap(block, block.content, Style(f"h{block.level}", bold=True))
            case Rule():
                self._emit((), Run("─" * self._room(), Style("rule")))
            case Code():
                self.code(code_lines(block.info, block.text))
            case Table():
                self._table(block)
            case _:
                assert_never(block)

    def _wrap(self, block: Leaf, content: str, style: Style) -> None:
        wrapper = Wrapper(self._room())
        wrapper.feed(atoms(content, self._references, style, growing=block is self._growing))
        self.wrapped(wrapper.finish())

    def wrapped(self, lines: Sequence[Wrapped]) -> None:
        """Lines of a paragraph; an empty one (an empty heading) takes a line all the same."""
        for line in lines or (Wrapped((), None),):
            self._emit(line.runs, joint=line.joint)

    def code(self, lines: Iterable[list[Run]]) -> None:
        room = self._room()
        indent = mark = None
        if room >= LEAST_CONTENT:
            room, indent, mark = room - 2, CODE_INDENT, CODE_WRAP
        for line in lines:
            first, *more = chop(line, room)
            self._emit(first, indent)
            for part in more:
                self._emit(part, mark, joint="")

    def _table(self, table: Table) -> None:
        head = [list(atoms(cell, self._references, tables.HEADER)) for cell in table.head]
        rows = [[list(atoms(cell, self._references, self._style)) for cell in row] for row in table.rows]
        measure = tables.Measure((0,) * len(head))
        for row in (head, *rows):
            measure = measure.with_row(row)
        self.table_rows(head, rows, table.aligns, measure)

    def table_rows(
        self, head: Sequence[tables.Cell], rows: Sequence[Sequence[tables.Cell]], aligns: Sequence[str], measure: tables.Measure
    ) -> None:
        widths = tables.column_widths(measure, self._room())
        if widths is None:
            for number, row in enumerate(rows or [head]):
                if number:
                    self.lines.append(self._gap())
                for runs, joint in tables.record_lines(head, row, self._room()):
                    self._emit(runs, joint=joint)
            return
        for runs in tables.row_lines(head, widths, aligns):
            self._emit(runs)
        self._emit((), tables.rule(widths))
        for row in rows:
            for runs in tables.row_lines(row, widths, aligns):
                self._emit(runs)

    def _room(self) -> int:
        """Cells for content within the open containers."""
        used = sum(len(edge.rest.text) for edge in self._edges)
        return max(1, self._width - used, min(self._width, LEAST_CONTENT))

    def _emit(self, runs: tuple[Run, ...], decoration: Run | None = None, joint: str | None = None) -> None:
        prefix = [edge.first or edge.rest for edge in self._edges]
        for edge in self._edges:
            edge.first = None
        self.lines.append(Line(self._cut(prefix) + ((decoration,) if decoration else ()), runs, joint))

    def _cut(self, prefix: list[Run]) -> tuple[Run, ...]:
        room = self._width - self._room()
        kept: list[Run] = []
        for run in prefix:
            size = cell_len(run.text)
            kept.append(run if size <= room else Run(set_cell_size(run.text, max(0, room)), run.style))
            room -= size
            if room <= 0:
                break
        return tuple(run for run in kept if run.text)

    def _gap(self) -> Line:
        """A blank line that keeps the bars of quotes."""
        if not self._edges:
            return BLANK
        prefix = [edge.rest for edge in self._edges]
        while prefix and not prefix[-1].text.strip():
            prefix.pop()
        return Line(self._cut(prefix))
