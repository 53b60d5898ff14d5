"""The way down to the last block, along which a text is open; all beside it is closed."""

import re
from collections.abc import Iterator
from dataclasses import replace

from markdown_it.common.utils import MD_TRIM_CHARS

from tokenfall.markdown.blocks import (
    AnyBlock,
    Bullets,
    Code,
    Formula,
    Heading,
    Leaf,
    Numbers,
    Paragraph,
    Quote,
    Rule,
    Table,
    is_blank,
)
from tokenfall.markdown.layout import Context

Blocks = tuple[AnyBlock, ...]
Container = Quote | Bullets | Numbers


def open_path(blocks: Blocks, lines: list[str], stubs: int) -> tuple[list[Container], int]:
    """The containers around the last block, outermost first, and the line from which text must be kept: that of the last
    block, or of the link definitions directly above it, whose titles may go on in it. A first block keeps the marker of its
    container. Where the last block can't go on, that is the line after it."""
    if (ended := _ended(blocks[-1], lines)) is not None:
        return [], ended
    path: list[Container] = []
    line = blocks[-1].line
    while True:
        last = blocks[-1]
        beside = not path or len(blocks) > 1
        if beside:
            line = last.line
        match last:
            case Quote():
                inner = last.children
            case Bullets() | Numbers():
                inner = last.items[-1].children
                line = last.items[-1].line if len(last.items) > 1 else line
            case _:
                if beside and isinstance(last, Paragraph):
                    above = max(stubs, blocks[-2].end if len(blocks) > 1 else 0)
                    while line > above and not is_blank(lines[line - 1]):
                        line -= 1
                return path, line
        path.append(last)
        if not inner:
            return path, line
        blocks = inner


def _ended(last: AnyBlock, lines: list[str]) -> int | None:
    """The line after a block that is outside all containers and closed by its own end or by a blank line."""
    match last:
        case Heading() | Rule() | Formula(closed=True):
            return last.end
        case Paragraph() | Table() | Formula() if last.end < len(lines) - 1 and not lines[last.end].strip(" \t"):
            return last.end + 1
        case _:
            return None


def open_context(path: list[Container], line: int, lines: list[str], before: Context, *, follows: bool) -> Context:
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


def growing_leaf(blocks: Blocks, last_line: int) -> Leaf | None:
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


_LETTER = re.compile(r"[^\W\d_]")


def longer(leaf: Leaf, text: str, more: str) -> Leaf | None:
    """The block that a text ends in, after more of the same line; None where only the parser can tell.

    What a line is hangs on the marks at its beginning. A letter ends them, and no mark is a letter: a line of a paragraph or
    of a fence with one in it stays what it is. Not so after a bracket, since link definitions and tasks begin with one.
    """
    trimmed = text[len(text.rstrip(MD_TRIM_CHARS)) :]
    if "\n" in trimmed:
        return None
    match leaf:
        case Paragraph(content=content) if content[:1] != "[" and _LETTER.search(content, content.rfind("\n") + 1):
            return replace(leaf, content=f"{content}{trimmed}{more}".rstrip(MD_TRIM_CHARS))
        case Code(fenced=True, unclosed=True, text=code) if _LETTER.search(code, code.rfind("\n") + 1):
            return replace(leaf, text=code + more)
        case _:
            return None


def leaf_at(blocks: Blocks, line: int) -> tuple[Leaf | None, bool]:
    """The leaf that begins at a line, and whether a quote stands around it."""
    for block, quoted in _leaves(blocks, quoted=False):
        if block.line == line:
            return block, quoted
    return None, False


def _leaves(blocks: Blocks, *, quoted: bool) -> Iterator[tuple[Leaf, bool]]:
    for block in blocks:
        match block:
            case Quote(children=children):
                yield from _leaves(children, quoted=True)
            case Bullets(items=items) | Numbers(items=items):
                for item in items:
                    yield from _leaves(item.children, quoted=quoted)
            case leaf:
                yield leaf, quoted
