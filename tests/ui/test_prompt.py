"""The prompt: every key that it serves, pastes, history, the editor. `python tests/ui/test_prompt.py FOLDER` runs the demo."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from tokenfall.store import PromptHistory
from tokenfall.ui.completion import CommandRow, Completion, command_offers, rank
from tokenfall.ui.prompt import Prompt
from tokenfall.ui.stand_ins import StandIns

ROWS = (
    CommandRow("model", "[NAME]", "talk to another model"),
    CommandRow("new", "", "begin a new conversation"),
    CommandRow("help", "", "list every key"),
    CommandRow("theme", "[NAME]", "change the colours"),
)
MODELS = ["local/smollm2", "cloud/[b]bold", "cloud/gpt"]


def arguments(command: str, partial: str) -> list[str]:
    return [model for model in MODELS if model.startswith(partial)] if command == "model" else []


class Demo(App[None]):
    """A prompt under a text; what was sent, told and bubbled is kept."""

    CSS = "#above { height: 1fr; }"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"bubbled('{key}')", show=False)
        for key in ("ctrl+c", "ctrl+d", "escape", "f1", "ctrl+p", "home", "end", "pageup", "pagedown", "ctrl+z")
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.sent: list[str] = []
        self.notices: list[str] = []
        self.bubbled: list[str] = []
        self.layouts = 0
        self.completion = Completion(ROWS, arguments)
        history = PromptHistory(folder / "prompts.jsonl")
        self.prompt = Prompt(history, self.submitted, completion=self.completion, placeholder="Ask anything")

    def compose(self) -> ComposeResult:
        yield Static("ready", id="above", markup=False)
        yield self.completion
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.focus()
        self.screen.screen_layout_refresh_signal.subscribe(self, self.count_layout, immediate=True)
        if (self.folder / "stream").exists():
            self.set_interval(0.005, self.stream)

    def count_layout(self, _: Screen[object]) -> None:
        self.layouts += 1

    def stream(self) -> None:
        """As a reply that goes on: text changes, and with it what would be drawn."""
        self.layouts += 1
        self.query_one("#above", Static).update(f"streamed {self.layouts}")
        self.keep("streamed", str(self.layouts))

    def keep(self, name: str, text: str) -> None:
        """Whole at every moment, for who reads it from outside."""
        (self.folder / "new").write_bytes(text.encode())
        (self.folder / "new").replace(self.folder / name)

    def action_bubbled(self, key: str) -> None:
        self.bubbled.append(key)
        self.keep("bubbled", " ".join(self.bubbled))
        if key == "ctrl+d":
            self.exit()

    def submitted(self, text: str) -> None:
        self.sent.append(text)
        self.keep("sent", text)

    def on_prompt_notice(self, event: Prompt.Notice) -> None:
        self.notices.append(event.text)


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return Demo(tmp_path)


async def paste(pilot: Pilot[None], text: str) -> None:
    pilot.app.post_message(events.Paste(text))
    await pilot.pause()


async def send(pilot: Pilot[None], text: str) -> None:
    await paste(pilot, text)
    await pilot.press("enter")


def drawn(app: Demo) -> str:
    """What the prompt's lines show."""
    prompt = app.prompt
    return "\n".join("".join(segment.text for segment in prompt.render_line(y)).rstrip() for y in range(prompt.content_size.height))


# writing and sending


async def test_enter_sends_and_empties(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press(*"hello", "enter")
        assert demo.sent == ["hello"]
        assert demo.prompt.text_to_send == ""
        await pilot.press("enter", "space", "enter", "ctrl+j", "enter")
        assert demo.sent == ["hello"]
        assert demo.prompt.text_to_send == " \n"


@pytest.mark.parametrize("key", ["ctrl+j", "shift+enter", "alt+enter"])
async def test_new_lines(demo: Demo, key: str) -> None:
    async with demo.run_test() as pilot:
        await pilot.press("a", key, "b", "enter")
    assert demo.sent == ["a\nb"]


async def test_characters_that_are_not_printable_alone(demo: Demo) -> None:
    text = "\U0001f468\u200d\U0001f469 \u3000\xa0e\u0301"
    async with demo.run_test() as pilot:
        for character in text:
            demo.post_message(events.Key("character", character) if character != " " else events.Key("space", " "))
        await pilot.pause()
        await pilot.press("enter")
    assert demo.sent == [text]


async def test_undo_and_what_is_no_undo(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press(*"abc", "ctrl+z")
        assert demo.prompt.text_to_send == "abc"
        await pilot.press("ctrl+underscore")
        assert demo.prompt.text_to_send == ""
        await pilot.press("ctrl+y")
        assert demo.prompt.text_to_send == "abc"
    assert demo.bubbled == ["ctrl+z"]


async def test_keys_that_always_bubble(demo: Demo) -> None:
    keys = ["ctrl+c", "escape", "f1", "ctrl+p"]
    async with demo.run_test() as pilot:
        await pilot.press(*keys, "x", "tab", *keys)
        assert demo.bubbled == keys * 2
        assert demo.prompt.text_to_send == "x"


async def test_keys_that_bubble_from_an_empty_prompt(demo: Demo) -> None:
    keys = ["home", "end", "pageup", "pagedown"]
    async with demo.run_test() as pilot:
        await pilot.press(*keys)
        assert demo.bubbled == keys
        await pilot.press(*"ab", *keys, "home", "ctrl+d")
        assert demo.prompt.text_to_send == "b"
        assert demo.bubbled == keys
        await pilot.press("delete", "ctrl+d")
        assert demo.bubbled == [*keys, "ctrl+d"]


async def test_alt_and_a_letter_is_no_letter(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await paste(pilot, "one two")
        await pilot.press("home", "alt+q", "alt+d")
        assert demo.prompt.text_to_send == " two"


async def test_the_selection_is_given(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press(*"abc", "shift+left", "shift+left")
        assert demo.prompt.selected_text == "bc"
        await pilot.press("ctrl+x", "ctrl+v", "ctrl+v")
        assert demo.prompt.text_to_send == "abcbc"


async def test_the_placeholder_is_no_markup(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    demo.prompt = Prompt(PromptHistory(tmp_path / "prompts.jsonl"), demo.submitted, placeholder="[b]a[/b][/x]")
    async with demo.run_test():
        assert drawn(demo) == "[b]a[/b][/x]"


# height


async def test_it_grows_to_ten_lines(demo: Demo) -> None:
    async with demo.run_test(size=(40, 40)) as pilot:
        assert demo.prompt.size.height == 1
        for lines in range(2, 13):
            await pilot.press("ctrl+j")
            assert demo.prompt.size.height == min(lines, 10)
        demo.prompt.clear_draft()
        await pilot.pause()
        assert demo.prompt.size.height == 1


async def test_wrapped_lines_count(demo: Demo) -> None:
    async with demo.run_test(size=(20, 24)) as pilot:
        await paste(pilot, "x" * 39)
        assert demo.prompt.size.height == 3
        await pilot.press("x")
        await pilot.pause()
        assert demo.prompt.size.height == 3
        assert drawn(demo).replace("\n", "") == "x" * 40


async def test_a_low_screen_keeps_room_for_the_transcript(demo: Demo) -> None:
    async with demo.run_test(size=(20, 5)) as pilot:
        await pilot.press(*["ctrl+j"] * 8)
        assert demo.prompt.region.size == Size(20, 1)


async def test_a_key_lays_nothing_out(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press("a")
        await pilot.pause()
        before = demo.layouts
        await pilot.press(*"bcdefgh", "backspace", "left")
        await pilot.pause()
        assert demo.layouts == before
        await pilot.press("ctrl+j")
        await pilot.pause()
        assert demo.layouts > before


async def test_the_cursor_does_not_blink(demo: Demo) -> None:
    async with demo.run_test():
        assert not demo.prompt.cursor_blink


# pastes

LONG = "".join(f"line {number}\n" for number in range(214))


async def test_a_short_paste_is_text(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await paste(pilot, "a\r\nb\rc")
        assert drawn(demo) == "a\nb\nc"
        await pilot.press("enter")
    assert demo.sent == ["a\nb\nc"]


async def test_a_long_paste_is_a_mark_and_sent_whole(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press(*"see ")
        await paste(pilot, LONG)
        assert drawn(demo) == "see [pasted 214 lines, 1.8 kB #1]"
        await pilot.press(*" and")
        await paste(pilot, "y" * 3000)
        assert "#1] and[pasted 1 line, 3.0 kB #2]" in drawn(demo).replace("\n", " ")
        await pilot.press("enter")
        assert demo.sent == [f"see {LONG} and{'y' * 3000}"]
        await pilot.press("up", "enter")
        assert demo.sent[1] == demo.sent[0]


@pytest.mark.parametrize(("lines", "folds"), [(20, False), (21, True)])
async def test_where_folding_begins(demo: Demo, lines: int, folds: bool) -> None:
    async with demo.run_test() as pilot:
        await paste(pilot, "x\n" * lines)
        assert ("[pasted" in drawn(demo)) is folds


async def test_a_mark_is_one_thing(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press("a")
        await paste(pilot, LONG)
        await pilot.press("b", "left", "left", "c")
        assert drawn(demo).startswith("ac[pasted")
        await pilot.press("right", "backspace")
        assert demo.prompt.text_to_send == "acb"
        await pilot.press("ctrl+underscore")
        assert demo.prompt.text_to_send == f"ac{LONG}b"
        await pilot.press("home", "right", "right", "delete")
        assert demo.prompt.text_to_send == "acb"
        await pilot.press("ctrl+underscore", "end", "left", "ctrl+w")
        assert demo.prompt.text_to_send == "acb"


async def test_an_edit_takes_all_of_a_mark_or_nothing(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press("a")
        await paste(pilot, LONG)
        demo.prompt.replace("X", (0, 0), (0, 5))
        assert demo.prompt.text_to_send == "X"
        await pilot.press("ctrl+underscore")
        demo.prompt.insert("Y", (0, 5))
        assert demo.prompt.text_to_send == f"a{LONG}Y"


async def test_a_mark_is_opened(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press("a")
        await paste(pilot, LONG)
        await pilot.press("b", "ctrl+g")
        assert demo.prompt.text == f"a{LONG}b"
        await pilot.press("ctrl+underscore")
        assert drawn(demo) == "a[pasted 214 lines, 1.8 kB #1]b"
        await pilot.press("enter")
    assert demo.sent == [f"a{LONG}b"]


async def test_what_looks_like_a_mark_is_text(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await paste(pilot, LONG)
        mark = drawn(demo)
        for character in mark:
            demo.prompt.type(character)
        await paste(pilot, demo.prompt.text[:40])
        pasted = demo.prompt.text[:40]
        assert drawn(demo).startswith(mark + mark)
        await pilot.press("enter")
    assert demo.sent == [LONG + mark + pasted]


HOSTILE = "a\x1b[2Jb\x9b31m\x00\x07\u2028\x0b\x1c\x85\u202e\u200b\ufeff\U00100000\U0010fffd\ufffe\te" + "\u0301" * 30


async def test_control_characters_are_sent_but_not_drawn(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await paste(pilot, HOSTILE)
        assert demo.prompt.document.line_count == 1
        shown = drawn(demo)
        assert shown.startswith("a␛[2Jb\ufffd31m␀␇\ufffd␋␜\ufffd\ufffd··")
        assert shown.count("\u0301") == 8
        await pilot.press("enter")
        assert demo.sent == [HOSTILE]
        await pilot.press("up", "enter")
    assert demo.sent == [HOSTILE, HOSTILE]


async def test_five_megabytes(demo: Demo) -> None:
    text = "0123456789abcde\n" * 330_000
    async with demo.run_test() as pilot:
        begun = time.monotonic()
        await paste(pilot, text)
        assert "330,000 lines, 5.3 MB" in drawn(demo)
        await pilot.press("ctrl+g", "a", "enter")
        assert time.monotonic() - begun < 10  # only a hang
        assert demo.sent == [f"{text}a"]
        assert "too long" in demo.notices[0]


# history


async def test_history(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await send(pilot, "one")
        await send(pilot, "two")
        await paste(pilot, "draft")
        await pilot.press("up")
        assert demo.prompt.text_to_send == "two"
        await pilot.press("up", "up")
        assert demo.prompt.text_to_send == "one"
        await pilot.press("X", "down")
        assert demo.prompt.text_to_send == "two"
        await pilot.press("up")
        assert demo.prompt.text_to_send == "oneX"
        await pilot.press("down", "down", "down")
        assert demo.prompt.text_to_send == "draft"
        await pilot.press("enter", "up")
        assert demo.prompt.text_to_send == "draft"
    assert PromptHistory(demo.folder / "prompts.jsonl").entries == ["one", "two", "draft"]


async def test_up_and_down_leave_only_from_the_edges(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press("x", "enter", "a", "ctrl+j", "b", "ctrl+j", "c", "up")
        assert demo.prompt.cursor_location == (1, 1)
        await pilot.press("up", "up")
        assert demo.prompt.text_to_send == "x"
        await pilot.press("down")
        assert demo.prompt.text_to_send == "a\nb\nc"
        await pilot.press("up", "up", "up", "up")
        assert demo.prompt.text_to_send == "x"


async def test_wrapped_lines_are_lines_for_up(demo: Demo) -> None:
    async with demo.run_test(size=(20, 24)) as pilot:
        await send(pilot, "x")
        await paste(pilot, "word " * 8)
        await pilot.press("up")
        assert demo.prompt.text_to_send == "word " * 8
        await pilot.press("up", "up")
        assert demo.prompt.text_to_send == "x"


async def test_a_history_that_is_not_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    demo = Demo(tmp_path)
    demo.prompt = Prompt(PromptHistory(tmp_path / "data" / "prompts.jsonl"), demo.submitted)
    async with demo.run_test() as pilot:
        await pilot.press("a", "enter", "b", "enter", "up")
        await demo.workers.wait_for_complete()
        await pilot.pause()
        assert demo.prompt.text_to_send == "b"
    assert len(demo.notices) == 1


async def searching(pilot: Pilot[None]) -> None:
    for line in ("apple pie", "banana", "apple [b]tart"):
        await send(pilot, line)
    await paste(pilot, "draft")
    await pilot.press("left", "ctrl+r")


async def test_search(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await searching(pilot)
        await pilot.press(*"app")
        assert demo.prompt.text_to_send == "apple [b]tart"
        await pilot.press("ctrl+r")
        assert demo.prompt.text_to_send == "apple pie"
        await pilot.press("ctrl+r", "enter")
        assert demo.prompt.text_to_send == "apple pie"
        assert not demo.prompt.has_class("-searching")
        assert len(demo.sent) == 3
        await pilot.press("enter")
        assert demo.sent[3] == "apple pie"


async def test_search_is_left_without_a_trace(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await searching(pilot)
        await pilot.press(*"bax", "backspace")
        assert demo.prompt.text_to_send == "banana"
        await pilot.press("escape", "X")
        assert demo.prompt.text_to_send == "drafXt"
        assert demo.bubbled == []


async def test_search_shows_what_it_looks_for(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await searching(pilot)
        await paste(pilot, "[b]t")
        shown = demo.export_screenshot().replace("&#160;", " ")
        assert "search history: [b]t (1 of 1)" in shown
        await pilot.press("q")
        assert "search history: [b]tq (nothing found)" in demo.export_screenshot().replace("&#160;", " ")


async def test_ctrl_c_in_a_search_bubbles_and_clearing_leaves_the_search(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await searching(pilot)
        await pilot.press(*"app", "ctrl+c")
        assert demo.bubbled == ["ctrl+c"]
        demo.prompt.clear_draft()
        assert demo.prompt.text_to_send == "draft"


async def test_any_other_key_takes_what_was_found(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await searching(pilot)
        await pilot.press(*"ban", "end", "X")
        assert demo.prompt.text_to_send == "bananaX"


# what comes back, what is cleared


async def test_messages_are_put_back_before_the_draft(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        demo.prompt.put_back("second")
        assert demo.prompt.text_to_send == "second"
        demo.prompt.put_back(LONG)
        await pilot.press("X", "enter")
    assert demo.sent == [f"{LONG}\nsecondX"]


async def test_clearing_can_be_undone(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press(*"abc")
        await paste(pilot, LONG)
        demo.prompt.clear_draft()
        assert demo.prompt.text_to_send == ""
        await pilot.press("ctrl+underscore")
        assert demo.prompt.text_to_send == f"abc{LONG}"


# the editor without a terminal


async def test_without_a_terminal_the_editor_is_refused(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "cat")
    async with demo.run_test() as pilot:
        await pilot.press("a", "ctrl+o")
        await demo.workers.wait_for_complete()
        await pilot.pause()
        assert "can't be opened" in demo.notices[0]
        assert demo.prompt.text_to_send == "a"


async def test_a_missing_editor_is_told(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")
    async with demo.run_test() as pilot:
        await pilot.press("ctrl+o")
        await demo.workers.wait_for_complete()
        await pilot.pause()
    assert "no-such-editor" in demo.notices[0]


# completion


def test_ranks() -> None:
    assert [rank("mo", name) for name in ("model", "demo", "meow", "new")] == [0, 1, 2, None]
    assert [offer.text for offer in command_offers("e", ROWS)] == ["/model ", "/new", "/help", "/theme "]


async def test_the_choice_is_seen(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        for chosen in range(3):
            await pilot.press("down" if chosen else "slash")
            lines = demo.completion.render_lines(demo.completion.size.region)
            marked = [any(segment.style is not None and segment.style.reverse for segment in line) for line in lines]
            assert marked == [number == chosen for number in range(len(lines))]


async def test_completion_opens_filters_and_completes(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press("/")
        assert demo.completion.is_open
        await pilot.press("m", "tab")
        assert demo.prompt.text_to_send == "/model "
        await pilot.press("down", "tab")
        assert demo.prompt.text_to_send == "/model cloud/[b]bold"
        assert not demo.completion.is_open
        await pilot.press("enter")
    assert demo.sent == ["/model cloud/[b]bold"]
    assert demo.bubbled == []


async def test_what_history_brings_opens_no_list_but_what_is_typed_after_it(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await send(pilot, "/theme dark")
        await send(pilot, "/help")
        await pilot.press("up")
        assert not demo.completion.is_open
        await pilot.press("up", "down", "down", *"/he")
        assert demo.completion.is_open
        await pilot.press("tab", "up", "ctrl+u", *"/mo")
        assert demo.completion.is_open
        await pilot.press("tab")
        assert demo.prompt.text == "/model "


async def test_enter_completes_what_is_not_whole(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press(*"/he", "enter")
        assert demo.sent == []
        assert demo.prompt.text_to_send == "/help"
        await pilot.press("enter")
        assert demo.sent == ["/help"]
        await pilot.press(*"/model", "space", *"cl", "enter")
        assert demo.sent[1] == "/model cl"


async def test_escape_closes_the_list(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        await pilot.press("/", "escape", "n")
        assert not demo.completion.is_open
        await pilot.press("escape", "backspace", "backspace", "/")
        assert demo.completion.is_open
    assert demo.bubbled == ["escape"]


async def test_no_list_for_other_text(demo: Demo) -> None:
    async with demo.run_test() as pilot:
        for text in ("/usr/bin", "a /m", "/m\nx"):
            demo.prompt.clear_draft()
            await paste(pilot, text)
            assert not demo.completion.is_open, text


async def test_the_list_lies_directly_over_the_prompt(demo: Demo) -> None:
    async with demo.run_test(size=(60, 12)) as pilot:
        await pilot.press("/")
        await pilot.pause()
        assert demo.completion.region.bottom == demo.prompt.region.y
        assert demo.completion.region.height == 4
        assert demo.query_one("#above").region.height == 11
        await pilot.press("n")
        await pilot.pause()
        assert demo.completion.region.bottom == demo.prompt.region.y


async def test_a_small_screen_shows_the_list_inside(demo: Demo) -> None:
    async with demo.run_test(size=(20, 5)) as pilot:
        await pilot.press("/")
        await pilot.pause()
        assert demo.screen.region.contains_region(demo.completion.region)


def test_stand_ins_are_reversible_for_any_text() -> None:
    every = "".join(map(chr, [*range(0x3000), *range(0xD7F0, 0xF900), *range(0xFDC0, 0x10000), *range(0xFFF00, 0x102000)]))
    stand_ins = StandIns()
    document = stand_ins.document(every.replace("\r", ""))
    assert stand_ins.original(document) == every.replace("\r", "")
    assert len(document.splitlines()) == 2
    assert len(stand_ins.drawn(document)) == len(document)


# in a real terminal


class Terminal:
    """The demo in tmux, on a server of its own."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self._tmux = ["tmux", "-u", "-S", str(folder / "socket"), "-f", "/dev/null"]
        env = {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder), "LANG": "C.UTF-8", **env}
        demo = shlex.join(["env", *(f"{name}={value}" for name, value in env.items()), sys.executable, __file__, str(folder)])
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", f"{demo}; echo ended; sleep 100")
        self.wait(lambda: "Ask anything" in self.screen())

    def tmux(self, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run([*self._tmux, *arguments], input=text, capture_output=True, check=True, encoding="utf-8", timeout=30)
        return done.stdout

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.tmux("send-keys", key)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        self.tmux("load-buffer", "-", text=text)
        self.tmux("paste-buffer", "-p")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_bytes().decode() if path.exists() else ""

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 40
        while not condition():
            assert time.monotonic() < deadline, self.screen()
            time.sleep(0.05)

    def stop(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def begin(**env: str) -> Terminal:
        started.append(Terminal(tmp_path, **env))
        return started[-1]

    yield begin
    for terminal in started:
        terminal.stop()


@needs_tmux
def test_keys_and_pastes_arrive(start: Callable[..., Terminal]) -> None:
    terminal = start()
    terminal.type("one ünï 日本")
    terminal.keys("C-j")
    terminal.type("two")
    terminal.keys("M-Enter")
    terminal.type("three")
    terminal.wait(lambda: "three" in terminal.screen())
    terminal.keys("Enter")
    terminal.wait(lambda: terminal.read("sent") == "one ünï 日本\ntwo\nthree")

    terminal.paste(LONG + "\x07red\ttab")
    terminal.wait(lambda: "[pasted 215 lines, 1.8 kB #1]" in terminal.screen())
    terminal.type("!")
    terminal.keys("Enter")
    terminal.wait(lambda: terminal.read("sent") == LONG + "\x07red\ttab!")

    # no ESC: terminals take it out of pastes, and Textual's parser would end the paste there
    terminal.paste("\x9b31m\x07\x7fshort\n")
    terminal.wait(lambda: "\ufffd31m␇␡short" in terminal.screen())
    terminal.keys("C-_")
    terminal.wait(lambda: "Ask anything" in terminal.screen())
    terminal.keys("C-r")
    terminal.type("ün")
    terminal.wait(lambda: "search history: ün (1 of 1)" in terminal.screen())
    terminal.keys("Enter", "Enter")
    terminal.wait(lambda: terminal.read("sent").startswith("one"))

    terminal.type("/")
    terminal.wait(lambda: "talk to another model" in terminal.screen())
    terminal.keys("C-c", "F1", "Escape", "BSpace", "Home", "PPage", "C-p", "C-z", "C-d")
    terminal.wait(lambda: "ended" in terminal.screen())
    assert terminal.read("bubbled") == "ctrl+c f1 home pageup ctrl+p ctrl+z ctrl+d"


EDITOR = """
import pathlib, sys, time
folder, path = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
print("EDITING " + repr(path.read_bytes().decode()), flush=True)
(folder / "editing").touch()
while not (folder / "go").exists():
    time.sleep(0.02)
path.write_bytes(b"from the editor\\nsecond line\\n")
"""


@needs_tmux
def test_the_editor_while_a_reply_streams(start: Callable[..., Terminal], tmp_path: Path) -> None:
    (tmp_path / "editor.py").write_text(EDITOR)
    (tmp_path / "stream").touch()
    terminal = start(VISUAL=shlex.join([sys.executable, str(tmp_path / "editor.py"), str(tmp_path)]))
    terminal.type("draft ")
    terminal.paste("x\n" * 30)
    terminal.wait(lambda: "draft [pasted 30 lines" in terminal.screen())
    terminal.keys("C-o")
    terminal.wait(lambda: "EDITING" in terminal.screen())

    streamed = int(terminal.read("streamed"))
    before = terminal.screen()
    assert repr("draft " + "x\n" * 30) in before.replace("\n", "")
    # far more frames than the driver's queue holds
    terminal.wait(lambda: int(terminal.read("streamed") or 0) > streamed + 300)
    assert terminal.screen() == before

    (tmp_path / "go").touch()
    terminal.wait(lambda: "second line" in terminal.screen())
    terminal.wait(lambda: "streamed" in terminal.screen())
    assert "EDITING" not in terminal.screen()
    assert not list(tmp_path.glob("tokenfall-*"))
    terminal.keys("Enter")
    terminal.wait(lambda: terminal.read("sent") == "from the editor\nsecond line\n")


if __name__ == "__main__":
    Demo(Path(sys.argv[1])).run()
