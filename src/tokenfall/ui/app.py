"""The application: what is on the screen, and what the keys do."""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from tokenfall import __version__
from tokenfall.config import Endpoint, Settings
from tokenfall.errors import TokenfallError
from tokenfall.events import Ended
from tokenfall.filters import visible
from tokenfall.session import Service, Session
from tokenfall.store import PromptHistory
from tokenfall.terminal.capabilities import capabilities
from tokenfall.transport import Transport
from tokenfall.ui.commands import COMMANDS, arguments, copy_reply, open_help, open_palette, parse, unknown
from tokenfall.ui.completion import CommandRow, Completion
from tokenfall.ui.entries import fault, notice
from tokenfall.ui.keys import misplaced
from tokenfall.ui.overflow import say, say_queued
from tokenfall.ui.prompt import Prompt
from tokenfall.ui.reader_app import ReaderApp
from tokenfall.ui.status import StatusLine, View
from tokenfall.ui.theme import ScreenTheme
from tokenfall.ui.transcript import Transcript
from tokenfall.ui.turns import Turns

log = logging.getLogger(__name__)

WARM_AFTER_S = 0.1
"""What the first screen doesn't need waits until it stands; what it would take from it is more than what it gives."""

AGAIN_QUITS = "again quits"
QUIT_WITHIN_S = 2.0
"""Ctrl-C asks before it quits; a second one within this time is the answer."""

WAITING_TICK_S, STREAMING_TICK_S, CALM_TICK_S = 0.1, 0.25, 1.0
"""How often the figures on the status line move: the count towards the first token fast, the pace at a readable rate, both
slowly where motion is to be reduced."""


class ChatApp(ReaderApp, inherit_bindings=False):
    """One conversation. Attributes go down to the widgets, their messages come up to the handlers here."""

    CSS_PATH = "app.tcss"
    TITLE = "tokenfall"

    BINDINGS = [
        Binding("ctrl+c", "interrupt", "stop, else copy, else clear, else quit", id="interrupt", priority=True),
        Binding("escape", "escape", "close what is open, else stop", id="escape"),
        Binding("pageup", "scroll(-1)", "scroll a page up", id="page_up"),
        Binding("pagedown", "scroll(1)", "scroll a page down", id="page_down"),
        Binding("home", "top", "to the beginning, on an empty prompt", id="top"),
        Binding("end", "bottom", "to the end, on an empty prompt", id="bottom"),
        Binding("tab", "app.focus_next", "between prompt and transcript", id="switch"),
        Binding("ctrl+d", "leave", "quit, on an empty prompt", id="quit"),
        Binding("ctrl+z", "suspend", "suspend", id="suspend", priority=True),
        Binding("ctrl+f", "find", "find in the transcript", id="find", priority=True),
        Binding("ctrl+t", "thought", "open or fold the last reasoning", id="thought"),
        Binding("f2", "mouse", "give the mouse to the terminal, or take it", id="mouse"),
        Binding("f1", "help", "help", id="help"),
        Binding("ctrl+p", "palette", "choose a command from a list", id="palette"),
    ]

    key_groups = (("Chat", BINDINGS), ("In the prompt", Prompt.BINDINGS), ("In the transcript", Transcript.BINDINGS))

    def __init__(self, settings: Settings, colours: int, problem: str = "") -> None:
        """`problem` is a sentence about something that went wrong before, or empty."""
        super().__init__(settings.folders.config / "themes", settings.theme, colours, settings.repaint)
        self._problem = problem
        self.settings = settings
        self.transport = Transport()
        self.service = Service(settings, self.transport)
        self.service.spawn()
        self.session = Session(settings, self.service, self.transport)
        self._quit_asked_at = self._status_at = float("-inf")
        self.transcript.from_the_top = settings.follow == "start"
        rows = [CommandRow(each.name, each.hint, each.description) for each in COMMANDS.values()]
        self.completion = Completion(rows, lambda command, partial: arguments(self, command, partial))
        self.prompts = PromptHistory(settings.folders.data / "prompts.jsonl")
        self.prompt = Prompt(self.prompts, self.submit, completion=self.completion, placeholder="Ask anything")
        self.status = StatusLine(self.worn.look, View(), time.monotonic)
        self.turns = Turns(self.session, self.transcript, self.status.view, self._wake)
        self.set_keymap(dict(settings.keys))

    def compose(self) -> ComposeResult:
        yield self.transcript
        yield self.rule
        yield self.completion
        yield self.prompt
        yield self.status

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        # back from Ctrl-Z the terminal holds whatever the shell left there
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self.screen.set_focus(self.prompt)  # now: `focus` would let keys go first that were pressed already, and be lost
        self.tell(f"tokenfall {__version__}. Ask anything; Ctrl-C stops an answer, F1 lists every key, / the commands.")
        for problem in self._misconfigured():
            self.tell_fault(problem)
        self._tick_timer = self.set_interval(CALM_TICK_S if self.settings.reduced_motion else WAITING_TICK_S, self._tick, pause=True)
        self.start_service()
        self.set_timer(WARM_AFTER_S, self._warm)

    def _misconfigured(self) -> Iterator[str]:
        """What the configuration names that only the screen knows to be missing."""
        if self._problem:
            yield self._problem
        yield from map(str, self.themes.problems)
        if self.settings.theme and self.settings.theme not in self.themes.by_name:
            yield f"There is no theme {self.settings.theme!r}. /theme lists them."
        yield from (f"{self.settings.folders.config_file}, [keys]: {what}" for what in misplaced(self.key_groups, self.settings.keys))

    async def on_unmount(self) -> None:
        self.session.stop()
        # what was sent just before the end has had no time for it
        await asyncio.to_thread(self.prompts.save)
        await self.service.close()
        await self.transport.close()

    @work(thread=True)
    def _warm(self) -> None:
        """What the first message needs and the first screen doesn't."""
        self.prompts.load()
        from tokenfall.markdown import document, highlight

        # the parsers make their tables when they first parse
        rehearsal = document.Document()
        rehearsal.append("# a\n\n- *b* `c` [d](e) $i$\n\n|f|\n|-|\n|g|\n\n```\nh\n")
        rehearsal.height(80)
        highlight.load_common()
        # the TLS set-up takes longer than a first token may
        self.transport.warm()
        if not gc.isenabled():
            # what stands now stays until the end: looked through for garbage, it would hold up a key or a token by tens of milliseconds
            gc.freeze()
            gc.enable()

    # saying things that are not messages

    def tell(self, text: str) -> None:
        self.transcript.add(notice(text))

    def tell_fault(self, text: str) -> None:
        self.transcript.add(fault(text))

    # the service behind the screen

    def start_service(self) -> None:
        """Begins to load the embedded model where it is the one that answers, and shows the service's name."""
        starting = self.service.start()
        if starting is not None:
            self._watch_loading(starting)
        self.update_status()

    @work(exclusive=True, group="loading")
    async def _watch_loading(self, starting: asyncio.Task[Endpoint]) -> None:
        await asyncio.wait([starting])
        if not starting.cancelled() and (error := starting.exception()) is not None and not self.session.running:
            # a turn that waits for the model tells it by itself
            self.status.view.rest = "error"
            self.tell_fault(str(error))
        self.update_status()

    # turns

    def submit(self, text: str) -> None:
        self._show_news()  # what has come stands above what is said now
        command = parse(text)
        if command is None:
            say(self, text)
        elif (row := COMMANDS.get(command[0])) is not None:
            row.run(self, command[1])
        else:
            self.tell_fault(unknown(command[0]))
            self.prompt.put_back(text)

    def retry(self) -> None:
        if self.turns.busy:
            self.tell("A reply is still coming; Ctrl-C stops it.")
        elif self.session.can_retry():
            self.begin_turn(self.turns.again)
        else:
            self.tell_fault("There is nothing to ask again yet.")

    def begin_turn(self, begin: Callable[[], None]) -> None:
        begin()
        self._tick_timer.resume()
        self.update_status()

    def _wake(self, seconds: float) -> None:
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self.before_frame, self._show_news)
        else:
            self.before_frame(self._show_news)

    def _show_news(self) -> None:
        ended = self.turns.show()
        clock = self.status.view.clock
        if clock is not None and clock.tokens and clock.painted_at is None:
            self.after_frame(clock.painted)
        if ended is not None:
            self._after(ended)
        elif clock is not None and clock.tokens <= 1:
            self.update_status()

    def _after(self, ended: Ended) -> None:
        if ended.state not in {"complete", "length", "refused"} and (waiting := self.turns.unqueue()):
            self.prompt.put_back(waiting)
        if say_queued(self):
            self._tick_timer.resume()
        if not self.session.running:
            self._tick_timer.pause()
        self.update_status()

    # the status line

    def _tick(self) -> None:
        if self.status.view.state != "streaming" or time.monotonic() - self._status_at >= STREAMING_TICK_S:
            self.update_status()

    def update_status(self) -> None:
        self._status_at = time.monotonic()
        view = self.status.view
        view.running, view.loading = self.session.running, self.service.loading
        view.model = visible(self.turns.answering if view.running else self.service.name, newlines=False)
        view.context = self.service.context
        view.ctrl_c = self._ctrl_c()
        self.rule.show_note("Ctrl-C again quits" if view.ctrl_c == AGAIN_QUITS else "")
        self.status.update()

    def _ctrl_c(self) -> str:
        if self.session.running:
            return "stop"
        if self._has_selection():
            return "copy"
        if self.prompt.text:
            return "clear"
        return AGAIN_QUITS if self._quit_is_asked() else "quit"

    def _has_selection(self) -> bool:
        return self.transcript.selecting or not self.prompt.selection.is_empty

    def _selection(self) -> str:
        return self.transcript.selected_text or self.prompt.selected_text

    def _quit_is_asked(self) -> bool:
        return time.monotonic() - self._quit_asked_at < QUIT_WITHIN_S

    # keys

    def action_interrupt(self) -> None:
        # behind the keys that were pressed before it, which the prompt may still have to act on
        self.prompt.call_later(self._interrupt)

    def _interrupt(self) -> None:
        """Stops, copies, clears or quits: the first that applies."""
        if self.session.running:
            self.session.stop()
        elif isinstance(self.screen, ModalScreen):
            self.screen.dismiss(None)
        elif self._has_selection():
            if selection := self._selection():
                self.copy(selection)
            self.transcript.clear_selection()
            self.prompt.move_cursor(self.prompt.cursor_location)
        elif self.prompt.text:
            self.prompt.clear_draft()
        elif self._quit_is_asked():
            self.exit()
        else:
            self._quit_asked_at = time.monotonic()
            self.set_timer(QUIT_WITHIN_S, self.update_status)
        self.update_status()

    def action_leave(self) -> None:
        if self.prompt.is_empty:
            self.exit()

    def action_suspend(self) -> None:
        # the process stands still inside this call, until it is taken up again
        before = time.monotonic()
        self.action_suspend_process()
        self.turns.away(time.monotonic() - before)

    def action_escape(self) -> None:
        if self.transcript.selecting:
            self.transcript.clear_selection()
        elif not self.close_find():
            self.session.stop()

    def action_help(self) -> None:
        open_help(self)

    def action_palette(self) -> None:
        open_palette(self)

    def on_transcript_selected(self) -> None:
        self.update_status()

    def on_transcript_copy_asked(self, event: Transcript.CopyAsked) -> None:
        if event.text is None:
            copy_reply(self, "")
        else:
            self.copy(event.text)

    def on_prompt_notice(self, event: Prompt.Notice) -> None:
        self.tell_fault(event.text)

    def on_text_area_changed(self) -> None:
        self.update_status()

    def typed_elsewhere(self, text: str) -> None:
        self.screen.set_focus(self.prompt)
        self.prompt.type(text)

    def on_paste(self, event: events.Paste) -> None:
        """Pasted while the transcript has the keys: it was meant for the prompt."""
        if not isinstance(self.screen, ModalScreen):
            self.prompt.focus()
            self.prompt.on_paste(event)

    # colours

    def _theme_changed(self, shown: object) -> None:
        assert isinstance(shown, ScreenTheme)
        for widget in (self.transcript, self.rule, self.status):
            widget.wear(shown.source.look)


def run_chat(settings: Settings) -> int:
    """The chat from its first screen to its last; the exit status."""
    problem = open_log(settings.folders.state)
    app = ChatApp(settings, capabilities(os.environ).count, problem)
    app.run(mouse=settings.mouse)
    if app.defect is not None:
        what = f"This is a fault in tokenfall: {type(app.defect).__name__}: {app.defect}"
        raise TokenfallError(what, "With --debug it shows where.") from app.defect
    return app.return_code or 0


def open_log(folder: Path) -> str:
    """Sends what is logged to a file there; says why in a sentence where that can't be done, and the chat goes on without."""
    logging.raiseExceptions = False  # a full disk must not print into the screen
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler: logging.Handler = logging.FileHandler(folder / "tokenfall.log")
    except OSError as error:
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)
        return f"There is no log: {folder} can't be written to ({error.strerror})."
    logging.basicConfig(
        handlers=[handler], level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    return ""
