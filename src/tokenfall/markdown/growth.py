"""Blocks that grow for long: what of them is settled is taken in once, and laid out once per width.

Each kind keeps what it has taken in, and per width the lines made of it, to which later text only adds (a table makes them
anew when a column must widen). The text not taken in yet is small and is laid out each time. Each kind tells whether its
lines are `exact`: those that the block has at the end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tokenfall.markdown import tables
from tokenfall.markdown.blocks import AnyBlock, Code, Leaf, Paragraph, References, Table
from tokenfall.markdown.highlight import LONG_CODE, Highlighter
from tokenfall.markdown.inline import atoms
from tokenfall.markdown.layout import Context, Layout
from tokenfall.markdown.lines import Atom, CodeText, Line, Run, Style
from tokenfall.markdown.wrap import Wrapper


@dataclass(slots=True)
class Settled:
    """Lines of one width; `taken` counts the rows, lines or atoms that they show."""

    lines: list[Line] = field(default_factory=list)
    taken: int = 0
    wrapper: Wrapper = field(default_factory=lambda: Wrapper(1))
    columns: tables.Widths = ()


class ParagraphGrowth:
    """`before` stands before the paragraph on its first line; `style` is that of its text."""

    exact = True

    def __init__(self, before: str, style: Style) -> None:
        self.before = before
        self.style = style
        self.pipes = 0
        """Unescaped pipes taken in of the line that is being written: they count if it becomes the head of a table."""
        self._atoms: list[Atom] = []

    @property
    def stub(self) -> str:
        return f"{self.before}x{'|' * self.pipes}"

    def rest(self, block: Paragraph) -> str:
        """The content after what is taken in, of a paragraph parsed behind the stub."""
        content = block.content[1 + self.pipes :]
        return content.lstrip() if content.startswith("\n") else content

    def fits(self, block: AnyBlock | None) -> bool:
        return isinstance(block, Paragraph)

    def take(self, segment: Iterable[Atom]) -> None:
        self._atoms.extend(segment)

    def lay(self, layout: "GrowingLayout", block: Leaf, settled: Settled) -> None:
        assert isinstance(block, Paragraph)
        layout.resume()
        if not settled.taken:
            settled.wrapper = Wrapper(layout.room())
        wrapper = settled.wrapper
        wrapper.feed(self._atoms[settled.taken :])
        settled.taken = len(self._atoms)
        if wrapper.lines:
            layout.wrapped(wrapper.lines)
            wrapper.lines.clear()
            layout.settle()
        last = wrapper.copy()
        last.feed(atoms(self.rest(block), layout.references, self.style, growing=block is layout.growing))
        if lines := last.finish():
            layout.wrapped(lines)


class CodeGrowth:
    """`first_line` is that of the source: a fence's opening, or indented code."""

    def __init__(self, first_line: str, block: Code) -> None:
        self.stub = first_line + "\n"
        self._highlighter = Highlighter(block.info)
        self._lines: list[list[Run]] = []
        self._size = 0
        self._whole = CodeText(block.info, "")

    @property
    def exact(self) -> bool:
        return self._size > LONG_CODE or self._highlighter.plain

    def fits(self, block: AnyBlock | None) -> bool:
        return isinstance(block, Code)

    def take(self, text: str) -> None:
        self._lines.extend(self._highlighter.advance(text))
        self._whole.taken.append(text)
        self._size += len(text)

    def rest(self, block: Code) -> str:
        """Without the stub, which is itself a line of code when there is no fence."""
        return block.text if block.fenced or not self._lines else block.text.partition("\n")[2]

    def lay(self, layout: "GrowingLayout", block: Leaf, settled: Settled) -> None:
        assert isinstance(block, Code)
        layout.resume()
        layout.code(self._lines[settled.taken :], self._whole)
        settled.taken = len(self._lines)
        layout.settle()
        self._whole.rest = self.rest(block)
        layout.code(self._highlighter.peek(self._whole.rest), self._whole)


class TableGrowth:
    """`stub` is the head and the line below it."""

    exact = True

    def __init__(self, stub: str, head: list[tables.Cell], aligns: tuple[str, ...]) -> None:
        self.stub = stub
        self._head = head
        self._aligns = aligns
        self._natural = tables.measure([head])
        self._rows: list[list[tables.Cell]] = []

    def fits(self, block: AnyBlock | None) -> bool:
        return isinstance(block, Table)

    def take(self, rows: list[list[tables.Cell]]) -> None:
        self._rows.extend(rows)
        for row in rows:
            self._natural = tuple(map(max, self._natural, map(tables.cell_width, row)))

    def lay(self, layout: "GrowingLayout", block: Leaf, settled: Settled) -> None:
        assert isinstance(block, Table)
        rest = [layout.row_cells(row, growing=block is layout.growing and row is block.rows[-1]) for row in block.rows]
        natural = self._natural
        for row in rest:
            natural = tuple(map(max, natural, map(tables.cell_width, row)))
        columns = tables.column_widths(natural, layout.room())
        if columns != settled.columns:
            settled.columns, settled.taken, settled.lines = columns, 0, []
        layout.resume()
        if not settled.taken:
            layout.table_head(self._head, columns, self._aligns, alone=False)
        for row in self._rows[settled.taken :]:
            layout.table_row(self._head, row, columns, self._aligns, first=settled.taken == 0)
            settled.taken += 1
        layout.settle()
        for row in rest:
            layout.table_row(self._head, row, columns, self._aligns, first=False)


Growth = ParagraphGrowth | CodeGrowth | TableGrowth


class GrowingLayout(Layout):
    """Lays out the tail around a growing block, which is the first that is no stub; its settled lines only once. It gives the
    others."""

    def __init__(
        self, width: int, references: References, context: Context, growth: Growth, settled: Settled, *, growing: Leaf | None
    ) -> None:
        super().__init__(width, references, context, growing=growing)
        self._growth = growth
        self._settled = settled
        self._fresh_from = 0

    def leaf(self, block: Leaf) -> None:
        if block.line == self.stubs:
            self._growth.lay(self, block, self._settled)
        else:
            super().leaf(block)

    def document(self, blocks: Iterable[AnyBlock]) -> list[Line]:
        super().document(blocks)
        return self._fresh()

    def again(self, growing: Leaf) -> list[Line]:
        super().again(growing)
        return self._fresh()

    def resume(self) -> None:
        """What stands before the block stands already if lines of it do."""
        if self._settled.lines:
            self.lines.clear()
            self.marked()

    def settle(self) -> None:
        """All lines so far are final."""
        self._fresh_from = len(self.lines)

    def _fresh(self) -> list[Line]:
        """Takes the settled lines off, to where they are kept, and gives the others."""
        self._settled.lines.extend(self.lines[: self._fresh_from])
        self.lines = self.lines[self._fresh_from :]
        self._mark.lines = max(self._mark.lines - self._fresh_from, 0)
        self._fresh_from = 0
        return self.lines
