"""Entries one under the other at one width, of which only those near the view are laid out. No widget in here."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from tokenfall.markdown.lines import BLANK, Line

WARM = 5_000
"""Lines of entries looked at last that are kept, beside those in view; others are made again when they are looked at."""


class Entry(Protocol):
    """What stands in the transcript, a blank line at its end. Heights are in lines at a width in cells, 1 at least."""

    def height(self, width: int) -> int: ...

    def estimate(self, width: int) -> int:
        """About the height, at no cost."""
        ...

    def laying(self, width: int) -> Iterator[None]:
        """What `height` does, in short steps between which others may come; it costs nothing then."""
        ...

    def line(self, width: int, y: int) -> Line: ...

    @property
    def source(self) -> str:
        """What its lines are made of: a word that is not in here is not in them."""
        ...

    def forget(self) -> None:
        """Lets go of all that can be made again."""
        ...


class Place(NamedTuple):
    """A line: which entry it is of, and the how-manieth of its lines. Stays true when entries above turn out taller."""

    entry: int
    y: int


TOP = Place(0, 0)


def moved_up(place: Place, taken_out: int) -> Place:
    """Where a line is after an entry was taken out; one of that entry itself is now where the next one begins."""
    if place.entry < taken_out:
        return place
    return Place(place.entry - 1, place.y) if place.entry > taken_out else Place(taken_out, 0)


class Stack:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.width = 1
        self._heights: list[int] = []
        self._measured: list[bool] = []
        self._warm: OrderedDict[Entry, int] = OrderedDict()
        self._warm_lines = 0
        self.in_view: set[Entry] = set()
        """Entries that keep their lines, however many."""

    def add(self, *entries: Entry) -> None:
        """Puts them at the bottom; they are measured when they come near the view."""
        for entry in entries:
            self.entries.append(entry)
            self._heights.append(entry.estimate(self.width))
            self._measured.append(False)

    def remove(self, entry: Entry) -> int:
        """Takes it out; returns the index that it had."""
        index = self.entries.index(entry)
        for each in (self.entries, self._heights, self._measured):
            del each[index]
        self._warm_lines -= self._warm.pop(entry, 0)
        return index

    def clear(self) -> None:
        for each in (self.entries, self._heights, self._measured):
            each.clear()
        self._warm.clear()
        self._warm_lines = 0
        self.in_view.clear()

    def index(self, entry: Entry) -> int:
        # what changes stands at the bottom, but for queued messages
        return next(index for index in reversed(range(len(self.entries))) if self.entries[index] is entry)

    def changed(self, index: int) -> None:
        self._measured[index] = False

    def rewrap(self, width: int) -> None:
        self.width = width
        self._heights = [entry.estimate(width) for entry in self.entries]
        self._measured = [False] * len(self.entries)

    def height(self, index: int) -> int:
        if not self._measured[index]:
            self._measured[index] = True
            self._heights[index] = self.entries[index].height(self.width)
            self._use(index)
        return self._heights[index]

    def line(self, place: Place) -> Line:
        if not self.holds(place):
            return BLANK
        self._use(place.entry)
        return self.entries[place.entry].line(self.width, place.y)

    def _use(self, index: int) -> None:
        entry, height = self.entries[index], self._heights[index]
        self._warm_lines += height - self._warm.get(entry, 0)
        self._warm[entry] = height
        self._warm.move_to_end(entry)
        if self._warm_lines > WARM:
            self._cool(entry)

    def _cool(self, used: Entry) -> None:
        for coldest in [each for each in self._warm if each is not used and each not in self.in_view]:
            if self._warm_lines <= WARM:
                break
            self._warm_lines -= self._warm.pop(coldest)
            coldest.forget()

    def holds(self, place: Place) -> bool:
        return 0 <= place.entry < len(self.entries) and 0 <= place.y < self.height(place.entry)

    def move(self, place: Place, lines: int) -> Place:
        """The place so many lines below, above if negative; the first or last one where there are fewer."""
        if not self.entries:
            return TOP
        entry = max(0, min(place.entry, len(self.entries) - 1))
        y = (place.y if entry == place.entry else self.height(entry)) + lines
        while y < 0 and entry:
            entry -= 1
            y += self.height(entry)
        while entry < len(self.entries) - 1 and y >= self.height(entry):
            y -= self.height(entry)
            entry += 1
        return Place(entry, max(0, min(y, self.height(entry) - 1)))

    @property
    def last(self) -> Place:
        return Place(len(self.entries) - 1, self.height(len(self.entries) - 1) - 1) if self.entries else TOP

    def page_at_end(self, rows: int) -> Place:
        """The first line of a view that ends with the last line."""
        index, left = len(self.entries), rows
        while index and left > 0:
            index -= 1
            left -= self.height(index)
        return Place(index, max(-left, 0))

    def places(self, top: Place, rows: int) -> list[Place]:
        """The lines of a view of so many rows; fewer where there are no more."""
        found: list[Place] = []
        for index in range(top.entry, len(self.entries)):
            first = top.y if index == top.entry else 0
            found += (Place(index, y) for y in range(first, min(self.height(index), first + rows - len(found))))
            if len(found) >= rows:
                break
        return found

    def below(self, top: Place, rows: int) -> int:
        """Lines under a view of so many rows, those of entries not laid out yet by estimate."""
        return max(sum(self._heights[top.entry :]) - top.y - rows, 0)

    def walk(self, place: Place, step: int) -> Iterator[Place]:
        """The places after one, or before it with a step of -1, to the end of the stack. Entries are laid out on the way."""
        return (each for each in self.stroll(place, step) if each is not None)

    def stroll(self, place: Place, step: int, enter: Callable[[Entry], bool] = lambda _: True) -> Iterator[Place | None]:
        """As `walk`, but for entries that are not to be entered; None whenever others may come in between, who may take entries
        away or make them shorter."""
        index, y = place
        while 0 <= index < len(self.entries):
            y += step
            while index < len(self.entries) and 0 <= y < self.height(index):
                yield Place(index, y)
                y += step
            index += step
            while 0 <= index < len(self.entries) and not enter(self.entries[index]):
                yield None
                index += step
            yield from self.laying(index)
            y = -1 if step > 0 else self.height(index) if 0 <= index < len(self.entries) else 0

    def laying(self, index: int) -> Iterator[None]:
        """Lays an entry out, if there is one, in short steps between which others may come."""
        if 0 <= index < len(self.entries):
            entry = self.entries[index]
            yield from entry.laying(self.width)
            if index < len(self.entries) and self.entries[index] is entry:
                self.height(index)
                self._use(index)

    def laying_around(self, index: int, rows: int) -> Iterator[None]:
        """The same for all that a view of so many rows may show that shows something of one entry."""
        for step in (-1, 1):
            each, left = index, rows
            while left > 0 and 0 <= each < len(self.entries):
                yield from self.laying(each)
                if each != index and each < len(self.entries):
                    left -= self.height(each)
                each += step

    def relative(self, place: Place) -> tuple[int, float]:
        """Where a line is in a form that a change of width leaves true: the entry, and how far into it as a share."""
        return (place.entry, place.y / self.height(place.entry)) if self.holds(place) else (place.entry, 0.0)

    def absolute(self, index: int, share: float) -> Place:
        return Place(index, round(share * self.height(index))) if index < len(self.entries) else self.last
