"""Which lines of a stack are seen, and what keeps hold of where. No widget in here."""

from bisect import bisect_left

from tokenfall.ui.stack import TOP, Place, Stack, moved_up


class View:
    """Follows the end while `following`; then, with a `held` line, only until that line is the first one seen."""

    def __init__(self, stack: Stack) -> None:
        self.rows = 0
        self.top = TOP
        self.following = True
        self.held: Place | None = None
        self._stack = stack
        self._places: list[Place] | None = None

    def settle(self) -> bool:
        """After the stack or the rows changed: moves as it must; tells whether the first line seen is another."""
        self._places = None
        bottom = self.bottom
        top = self.top if not self.following else bottom if self.held is None else self.held
        top = min(top, bottom)
        moved, self.top = top != self.top, top
        return moved

    @property
    def bottom(self) -> Place:
        return self._stack.page_at_end(self.rows)

    def go(self, top: Place) -> bool:
        """Shows what begins at a line, as far as there is more than a view below it; tells whether that moved anything."""
        bottom = self.bottom
        top = min(top, bottom)
        self.following = top == bottom
        self.held = None
        moved, self.top = top != self.top, top
        self._places = None
        return moved

    def move(self, lines: int) -> bool:
        return self.go(self._stack.move(self.top, lines))

    def reveal(self, place: Place) -> bool:
        """Moves as little as brings a line into view; tells whether it had to."""
        if place < self.top:
            return self.go(place)
        if self.rows and (not self.places or place > self.places[-1]):
            return self.go(self._stack.move(place, 1 - self.rows))
        return False

    @property
    def places(self) -> list[Place]:
        """The lines seen, from the first row on."""
        if self._places is None:
            self._places = self._stack.places(self.top, self.rows)
            self._stack.in_view = {self._stack.entries[place.entry] for place in self._places}
        return self._places

    def row(self, place: Place) -> int:
        """The first row that shows this line or a later one; `rows` when none does."""
        found = bisect_left(self.places, place)
        return found if found < len(self.places) else self.rows

    def taken_out(self, index: int) -> None:
        """An entry is gone, and those below it have moved up by one."""
        self.top = moved_up(self.top, index)
        if self.held is not None:
            self.held = moved_up(self.held, index)

    @property
    def below(self) -> int:
        """Lines hidden under the view, about."""
        return 0 if self.top == self.bottom else self._stack.below(self.top, self.rows)
