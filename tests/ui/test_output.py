"""The program's own way out to the terminal: exact, inert, and never waited for."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.byteserver import DONE, ByteServer, Hold, Send, Sleep, Step, chunked, openai_chunk, sse_response
from tests.ptyscreen import PtyScreen, terminal_env
from tests.ptytokens import foreign
from tests.test_chat import LEAVES, eventually, program, serving
from tests.ui.test_app import answer, chat
from textual._compositor import Compositor
from textual.strip import Strip
from textual.widget import Widget

from tokenfall.terminal.cells import row
from tokenfall.ui.app import ChatApp
from tokenfall.ui.output import DirectScreen, OwnRows, RowCompositor

HOSTILE = json.loads((Path(__file__).parents[1] / "data" / "hostile.json").read_text())

MIXED = """# A heading with 漢字 in it

Some *emphasis*, some **strength**, `code`, e\u0301 and 👩‍💻, ❤️ as well; the line is long enough to be broken at any width.

```python
def answer(question: str) -> int:
    return 42  # 数
```

- one
- two, which is `longer`
  1. three

| name | value |
|---|---|
| 漢字 | 1 |
| b | 2 |

> quoted, and [a link](https://example.org/x)

""" * 3

def cells(screen: PtyScreen) -> list[list[object]]:
    """Every cell as it looks; of a blank only the background."""
    with screen._changed:
        shown = screen._screen
        return [
            [
                (" ", cell.bg) if cell.data == " " and not (cell.reverse or cell.underscore) else cell
                for cell in (shown.buffer[y][x] for x in range(shown.columns))
            ]
            for y in range(shown.lines)
        ]


def streamed(text: str, size: int = 7) -> list[Step]:
    steps: list[Step] = [Send(sse_response())]
    for start in range(0, len(text), size):
        steps += (Send(chunked(openai_chunk(text[start : start + size]))), Sleep(0.003))
    return [*steps, Send(chunked(openai_chunk(finish="stop"), DONE, last=True))]


@pytest.mark.parametrize("repaint", ["changes", "full"])
@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (37, 11)])
def test_what_a_stream_leaves_is_what_a_repaint_shows(tmp_path: Path, repaint: str, columns: int, lines: int) -> None:
    with (
        serving(streamed(MIXED)) as server,
        program(tmp_path, "--base-url", server.url, "--model", "m", "--repaint", repaint, columns=columns, lines=lines) as screen,
    ):
        screen.wait_for("^ ready")
        screen.type("q").press("enter")
        screen.wait_for("^ (waiting|streaming)")
        screen.wait_for("^ ready .*(TTFT|↓)")
        screen.press("pageup", "pageup", "pagedown", "pageup")
        screen.type("typed 漢字")
        screen.wait_for("typed 漢字")
        before = quiet(screen)
        repainted(screen)
        assert quiet(screen) == before
        assert foreign(screen.raw) == []
        if repaint == "full":
            assert not re.search(rb"\x1b\[[\d;]+r", screen.raw)


def quiet(screen: PtyScreen) -> list[list[object]]:
    """The cells once nothing is drawn any more."""
    shown, at = cells(screen), time.monotonic()
    while time.monotonic() - at < 0.6:
        time.sleep(0.05)
        if (now := cells(screen)) != shown:
            shown, at = now, time.monotonic()
    return shown


def repainted(screen: PtyScreen) -> None:
    """Away with Ctrl-Z and back: the screen is drawn on an empty one."""
    screen.press("ctrl+z")
    assert eventually(lambda: Path(f"/proc/{screen.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
    os.kill(screen.pid, signal.SIGCONT)
    screen.wait_for("^ ready")


def test_a_resize_while_streaming_is_drawn_exactly(tmp_path: Path) -> None:
    with serving(streamed(MIXED)) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready")
        screen.type("q").press("enter")
        screen.wait_for("A heading")
        for columns, lines in ((60, 20), (91, 33), (40, 12), (80, 24)):
            screen.resize(columns, lines)
            time.sleep(0.1)
        screen.wait_for("^ ready .*TTFT")
        before = quiet(screen)
        repainted(screen)
        assert quiet(screen) == before


@pytest.mark.parametrize("sizes", [1, 3, 1000])
def test_nothing_from_outside_reaches_the_terminal_as_a_sequence(tmp_path: Path, sizes: int) -> None:
    hostile = "\n\n".join(case["text"] for case in HOSTILE["terminal"].values())
    with serving(streamed(hostile[:4000], sizes)) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready")
        screen.type("q").press("enter")
        screen.wait_for("^ (waiting|streaming|ready .*TTFT)")
        screen.wait_for("^ ready .*TTFT")
        screen.press("f1")
        screen.wait_for("stop, else copy")
        screen.press("escape")
        screen.wait_gone("stop, else copy")
        screen.press("ctrl+d")
        assert screen.exit_status() == 0
        assert foreign(screen.raw) == []


async def test_rows_asked_for_directly_are_those_of_the_compositor(tmp_path: Path) -> None:
    async with chat(tmp_path, answer(MIXED)) as it:
        await it.say("q")
        await it.seen("^ ready .*TTFT")
        same_rows(it.app)
        it.app.prompt.insert("/")
        await it.seen("/model")
        same_rows(it.app)
        await it.pilot.press("escape", "f1")
        await it.seen("stop, else copy")
        same_rows(it.app)


def same_rows(app: ChatApp) -> None:
    for widget in (app.transcript, app.rule, app.status):
        whole = widget.outer_size.region
        assert [*map(plain, widget.render_lines(whole))] == [*map(plain, Widget.render_lines(widget, whole))]
    compositor = app.screen._compositor
    width, height = app.size
    wanted = [row(strip, width, app.display_rows._palette) for strip in compositor.render_strips()[:height]]
    got = dict(app.display_rows._made_anew(compositor, list(range(height))))
    assert [got[y] for y in range(height)] == wanted


def plain(strip: Strip) -> object:
    return Strip(strip).discard_meta().simplify()._segments


async def test_the_screen_and_its_widgets_take_the_short_way(tmp_path: Path) -> None:
    """Textual goes on to work if one of these no longer fits it; slower, and nobody would notice."""
    async with chat(tmp_path) as it:
        assert isinstance(it.app.screen, DirectScreen)
        assert isinstance(it.app.screen._compositor, RowCompositor)
        assert isinstance(it.app.screen._compositor, Compositor)
        assert isinstance(it.app.transcript, OwnRows)


class Unread:
    """A program in a terminal that is read only when the test says so."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        where = {"TOKENFALL_CONFIG": str(folder / "config"), "TOKENFALL_DATA": str(folder / "data")}
        self.master, slave = os.openpty()
        launch = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", launch, sys.executable, "-m", "tokenfall", *arguments],
            stdin=slave, stdout=slave, stderr=slave, env=terminal_env(**where), start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.seen = b""

    def read(self, until: bytes, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while until not in self.seen:
            assert select.select([self.master], [], [], max(end - time.monotonic(), 0))[0], f"{until!r} never came: {self.seen[-500:]!r}"
            data = os.read(self.master, 65536)
            self.seen += data
            for _ in range(data.count(b"\x1b[6n")):
                self.type(b"\x1b[2;2R")

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    def hang_up(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.hang_up()


@contextmanager
def unread(folder: Path, server: ByteServer) -> Iterator[Unread]:
    terminal = Unread(folder, "--base-url", server.url, "--model", "m")
    try:
        terminal.read(b"ready")
        yield terminal
    finally:
        terminal.close()


LONG: list[Step] = [*[Send(chunked(openai_chunk(f"line {number} of what nobody reads\n\n"))) for number in range(3000)], Hold()]


def test_a_terminal_that_reads_nothing_holds_up_neither_the_stream_nor_the_keys(tmp_path: Path) -> None:
    begun = Send(sse_response(openai_chunk("begun ")))
    with serving([begun, *LONG], [begun, Hold()]) as server, unread(tmp_path, server) as terminal:
        terminal.type(b"q\r")
        assert eventually(lambda: len(server.exchanges) == 1)
        assert eventually(lambda: server.unsent == 0)
        time.sleep(1.5)  # long enough for any buffer to be full of frames
        terminal.type(b"\x03")
        assert eventually(lambda: server.exchanges[0].hung_up_at is not None)
        terminal.type(b"again\r")
        assert eventually(lambda: len(server.exchanges) == 2)
        behind = len(terminal.seen)
        terminal.read(b"streaming")
        assert len(terminal.seen) - behind < 60_000  # frames replaced one another
        terminal.type(b"\x03")
        terminal.read("■ stopped".encode())


def test_after_a_hang_up_the_program_ends_though_nobody_read(tmp_path: Path) -> None:
    with serving([Send(sse_response(openai_chunk("begun "))), *LONG]) as server, unread(tmp_path, server) as terminal:
        terminal.type(b"q\r")
        assert eventually(lambda: len(server.exchanges) == 1)
        time.sleep(0.5)
        terminal.hang_up()
        assert eventually(lambda: server.exchanges[0].hung_up_at is not None)
        terminal.process.wait(15)


def test_quitting_ends_though_nobody_reads(tmp_path: Path) -> None:
    with serving([Send(sse_response(openai_chunk("begun "))), *LONG]) as server, unread(tmp_path, server) as terminal:
        terminal.type(b"q\r")
        assert eventually(lambda: len(server.exchanges) == 1)
        time.sleep(0.5)
        terminal.process.terminate()
        terminal.process.wait(15)


def test_the_modes_are_reset_though_frames_wait(tmp_path: Path) -> None:
    with serving([Send(sse_response(openai_chunk("begun "))), *LONG]) as server, unread(tmp_path, server) as terminal:
        terminal.type(b"q\r")
        terminal.read(b"streaming")
        terminal.process.terminate()
        terminal.read(LEAVES)
        terminal.read(b"\x1b[?25h")
        assert foreign(terminal.seen) == []


def test_no_answer_is_left_for_the_shell(tmp_path: Path) -> None:
    """The terminal's answers come late, and the program waits for them before it ends."""
    with serving(answer("short")) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready")
        screen.press("ctrl+d")
        assert screen.exit_status() == 0
        left = screen.raw.rpartition(LEAVES)[2]
        assert b"\x1b[6n" not in left


def test_a_conversation_stopped_on_a_pty_leaves_no_trace_in_the_prompt(tmp_path: Path) -> None:
    """Cursor reports, of which there are many, are keys to nobody."""
    with serving(streamed("word " * 300, 5)) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready")
        screen.type("q").press("enter")
        screen.wait_for("^ ready .*TTFT")
        assert screen.raw.count(b"\x1b[6n") >= 2
        screen.type("zz")
        screen.wait_for("^ ?zz$")
