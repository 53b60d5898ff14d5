"""The transcript: one widget with the line API over everything that was said."""

from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from tokenfall.ui.entries import Entry, Mark, Reply, Stack
from tokenfall.ui.output import OwnRows
from tokenfall.ui.painter import CURSOR, Painter
from tokenfall.ui.selection import Span, Spot, extract
from tokenfall.ui.theme import Look

NOTHING = Strip([], 0)

WHEEL_LINES = 3
"""What a notch of the wheel moves; three is what terminals themselves scroll."""

HELD_S = 0.1
"""How long a marker alone on its line (`-`, `#`, `1.`) may stay unshown while it may still become something else."""

class Transcript(OwnRows, can_focus=True):
    """Follows the bottom until the reader scrolls up; then what is in view stays where it is."""

    ALLOW_SELECT = False  # we select by lines of text, not by widgets
    FOCUS_ON_CLICK = False  # what is typed after a click goes where it went before
    DEFAULT_CSS = "Transcript { height: 1fr; padding: 0 1; }"
    BINDINGS = [
        Binding(keys, action, description, show=False, id=f"transcript.{name}")
        for keys, action, description, name in (
            ("up,k", "move(-1, 0)", "up", "up"),
            ("down,j", "move(1, 0)", "down", "down"),
            ("left,h", "move(0, -1)", "left, while selecting", "left"),
            ("right,l", "move(0, 1)", "right, while selecting", "right"),
            ("shift+up", "extend(-1, 0)", "select up", "select_up"),
            ("shift+down", "extend(1, 0)", "select down", "select_down"),
            ("shift+left", "extend(0, -1)", "select left", "select_left"),
            ("shift+right", "extend(0, 1)", "select right", "select_right"),
            ("v", "select", "begin to select at the top of the view", "select"),
            ("a", "select_all", "select all", "select_all"),
            ("y", "copy", "copy the selection, else the last reply", "copy"),
        )
    ]

    @dataclass
    class Moved(Message):
        """Lines are hidden below the view, or no longer; 0 when the bottom is in view."""

        below: int

    @dataclass
    class Selected(Message):
        """The selection began or went away."""

        active: bool

    class CopyAsked(Message):
        """`y`: the selection is to be copied, or the last reply when there is none."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._painter = Painter(look)
        self._stack = Stack()
        self._top = 0
        self._below = 0
        self._following = True
        self._reply: Reply | None = None
        self._span: Span | None = None
        self._cursor = Spot(0, 0)
        self._extending = False
        self._held_timer: Timer | None = None

    # what stands in it

    def add(self, entry: Entry) -> None:
        self._settle(self._stack.add(entry))

    def take_out(self, entry: Entry) -> None:
        self._painter.forget()
        self._settle(self._stack.remove(entry))

    def clear(self) -> None:
        self._stack.clear()
        self._reply = None
        self._top = 0
        self._following = True
        self.repaint()

    def begin(self, model: str) -> None:
        """A reply starts; it grows by `append` until `finish`."""
        self._reply = Reply(model)
        self.add(self._reply)

    def append(self, text: str, *, reasoning: bool = False) -> None:
        """More of the reply, exactly as it came."""
        if self._reply is not None:
            self._change(self._reply, lambda reply: reply.append(text, reasoning=reasoning))
            if self._reply.held and not self._held_timer:
                self._held_timer = self.set_timer(HELD_S, self._show_held)

    def _show_held(self) -> None:
        self._held_timer = None
        if self._reply is not None and self._reply.held:
            self._change(self._reply, Reply.flush_held)

    def _change(self, reply: Reply, change: Callable[[Reply], None]) -> None:
        index = self._index(reply)
        stable = reply.stable(self._stack.width)
        change(reply)
        self._stack.measure(index)
        self._settle(self._stack.start(index) + max(stable, reply.kept(self._stack.width)))

    def finish(self, mark: Mark | None) -> None:
        """The reply has ended; `mark` says how, where there is something to say."""
        if self._reply is not None:
            index = self._index(self._reply)
            self._reply.finish(mark)
            self._reply = None
            self._painter.forget()
            self._stack.measure(index)
            self._settle(self._stack.start(index))

    def _index(self, entry: Entry) -> int:
        # a growing reply stands at the bottom, but for queued messages
        return next(index for index in reversed(range(len(self._stack.entries))) if self._stack.entries[index] is entry)

    def _settle(self, first: int) -> None:
        """Paints what changed: the lines from `first` on, or everything when the view moved with the bottom."""
        if not self.is_mounted or not self._rows:
            return
        top = self._bottom if self._following else min(self._top, self._bottom)
        if top != self._top:
            self._top = top
            self.refresh()
        elif first < self._top + self._rows:
            row = max(first - self._top, 0)
            self.refresh(Region(self.gutter.left, self.gutter.top + row, self._stack.width, self._rows - row))
        self._tell_below()

    @property
    def _rows(self) -> int:
        return self.content_size.height

    @property
    def _bottom(self) -> int:
        return max(self._stack.height - self._rows, 0)

    def _tell_below(self) -> None:
        below = self._bottom - self._top
        if below != self._below:
            self._below = below
            self.post_message(self.Moved(below))

    # scrolling

    def scroll_lines(self, lines: int) -> None:
        self._go(self._top + lines)

    def scroll_pages(self, pages: int) -> None:
        # a line of the old page stays in view
        self._go(self._top + pages * max(self._rows - 1, 1))

    def scroll_to_top(self) -> None:
        self._go(0)

    def scroll_to_bottom(self) -> None:
        self._go(self._bottom)

    def _go(self, top: int) -> None:
        top = max(0, min(top, self._bottom))
        self._following = top == self._bottom
        if top != self._top:
            self._top = top
            self._cursor = Spot(max(top, min(self._cursor.y, top + self._rows - 1)), self._cursor.x)
            self.refresh()
        self._tell_below()

    def on_resize(self) -> None:
        self._fit()
        self._tell_below()
        self.refresh()

    def _fit(self) -> None:
        """Wraps everything for the present width; what is being read stays in view."""
        place = self._stack.place(self._top)
        self._painter.forget()
        self._span = None
        self._stack.rewrap(max(self.content_size.width, 1))
        self._top = self._bottom if self._following else min(self._stack.line_of(place), self._bottom)

    # painting

    def wear(self, look: Look) -> None:
        """Other colours from now on."""
        self._painter = Painter(look)
        self.repaint()

    def repaint(self) -> None:
        self._painter.forget()
        self._span = None
        self._settle(0)
        self.refresh()

    def fit(self) -> None:
        if self._stack.width != max(self.content_size.width, 1):
            self._fit()  # painted before it was told of its size

    def render_line(self, y: int) -> Strip:
        line_number = self._top + y
        strip = self._strip(line_number)
        columns = self._span.columns(line_number, max(strip.cell_length, 1)) if self._span else None
        if columns:
            strip = self._painter.lay_over(strip, *columns)
        if self.has_focus and line_number == self._cursor.y:
            strip = self._painter.lay_over(strip, self._cursor.x, self._cursor.x + 1, CURSOR)
        return strip

    def _strip(self, line_number: int) -> Strip:
        if not 0 <= line_number < self._stack.height:
            return NOTHING
        index, y = self._stack.locate(line_number)
        line = self._stack.entries[index].line(self._stack.width, y)
        return self._painter.strip((index, y), line)

    # selecting

    @property
    def selected_text(self) -> str:
        return extract(self._span, self._stack.line, self._stack.height) if self._span else ""

    @property
    def selecting(self) -> bool:
        return self._span is not None

    def clear_selection(self) -> None:
        self._extending = False
        self._select(None)

    def _select(self, span: Span | None) -> None:
        if (self._span is None) != (span is None):
            self.post_message(self.Selected(span is not None))
        self._span = span
        self.refresh()

    def _move_to(self, y: int, x: int) -> None:
        """Moves the cursor, and the free end of the selection with it, and keeps it in view."""
        self._cursor = Spot(max(0, min(y, self._stack.height - 1)), max(0, min(x, self._stack.width - 1)))
        if self._extending and self._span:
            self._select(Span(self._span.anchor, self._cursor))
        if self._cursor.y < self._top:
            self._go(self._cursor.y)
        elif self._cursor.y >= self._top + self._rows:
            self._go(self._cursor.y - self._rows + 1)
        self.refresh()

    def on_focus(self) -> None:
        """The cursor stands where the newest entry begins, or at the top of the view when that is above it."""
        newest = self._stack.start(len(self._stack.entries) - 1) if self._stack.entries else 0
        self._cursor = Spot(max(newest, self._top), 0)
        self.refresh()

    def on_blur(self) -> None:
        self._extending = False
        self.refresh()

    def action_select(self) -> None:
        """Begins at the cursor, or ends what was begun."""
        self._extending = not self._extending
        self._select(Span(self._cursor, self._cursor) if self._extending else None)

    def action_select_all(self) -> None:
        if self._stack.height:
            self._select(Span(Spot(0, 0), Spot(self._stack.height - 1, self._stack.width - 1)))

    def action_move(self, lines: int, cells: int) -> None:
        self._move_to(self._cursor.y + lines, self._cursor.x + cells)

    def action_extend(self, lines: int, cells: int) -> None:
        if not self._extending:
            self.action_select()
        self.action_move(lines, cells)

    def action_copy(self) -> None:
        self.post_message(self.CopyAsked())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        offset = event.get_content_offset(self)
        if event.button == 1 and offset is not None and self._stack.height:
            self.capture_mouse()
            self._cursor = Spot(min(self._top + offset.y, self._stack.height - 1), offset.x)
            self._extending = True
            self._select(Span(self._cursor, self._cursor))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self._move_to(self._top + event.y - self.gutter.top, event.x - self.gutter.left)

    def on_mouse_up(self) -> None:
        if self.app.mouse_captured is self:
            self.release_mouse()
            self._extending = False
            if self._span and self._span.anchor == self._span.head:
                self._select(None)

    def on_mouse_scroll_up(self) -> None:
        self.scroll_lines(-WHEEL_LINES)

    def on_mouse_scroll_down(self) -> None:
        self.scroll_lines(WHEEL_LINES)
