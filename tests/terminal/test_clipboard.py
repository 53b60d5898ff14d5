"""Copying: what goes to tmux, what to the terminal, and what the user is told."""

import base64
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenfall.terminal.clipboard import copy

TEXT = "two lines\n\ttab, quotes \" ' $HOME `x`\n日本語 \U0001f468\u200d\U0001f469 é\n"


def osc52(written: list[str]) -> str:
    found = re.fullmatch(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x1b\\", "".join(written))
    assert found
    return base64.b64decode(found[1]).decode()


def test_the_terminal_is_told() -> None:
    written: list[str] = []
    assert copy(TEXT, written.append, {}) == "Sent 3 lines to the terminal's clipboard (OSC 52)."
    assert osc52(written) == TEXT


def test_nothing() -> None:
    written: list[str] = []
    assert "nothing" in copy("", written.append, {})
    assert written == []


def test_sizes_are_told() -> None:
    assert "1 character " in copy("x", lambda _: None, {})
    assert "1,234 characters" in copy("x" * 1234, lambda _: None, {})
    assert "many terminals drop more than 75 kB" in copy("x" * 80_000, lambda _: None, {})


def test_lone_surrogates_do_not_fail() -> None:
    written: list[str] = []
    copy("a\ud800", written.append, {})
    assert osc52(written) == "a?"


def test_screen_gets_short_strings() -> None:
    written: list[str] = []
    copy("text " * 1000, written.append, {"STY": "1.pts-0"})
    assert all(len(part) <= 768 for part in written)
    inner = "".join(re.fullmatch(r"\x1bP(.*)\x1b\\", part, re.DOTALL)[1] for part in written)  # type: ignore[index]
    assert inner.startswith("\x1b]52;c;")
    assert base64.b64decode(inner.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode() == "text " * 1000


def test_without_the_tmux_program_the_terminal_is_tried(tmp_path: Path) -> None:
    written: list[str] = []
    said = copy("text", written.append, {"TMUX": "/nowhere,1,0", "PATH": str(tmp_path)})
    assert "tmux can't be run" in said
    assert osc52(written) == "text"


def test_an_old_tmux_keeps_it_in_its_buffer(tmp_path: Path) -> None:
    tmux = tmp_path / "tmux"
    tmux.write_text('#!/bin/sh\ncase "$2" in -w) echo "unknown flag -w" >&2; exit 1;; esac\n/bin/cat > "$OUT"\n')
    tmux.chmod(0o755)
    written: list[str] = []
    said = copy("text\n", written.append, {"TMUX": "x", "PATH": str(tmp_path), "OUT": str(tmp_path / "out")})
    assert "prefix ]" in said
    assert written == []
    assert (tmp_path / "out").read_text() == "text\n"


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str]]:
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    command = ["tmux", "-S", str(tmp_path / "socket"), "-f", "/dev/null"]
    subprocess.run([*command, "new-session", "-d", "-x", "80", "-y", "24", "sleep 120"], check=True)
    yield command
    subprocess.run([*command, "kill-server"], check=False)


COPY = """
import os, sys
from pathlib import Path
from tokenfall.terminal.clipboard import copy
folder = Path(sys.argv[1])
said = copy((folder / "text").read_bytes().decode(), sys.stdout.write, os.environ)
(folder / "said").write_text(said)
(folder / "done").touch()
"""


def test_in_a_real_tmux(tmux: list[str], tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(TEXT.encode())
    env = [f"PYTHONPATH={os.pathsep.join(sys.path)}"]
    subprocess.run([*tmux, "new-window", "env", *env, sys.executable, "-c", COPY, str(tmp_path)], check=True)
    deadline = time.monotonic() + 30
    while not (tmp_path / "done").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (tmp_path / "said").read_text().startswith("Copied 3 lines to tmux's buffer")
    assert subprocess.run([*tmux, "show-buffer"], capture_output=True, check=True).stdout.decode() == TEXT
