"""Copying, also through tmux, GNU screen and SSH."""

import base64
import subprocess
from collections.abc import Callable, Iterator, Mapping

_CARRIED = 100_000
"""Bytes of base64 that every terminal which knows OSC 52 takes; hterm and others drop what is longer."""

_SCREEN_STRING = 500
"""GNU screen passes on no more than 768 bytes of one device control string."""

_PATIENCE = 3.0
"""Seconds for tmux to take the text."""


def copy(text: str, write: Callable[[str], None], env: Mapping[str, str]) -> str:
    """Copies and says in a sentence what it did. `write` sends a control sequence to the terminal.

    Inside tmux its own command is used: a default tmux drops OSC 52 from programs, plain or wrapped, but passes on what
    `load-buffer -w` is given. Waits for tmux up to 3 s: call it off the event loop.
    """
    if not text:
        return "There is nothing to copy."
    if not env.get("TMUX"):
        return _by_terminal(text, write, env)
    failure = _by_tmux(text, env, "-w")
    if not failure:
        return f"Copied {_size(text)} to tmux's buffer, and to the clipboard if the terminal lets tmux."
    if not _by_tmux(text, env):
        return f"Copied {_size(text)} to tmux's buffer only: this tmux can't hand it to the clipboard. Paste with prefix ]."
    return f"tmux did not take the text ({failure}). {_by_terminal(text, write, env)} tmux may drop that."


def _by_tmux(text: str, env: Mapping[str, str], *flags: str) -> str:
    """"" when tmux took it, else why not."""
    command = ["tmux", "load-buffer", *flags, "-"]
    try:
        done = subprocess.run(
            command, input=text.encode("utf-8", "replace"), env=dict(env), capture_output=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PATIENCE:.0f} s"
    except OSError as error:
        return f"tmux can't be run: {error.strerror}"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").split("\n")[0].strip()
    return said if said.isprintable() and said else f"it ended with {done.returncode}"


def _by_terminal(text: str, write: Callable[[str], None], env: Mapping[str, str]) -> str:
    carried = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if env.get("STY") and not env.get("TMUX"):
        # the inner sequence ends in BEL: an ST would end screen's own string
        for part in _parts(f"\x1b]52;c;{carried}\x07", _SCREEN_STRING):
            write(f"\x1bP{part}\x1b\\")
    else:
        write(f"\x1b]52;c;{carried}\x1b\\")
    if len(carried) > _CARRIED:
        return f"Sent {_size(text)} to the terminal's clipboard (OSC 52), but many terminals drop more than {_CARRIED * 3 // 4000} kB."
    return f"Sent {_size(text)} to the terminal's clipboard (OSC 52)."


def _parts(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _size(text: str) -> str:
    if len(text) == 1:
        return "1 character"
    lines = text.count("\n") + (not text.endswith("\n"))
    return f"{len(text):,} characters" if lines == 1 else f"{lines:,} lines"
