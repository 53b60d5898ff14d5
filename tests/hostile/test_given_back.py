"""However the program ends, the terminal is as it was: every mode that was set is reset, and its settings are those of before."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.byteserver import ByteServer, Hold, Script, Send, openai_chunk, sse_response
from tests.ptyscreen import PtyScreen, terminal_env
from tests.ptytokens import Allowed, foreign, left_on
from tests.test_chat import LEAVES, eventually, serving

ROOT = Path(__file__).parents[2]
HALF: Script = [Send(sse_response(openai_chunk("half an answer"))), Hold()]
SET = {"mode 7", "mode 25", "mode 1000", "mode 1002", "mode 1004", "mode 1006", "mode 1049", "mode 2004", "keyboard"}
"""What the chat changes in every terminal."""
KNOWS_MUCH = {b"\x1b[?2048$p": b"\x1b[?2048;2$y", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
"""A terminal that can tell its size by itself; Textual would then want the mouse in pixels too."""


@contextmanager
def chat(folder: Path, *options: str, fault: str = "", answers: dict[bytes, bytes] | None = None) -> Iterator[tuple[PtyScreen, ByteServer]]:
    where = {"TOKENFALL_CONFIG": str(folder / "config"), "TOKENFALL_DATA": str(folder / "data"), "TEXTUAL_SMOOTH_SCROLL": "1"}
    module = ["tests.hostile.faulty", fault] if fault else ["tokenfall"]
    with serving(HALF) as server:
        argv = [sys.executable, "-m", *module, "--base-url", server.url, "--model", "m", *options]
        with PtyScreen(argv, env=terminal_env(**where), cwd=ROOT, answers=answers) as screen:
            yield screen, server


def given_back(screen: PtyScreen) -> None:
    raw = screen.raw
    assert left_on(raw) == set()
    assert foreign(raw, Allowed(bell=True)) == []
    assert screen.attributes() == screen.attributes_before
    assert raw.count(b"\x1b[?1049h") == raw.count(LEAVES)
    assert raw.count(b"\x1b[>25u") == raw.count(b"\x1b[<u")


def taken(screen: PtyScreen) -> set[str]:
    """What is not as in a terminal at rest, but for the pen, which frames change."""
    return left_on(screen.raw) - {"pen"}


def streaming(screen: PtyScreen) -> None:
    screen.wait_for("^ ready │")
    screen.type("q").press("enter")
    screen.wait_for("half an answer")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_after_a_signal_while_a_reply_streams(tmp_path: Path, number: signal.Signals) -> None:
    with chat(tmp_path, answers=KNOWS_MUCH) as (screen, server):
        streaming(screen)
        assert taken(screen) == SET
        screen.signal(number)
        assert screen.exit_status() == 128 + number
        given_back(screen)
        assert eventually(lambda: server.exchanges[0].hung_up_at is not None)


def test_after_a_signal_at_the_very_start(tmp_path: Path) -> None:
    """As soon as the terminal has been taken."""
    with chat(tmp_path) as (screen, _):
        screen.wait_raw(rb"\x1b\[\?1049h")
        screen.signal(signal.SIGTERM)
        screen.exit_status()
        given_back(screen)


def test_after_many_signals(tmp_path: Path) -> None:
    with chat(tmp_path) as (screen, _):
        streaming(screen)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            screen.signal(number)
            time.sleep(0.01)
        screen.exit_status()
        given_back(screen)


def test_after_the_users_own_end(tmp_path: Path) -> None:
    with chat(tmp_path, answers=KNOWS_MUCH) as (screen, _):
        screen.wait_for("^ ready │")
        screen.press("ctrl+d")
        assert screen.exit_status() == 0
        given_back(screen)


@pytest.mark.parametrize("opened", ["ctrl+p", "f2"], ids=["list", "mouse"])
def test_with_something_open(tmp_path: Path, opened: str) -> None:
    with chat(tmp_path) as (screen, _):
        streaming(screen)
        screen.press("tab", opened)
        screen.send(b"\x1b[<35;9;24M\x1b[<35;9;23M")  # the mouse, over the prompt
        time.sleep(0.2)
        screen.signal(signal.SIGTERM)
        screen.exit_status()
        given_back(screen)


@pytest.mark.parametrize("fault", ["action", "thread worker", "worker", "drawing", "mount", "unmount"])
def test_after_a_defect(tmp_path: Path, fault: str) -> None:
    """It ends in a sentence and exit status 1, and what stands in its message does not act."""
    with chat(tmp_path, fault=fault) as (screen, _):
        if fault != "mount":
            streaming(screen)
            screen.press("ctrl+p")
        assert screen.exit_status() == 1
        given_back(screen)
        assert "This is a fault in tokenfall" in screen.text()
        assert "Traceback" not in screen.text()


@pytest.mark.parametrize(("fault", "status"), [("exit", 3), ("interrupt", 130)])
def test_after_an_exit_from_within(tmp_path: Path, fault: str, status: int) -> None:
    with chat(tmp_path, fault=fault) as (screen, _):
        streaming(screen)
        screen.press("ctrl+p")
        assert screen.exit_status() == status
        given_back(screen)


def test_an_end_that_hangs(tmp_path: Path) -> None:
    """A signal ends it all the same, after a while."""
    with chat(tmp_path, fault="hang") as (screen, _):
        streaming(screen)
        screen.signal(signal.SIGTERM)
        assert screen.exit_status() == 128 + signal.SIGTERM
        given_back(screen)


def test_defects_that_nobody_waits_for_are_not_drawn_over_the_screen(tmp_path: Path) -> None:
    with chat(tmp_path, fault="unheard") as (screen, _):
        streaming(screen)
        screen.press("ctrl+p")
        screen.type("goes on")
        screen.wait_for("goes on")
        time.sleep(0.3)
        assert b"N999" not in screen.raw
        assert b"N998" not in screen.raw
        assert "Traceback" not in screen.text()
        screen.press("ctrl+c")
        screen.wait_for("^ stopped")
        screen.press("ctrl+c", "ctrl+d")
        assert screen.exit_status() == 0
        given_back(screen)


def test_away_and_back(tmp_path: Path) -> None:
    """While the program is suspended the terminal is the shell's."""
    with chat(tmp_path, answers=KNOWS_MUCH) as (screen, _):
        streaming(screen)
        for _ in range(2):
            screen.press("ctrl+z")
            assert eventually(lambda: stopped(screen.pid))
            given_back(screen)
            time.sleep(0.1)
            os.kill(screen.pid, signal.SIGCONT)
            screen.wait_until(lambda: taken(screen) == SET, "the terminal to be taken again")
            screen.wait_for("half an answer")
        screen.press("ctrl+c")
        screen.wait_for("^ stopped")
        screen.press("ctrl+d")
        assert screen.exit_status() == 0
        given_back(screen)


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def test_a_signal_while_suspended(tmp_path: Path) -> None:
    with chat(tmp_path) as (screen, _):
        screen.wait_for("^ ready │")
        screen.press("ctrl+z")
        assert eventually(lambda: stopped(screen.pid))
        screen.signal(signal.SIGTERM)
        os.kill(screen.pid, signal.SIGCONT)
        screen.exit_status()
        given_back(screen)
