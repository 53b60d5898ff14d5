"""The line in which words to find are written; what is found is marked in the transcript as they are."""

import time
from collections.abc import Callable, Generator
from contextlib import aclosing
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from tokenfall.ui.bites import first, in_bites
from tokenfall.ui.find import Query
from tokenfall.ui.key_order import handed_on
from tokenfall.ui.picker import PRINTED
from tokenfall.ui.selection import Spot
from tokenfall.ui.stack import TOP
from tokenfall.ui.transcript import Transcript

TOLD_S = 0.2
"""How often a count that grows is shown."""

TYPING_S = 0.2
"""While letters follow one another faster, only what is counted at once is counted."""

ROOMY = 64
"""Columns from which on the bar has room for its keys."""


class _Words(Input):
    def on_key(self, event: events.Key) -> None:
        handed_on(self, event)


class FindBar(Horizontal):
    """Searches upwards from the end of the view, where a chat's newest words are."""

    DEFAULT_CSS = """
    FindBar { height: 1; background: $panel; }
    FindBar Static { width: auto; padding: 0 1; background: $panel; color: $text-muted; }
    FindBar Input, FindBar Input:focus { width: 1fr; height: 1; border: none; padding: 0; background: $panel; background-tint: $panel 0%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,up,ctrl+p", "again(-1)", priority=True),
        Binding("shift+enter,down,ctrl+n", "again(1)", priority=True),
        Binding("escape,ctrl+f", "close", priority=True),
        Binding("tab", "leave", priority=True),
        Binding("pageup", "page(-1)", priority=True),
        Binding("pagedown", "page(1)", priority=True),
    ]

    def __init__(self, transcript: Transcript, give_keys: Callable[[bool], None]) -> None:
        """`give_keys` is told whether the transcript is to have the keys, or who had them before. It is called and not told by a
        message, which the next key would overtake."""
        super().__init__()
        self._transcript = transcript
        self._give_keys = give_keys
        self._told = Static("", markup=False)
        self._input = _Words(placeholder="words in the transcript", restrict=PRINTED, select_on_focus=False)
        self._input.cursor_blink = False
        self._origin = Spot(*TOP, 0)
        """Where the reader was: what is typed is sought from there, whatever its beginnings found on the way."""

    def compose(self) -> ComposeResult:
        yield Static("find", markup=False)
        yield self._input
        yield self._told

    @property
    def has_keys(self) -> bool:
        return self._input.has_focus

    def open(self) -> None:
        """Shows itself and takes the keys."""
        self.display = True
        places = self._transcript.view.places
        self._origin = Spot(*(places[-1] if places else TOP), self._transcript.stack.width)
        self._input.value = ""
        self.screen.set_focus(self._input)  # now: `focus` would let the keys go first that are pressed already

    def on_input_changed(self) -> None:
        if self.display and self._take():
            self.search(-1)

    def _take(self) -> bool:
        """What is sought is what is written now; whether that is something new."""
        sought = self._transcript.sought
        if self._input.value == (sought.text if sought is not None else ""):
            return False
        self._transcript.sought = Query(self._input.value) or None
        self._transcript.found = None
        self._transcript.refresh()
        return True

    def action_again(self, step: int) -> None:
        self._input.call_later(self._again, step)

    def _again(self, step: int) -> None:
        self.search(-1 if self._take() else step)

    def action_page(self, pages: int) -> None:
        self._transcript.scroll_pages(pages)

    def action_close(self) -> None:
        self.forget()
        self.display = False
        self._give_keys(False)

    def forget(self) -> None:
        """Nothing is sought or marked any more."""
        self.workers.cancel_node(self)
        self._transcript.sought = self._transcript.found = None
        self._transcript.refresh()

    def action_leave(self) -> None:
        # behind the letters that were typed before it, which the input may still have to act on
        self._input.call_later(self._leave)

    def _leave(self) -> None:
        if self._take() or self._transcript.found is None:
            self.search(-1)  # what is typed is not found yet; the keys that follow wait for it
        self.display = False
        self._give_keys(True)

    def search(self, step: int) -> None:
        """Goes to the next that is found, or with a step of -1 to the one before."""
        transcript = self._transcript
        if transcript.found is None:
            self._tell("", keys=False)
        self.workers.cancel_group(self, "count")
        if transcript.sought is not None:
            self.run_worker(self._search(transcript.sought, step), exclusive=True)

    def go_on(self, step: int) -> None:
        """The same for a key of the transcript: others wait for it."""
        self.workers.cancel_node(self)
        if (query := self._transcript.sought) is not None:
            self._transcript.keys.look(self._steps(query, step), partial(self._arrive, query))

    def _steps(self, query: Query, step: int) -> Generator[Spot | None, None, None]:
        transcript = self._transcript
        return transcript.prepared(query.next(transcript.stack, transcript.found or self._origin, step))

    async def _search(self, query: Query, step: int) -> None:
        found = await first(self._steps(query, step))
        self._arrive(query, found)

    def _arrive(self, query: Query, found: Spot | None) -> None:
        transcript = self._transcript
        if transcript.sought is not query:
            return
        if found is None:
            self._tell("nothing found", keys=False)
            return
        transcript.found = found
        transcript.reading.put(found.place, found.x)
        transcript.reveal(found)
        transcript.cursor_moved()
        self.run_worker(self._count(query, found), group="count", exclusive=True)

    async def _count(self, query: Query, found: Spot) -> None:
        told_at, told = time.monotonic(), ""
        async with aclosing(in_bites(query.tally(self._transcript.stack, found), pause=TYPING_S)) as tallies:
            async for tally in tallies:
                told = str(tally)
                if tally.more and time.monotonic() - told_at >= TOLD_S:
                    told_at = time.monotonic()
                    self._tell(told)
        self._tell(told)

    def _tell(self, found: str, keys: bool = True) -> None:
        """In the bar, or where the transcript tells what its keys lead to."""
        transcript = self._transcript
        if self.display:
            self._told.update(found + (" · Enter: earlier · Down: later · Esc" if keys and self.size.width >= ROOMY else ""))
        elif transcript.has_focus and transcript.reading.target is None and transcript.reading.cursor == transcript.found:
            transcript.point(f"{found} · n earlier · N later")
