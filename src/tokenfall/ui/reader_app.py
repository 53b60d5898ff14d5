"""What the application does for who reads: scrolling, finding, links, reasoning, and the rule that tells about them."""

from pathlib import Path
from typing import TYPE_CHECKING

from textual.widget import Widget

from tokenfall.config import Repaint
from tokenfall.ui.rule import Rule
from tokenfall.ui.terminal_app import TerminalApp
from tokenfall.ui.transcript import Transcript

if TYPE_CHECKING:
    from tokenfall.ui.find_bar import FindBar


class ReaderApp(TerminalApp, inherit_bindings=False):
    def __init__(self, themes_folder: Path, theme: str, colours: int, repaint: Repaint) -> None:
        super().__init__(themes_folder, theme, colours, repaint)
        self.transcript = Transcript(self.worn.look, self.typed_elsewhere)
        self.rule = Rule(self.worn.look)
        self._find_bar: FindBar | None = None
        self._had_keys: Widget | None = None
        """What had the keys before something was to be found."""

    def typed_elsewhere(self, text: str) -> None:
        """Takes what was typed in the transcript and means nothing there."""
        raise NotImplementedError

    def action_scroll(self, pages: int) -> None:
        self.transcript.scroll_pages(pages)

    def action_top(self) -> None:
        self.transcript.scroll_to_top()

    def action_bottom(self) -> None:
        self.transcript.scroll_to_bottom()

    def action_thought(self) -> None:
        if not self.transcript.toggle_thought():
            self.tell("There is no reasoning to show.")

    def action_mouse(self) -> None:
        self.toggle_mouse()

    def on_transcript_moved(self, event: Transcript.Moved) -> None:
        self.rule.show_below(event.below)

    def on_transcript_pointed(self, event: Transcript.Pointed) -> None:
        self.rule.show_pointed(event.words)

    def on_transcript_open_asked(self, event: Transcript.OpenAsked) -> None:
        self.open_link(event.address)

    def on_descendant_focus(self) -> None:
        self.rule.show_keys(self.transcript.has_focus)

    # finding

    async def action_find(self) -> None:
        if self._find_bar is None:
            from tokenfall.ui.find_bar import FindBar

            self._find_bar = FindBar(self.transcript, self._find_gives_keys)
            # keys pressed meanwhile wait for it
            await self.mount(self._find_bar, before=self.rule)
        if not self._find_bar.has_keys:
            self._had_keys = self.focused
        self._find_bar.open()

    def close_find(self) -> bool:
        """Marks nothing any more, and leaves the keys where they are; False where nothing was sought."""
        if self._find_bar is None or self.transcript.sought is None:
            return False
        self._find_bar.forget()
        return True

    async def action_find_again(self, step: int) -> None:
        """Goes on to the next that is found, or with a step of -1 to the one before."""
        if self._find_bar is not None and self.transcript.sought is not None:
            self._find_bar.go_on(step)
        else:
            await self.action_find()

    def _find_gives_keys(self, reads_on: bool) -> None:
        self.screen.set_focus(self.transcript if reads_on or self._had_keys is None else self._had_keys)
