"""What stands in the transcript and what of it is seen: one widget with the line API over everything that was said."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from tokenfall.markdown.lines import HELD_S
from tokenfall.terminal.themes import Look
from tokenfall.ui.find import Query
from tokenfall.ui.output import OwnRows
from tokenfall.ui.painter import CURSOR, Painter
from tokenfall.ui.reading import Reading
from tokenfall.ui.reply import Mark, Reply
from tokenfall.ui.selection import Spot
from tokenfall.ui.stack import TOP, Entry, Place, Stack
from tokenfall.ui.targets import pointed
from tokenfall.ui.view import View

NOTHING = Strip([], 0)


class TranscriptLines(OwnRows, can_focus=True):
    """Follows the bottom until the reader scrolls up; then what is in view stays where it is."""

    ALLOW_SELECT = False  # we select by lines of text, not by widgets
    FOCUS_ON_CLICK = False  # what is typed after a click goes where it went before
    DEFAULT_CSS = "TranscriptLines { height: 1fr; padding: 0 1; }"

    @dataclass
    class Moved(Message, namespace="transcript"):
        """Lines are hidden below the view, or no longer; 0 when the bottom is in view."""

        below: int

    @dataclass
    class Selected(Message, namespace="transcript"):
        """The selection began or went away."""

        active: bool

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.stack = Stack()
        self.view = View(self.stack)
        self.reading = Reading(self.stack)
        self.sought: Query | None = None
        """What is marked wherever it shows; `found` is where the one that was gone to begins."""
        self.found: Spot | None = None
        self.from_the_top = False
        """A reply's beginning stays in view instead of its end."""
        self._painter = Painter(look)
        self._below = 0
        self._reply: Reply | None = None
        self._held_timer: Timer | None = None
        self._told_selecting = False

    # what stands in it

    def add(self, *entries: Entry) -> None:
        first = Place(len(self.stack.entries), 0)
        self.stack.add(*entries)
        self._settle(first)

    def take_out(self, entry: Entry) -> None:
        index = self.stack.remove(entry)
        self.reading.taken_out(index)
        self.view.taken_out(index)
        self.found = None
        self._settle(Place(index, 0))
        self.cursor_moved()

    def show_anew(self, index: int) -> None:
        """An entry shows itself otherwise from now on."""
        self.reading.forget()
        if self.sought is not None:
            self.sought.forget(self.stack.entries[index])
        self.stack.changed(index)
        self._settle(Place(index, 0))
        self.cursor_moved()

    def clear(self) -> None:
        self.stack.clear()
        self._reply = self.found = None
        self.view.go(TOP)
        self.reading.put(TOP, 0)
        self.repaint()

    def begin(self, model: str, asked: Entry | None) -> None:
        """A reply starts; it grows by `append` until `finish`. `asked` is the question that was put just now, and None where the
        reader may be reading something else."""
        self._reply = Reply(model)
        self.add(self._reply)
        if self.from_the_top and self.view.following and asked is not None:
            self.view.held = Place(self.stack.index(asked), 0)

    def append(self, text: str, at: float, *, reasoning: bool = False) -> None:
        """More of the reply, exactly as it came, read at a time in seconds."""
        if (reply := self._reply) is None:
            return
        if reply.thinks and not reasoning:
            fold = self.view.following and not self._is_read(reply)
            self._change(reply, lambda: reply.append(text, at=at, fold=fold), whole=True)
        else:
            self._change(reply, lambda: reply.append(text, at=at, reasoning=reasoning))
        if self._held_timer is not None:
            self._held_timer.stop()
            self._held_timer = None
        if reply.held:
            self._held_timer = self.set_timer(HELD_S, self._show_held)

    def _is_read(self, reply: Reply) -> bool:
        """Whether the reader selects, or moves about in it."""
        here = self.has_focus and self.stack.entries[self.reading.cursor.entry] is reply
        return self.reading.span is not None or here

    def _show_held(self) -> None:
        self._held_timer = None
        if (reply := self._reply) is not None and reply.held:
            self._change(reply, reply.flush_held)

    def finish(self, mark: Mark | None, at: float) -> None:
        """The reply has ended; `mark` says how, where there is something to say."""
        if (reply := self._reply) is not None:
            self._reply = None
            self._change(reply, lambda: reply.finish(mark, at), whole=True)

    def _change(self, reply: Reply, change: Callable[[], object], *, whole: bool = False) -> None:
        """`whole` tells that any of its lines may be another afterwards."""
        index = self.stack.index(reply)
        stable = 0 if whole else reply.stable(self.stack.width)
        change()
        self.stack.changed(index)
        self._settle(Place(index, 0 if whole else reply.kept(self.stack.width, stable)))

    def _settle(self, first: Place) -> None:
        """Paints what changed: the lines from `first` on, or everything when the view moved with the bottom."""
        if not self.is_mounted or not self.view.rows:
            return
        if self.view.settle():
            self.refresh()
        elif (row := self.view.row(first)) < self.view.rows:
            self.refresh(Region(self.gutter.left, self.gutter.top + row, self.stack.width, self.view.rows - row))
        self._tell_below()

    def _tell_below(self) -> None:
        below = self.view.below
        if below != self._below:
            self._below = below
            self.post_message(self.Moved(below))

    # what is seen

    def scroll_pages(self, pages: int) -> None:
        # a line of the old page stays in view
        self._after_move(self.view.move(pages * max(self.view.rows - 1, 1)))

    def scroll_lines(self, lines: int) -> None:
        self._after_move(self.view.move(lines))

    def scroll_to_top(self) -> None:
        self._after_move(self.view.go(TOP))

    def scroll_to_bottom(self) -> None:
        self._after_move(self.view.go(self.view.bottom))

    def _after_move(self, moved: bool) -> None:
        if moved:
            self._keep_cursor_in_view()
            self.refresh()
            self.cursor_moved()
        self._tell_below()

    def _keep_cursor_in_view(self) -> None:
        if (places := self.view.places) and not self.reading.extending:
            place = max(places[0], min(self.reading.cursor.place, places[-1]))
            self.reading.cursor = Spot(*place, self.reading.cursor.x)

    def cursor_moved(self) -> None:
        """The cursor stands elsewhere, or on something else, and perhaps something else is selected."""
        selecting = self.reading.span is not None
        if selecting != self._told_selecting:
            self._told_selecting = selecting
            self.post_message(self.Selected(selecting))

    def reveal(self, spot: Spot) -> None:
        self._after_move(self.view.reveal(spot.place))
        self.refresh()

    def prepared(self, spots: Iterator[Spot | None]) -> Generator[Spot | None, None, None]:
        """The same, each after what can be seen beside it is laid out."""
        for spot in spots:
            if spot is not None:
                yield from self.stack.laying_around(spot.entry, self.view.rows)
            yield spot

    def place_at(self, row: int) -> Place:
        """The line that a row shows, also of rows above and below the view."""
        return self.stack.move(self.view.top, row)

    def on_resize(self) -> None:
        self._fit()
        self._tell_below()
        self.refresh()

    def _fit(self) -> None:
        """Wraps everything for the present width; what is being read stays in view."""
        width = max(self.content_size.width, 1)
        top = self.stack.relative(self.view.top)
        cursor = self.stack.relative(self.reading.cursor.place)
        self.view.rows = self.content_size.height
        if width != self.stack.width:
            self.reading.forget()
            self.found = None
            self.stack.rewrap(width)
            self.view.top = self.stack.absolute(*top)
            self.reading.put(self.stack.absolute(*cursor), self.reading.cursor.x)
            self.cursor_moved()
        self.view.settle()

    # painting

    def wear(self, look: Look) -> None:
        """Other colours from now on."""
        self._painter = Painter(look)
        self.repaint()

    def repaint(self) -> None:
        self.reading.forget()
        self._settle(TOP)
        self.refresh()
        self.cursor_moved()

    def fit(self) -> None:
        size = self.content_size
        if self.stack.width != max(size.width, 1) or self.view.rows != size.height:
            self._fit()  # painted before it was told of its size

    def render_line(self, y: int) -> Strip:
        places = self.view.places
        if y >= len(places):
            return NOTHING
        place = places[y]
        line = self.stack.line(place)
        strip = self._painter.strip(place, line)
        if self.sought:
            for first, last in self.sought.cells(self.stack, place):
                here = self.found is not None and self.found.place == place and first <= self.found.x < last
                strip = self._painter.lay_over(strip, first, last, None if here else self._painter.found)
        return self._with_cursor(place, strip)

    def _with_cursor(self, place: Place, strip: Strip) -> Strip:
        span = self.reading.span
        columns = span.columns(place, max(strip.cell_length, 1)) if span else None
        if columns:
            strip = self._painter.lay_over(strip, *columns)
        if not self.has_focus:
            return strip
        cursor = self.reading.cursor
        here = place == cursor.place
        if cells := pointed(self.stack.line(place), cursor if here else None, self.reading.target):
            strip = self._painter.lay_over(strip, *cells)
        return self._painter.lay_over(strip, cursor.x, cursor.x + 1, CURSOR) if here else strip
