"""The reader's cursor in the lines of a stack, and what is selected with it. No widget in here."""

from rich.cells import cell_len

from tokenfall.ui.selection import Span, Spot, extract
from tokenfall.ui.stack import TOP, Place, Stack, moved_up
from tokenfall.ui.targets import Target, target_at


class Reading:
    def __init__(self, stack: Stack) -> None:
        self.cursor = Spot(*TOP, 0)
        self.span: Span | None = None
        self.extending = False
        """Moves of the cursor move the free end of the selection."""
        self._stack = stack

    @property
    def text(self) -> str:
        """What is selected."""
        return extract(self.span, self._stack) if self.span else ""

    @property
    def target(self) -> Target | None:
        return target_at(self._stack, self.cursor)

    def forget(self) -> None:
        """The lines are others: what was selected is no more."""
        self.extending = False
        self.span = None

    def taken_out(self, index: int) -> None:
        """An entry is gone: what was selected in it is no more."""
        if self.span is not None:
            if self.span.start.entry <= index <= self.span.end.entry:
                self.forget()
            else:
                self.span = Span(_moved_up(self.span.anchor, index), _moved_up(self.span.head, index))
        self.cursor = _moved_up(self.cursor, index)

    def put(self, place: Place, x: int) -> None:
        """The cursor stands at a line, or at the first or last one where there is none, and within the width."""
        place = self._stack.move(place, 0)
        self.cursor = Spot(*place, max(0, min(x, self._stack.width - 1)))
        if self.extending and self.span:
            self.span = Span(self.span.anchor, self.cursor)

    def move(self, lines: int, cells: int) -> None:
        self.put(self._stack.move(self.cursor.place, lines), self.cursor.x + cells)

    def to_line_edge(self, *, end: bool) -> None:
        line = self._stack.line(self.cursor.place)
        indent = sum(cell_len(run.text) for run in line.prefix)
        self.put(self.cursor.place, max(line.width - 1, indent) if end else indent)

    def begin(self) -> None:
        """A selection begins at the cursor."""
        self.extending = True
        self.span = Span(self.cursor, self.cursor)

    def select_all(self) -> None:
        if self._stack.entries:
            self.span = Span(Spot(*TOP, 0), Spot(*self._stack.last, self._stack.width - 1))


def _moved_up(spot: Spot, taken_out: int) -> Spot:
    return Spot(*moved_up(spot.place, taken_out), spot.x)
