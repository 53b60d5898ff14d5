"""What keys lead to in the lines of a stack: code blocks, links and folded reasoning. No widget in here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len

from tokenfall.markdown.lines import CodeText, Line
from tokenfall.ui.reply import Reply, Thought
from tokenfall.ui.selection import Spot
from tokenfall.ui.stack import Entry, Place, Stack


@dataclass(frozen=True, slots=True)
class CodeTarget:
    code: CodeText


@dataclass(frozen=True, slots=True)
class LinkTarget:
    address: str


@dataclass(frozen=True, slots=True)
class ThoughtTarget:
    thought: Thought


MARGIN = 2
"""Cells before a line of code."""

Target = CodeTarget | LinkTarget | ThoughtTarget


def target_at(stack: Stack, spot: Spot) -> Target | None:
    """What stands under a cell; a code block also under the cells beside it, and the head of reasoning under all its line."""
    if not stack.holds(spot.place):
        return None
    line = stack.line(spot.place)
    for first, last, address in links(line):
        if first <= spot.x < last:
            return LinkTarget(address)
    if line.code is not None:
        return CodeTarget(line.code)
    thought = _thought(stack, spot.place)
    return ThoughtTarget(thought) if thought is not None else None


def next_target(stack: Stack, spot: Spot, step: int) -> Iterator[Spot | None]:
    """The first cell of the nearest target after a cell, or before it with a step of -1; None whenever others may come in between.
    Nothing more comes where there is none."""
    here = [x for x in _starts(stack, spot.place) if (x > spot.x if step > 0 else x < spot.x)] if stack.holds(spot.place) else []
    if here:
        yield Spot(*spot.place, here[0] if step > 0 else here[-1])
        return
    for place in stack.stroll(spot.place, step, _may_lead):
        if place is not None and (starts := _starts(stack, place)):
            yield Spot(*place, starts[0] if step > 0 else starts[-1])
            return
        yield None


_SIGNS = ("```", "~~~", "\t", "\n    ", "](", "]:", "://", "@")
_LEADING = re.compile(r"```|~~~|^(?: {4}| *\t)|\]\(|https?://|<[\w.+-]+@|^ {0,3}\[[^\]]+\]:|<mailto:", re.MULTILINE | re.IGNORECASE)
"""Some of this is in the source of whatever has code blocks or links."""


def _may_lead(entry: Entry) -> bool:
    """What certainly leads nowhere is not laid out for it."""
    if not isinstance(entry, Reply) or entry.thoughts:
        return isinstance(entry, Reply)
    source = entry.source
    # most sources have no sign at all, which is found out in a hundredth of the pattern's time
    return any(sign in source for sign in _SIGNS) and _LEADING.search(source) is not None


def _starts(stack: Stack, place: Place) -> list[int]:
    """The cells of a line at which a target begins, from left to right."""
    line = stack.line(place)
    above = _above(stack, place)
    if line.code is not None:
        return [] if above is not None and above.code is line.code else [_indent(line)]
    if _thought(stack, place) is not None:
        return [0]
    found = []
    for first, _, address in links(line):
        goes_on = first == _indent(line) and line.joint is not None and above is not None and _last_address(above) == address
        if not goes_on:
            found.append(first)
    return found


def links(line: Line) -> Iterator[tuple[int, int, str]]:
    """Each link of a line: its first cell, one past its last, and its address."""
    x = _indent(line)
    start, address = x, ""
    for run in line.runs:
        if run.style.href != address:
            if address:
                yield start, x, address
            start, address = x, run.style.href
        x += cell_len(run.text)
    if address:
        yield start, x, address


def pointed(line: Line, spot: Spot | None, target: Target | None) -> tuple[int, int] | None:
    """The cells of a line that show what the cursor leads to: a link where it stands, the margin of a code block. `spot` is the
    cursor on its own line and None on others."""
    match target:
        case LinkTarget() if spot is not None:
            return next(((first, last) for first, last, _ in links(line) if first <= spot.x < last), None)
        case CodeTarget(code) if line.code is code and _indent(line) >= MARGIN:
            return _indent(line) - MARGIN, _indent(line)
        case _:
            return None


def _last_address(line: Line) -> str:
    return line.runs[-1].style.href if line.runs else ""


def _indent(line: Line) -> int:
    return sum(cell_len(run.text) for run in line.prefix)


def _above(stack: Stack, place: Place) -> Line | None:
    return stack.line(Place(place.entry, place.y - 1)) if place.y else None


def _thought(stack: Stack, place: Place) -> Thought | None:
    entry = stack.entries[place.entry]
    return entry.thought_at(stack.width, place.y) if isinstance(entry, Reply) else None
