"""The editor: which one, and what comes back."""

import asyncio
import os
import signal
import stat
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tokenfall.errors import UserError
from tokenfall.terminal.editor import edited, editor_command


def installed(*names: str) -> dict[str, str]:
    return {name: f"/usr/bin/{name}" for name in names}


def test_visual_before_editor() -> None:
    env = {"VISUAL": "code --wait 'a b'", "EDITOR": "nano"}
    assert editor_command(env, installed("code", "nano").get) == ["code", "--wait", "a b"]
    assert editor_command({"VISUAL": " ", "EDITOR": "nano"}, installed("nano").get) == ["nano"]


def test_what_is_installed() -> None:
    assert editor_command({}, installed("vi", "nano").get) == ["/usr/bin/nano"]
    assert editor_command({}, installed("vi").get) == ["/usr/bin/vi"]


@pytest.mark.parametrize(("env", "words"), [
    ({}, "No editor was found"),
    ({"EDITOR": "gone"}, "$EDITOR names gone"),
    ({"VISUAL": "vi 'open"}, "$VISUAL is not a command line"),
])
def test_none(env: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words.replace("$", r"\$")):
        editor_command(env, installed().get)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def script(code: str) -> list[str]:
    return [sys.executable, "-c", f"import os, sys, time, signal; path = sys.argv[1]\n{code}"]


@pytest.mark.parametrize(("before", "written", "after"), [
    ("one", "two\n", "two"),
    ("one\n", "two\n", "two\n"),
    ("one", "a\r\nb\rc\n\n", "a\nb\nc\n"),
    ("one", "", ""),
])
async def test_what_comes_back(folder: Path, before: str, written: str, after: str) -> None:
    code = f"assert open(path, newline='').read() == {before!r}\nopen(path, 'w', newline='').write({written!r})"
    assert await edited(before, script(code)) == after
    assert os.listdir(folder) == []


async def test_the_file_is_the_owners_only(folder: Path) -> None:
    mode = await edited("x", script("open(path, 'w').write(oct(os.stat(path).st_mode))"))
    assert stat.S_IMODE(int(mode, 8)) == 0o600


@pytest.mark.parametrize(("command", "words"), [
    (script("sys.exit(3)"), "ended with 3"),
    (["/nowhere/editor"], "can't be run"),
    (script("os.unlink(path)"), "can't be read"),
])
async def test_failures_leave_no_file(folder: Path, command: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        await edited("x", command)
    assert os.listdir(folder) == []


async def test_the_loop_goes_on_meanwhile(folder: Path) -> None:
    flag = folder / "flag"
    editing = asyncio.create_task(edited("x", script(f"\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)")))
    await asyncio.sleep(0.05)
    flag.touch()
    assert await asyncio.wait_for(editing, 30) == "x"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_cancelling_ends_the_editor(folder: Path) -> None:
    pid = folder / "pid"
    editing = asyncio.create_task(edited("x", script(f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)")))
    await asyncio.to_thread(wait_for, pid)
    editing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await editing
    assert os.listdir(folder) == ["pid"]


async def test_an_interrupt_of_the_editor_is_not_ours(folder: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    code = f"signal.signal(signal.SIGINT, signal.SIG_IGN); os.kill({os.getpid()}, signal.SIGINT)"
    assert await edited("x", script(code)) == "x"
    assert signal.getsignal(signal.SIGINT) is before
