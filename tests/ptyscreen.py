"""A program in a real pseudo-terminal, and what a person would see on it.

    with PtyScreen([sys.executable, "-m", "tokenfall"]) as screen:
        screen.wait_for("ready")
        screen.type("hello").press("enter")

One thread of its own does all reading and writing, so the program never waits for the test, and the queries that a
terminal answers are answered at once.
"""

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TypeVar

import pyte

_Seen = TypeVar("_Seen")

WAIT = 30.0
"""Seconds after which something that hasn't shown never will: only a hang is to reach this."""

# With a session of its own the program must still be given the terminal as its controlling one, or Ctrl-C reaches nobody.
_LAUNCH = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"

_TOKEN = re.compile(
    rb"(?P<csi>\x1b\[[0-?]*[ -/]*[@-~])"
    rb"|(?P<string>\x1b\].*?(?:\x1b\\|\x07)|\x1b[PX^_].*?\x1b\\)"
    rb"|(?P<escape>\x1b[ -/]*[0-OQ-WYZ\\`-~])"
    rb"|(?P<broken>\x1b(?:\[[0-?]*[ -/]*)?(?=[\x00-\x1f\x7f-\xff]))"  # cut short by what can't continue it
    rb"|(?P<text>[^\x1b]+)",
    re.DOTALL,
)
_REPEAT = re.compile(rb"\x1b\[(\d*)b")
_MODE_QUERY = re.compile(rb"\x1b\[\?(\d+)\$p")
_FORWARDED = re.compile(rb"\x1b\[(?:[\d;]*[@-JL-MPSTX`a-hj-mrsu]|[\d;]*K|\?[\d;]*[hl])")
_ALTERNATE = re.compile(rb"\x1b\[\?(?:1049|1047|47)([hl])")
_KNOWN_MODES = frozenset({25, 1000, 1002, 1003, 1004, 1006, 1049, 2004, 2026})
_UNDERLINE_STYLE = re.compile(rb"4:\d")

KEYS: Mapping[str, str] = {
    "enter": "\r", "tab": "\t", "shift+tab": "\x1b[Z", "escape": "\x1b", "backspace": "\x7f", "space": " ", "delete": "\x1b[3~",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F",
    "insert": "\x1b[2~", "pageup": "\x1b[5~", "pagedown": "\x1b[6~", "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS",
    "ctrl+_": "\x1f", "ctrl+home": "\x1b[1;5H", "ctrl+end": "\x1b[1;5F",
    "shift+up": "\x1b[1;2A", "shift+down": "\x1b[1;2B", "shift+right": "\x1b[1;2C", "shift+left": "\x1b[1;2D",
}  # fmt: skip
"""What xterm sends, by the names that Textual gives to keys; single characters and ctrl+letter need no row."""


def key_bytes(key: str) -> bytes:
    if key in KEYS:
        return KEYS[key].encode()
    if len(key) == 1:
        return key.encode()
    modifier, _, letter = key.partition("+")
    if modifier == "ctrl" and len(letter) == 1 and letter.isalpha():
        return bytes([ord(letter.upper()) - 64])
    if modifier == "alt" and letter:
        return b"\x1b" + key_bytes(letter)
    raise ValueError(f"no such key: {key}")


def terminal_env(**changes: str) -> dict[str, str]:
    """This environment as a plain terminal of 256 colours has it, with `changes`."""
    hidden = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "TERM_PROGRAM"}
    return {name: value for name, value in os.environ.items() if name not in hidden} | {"TERM": "xterm-256color"} | changes


class Emulator:
    """What a terminal makes of bytes. `answers` are further queries and what is said to them, by exact bytes."""

    def __init__(self, columns: int, lines: int, answers: Mapping[bytes, bytes] | None = None) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._answers = dict(answers or {})
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Gives what the terminal answers. A sequence that is cut by the end waits for the next bytes."""
        data = self._rest + data
        answers = b""
        position = 0
        while token := _TOKEN.match(data, position):
            position = token.end()
            match token.lastgroup:
                case "csi":
                    answers += self._control(token[0])
                case "string":
                    answers += self._answers.get(token[0], b"")
                case "broken":
                    pass
                case _:
                    self._stream.feed(token[0])
        self._rest = data[position:]
        return answers

    def _control(self, sequence: bytes) -> bytes:
        """Answers a query, or hands on what pyte understands; it would misread much of the rest."""
        answer = self._answer(sequence)
        sequence = _UNDERLINE_STYLE.sub(b"4", sequence)
        if repeat := _REPEAT.fullmatch(sequence):
            before = self.screen.buffer[self.screen.cursor.y][max(0, self.screen.cursor.x - 1)].data
            self._stream.feed((before * int(repeat[1] or 1)).encode())
        elif _FORWARDED.fullmatch(sequence):
            self._stream.feed(sequence)
        if _ALTERNATE.fullmatch(sequence):  # pyte has no second screen: an empty one begins and ends here
            self._stream.feed(b"\x1b[2J\x1b[H")
        return answer

    def _answer(self, sequence: bytes) -> bytes:
        if sequence in self._answers:
            return self._answers[sequence]
        if mode := _MODE_QUERY.fullmatch(sequence):
            return b"\x1b[?%d;%d$y" % (int(mode[1]), 2 if int(mode[1]) in _KNOWN_MODES else 0)
        match sequence:
            case b"\x1b[6n":
                return b"\x1b[%d;%dR" % (self.screen.cursor.y + 1, self.screen.cursor.x + 1)
            case b"\x1b[5n":
                return b"\x1b[0n"
            case b"\x1b[c" | b"\x1b[0c":
                return b"\x1b[?62;22c"
            case b"\x1b[>c" | b"\x1b[>0c":
                return b"\x1b[>0;276;0c"
            case _:
                return b""


class PtyScreen:
    """`answers` are further queries and what the terminal says to them, by exact bytes. Everything printed is in `raw`."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        answers: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self._terminal = Emulator(columns, lines, answers)
        self._screen = self._terminal.screen
        self._changed = threading.Condition()
        self._raw = bytearray()
        self._pending = bytearray()
        self._closing = False
        self._master, slave = os.openpty()
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._master, self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self._set_size(columns, lines)
        self.attributes_before = self.attributes()
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", _LAUNCH, *argv],
            stdin=slave, stdout=slave, stderr=slave,
            env=dict(terminal_env() if env is None else env), cwd=cwd, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self._thread = threading.Thread(target=self._serve, name="ptyscreen", daemon=True)
        self._thread.start()

    def __enter__(self) -> "PtyScreen":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ── what is seen ────────────────────────────────────────────────────────

    @property
    def raw(self) -> bytes:
        with self._changed:
            return bytes(self._raw)

    @property
    def pid(self) -> int:
        return self._process.pid

    def attributes(self) -> list[object]:
        """The terminal's settings (termios), which outlive the program."""
        return list(termios.tcgetattr(self._master))

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and line, from 0."""
        with self._changed:
            return self._screen.cursor.x, self._screen.cursor.y

    def rows(self) -> list[str]:
        """The lines of the screen without the blanks at their ends."""
        with self._changed:
            # not its `display`, which fails on half a wide character, as a resize may leave it for a moment
            rows = ((self._screen.buffer[y][x].data for x in range(self._screen.columns)) for y in range(self._screen.lines))
            return ["".join(row).rstrip() for row in rows]

    def text(self) -> str:
        return "\n".join(self.rows())

    def wait_for(self, pattern: str, timeout: float = WAIT) -> re.Match[str]:
        """Until the regular expression stands somewhere on the screen; fails with the screen that stood instead."""
        found = self.wait_until(lambda: re.search(pattern, self.text(), re.MULTILINE), f"{pattern!r} on the screen", timeout)
        assert found is not None
        return found

    def wait_gone(self, pattern: str, timeout: float = WAIT) -> None:
        self.wait_until(lambda: not re.search(pattern, self.text(), re.MULTILINE), f"{pattern!r} to leave the screen", timeout)

    def wait_raw(self, pattern: bytes, timeout: float = WAIT) -> re.Match[bytes]:
        """Until the bytes printed since the start hold the regular expression."""
        found = self.wait_until(lambda: re.search(pattern, self.raw, re.DOTALL), f"{pattern!r} among the bytes", timeout)
        assert found is not None
        return found

    def wait_until(self, condition: Callable[[], _Seen], what: str, timeout: float = WAIT) -> _Seen:
        """Asks again whenever the program has printed, and ten times a second."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                over = not self._thread.is_alive()
                if value := condition():
                    return value
                left = deadline - time.monotonic()
                if over or left <= 0:
                    why = "the program ended" if over else f"{timeout:.0f} s passed"
                    seen = f"the screen:\n{self.text()}\nlast bytes: {bytes(self._raw[-300:])!r}"
                    raise AssertionError(f"waited for {what}, but {why}; {seen}")
                self._changed.wait(min(left, 0.1))

    # ── what is done ────────────────────────────────────────────────────────

    def press(self, *keys: str) -> "PtyScreen":
        return self.send(b"".join(map(key_bytes, keys)))

    def type(self, text: str) -> "PtyScreen":
        return self.send(text.encode())

    def paste(self, text: str) -> "PtyScreen":
        """As a terminal pastes where bracketed paste is on: line ends as CR."""
        return self.send(b"\x1b[200~" + text.replace("\n", "\r").encode() + b"\x1b[201~")

    def send(self, data: bytes) -> "PtyScreen":
        with self._changed:
            self._pending += data
        self._wake()
        return self

    def resize(self, columns: int, lines: int) -> "PtyScreen":
        with self._changed:
            self._screen.resize(lines, columns)
            self._set_size(columns, lines)
        return self

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def exit_status(self, timeout: float = WAIT) -> int:
        """Waits for the end; what was printed last is then on the screen. Negative for a signal, as in subprocess."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout:.0f} s; the screen:\n{self.text()}") from None
        self._thread.join(2)  # children of the program may hold the terminal open for longer
        return status

    def hang_up(self) -> None:
        """The line drops: the terminal is gone for the program."""
        if not self._closing:
            self._closing = True
            self._wake()
            self._thread.join()
            for fd in (self._master, self._wake_read, self._wake_write):
                os.close(fd)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.hang_up()

    # ── the terminal ────────────────────────────────────────────────────────

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"!")

    def _serve(self) -> None:
        while not self._closing:
            with self._changed:
                writers = [self._master] if self._pending else []
            readable, writable, _ = select.select([self._master, self._wake_read], writers, [])
            if self._wake_read in readable:
                os.read(self._wake_read, 4096)
            if writable:
                self._write()
            if self._master in readable and not self._read():
                break
        with self._changed:
            self._changed.notify_all()

    def _read(self) -> bool:
        """False once nobody holds the other side."""
        try:
            data = os.read(self._master, 65536)
        except BlockingIOError:
            return True
        except OSError:  # Linux says EIO when the last holder has closed the terminal
            return False
        with self._changed:
            self._raw += data
            self._pending += self._terminal.feed(data)
            self._changed.notify_all()
        return bool(data)

    def _write(self) -> None:
        with self._changed, contextlib.suppress(OSError):
            del self._pending[: os.write(self._master, self._pending[:4096])]
