"""Finding words in the lines of a stack. No widget in here."""

import re
from bisect import bisect_right
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from rich.cells import cell_len

from tokenfall.ui.selection import Spot
from tokenfall.ui.stack import Entry, Place, Stack

MOST = 1_000
"""So many are counted; each may take as long as laying out what it is in."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many are found, `more` if that is not the end of it, and which of them was gone to: 1 is the newest, as it is the first
    that is found; 0 is not known yet."""

    place: int
    count: int
    more: bool

    def __str__(self) -> str:
        return f"{self.place or '…'} of {self.count:,}{'+' if self.more else ''}"


class Query:
    """Words as they are shown, also where a line is broken between them. Capitals count where the query has any."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._length = len(text)
        flags = re.IGNORECASE if text == text.lower() else re.NOFLAG
        # what wraps is white space of any kind
        self._pattern = re.compile(r"\s+".join(map(re.escape, text.split())), flags)
        self._words = [re.compile(re.escape(word), flags) for word in text.split()]
        self._counts: dict[Entry, tuple[int, int]] = {}
        """By entry: how long its source was, and how many were found in it then."""

    def __bool__(self) -> bool:
        return bool(self.text.strip())

    def cells(self, stack: Stack, place: Place) -> list[tuple[int, int]]:
        """The cells of a line that belong to something found, as (first, one past the last)."""
        line = stack.line(place)
        before, after = self._context(stack, place, -1), self._context(stack, place, 1)
        indent = line.width - cell_len(line.text)
        found = []
        for match in self._pattern.finditer(before + line.text + after):
            first, last = max(match.start() - len(before), 0), min(match.end() - len(before), len(line.text))
            if first < last:
                found.append((indent + cell_len(line.text[:first]), indent + cell_len(line.text[:last])))
        return found

    def _context(self, stack: Stack, place: Place, step: int) -> str:
        """What stands before a line or after it in the same line of the source, as far as something found could reach."""
        text = ""
        joint = stack.line(place).joint if step < 0 else None
        for other in stack.walk(place, step):
            line = stack.line(other)
            if other.entry != place.entry or len(text) >= self._length or (joint if step < 0 else line.joint) is None:
                break
            if step < 0:
                text = f"{line.text}{joint}{text}"
                joint = line.joint
            else:
                text = f"{text}{line.joint}{line.text}"
        return text

    def next(self, stack: Stack, spot: Spot, step: int) -> Iterator[Spot | None]:
        """Where the next one begins after a cell, or before it with a step of -1, round the end if need be; None whenever
        others may come in between. Nothing more comes where there is none."""
        count = len(stack.entries)
        for turn in range(count + 1 if count else 0):
            index = (spot.entry + step * turn) % count
            found: list[Spot] = []
            for each in self._begins(stack, index):
                if each is None:
                    yield None
                else:
                    found.append(each)
            if turn == 0:
                found = [each for each in found if (each > spot if step > 0 else each < spot)]
            if found:
                yield found[0 if step > 0 else -1]
                return
            yield None
            if len(stack.entries) < count:  # the others have taken some away
                return

    def tally(self, stack: Stack, gone_to: Spot) -> Iterator[Tally | None]:
        """Counts from the newest entry on, and tells at every entry; None whenever others may come in between."""
        place = count = 0
        more = True
        for index in reversed(range(len(stack.entries))):
            if index >= len(stack.entries):  # the others have taken some away
                continue
            if index == gone_to.entry:
                begins = []
                for each in self._begins(stack, index):
                    if each is None:
                        yield None
                    else:
                        begins.append(each)
                place = count + sum(each >= gone_to for each in begins)
                found = len(begins)
            else:
                found = yield from self._counted(stack, index)
            count += found
            if count >= MOST:
                break
            yield Tally(place, count, more)
        else:
            more = False
        yield Tally(place, count, more)

    def _counted(self, stack: Stack, index: int) -> Generator[None, None, int]:
        entry = stack.entries[index]
        size, found = self._counts.get(entry, (-1, 0))
        if size != (size_now := len(entry.source)):
            found = 0
            for each in self._begins(stack, index):
                found += each is not None
                if each is None:
                    yield
            self._counts[entry] = size_now, found
        return found

    def forget(self, entry: Entry) -> None:
        """It shows itself otherwise from now on."""
        self._counts.pop(entry, None)

    def _begins(self, stack: Stack, index: int) -> Iterator[Spot | None]:
        """Where all that is found in an entry begins; None whenever others may come in between, who may make it shorter or take
        it away."""
        if index >= len(stack.entries) or not all(word.search(stack.entries[index].source) for word in self._words):
            return
        yield from stack.laying(index)
        text = ""
        starts: list[int] = []
        y = 0
        while index < len(stack.entries) and y < stack.height(index):
            line = stack.line(Place(index, y))
            if line.joint is not None and starts:
                text += line.joint
            starts.append(len(text))
            text += line.text
            y += 1
            if y < stack.height(index) and stack.line(Place(index, y)).joint is not None:
                continue
            for match in self._pattern.finditer(text):
                row = bisect_right(starts, match.start()) - 1
                place = Place(index, y - len(starts) + row)
                found = stack.line(place)
                before = text[starts[row] : match.start()]
                yield Spot(*place, found.width - cell_len(found.text) + cell_len(before))
            text, starts = "", []
            yield None
