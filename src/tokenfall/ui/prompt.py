"""Where the user writes."""

import asyncio
import os
from collections.abc import Callable
from typing import ClassVar

from textual import events, work
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.actions import SkipAction
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.keys import Keys

from tokenfall.errors import UserError
from tokenfall.store import PromptHistory
from tokenfall.terminal.editor import edited, editor_command
from tokenfall.ui.completion import Completion
from tokenfall.ui.earlier_prompts import HistorySearch, HistoryWalk
from tokenfall.ui.key_order import act, handed_on
from tokenfall.ui.stand_in_area import StandInArea
from tokenfall.ui.stand_ins import unix_lines

TALLEST = 10
"""Lines the prompt grows to."""

# Textual's parser reads Alt+Enter, and what many terminals are told to send for Shift+Enter, as Enter: the new line that
# was meant would send half a prompt.
if isinstance(ANSI_SEQUENCES_KEYS, dict):  # its type promises no more than a Mapping
    ANSI_SEQUENCES_KEYS["\x1b\r"] = (Keys.ControlJ,)


class Prompt(StandInArea, inherit_bindings=False):
    """Multi-line, one to ten lines tall (a third of a low screen at most), never disabled.

    What was written is `text_to_send`, never `text`. Keys that the prompt has no use for bubble to the app: Ctrl-C,
    Esc, Tab, F1, Ctrl-P; when it is empty also Ctrl-D, Home, End, PgUp and PgDn. Ctrl-G opens the folded paste at the
    cursor, else the last one.
    """

    DEFAULT_CSS = """
    Prompt, Prompt:focus {
        height: auto;
        padding: 0 1;
        border: none;
        background: transparent;
        scrollbar-size-vertical: 1;
    }
    Prompt.-searching, Prompt.-searching:focus {
        border-top: solid $foreground 30%;
        border-title-color: $text-accent;
    }
    Prompt > .text-area--placeholder { text-style: dim; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, description, show=False, id=f"prompt.{action}")
        for keys, action, description in (
            ("enter", "submit", "Send"),
            ("ctrl+j,shift+enter,alt+enter", "new_line", "New line"),
            ("up", "line_up", "Line up, or the prompt before"),
            ("down", "line_down", "Line down, or the prompt after"),
            ("left", "cursor_left", "Left"),
            ("right", "cursor_right", "Right"),
            ("ctrl+left,alt+b", "cursor_word_left", "Word left"),
            ("ctrl+right,alt+f", "cursor_word_right", "Word right"),
            ("home,ctrl+a", "cursor_line_start", "Start of line"),
            ("end,ctrl+e", "cursor_line_end", "End of line"),
            ("pageup", "cursor_page_up", "Page up"),
            ("pagedown", "cursor_page_down", "Page down"),
            ("shift+left", "cursor_left(True)", "Select left"),
            ("shift+right", "cursor_right(True)", "Select right"),
            ("shift+up", "cursor_up(True)", "Select up"),
            ("shift+down", "cursor_down(True)", "Select down"),
            ("ctrl+shift+left", "cursor_word_left(True)", "Select word left"),
            ("ctrl+shift+right", "cursor_word_right(True)", "Select word right"),
            ("shift+home", "cursor_line_start(True)", "Select to start of line"),
            ("shift+end", "cursor_line_end(True)", "Select to end of line"),
            ("f7", "select_all", "Select all"),
            ("backspace,ctrl+h", "delete_left", "Delete left"),
            ("delete", "delete_right", "Delete right"),
            ("ctrl+d", "delete_right_or_skip", "Delete right; quit when empty"),
            ("ctrl+w,ctrl+backspace,alt+backspace", "delete_word_left", "Delete word left"),
            ("alt+delete,alt+d", "delete_word_right", "Delete word right"),
            ("ctrl+u", "delete_to_start_of_line", "Delete to start of line"),
            ("ctrl+k", "delete_to_end_of_line_or_delete_line", "Delete to end of line"),
            ("ctrl+x", "cut", "Cut"),
            ("ctrl+v", "paste", "Paste what was cut"),
            ("ctrl+underscore,ctrl+slash", "undo", "Undo"),
            ("ctrl+y", "redo", "Redo"),
            ("ctrl+r", "search_history", "Search history"),
            ("ctrl+o", "open_editor", "Write in your editor"),
            ("ctrl+g", "open_mark", "Open a folded paste"),
        )
    ]

    def __init__(
        self,
        history: PromptHistory,
        send: Callable[[str], None],
        *,
        completion: Completion | None = None,
        placeholder: str = "",
        id: str | None = None,
    ) -> None:
        """`send` gets what was written, folded pastes in full. It is called and not told by a message: a key pressed right
        after Enter, Ctrl-C above all, must find the message sent, and would overtake one of Textual's."""
        self._send = send
        self._history = history
        self._completion = completion
        self._walk: HistoryWalk | None = None
        self._search: HistorySearch | None = None
        super().__init__(placeholder=placeholder, id=id)

    @property
    def text_to_send(self) -> str:
        return self.original_text

    def put_back(self, text: str) -> None:
        """A message that was queued comes back, before what is in the prompt."""
        self._leave_search(restore=True)
        brought = self._stand_ins.folded(unix_lines(text))
        self.insert(brought if self.is_empty else f"{brought}\n", (0, 0))
        self.move_cursor(self.document.end)

    def clear_draft(self) -> None:
        """Empties the prompt; undo brings it back. While the history is searched, leaves the search instead."""
        if self._search is not None:
            self._leave_search(restore=True)
            return
        self._walk = None
        self.write_anew("")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return min(super().get_content_height(container, viewport, width), TALLEST, max(1, viewport.height // 3))

    def update_suggestion(self) -> None:
        if self._completion is not None:
            # a command that history brings is not being typed, and Up and Down go on through history
            brought = self._walk is not None and self.text == self._walk.brought
            typing = self.document.line_count == 1 and self._search is None and not brought
            self._completion.offer(self.document[0] if typing else "")

    # keys and pastes

    async def on_key(self, event: events.Key) -> None:
        if handed_on(self, event):
            return
        if self._key_in_search(event) or self._key_in_completion(event.key) or self.take(event):
            pass
        elif not await act(self, event.key):
            # on to the app; the text area would take the letter of an Alt key as typed
            event.prevent_default()
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        if self._search is not None:
            self._seek(self._search.asking(self._search.query + unix_lines(event.text).split("\n")[0]))
        elif event.text:
            self.paste(event.text)

    def action_new_line(self) -> None:
        self.type("\n")

    def action_delete_right_or_skip(self) -> None:
        self._skip_when_empty()
        self.action_delete_right()

    def action_cursor_line_start(self, select: bool = False) -> None:
        self._skip_when_empty()
        super().action_cursor_line_start(select)

    def action_cursor_line_end(self, select: bool = False) -> None:
        self._skip_when_empty()
        super().action_cursor_line_end(select)

    def action_cursor_page_up(self) -> None:
        self._skip_when_empty()
        super().action_cursor_page_up()

    def action_cursor_page_down(self) -> None:
        self._skip_when_empty()
        super().action_cursor_page_down()

    def _skip_when_empty(self) -> None:
        """Lets a key go on to the app, which scrolls or quits by it."""
        if self.is_empty:
            raise SkipAction

    # sending, and what was sent

    def action_submit(self) -> None:
        text = self.text_to_send
        if not text.strip():
            return
        self._history.add(text)
        self._save_history()
        self._walk = None
        self.forget()
        self._send(text)

    @work(group="prompt-history")
    async def _save_history(self) -> None:
        await asyncio.to_thread(self._history.save)
        if problem := self._history.problem():
            self.post_message(self.Notice(problem))

    def action_line_up(self) -> None:
        if self.navigator.is_first_wrapped_line(self.cursor_location):
            self._turn_page(-1)
        else:
            self.action_cursor_up()

    def action_line_down(self) -> None:
        if self.navigator.is_last_wrapped_line(self.cursor_location):
            self._turn_page(1)
        else:
            self.action_cursor_down()

    def _turn_page(self, by: int) -> None:
        walk = self._walk or HistoryWalk(list(self._history.entries))
        document = walk.step(by, self.text, self._stand_ins.folded)
        if document is None:
            return
        self._walk = walk
        self._replace_all(document)
        if by < 0:
            # so that the same key goes on to the next page
            self.move_cursor(self.navigator.get_location_end((0, 0)))

    # Ctrl-R

    def action_search_history(self) -> None:
        newest_first = tuple(dict.fromkeys(reversed(self._history.entries)))
        self._seek(HistorySearch(newest_first, self.text, self.cursor_location))

    def _seek(self, search: HistorySearch) -> None:
        self._search = search
        if search.found:
            self._replace_all(self._stand_ins.folded(search.found[search.place]))
        self.border_title = Content(search.indicator)
        self.add_class("-searching")

    def _leave_search(self, *, restore: bool) -> None:
        search, self._search = self._search, None
        if search is None:
            return
        self.remove_class("-searching")
        if restore:
            self._replace_all(search.document)
            self.move_cursor(search.cursor)
        else:
            self.update_suggestion()

    def _key_in_search(self, event: events.Key) -> bool:
        """Whether the search took the key. Ctrl-C goes on to the app; every other key leaves the search and then acts."""
        search, key = self._search, event.key
        if search is None or key == "ctrl+c":
            return False
        if key == "ctrl+r":
            self._seek(search.older())
        elif key in {"backspace", "ctrl+h"}:
            self._seek(search.asking(search.query[:-1]))
        elif event.is_printable and event.character:
            self._seek(search.asking(search.query + event.character))
        else:
            self._leave_search(restore=key == "escape")
            return key in {"escape", "enter"}
        return True

    # the list of commands

    def _key_in_completion(self, key: str) -> bool:
        completion = self._completion
        if completion is None or not completion.is_open:
            return False
        if key in {"up", "down"}:
            completion.move(-1 if key == "up" else 1)
        elif key == "escape":
            completion.close()
        elif key == "tab" or (key == "enter" and completion.takes_enter):
            self.write_anew(completion.taken())
        else:
            return False
        return True

    # Ctrl-O

    def action_open_editor(self) -> None:
        self.run_worker(self._written_in_editor(), group="prompt-editor", exclusive=True)

    async def _written_in_editor(self) -> None:
        document, text = self.text, self.text_to_send
        after = text
        try:
            command = editor_command(os.environ)
            # Without its writer thread the driver's queue holds 30 writes and then blocks the event loop for ever; in a
            # batch update the app draws nothing.
            with self.app.batch_update(), self.app.suspend():
                problem = ""
                try:
                    after = await edited(text, command)
                except UserError as error:
                    # inside, because `suspend` takes the terminal back only after a normal end
                    problem = str(error)
        except UserError as error:
            problem = str(error)
        except SuspendNotSupported:
            problem = "The editor can't be opened here: this program doesn't run in a terminal of its own."
        if problem:
            self.post_message(self.Notice(problem))
        elif after != text:
            # a queued message may have come back meanwhile
            came_back = self._stand_ins.original(self.text.removesuffix(document))
            self.write_anew(came_back + after, fold=False)
