"""The transcript as it is read: its keys and the mouse."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from textual import events
from textual.binding import Binding
from textual.message import Message

from tokenfall.filters import visible
from tokenfall.terminal.links import host
from tokenfall.terminal.themes import Look
from tokenfall.ui.key_order import KeyOrder
from tokenfall.ui.reply import Reply, Thought
from tokenfall.ui.selection import Spot
from tokenfall.ui.stack import Place
from tokenfall.ui.targets import CodeTarget, LinkTarget, Target, ThoughtTarget, next_target
from tokenfall.ui.transcript_lines import TranscriptLines

WHEEL_LINES = 3
"""What a notch of the wheel moves; three is what terminals themselves scroll."""


class Transcript(TranscriptLines):
    BINDINGS = [
        Binding(keys, action, description, show=False, id=f"transcript.{name}")
        for keys, action, description, name in (
            ("up,k", "move(-1, 0)", "up", "up"),
            ("down,j", "move(1, 0)", "down", "down"),
            ("left,h", "move(0, -1)", "left", "left"),
            ("right,l", "move(0, 1)", "right", "right"),
            ("0,circumflex_accent", "line_edge(False)", "start of the line", "line_start"),
            ("dollar_sign", "line_edge(True)", "end of the line", "line_end"),
            ("right_square_bracket", "target(1)", "next code block, link or reasoning", "next"),
            ("left_square_bracket", "target(-1)", "the one before", "previous"),
            ("enter", "open", "open the link or the reasoning", "open"),
            ("o", "thought", "open or fold the reasoning", "thought"),
            ("s", "source", "this reply as it was written, and back", "source"),
            ("t", "from_the_top", "keep the start of a reply in view, or follow its end", "from_the_top"),
            ("slash", "find", "find", "find"),
            ("n", "find_again(-1)", "the one found before this", "find_again"),
            ("N", "find_again(1)", "the one found after this", "find_later"),
            ("shift+up", "extend(-1, 0)", "select up", "select_up"),
            ("shift+down", "extend(1, 0)", "select down", "select_down"),
            ("shift+left", "extend(0, -1)", "select left", "select_left"),
            ("shift+right", "extend(0, 1)", "select right", "select_right"),
            ("v", "select", "begin to select", "select"),
            ("a", "select_all", "select all", "select_all"),
            ("y", "copy", "copy the selection, else the code block or address, else the last reply", "copy"),
        )
    ]

    @dataclass
    class CopyAsked(Message):
        """`y`: the text to copy; None for the last reply."""

        text: str | None

    @dataclass
    class OpenAsked(Message):
        """Enter, twice, on a link."""

        address: str

    @dataclass
    class Pointed(Message):
        """What the cursor stands on, in a few words; "" for nothing of note."""

        words: str

    def __init__(self, look: Look, elsewhere: Callable[[str], None]) -> None:
        """`elsewhere` takes a letter that means nothing here."""
        super().__init__(look)
        self.keys = KeyOrder(self, elsewhere, self._tell_looking)
        self._words = ""
        self._asked = ""
        """The address of which Enter has told the host."""

    async def on_key(self, event: events.Key) -> None:
        await self.keys.take(event)

    def _tell_looking(self, looking: bool) -> None:
        self.point("looking · Esc ends it" if looking else words(self.reading.target))

    # the cursor

    def cursor_moved(self) -> None:
        super().cursor_moved()
        self._asked = ""
        self.point(words(self.reading.target) if self.has_focus else "")

    def _after_cursor(self) -> None:
        """The cursor, and perhaps the selection with it, was moved by a key or the mouse."""
        self.reveal(self.reading.cursor)
        self.cursor_moved()

    def point(self, said: str) -> None:
        if said != self._words:
            self._words = said
            self.post_message(self.Pointed(said))

    @property
    def selected_text(self) -> str:
        return self.reading.text

    @property
    def selecting(self) -> bool:
        return self.reading.span is not None

    def clear_selection(self) -> None:
        self.reading.forget()
        self.cursor_moved()
        self.refresh()

    def on_focus(self) -> None:
        """The cursor stands where something was found, else where the newest reply begins, or at the top of the view when that
        is not in it."""
        replies = (index for index in reversed(range(len(self.stack.entries))) if isinstance(self.stack.entries[index], Reply))
        newest = Place(next(replies, 0), 0)
        if self.found is None:
            self.reading.put(newest if newest in self.view.places else self.view.top, 0)
        self.point(words(self.reading.target))
        self.refresh()

    def on_blur(self) -> None:
        self.reading.extending = False
        self.point("")
        self.refresh()

    def action_move(self, lines: int, cells: int) -> None:
        self.reading.move(lines, cells)
        self._after_cursor()

    def action_line_edge(self, end: bool) -> None:
        self.reading.to_line_edge(end=end)
        self._after_cursor()

    def action_extend(self, lines: int, cells: int) -> None:
        if not self.reading.extending:
            self.reading.begin()
        self.reading.move(lines, cells)
        self._after_cursor()

    def action_select(self) -> None:
        """Begins at the cursor, or ends what was begun."""
        if self.reading.extending:
            self.reading.forget()
        else:
            self.reading.begin()
        self._after_cursor()

    def action_select_all(self) -> None:
        self.reading.select_all()
        self._after_cursor()

    # what it stands on

    def action_target(self, step: int) -> None:
        found = next_target(self.stack, self.reading.cursor, step)
        self.keys.look(self.prepared(found), partial(self._go_to_target, "nothing more below" if step > 0 else "nothing more above"))

    def _go_to_target(self, otherwise: str, found: Spot | None) -> None:
        if found is not None:
            self.reading.put(found.place, found.x)
            place, rows = self.reading.cursor.place, self.view.rows
            if not self.view.top <= place <= self.place_at(rows * 2 // 3):
                # a part of what it leads to is to be seen as well
                self._after_move(self.view.go(self.stack.move(place, -(rows // 3))))
            self._after_cursor()
        else:
            self.point(words(self.reading.target) or otherwise)

    def action_copy(self) -> None:
        text: str | None
        match self.reading.target:
            case _ if self.selecting:
                text = self.selected_text
            case CodeTarget(code):
                text = code.text
            case LinkTarget(address):
                text = address
            case _:
                text = None
        self.post_message(self.CopyAsked(text))

    def action_open(self) -> None:
        match self.reading.target:
            case LinkTarget(address) if self._asked == address:
                self._asked = ""
                self.post_message(self.OpenAsked(address))
            case LinkTarget(address):
                self._asked = address
                where = host(address)
                self.point(f"Enter again opens {where}" if where else "only http and https links are opened; y copies the address")
            case ThoughtTarget(thought):
                self._toggle(self.reading.cursor.entry, thought)
            case CodeTarget() | None:
                pass

    def action_thought(self) -> None:
        self.toggle_thought(self.reading.cursor.entry)

    def toggle_thought(self, index: int | None = None) -> bool:
        """Opens or folds the reasoning of an entry, or else of the newest that has some; False when none has."""
        indexes = reversed(range(len(self.stack.entries)))
        for each in (*(() if index is None else (index,)), *indexes):
            entry = self.stack.entries[each] if each < len(self.stack.entries) else None
            if isinstance(entry, Reply) and entry.thoughts:
                self._toggle(each, entry.thoughts[-1])
                return True
        return False

    def _toggle(self, index: int, thought: Thought) -> None:
        entry = self.stack.entries[index]
        assert isinstance(entry, Reply)
        entry.toggle_thought(thought)
        self.show_anew(index)
        # its head is what the reader looks for
        head = next(y for y in range(self.stack.height(index)) if entry.thought_at(self.stack.width, y) is thought)
        self.reading.put(Place(index, head), 0)
        if not thought.folded or Place(index, head) < self.view.top:
            self._after_move(self.view.reveal(Place(index, self.stack.height(index) - 1)))
            self._after_move(self.view.reveal(Place(index, head)))
        self._after_cursor()

    def action_source(self) -> None:
        index = self.reading.cursor.entry
        entry = self.stack.entries[index] if index < len(self.stack.entries) else None
        if not isinstance(entry, Reply):
            self.point("only a reply has a source")
            return
        place = self.stack.relative(self.reading.cursor.place)
        entry.toggle_source()
        self.show_anew(index)
        self.reading.put(self.stack.absolute(*place), 0)
        self._after_cursor()

    def action_from_the_top(self) -> None:
        self.from_the_top = not self.from_the_top
        self.point("replies stay at their start from now on" if self.from_the_top else "replies are followed to their end from now on")

    async def action_find(self) -> None:
        await self.run_action("app.find")

    async def action_find_again(self, step: int) -> None:
        await self.run_action(f"app.find_again({step})")

    # the mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        offset = event.get_content_offset(self)
        if event.button == 1 and offset is not None and self.stack.entries:
            self.capture_mouse()
            self.reading.forget()
            self.reading.put(self.place_at(offset.y), offset.x)
            self.reading.begin()
            self._after_cursor()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self.reading.put(self.place_at(event.y - self.gutter.top), event.x - self.gutter.left)
            self._after_cursor()

    def on_mouse_up(self) -> None:
        if self.app.mouse_captured is self:
            self.release_mouse()
            self.reading.extending = False
            if self.reading.span and self.reading.span.anchor == self.reading.span.head:
                self.clear_selection()

    def on_mouse_scroll_up(self) -> None:
        self.scroll_lines(-WHEEL_LINES)

    def on_mouse_scroll_down(self) -> None:
        self.scroll_lines(WHEEL_LINES)


def words(target: Target | None) -> str:
    """What can be done with what the cursor stands on."""
    match target:
        case None:
            return ""
        case CodeTarget(code):
            return f"{visible(code.info, newlines=False)[:20] or 'code'} · y copies"
        case LinkTarget(address):
            return f"{visible(address, newlines=False)} · Enter opens · y copies"
        case ThoughtTarget(thought):
            return f"reasoning · Enter {'opens' if thought.folded else 'folds'}"
        case _:
            assert_never(target)
