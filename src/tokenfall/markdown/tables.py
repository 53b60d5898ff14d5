"""Tables: aligned columns; wrapped cells when they are too wide; one record a row when even that is too wide."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len

from tokenfall.markdown.lines import Atom, Display, HardBreak, Run, Style
from tokenfall.markdown.wrap import Wrapped, Wrapper

BORDER = Style("border")
HEADER = Style("header", bold=True)
LEAST = 8
"""Cells that a column keeps when columns must shrink, if it has that much; below it rows become records."""

Cell = Sequence[Atom]


Widths = tuple[int, ...] | None
"""Cells of the columns; None for records."""


def measure(rows: Iterable[Sequence[Cell]]) -> tuple[int, ...]:
    """Cells of the longest content by column; at least one row."""
    return tuple(max(column) for column in zip(*(map(cell_width, row) for row in rows), strict=True))


def cell_width(cell: Cell) -> int:
    return sum(cell_len(atom.text) for atom in cell if not isinstance(atom, HardBreak))


def column_widths(natural: Sequence[int], width: int) -> Widths:
    """The columns' widths so that all fit in `width`, from those of their content, or None when they can't.

    The widest columns give first.
    """
    columns = [max(1, size) for size in natural]
    room = width - 3 * (len(columns) - 1)
    if sum(columns) <= room:
        return tuple(columns)
    if sum(min(column, LEAST) for column in columns) > room:
        return None
    cap = max(size for size in range(LEAST, max(columns) + 1) if sum(min(column, size) for column in columns) <= room)
    spare = room - sum(min(column, cap) for column in columns)
    fitted = []
    for column in columns:
        extra = min(spare, max(0, column - cap), 1)
        spare -= extra
        fitted.append(min(column, cap) + extra)
    return tuple(fitted)


def rule(widths: Sequence[int]) -> Run:
    return Run("─┼─".join("─" * width for width in widths), BORDER)


def row_lines(row: Sequence[Cell], widths: Sequence[int], aligns: Sequence[str]) -> Iterator[tuple[Run, ...]]:
    """A row's lines, as many as its longest cell needs."""
    cells = [[line.runs for line in wrapped(cell, width)] for cell, width in zip(row, widths, strict=True)]
    for number in range(max(1, *map(len, cells))):
        runs: list[Run] = []
        for column, (lines, width, align) in enumerate(zip(cells, widths, aligns, strict=True)):
            if column:
                runs.append(Run(" │ ", BORDER))
            runs.extend(_aligned(lines[number] if number < len(lines) else (), width, align, last=column == len(widths) - 1))
        yield tuple(runs)


def record_lines(head: Sequence[Cell], row: Sequence[Cell], width: int) -> Iterator[Wrapped]:
    """A row as one `name: value` a line."""
    for name, value in zip(head, row, strict=True):
        yield from wrapped([*name, Run(": ", BORDER), *value], width)


def wrapped(cell: Cell, width: int) -> list[Wrapped]:
    wrapper = Wrapper(width)
    wrapper.feed(Run(atom.text, atom.style) if isinstance(atom, Display) else atom for atom in cell)
    return wrapper.finish()


def _aligned(runs: tuple[Run, ...], width: int, align: str, *, last: bool) -> Iterator[Run]:
    """Padded to its column; nothing trails the last one."""
    spare = max(0, width - cell_width(runs))
    left = {"right": spare, "center": spare // 2}.get(align, 0)
    if left:
        yield Run(" " * left)
    yield from runs
    if spare > left and not last:
        yield Run(" " * (spare - left))
