"""`tokenfall render`: to pipes and files, and on a real pseudo-terminal."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from tests.cli.running import CEILING, Outcome, Program, outcome
from tests.markdown.shown import cuts
from tests.ptyscreen import PtyScreen, terminal_env
from tests.ptytokens import Allowed, foreign
from tests.scrollback import Scrollback
from tests.terminal.test_scroll import DOCUMENTS, FENCE, wanted
from tests.ui.test_output import HOSTILE


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def markdown(program: Program, text: str | bytes, name: str = "text.md") -> str:
    path = program.folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def printed(text: str, width: int = 80) -> str:
    return "\n".join(wanted(text, width)[1:])


# ── to a pipe or a file ─────────────────────────────────────────────────────


async def test_a_file_becomes_plain_lines(program: Program) -> None:
    done = await program.run("render", markdown(program, "# Title\n\nSome **bold** [text](https://a.example).\n\n- one\n"))
    assert done == Outcome(0, "Title\n\nSome bold text.\n\n• one\n", "")


@pytest.mark.parametrize(("arguments", "width"), [((), 80), (("--width", "33"), 33), (("--width", "200"), 200)])
async def test_lines_are_as_wide_as_asked(program: Program, arguments: tuple[str, ...], width: int) -> None:
    source = "word " * 100 + "\n\n" + DOCUMENTS["table that widens"]
    done = await program.run("render", *arguments, stdin=source.encode())
    assert done == Outcome(0, printed(source, width), "")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"caf\xe9 \xf0\x9f\x98", "caf\ufffd \ufffd\n"),
        (b"\xef\xbb\xbfone\r\ntwo  \r\nthree\r\n", "one two\nthree\n"),
        (b"\x1b]52;c;aGk=\x07\xc2\x9b2J", "\u241b]52;c;aGk=\u2407<9B>2J\n"),
        (b"", ""),
    ],
)
async def test_bytes_are_utf8_and_inert(program: Program, data: bytes, text: str) -> None:
    assert await program.run("render", stdin=data) == Outcome(0, text, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.md"], "'none.md' does not exist."),
        (["."], "'.' is a directory."),
        (["/proc/self/mem"], "/proc/self/mem can't be read: Input/output error."),
        (["--width", "0", "/dev/null"], "0 is not in the range x>=1."),
    ],
)
async def test_what_cannot_be_read_is_told(program: Program, arguments: list[str], said: str) -> None:
    done = await program.run("render", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("tokenfall: ")
    assert said in done.stderr


async def test_what_is_finished_is_printed_at_once(program: Program) -> None:
    reader, writer = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *program.command, "render", stdin=reader, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=program.env()
    )
    os.close(reader)
    assert process.stdout is not None
    os.write(writer, b"# a\n\nb")
    assert await asyncio.wait_for(process.stdout.readexactly(2), CEILING) == b"a\n"
    os.write(writer, b" c\n")
    os.close(writer)
    assert await outcome(process) == Outcome(0, "\nb c\n", "")


async def test_a_reader_that_leaves_early_ends_it_quietly(program: Program) -> None:
    source = markdown(program, "line\n\n" * 30_000)
    reader, writer = os.pipe()
    process = await program.start("render", source, stdout=writer)
    os.close(writer)
    assert await asyncio.to_thread(os.read, reader, 5) == b"line\n"
    os.close(reader)
    assert await outcome(process) == Outcome(0, "", "")


async def test_a_closed_output_is_told(program: Program) -> None:
    shell = Program(program.folder, ("sh", "-c", 'exec "$@" >&-', "sh", *program.command))
    assert await shell.run("render", "/dev/null") == Outcome(2, "", "tokenfall: Standard output is closed.\n")


async def test_neither_the_screen_nor_a_client_is_imported(program: Program) -> None:
    check = (
        "import os, sys; from tokenfall.cli.program import run; run(['render', *sys.argv[1:]], print);"
        "os.write(2, ' '.join(sys.modules).encode())"
    )
    checked = Program(program.folder, (sys.executable, "-c", check))
    source = markdown(program, "# a")
    assert not {"textual", "httpx"} & set((await checked.run(source)).stderr.split())
    with terminal(checked, source) as screen:
        await asyncio.to_thread(screen.exit_status)
        assert "tokenfall.terminal.live" in screen.raw.decode().split()
        assert not {"textual", "httpx"} & set(screen.raw.decode().split())


# ── on a terminal ───────────────────────────────────────────────────────────


@contextmanager
def terminal(
    program: Program, *arguments: str, columns: int = 80, lines: int = 24, env: Mapping[str, str] | None = None
) -> Iterator[PtyScreen]:
    verb = () if program.command[0] == sys.executable and program.command[1] == "-c" else ("render",)
    argv = [*program.command, *verb, *arguments]
    with PtyScreen(argv, columns=columns, lines=lines, env=program.env(**terminal_env(**(env or {})))) as screen:
        yield screen


class Pipe:
    """A file that is written while it is read."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._file = os.open(path, os.O_RDWR)  # so that nobody waits for its reader

    def write(self, text: str) -> None:
        os.write(self._file, text.encode())

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    pipe = Pipe(tmp_path / "pipe")
    yield pipe
    pipe.close()


def left(screen: PtyScreen, columns: int = 80, lines: int = 24) -> list[str]:
    """What is in the scrollback and on the screen."""
    return Scrollback(columns, lines).feed(screen.raw.decode()).rows()


def echoes(screen: PtyScreen) -> bool:
    flags: int = termios.tcgetattr(screen._master)[3]
    assert bool(flags & termios.NOFLSH) is not bool(flags & termios.ECHO)
    return bool(flags & termios.ECHO)


def given_back(screen: PtyScreen) -> bool:
    """The pen, the cursor and the wrapping are those of before, and the shell's prompt has a line of its own."""
    raw = screen.raw
    modes = {mode: raw.rfind(b"\x1b[?%dh" % mode) >= raw.rfind(b"\x1b[?%dl" % mode) for mode in (7, 25, 2026)}
    pen = Scrollback(80, 24).feed(screen.raw.decode()).screen.cursor
    plain = (pen.attrs.fg, pen.attrs.bg, pen.attrs.bold, pen.attrs.underscore) == ("default", "default", False, False)
    return all(modes.values()) and plain and pen.x == 0


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (33, 7)])
@pytest.mark.parametrize("name", ["answer", "fence", "wide", "long mixed", "long one table"])
def test_the_scrollback_is_exact(program: Program, name: str, columns: int, lines: int) -> None:
    source = DOCUMENTS[name]
    with terminal(program, markdown(program, source), columns=columns, lines=lines) as screen:
        assert screen.exit_status() == 0
        assert left(screen, columns, lines) == wanted(source, columns)[1:]
        assert foreign(screen.raw, Allowed(inline=True)) == []
        assert given_back(screen)


@pytest.mark.parametrize("others", ["", "abc", "x", "x" * 79, "x" * 80, "x" * 85])
def test_what_a_command_left_without_a_line_end_stays(program: Program, others: str) -> None:
    shell = Program(program.folder, ("sh", "-c", f"printf '%s' '{others}'; exec \"$@\"", "sh", *program.command))
    with terminal(shell, markdown(program, "Some text.\n\nMore.")) as screen:
        assert screen.exit_status() == 0
        assert left(screen) == [*([others[:80]] if others else []), *([others[80:]] if others[80:] else []), "Some text.", "", "More.", ""]
        assert given_back(screen)


def test_the_scrollback_is_exact_however_the_text_came(program: Program, pipe: Pipe) -> None:
    source = DOCUMENTS["answer"] + FENCE + DOCUMENTS["table that widens"] + "\nthe end of it"
    random = Random(5)
    with terminal(program, pipe.path, columns=40, lines=9) as screen:
        screen.wait_until(lambda: not echoes(screen), "the program to begin")
        for piece in cuts(source, random, longest=60):
            pipe.write(piece)
            time.sleep(random.choice((0, 0, 0.002, 0.01)))
        screen.wait_until(lambda: left(screen, 40, 9)[-1] == "the end of it", "all of it")
        stop(screen, signal.SIGINT)
        assert left(screen, 40, 9) == wanted(source, 40)[1:]


def stop(screen: PtyScreen, number: signal.Signals) -> int:
    screen.signal(number)
    return screen.exit_status()


def test_text_shows_when_it_comes_and_markers_soon_after(program: Program, pipe: Pipe) -> None:
    with terminal(program, pipe.path) as screen:
        pipe.write("# a heading")
        screen.wait_for("^a heading$")
        pipe.write("\n\n-")
        screen.wait_for("^•$")
        pipe.write(" item\n\n`co")
        screen.wait_for("^• item\n\nco$")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_what_came_and_gives_the_terminal_back(program: Program, pipe: Pipe, number: signal.Signals) -> None:
    tail = "```python\n" + "".join(f"line({number})\n" for number in range(50)) + "unfinished = '"
    with terminal(program, pipe.path) as screen:
        pipe.write("Before\n\n" + tail)
        screen.wait_for("^  unfinished")
        assert not echoes(screen)
        assert stop(screen, number) == (130 if number is signal.SIGINT else -number)
        assert left(screen) == wanted("Before\n\n" + tail, 80)[1:]
        assert given_back(screen)
        assert echoes(screen)


def test_ctrl_c_leaves_no_trace_of_the_keys(program: Program, pipe: Pipe) -> None:
    shell = Program(program.folder, ("bash", "-c", '"$@"; echo "ended $?"; read -t 0.2 left; echo "[$left]"', "bash", *program.command))
    with terminal(shell, pipe.path) as screen:
        pipe.write("Some text")
        screen.wait_for("^Some text")
        screen.type("typed meanwhile\r").press("ctrl+c")
        assert screen.exit_status() == 0
        assert left(screen) == ["Some text", "ended 130", "[]", ""]


def test_a_defect_gives_the_terminal_back(program: Program, pipe: Pipe) -> None:
    code = (
        "import sys; from tokenfall.cli.program import run; from tokenfall.terminal.scroll import Scroll;"
        "whole = Scroll._rows; Scroll._rows = lambda self, lines: whole(self, lines) if len(lines) < 3 else 1 / 0;"
        "sys.exit(run(['render', *sys.argv[1:]], print))"
    )
    with terminal(Program(program.folder, (sys.executable, "-c", code)), pipe.path) as screen:
        pipe.write("one `code")
        screen.wait_for("^one code")
        pipe.write("`\n\ntwo\n\nthree\n\nfour\n\n")
        assert screen.exit_status() == 1
        assert "This is a fault in tokenfall: ZeroDivisionError" in screen.text()
        assert given_back(screen)
        assert echoes(screen)


def test_after_a_hang_up_it_ends(program: Program, pipe: Pipe) -> None:
    with terminal(program, pipe.path) as screen:
        pipe.write("Some text")
        screen.wait_for("^Some text")
        screen.hang_up()
        assert screen.exit_status() == -signal.SIGHUP


def test_suspended_and_continued(program: Program, pipe: Pipe) -> None:
    with terminal(program, pipe.path) as screen:
        pipe.write("Gone.\n\nA `tail")
        screen.wait_for("^A tail")
        screen.press("ctrl+z")
        screen.wait_until(lambda: state(screen.pid) == "T", "the program to stop")
        screen.wait_until(lambda: given_back(screen), "the terminal back")
        assert echoes(screen)
        screen.type("typed\r")
        screen.wait_for("^typed")
        pipe.write("` goes on.")
        os.kill(screen.pid, signal.SIGCONT)
        screen.wait_for("^A tail goes on")
        assert not echoes(screen)
        assert stop(screen, signal.SIGINT) == 130
        assert left(screen) == ["Gone.", "", "A tail", "typed", "", "A tail goes on.", ""]


def test_in_the_background_only_what_is_finished_is_printed(program: Program, pipe: Pipe) -> None:
    """What stands above the cursor is another job's there."""
    background = Program(program.folder, ("sh", "-mc", '"$@" & wait $!; echo "ended $?"', "sh", *program.command))
    with terminal(background, pipe.path) as screen:
        pipe.write("One.\n\n|a|b|\n|-|-|\n|1|2|\n")
        screen.wait_for("^One.$")
        assert echoes(screen)
        time.sleep(0.2)  # long enough for a tail to show
        pipe.write("|1|wider|\n\nfour")
        screen.wait_for("^1 │ wider$")
        pipe.close()
        screen.wait_for("^four\nended 0$")
        assert not re.search(rb"\x1b\[\d*A", screen.raw)


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_a_resize_changes_the_width_of_what_follows(program: Program, pipe: Pipe) -> None:
    with terminal(program, pipe.path) as screen:
        pipe.write("word " * 30 + "\n\n" + "tail " * 30)
        screen.wait_for("(tail ?){14}\n")
        screen.resize(40, 20)
        screen.wait_for("^(tail ?){8}$")
        pipe.write("\n\n" + "after " * 12)
        screen.wait_for("^(after ?){6}\n(after ?){6}$")
        assert stop(screen, signal.SIGINT) == 130


def test_a_terminal_that_nobody_reads_holds_up_no_interrupt(program: Program) -> None:
    master, slave = os.openpty()
    source = markdown(program, "some words of a long text\n\n" * 20_000)
    process = subprocess.Popen(
        [*program.command, "render", source], stdin=slave, stdout=slave, stderr=slave, env=program.env(**terminal_env())
    )
    try:
        os.read(master, 1)
        time.sleep(0.5)  # long enough for the terminal to be full
        process.send_signal(signal.SIGINT)
        assert process.wait(CEILING) == 130
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)


def test_a_slow_terminal_gets_everything(program: Program) -> None:
    source = "some words of a long text\n\n" * 400
    master, slave = os.openpty()
    process = subprocess.Popen(
        [*program.command, "render", markdown(program, source)], stdin=slave, stdout=slave, stderr=slave, env=program.env(**terminal_env())
    )
    os.close(slave)
    seen = b""
    with suppress(OSError):
        while data := os.read(master, 256):
            seen += data
            time.sleep(0.002)
    os.close(master)
    assert process.wait(CEILING) == 0
    assert Scrollback(80, 24).feed(seen.decode()).rows() == wanted(source, 80)[1:]


def test_without_a_file_a_terminal_is_not_read(program: Program) -> None:
    with terminal(program) as screen:
        assert screen.exit_status() == 2
        assert "tokenfall: There is nothing to render." in screen.text()
        assert "tokenfall render README.md" in screen.text()


def test_a_dumb_terminal_gets_plain_lines(program: Program) -> None:
    with terminal(program, markdown(program, "# a\n\n`b`\n"), env={"TERM": "dumb"}) as screen:
        assert screen.exit_status() == 0
        assert screen.raw == b"a\r\n\r\nb\r\n"
    with terminal(program, "--width", "60", markdown(program, "word " * 20), columns=40, env={"TERM": "dumb"}) as screen:
        assert screen.exit_status() == 0
        assert screen.rows()[:3] == ["word " * 7 + "word", *["word " * 7 + "word"], "word word word word"]


@pytest.mark.parametrize(("arguments", "env"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), (["--theme", "light"], {"NO_COLOR": "1"})])
def test_without_colours_only_attributes_are_sent(program: Program, arguments: list[str], env: dict[str, str]) -> None:
    with terminal(program, *arguments, markdown(program, DOCUMENTS["answer"]), env=env) as screen:
        assert screen.exit_status() == 0
        parameters = {each for group in re.findall(rb"\x1b\[([\d;]*)m", screen.raw) for each in group.split(b";")}
        assert b"1" in parameters
        assert not {each for each in parameters if re.fullmatch(rb"[349]\d|10\d", each)}


def test_themes(program: Program) -> None:
    source = markdown(program, "`code`")
    (program.folder / "themes").mkdir()
    (program.folder / "themes" / "mine.toml").write_text('[colors]\ncode = "#010203"\n')
    program.configure('theme = "mine"')
    for arguments, colour in (((), b"38;2;1;2;3"), (("--theme", "gruvbox"), b"38;2;254;154;69"), (("--theme", "terminal"), b"33")):
        with terminal(program, *arguments, source, env={"COLORTERM": "truecolor"}) as screen:
            assert screen.exit_status() == 0
            assert re.search(rb"\x1b\[[\d;]*" + colour + rb"[\d;]*m[^\x1b]*code", screen.raw), (arguments, screen.raw)
    with terminal(program, "--theme", "no-such", source, columns=120) as screen:
        assert screen.exit_status() == 2
        assert "There is no theme 'no-such'." in screen.text()


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_hostile_text_reaches_the_terminal_as_text_only(program: Program, pipe: Pipe, size: int) -> None:
    payloads = [case["text"].encode("utf-8", "surrogatepass").decode("utf-8", "replace") for case in HOSTILE["terminal"].values()]
    source = "\n\n".join(f"{each} `{each}` [{each}]({each})\n\n```{each}\n{each}\n```" for each in payloads)
    source = source if size > 1 else source[:3000]
    with terminal(program, pipe.path) as screen:
        for start in range(0, len(source), size):
            pipe.write(source[start : start + size])
        pipe.write("\n\nthe end of it")
        screen.wait_for("the end of it")
        assert stop(screen, signal.SIGINT) == 130
        assert foreign(screen.raw, Allowed(inline=True)) == []
        assert given_back(screen)
    done = subprocess.run([*program.command, "render"], input=source.encode(), capture_output=True, env=program.env(), check=True)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout.decode())


def test_hostile_patterns(program: Program) -> None:
    """Markdown that is dear to parse, each short enough for a test."""
    patterns = json.loads((Path(__file__).parents[1] / "data" / "hostile.json").read_text())["markdown"]
    source = "\n\n".join(each["prefix"] + each["unit"] * (each["repeats"] // 60) + each["suffix"] for each in patterns.values())
    with terminal(program, markdown(program, source)) as screen:
        assert screen.exit_status() == 0
        assert foreign(screen.raw, Allowed(inline=True)) == []
