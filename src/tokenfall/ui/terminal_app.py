"""What the application does with the terminal, whatever it shows: colours, the clipboard, signals, and how a defect ends it."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from textual import work
from textual.filter import LineFilter

from tokenfall.config import Repaint
from tokenfall.terminal.capabilities import screenful
from tokenfall.terminal.clipboard import copy as copy_to_clipboard
from tokenfall.terminal.links import open_link, opener
from tokenfall.terminal.themes import Theme, load_themes
from tokenfall.ui.output import DirectOutput, TerminalDriver
from tokenfall.ui.theme import CSS as THEME_CSS
from tokenfall.ui.theme import line_filters, screen_theme

log = logging.getLogger(__name__)

FAREWELL_S = 2.0
"""How long giving the terminal back may take after a signal."""

SIGNALLED = 128
"""With the signal's number added, the exit status that shells know."""


class TerminalApp(DirectOutput, inherit_bindings=False):
    CSS = THEME_CSS
    ENABLE_COMMAND_PALETTE = False  # Textual's own brings its own colours

    def __init__(self, themes_folder: Path, theme: str, colours: int, repaint: Repaint) -> None:
        """`theme` is "" when the number of the terminal's `colours` is to choose, as it does when there is none of that name;
        `repaint` is "full" when frames are to be drawn whole."""
        self._colourless = colours == 0
        super().__init__(screenful(os.environ, repaint))
        self.defect: Exception | None = None
        self.themes = load_themes(themes_folder, colourless=self._colourless)
        for each in self.themes.by_name.values():
            self.register_theme(screen_theme(each))
        self.theme = self.themes.chosen(theme, colours).name

    @property
    def worn(self) -> Theme:
        """The theme that is shown."""
        return self.themes.by_name[self.theme]

    def get_line_filters(self) -> Sequence[LineFilter]:
        return line_filters(super().get_line_filters(), colourless=self._colourless)

    # the clipboard

    def copy(self, text: str) -> None:
        """Copies in the background and tells how."""
        self._copy(text, told=True)

    def copy_to_clipboard(self, text: str) -> None:
        """What is cut in a text area goes the same way as what is copied; Textual's own way ends at tmux."""
        self._clipboard = text
        self._copy(text, told=False)

    @work(thread=True)
    def _copy(self, text: str, *, told: bool) -> None:
        # tmux is asked by a child process, which may take its time
        said = copy_to_clipboard(text, lambda sequence: self.call_from_thread(self._send_raw, sequence), os.environ)
        if told:
            self.call_from_thread(self.tell, said)

    def _send_raw(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(sequence)

    def tell(self, text: str) -> None:
        """Shows a sentence."""
        raise NotImplementedError

    # links and the mouse

    def open_link(self, address: str) -> None:
        """In a window of this machine; over SSH, or where there are none, the address is copied instead."""
        command = opener(os.environ)
        if command:
            self._open(address, command)
        else:
            self.tell("There is no window to open a link in from here, so its address goes to the clipboard.")
            self.copy(address)

    @work(thread=True)
    def _open(self, address: str, command: list[str]) -> None:
        self.call_from_thread(self.tell, open_link(address, command))

    def toggle_mouse(self) -> None:
        """Whether the mouse is ours, or the terminal's own to select text with."""
        if isinstance(self._driver, TerminalDriver):
            ours = self._driver.toggle_mouse()
            self.tell("The mouse scrolls and selects here." if ours else "The mouse is the terminal's own: select with it as in a shell.")

    # ends

    def taking_terminal(self) -> None:
        """From now on signals give the terminal back before they end the program."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end_on, number)

    def _end_on(self, number: signal.Signals) -> None:
        # with a terminal that is gone Textual may wait for ever to write its farewell
        last = threading.Timer(FAREWELL_S, self._end_at_once, (SIGNALLED + number,))
        last.daemon = True
        last.start()
        self.exit(return_code=SIGNALLED + number)

    def _end_at_once(self, status: int) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.give_back_at_once()
        os._exit(status)

    def _fatal_error(self) -> None:
        """Textual would print every local variable here, keys among them."""
        error = sys.exc_info()[1]
        self.defect = self.defect or (error if isinstance(error, Exception) else None)
        log.error("the chat broke", exc_info=True)
        self._close_messages_no_wait()
