"""A text area whose document holds stand-ins: what can't be shown as it is, and folded pastes as marks."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.content import Content
from textual.document._edit import Edit
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import EditResult, Location

from tokenfall.ui.stand_ins import StandIns, unix_lines

OPENED = 50_000
"""Characters that a text area still edits without delay; a longer text stays a mark."""


class StandInArea(TextArea, inherit_bindings=False):
    """The document is drawn, not what was written; that is `original_text`. A mark is one thing: the cursor passes over
    it in one step and an edit takes all of it or nothing."""

    DEFAULT_CSS = """
    StandInArea > .stand-in-area--mark { text-style: italic; color: $text-accent; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"stand-in-area--mark"}

    class Notice(Message, namespace="prompt"):
        """A sentence for the user about what could not be done."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, placeholder: str = "", id: str | None = None) -> None:
        self._stand_ins = StandIns()
        super().__init__(id=id, highlight_cursor_line=False, placeholder=Content(placeholder))
        self.cursor_blink = False
        self.match_cursor_bracket = False

    @property
    def original_text(self) -> str:
        return self._stand_ins.original(self.text)

    @property
    def selected_text(self) -> str:
        """As it was written, folded pastes in full."""
        return self._stand_ins.original(super().selected_text)

    @property
    def is_empty(self) -> bool:
        return self.document.end == (0, 0)

    def type(self, text: str) -> None:
        """Text in the place of the selection."""
        self._put(self._stand_ins.document(text))

    def take(self, event: events.Key) -> bool:
        """Types what a key writes; False for a key that writes nothing."""
        character = event.character or ""
        # not ASCII: also what `is_printable` leaves out, joiners of emoji, no-break and ideographic spaces
        if not (len(character) == 1 and not character.isascii()) and (not event.is_printable or event.key.startswith("alt+")):
            return False
        self.type(character)
        return True

    def paste(self, text: str) -> None:
        """As `type`; a long text becomes a mark. Line breaks of every system are taken for newlines."""
        self._put(self._stand_ins.folded(unix_lines(text)))

    def write_anew(self, text: str, *, fold: bool = True) -> None:
        """Text in the place of all there is; undo brings back what was there."""
        too_long = len(text) > OPENED
        self._replace_all(self._stand_ins.folded(text) if fold or too_long else self._stand_ins.document(text))

    def forget(self) -> None:
        """Empties the area, with no way back."""
        self._stand_ins = StandIns()
        self.load_text("")

    def _put(self, document: str) -> None:
        self.replace(document, *self.selection, maintain_selection_offset=False)

    def _replace_all(self, document: str) -> None:
        self.replace(document, (0, 0), self.document.end, maintain_selection_offset=False)

    def action_cut(self) -> None:
        if self.selection.is_empty:
            self.action_select_line()
        if cut := self.selected_text:
            self.app.copy_to_clipboard(cut)
        self.action_delete_left()

    def action_paste(self) -> None:
        self.paste(self.app.clipboard)

    def action_open_mark(self) -> None:
        """The mark at the cursor, else the last one, becomes the text that it stands for."""
        marks = [(row, span) for row in range(self.document.line_count) for span in StandIns.marks(self.document[row])]
        if not marks:
            return
        cursor_row, cursor_column = self.cursor_location
        touched = (mark for mark in marks if mark[0] == cursor_row and cursor_column in mark[1])
        row, (start, end) = next(touched, marks[-1])
        text = self._stand_ins.original(self.document[row][start:end])
        if len(text) > OPENED:
            self.post_message(self.Notice("This paste is too long to open here; your editor can (Ctrl-O). It is sent whole."))
            return
        self.replace(self._stand_ins.document(text), (row, start), (row, end), maintain_selection_offset=False)

    # what TextArea asks when it draws, edits and moves

    def get_line(self, line_index: int) -> Text:
        line = self.document.get_line(line_index)
        text = Text(self._stand_ins.drawn(line), end="", no_wrap=True)
        if marks := StandIns.marks(line):
            style = self.get_component_rich_style("stand-in-area--mark", partial=True)
            for start, end in marks:
                text.stylize(style, start, end)
        return text

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        # An undo that takes lines away may hide the scrollbar, which asks for this before the cursor is back in the
        # document; TextArea then fails with a ValueError.
        if self.cursor_location[0] >= self.document.line_count:
            return Offset(0, 0)
        return super().scroll_cursor_visible(center, animate)

    def edit(self, edit: Edit) -> EditResult:
        top, bottom = edit.top, edit.bottom
        edit.from_location = self._beside_mark(top, after=top == bottom)
        edit.to_location = self._beside_mark(bottom, after=True)
        return super().edit(edit)

    def clamp_visitable(self, location: Location) -> Location:
        row, column = super().clamp_visitable(location)
        for start, end in StandIns.marks(self.document[row]):
            if start < column < end:
                return row, start if column - start < end - column else end
        return row, column

    def _beside_mark(self, location: Location, *, after: bool) -> Location:
        row, column = location
        if row < self.document.line_count:
            for start, end in StandIns.marks(self.document[row]):
                if start < column < end:
                    return row, end if after else start
        return location

    def get_cursor_left_location(self) -> Location:
        return self._beside_mark(super().get_cursor_left_location(), after=False)

    def get_cursor_right_location(self) -> Location:
        return self._beside_mark(super().get_cursor_right_location(), after=True)

    def get_cursor_word_left_location(self) -> Location:
        return self._beside_mark(super().get_cursor_word_left_location(), after=False)

    def get_cursor_word_right_location(self) -> Location:
        return self._beside_mark(super().get_cursor_word_right_location(), after=True)

    def get_cursor_up_location(self) -> Location:
        return self._beside_mark(super().get_cursor_up_location(), after=False)

    def get_cursor_down_location(self) -> Location:
        return self._beside_mark(super().get_cursor_down_location(), after=True)
