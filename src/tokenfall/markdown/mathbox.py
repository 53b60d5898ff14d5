"""Blocks of characters that are set beside and below each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len


@dataclass(frozen=True, slots=True)
class Box:
    """Lines of the same number of cells; `base` is the one that stands level with what is beside it."""

    lines: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        return cell_len(self.lines[0])


def beside(boxes: Sequence[Box]) -> Box:
    """Side by side; nothing gives an empty line."""
    if all(len(box.lines) == 1 for box in boxes):
        return Box(("".join(box.lines[0] for box in boxes),))
    base = max(box.base for box in boxes)
    height = base + max(len(box.lines) - box.base for box in boxes)
    padded = [_extended(box, base - box.base, height) for box in boxes]
    return Box(tuple("".join(parts) for parts in zip(*padded, strict=True)), base)


def _extended(box: Box, above: int, height: int) -> list[str]:
    blank = " " * box.width
    return [*[blank] * above, *box.lines, *[blank] * (height - above - len(box.lines))]


def grid(rows: Sequence[Sequence[Box]], aligns: Sequence[str], *, touching: bool) -> Box:
    """A table; rows may lack cells at their end. Its middle is its base. `touching`: columns come in pairs without a space."""
    count = max(map(len, rows))
    widths = [max((row[column].width for row in rows if column < len(row)), default=0) for column in range(count)]
    lines: list[str] = []
    for row in rows:
        cells = []
        for column, width in enumerate(widths):
            if column:
                cells.append(Box(("" if touching and column % 2 else "  ",)))
            align = aligns[column] if column < len(aligns) else "center"
            cells.append(_aligned(row[column] if column < len(row) else Box(("",)), width, align))
        lines.extend(beside(cells).lines)
    return Box(tuple(lines), (len(lines) - 1) // 2)


def _aligned(box: Box, width: int, align: str) -> Box:
    spare = width - box.width
    left = {"right": spare, "left": 0}.get(align, spare // 2)
    return Box(tuple(f"{' ' * left}{line}{' ' * (spare - left)}" for line in box.lines), box.base)


def framed(box: Box) -> Box:
    edge = "─" * (box.width + 2)
    return Box((f"┌{edge}┐", *(f"│ {line} │" for line in box.lines), f"└{edge}┘"), box.base + 1)


def with_scripts(box: Box, below: str, above: str) -> Box:
    """A script at the upper and one at the lower right corner."""
    width = max(cell_len(below), cell_len(above))
    lines = [above, *[""] * (len(box.lines) - 2), below]
    return beside((box, Box(tuple(line + " " * (width - cell_len(line)) for line in lines), box.base)))


_PARTS = {
    parts[0]: tuple(parts[1:])
    for parts in ("(⎛⎜⎜⎝", ")⎞⎟⎟⎠", "[⎡⎢⎢⎣", "]⎤⎥⎥⎦", "{⎧⎪⎨⎩", "}⎫⎪⎬⎭", "|││││", "‖‖‖‖‖", "⌊⎢⎢⎢⎣", "⌋⎥⎥⎥⎦", "⌈⎡⎢⎢⎢", "⌉⎤⎥⎥⎥")
}
"""Top, filling, middle and bottom of high brackets."""
_OF_TWO = {"{": "⎰⎱", "}": "⎱⎰"}
STRETCHABLE = frozenset(_PARTS)


def stretched(bracket: str, box: Box) -> Box:
    """A bracket of STRETCHABLE as high as a box of at least two lines."""
    top, filling, middle, bottom = _PARTS[bracket]
    height = len(box.lines)
    if height == 2:
        return Box(tuple(_OF_TWO.get(bracket, top + bottom)), box.base)
    lines = [top, *[filling] * (height - 2), bottom]
    lines[(height - 1) // 2] = middle
    return Box(tuple(lines), box.base)
