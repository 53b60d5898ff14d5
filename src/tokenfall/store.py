"""What is kept between runs: the prompts, as JSON lines.

One prompt a line, a JSON string; the file only grows at its end, so that several programs may write it at once.
"""

import fcntl
import json
import os
from pathlib import Path
from threading import Lock

KEPT = 1_000
"""Entries that are offered again."""

_LONGEST = 200_000
"""Characters of a prompt that is written; a longer one is remembered for this run only."""

_TAIL = 8 * 2**20
"""Bytes of the file's end that are read, so that a huge history doesn't hold up the first key."""


def _decoded(line: bytes) -> str | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, str) and entry else None


def _tail(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _TAIL)
        file.seek(start)
        lines = file.read(_TAIL).split(b"\n")
    return lines[1:] if start else lines


def _append(path: Path, lines: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with open(descriptor, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # a program that was killed while it wrote leaves a line without end; ours must not become part of it
        size = file.seek(0, os.SEEK_END)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            lines = b"\n" + lines
        while lines:
            lines = lines[file.write(lines) or 0 :]


class PromptHistory:
    """Prompts of this run and of earlier ones, oldest first.

    `add` only remembers; `save` writes what is not yet written, and is safe to call from a thread. A file that can't be
    read or written costs nothing but the memory of the next run: `problem` says why, once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: list[str] | None = None
        self._unsaved: list[str] = []
        self._lock = Lock()
        self._saving = Lock()  # apart, so that a slow disk holds up no key
        self._problem = ""
        self._told = False

    @property
    def entries(self) -> list[str]:
        """The last 1,000, read from the disk when they are first asked for."""
        with self._lock:
            return self._loaded()

    def load(self) -> None:
        """Reads them from the disk now, where that has not been done: for a thread."""
        with self._lock:
            self._loaded()

    def add(self, text: str) -> None:
        """Keeps a prompt, unless it repeats the one before it."""
        with self._lock:
            entries = self._loaded()
            if not text or (entries and entries[-1] == text):
                return
            entries.append(text)
            del entries[:-KEPT]
            if len(text) <= _LONGEST:
                self._unsaved.append(text)

    def save(self) -> None:
        with self._saving:
            with self._lock:
                unsaved, self._unsaved = self._unsaved, []
            if not unsaved:
                return
            try:
                _append(self._path, b"".join(json.dumps(text).encode() + b"\n" for text in unsaved))
            except OSError as error:
                with self._lock:
                    self._note(f"The prompt history can't be written to {self._path}: {error.strerror}. It is kept until you quit.")

    def problem(self) -> str:
        """A sentence about the first failure, given once; "" when there is none to tell."""
        with self._lock:
            problem, self._problem = self._problem, ""
            return problem

    def _note(self, problem: str) -> None:
        if not self._told:
            self._told = True
            self._problem = problem

    def _loaded(self) -> list[str]:
        if self._entries is None:
            self._entries = []
            try:
                lines = _tail(self._path)
            except FileNotFoundError:
                lines = []
            except OSError as error:
                lines = []
                self._note(f"The prompt history can't be read from {self._path}: {error.strerror}. It begins anew.")
            for text in filter(None, map(_decoded, lines)):
                if not self._entries or self._entries[-1] != text:
                    self._entries.append(text)
            del self._entries[:-KEPT]
        return self._entries
