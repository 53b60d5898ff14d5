"""The embedded model: llama.cpp's server in a child process, held by a pipe.

It is an endpoint like any other once it listens. The child ends when the program does, however that ends: Linux kills it
with the thread that started it, and everywhere the end of its standard input ends it.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, BinaryIO

from tokenfall.config import LOCAL, LOCAL_MODEL, Endpoint, Secret
from tokenfall.errors import EmbeddedModelError
from tokenfall.local.checks import ELSEWHERE, SMALLER, checked, shown
from tokenfall.local.child import Order, Report

CHILD = Path(__file__).with_name("child.py")
LEAST_SECONDS = 60.0
SLOWEST_DISK = 20e6  # bytes per second: a model on a network folder still gets its time
END_SECONDS = 2.0
QUOTE = 200  # characters of a log line
LOG_TAIL = 65536  # bytes
KEY_BYTES = 24

MEMORY_SIGNS = re.compile(
    "insufficient memory|bad_alloc|[Cc]annot allocate|failed to allocate|failed to map segment|MemoryError|Resource temporarily unavailable"
)
LOG_ERROR = re.compile(r"[\d.]+ E ")
LOG_STAMP = re.compile(r"^[\d.]+ [A-Z] ")


class EmbeddedModel:
    """One model on this machine. `name` is what requests call it; `context` its window in tokens, None until it has started."""

    def __init__(self, model_file: Path | None, log_file: Path, *, start_seconds: float | None = None) -> None:
        """Without `model_file` it is the model that came with the program. `start_seconds` is the longest that loading may take;
        by default a minute, and longer for large files."""
        self.name = LOCAL_MODEL if model_file is None else _encodable(model_file.stem)
        self.context: int | None = None
        self._model_file = model_file
        self._log_file = log_file
        self._start_seconds = start_seconds
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        """The last child's process id; None before the first start."""
        return self._child.process.pid if self._child else None

    @property
    def returncode(self) -> int | None:
        """As `subprocess` gives it: negative for a signal. None before the first start and while the child lives."""
        return self._child.ended.result() if self._child and self._child.ended.done() else None

    @property
    def ready(self) -> bool:
        """Whether it answers, so that `start` returns at once."""
        child = self._child
        return child is not None and child.report.done() and not child.killed and not child.ended.done()

    def check(self) -> None:
        """Raises EmbeddedModelError for what is known to keep it from starting."""
        checked(self._model_file)

    def spawn(self) -> None:
        """Begins to load, unless that has been done, and does not wait. Belongs in the main thread: Linux ends the child with the
        thread that called this. Raises EmbeddedModelError for what can be known beforehand."""
        self._running_child()

    async def start(self) -> Endpoint:
        """The endpoint, once it answers; at once when it already does. A child that has died is started anew.
        Raises EmbeddedModelError. Cancelling it leaves the child loading."""
        child = self._running_child()
        try:
            async with asyncio.timeout(None if child.report.done() else child.deadline - time.monotonic()):
                report = await asyncio.wrap_future(child.report)
        except TimeoutError:
            await child.stop()
            raise EmbeddedModelError(f"{self._title} was not ready in time.", f"{self._log_hint} {ELSEWHERE}") from None
        if report is None:
            returncode = await asyncio.wrap_future(child.ended)
            raise self._failure("can't start", child, returncode, telling_line(_tail(self._log_file)))
        self.context = report["context"]
        # what fails here is the child, which has ended: another attempt would find nothing
        return Endpoint(LOCAL, "openai-chat", f"http://127.0.0.1:{report['port']}/v1", self.name, child.key, retries=1)

    async def ended(self) -> EmbeddedModelError:
        """Waits until the child that was started last has ended, and says why. `start` may then be called again."""
        if self._child is None:
            raise RuntimeError("spawn or start comes first")
        child = self._child
        returncode = await asyncio.wrap_future(child.ended)
        # What it logged while it served are refused requests; only an abort says its reason last.
        line = last_line(_tail(self._log_file)) if returncode == -signal.SIGABRT else ""
        return self._failure("has stopped", child, returncode, line)

    def kill(self) -> None:
        """Ends the child now, without waiting; harmless at any time. It holds nothing that a gentler end would save."""
        if self._child:
            self._child.kill()

    async def stop(self) -> None:
        """As `kill`, and waits until it is gone."""
        if self._child:
            await self._child.stop()

    def _running_child(self) -> "_Child":
        if self._child is None or self._child.killed or self._child.ended.done():
            file, size = checked(self._model_file)
            seconds = self._start_seconds or LEAST_SECONDS + size / SLOWEST_DISK
            self.context = None
            self._child = _Child(file, self.name, self._log_file, seconds)
        return self._child

    @property
    def _title(self) -> str:
        return "The embedded model" if self._model_file is None else f"The model {shown(self._model_file)}"

    @property
    def _log_hint(self) -> str:
        return f"Its log is {shown(self._log_file)}."

    def _failure(self, what: str, child: "_Child", returncode: int, line: str) -> EmbeddedModelError:
        if child.killed:
            return EmbeddedModelError(f"{self._title} was stopped.")
        if MEMORY_SIGNS.search(line):
            return EmbeddedModelError(f"{self._title} {what}, because there is not enough memory: {line}.", SMALLER)
        if returncode == -signal.SIGKILL:
            return EmbeddedModelError(f"{self._title} {what}: the system killed it, as it does when memory runs out.", SMALLER)
        how = line or (f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}")
        return EmbeddedModelError(f"{self._title} {what}: {how}.", f"{self._log_hint} {ELSEWHERE}")


class _Child:
    """One run of the child process. A thread waits for it, so that it is reaped at once, also where no event loop runs.
    `report` is None when the child ended without one; `ended` gives the return code; `deadline` is on the monotonic clock."""

    def __init__(self, model: Path, name: str, log_file: Path, seconds: float) -> None:
        self.key = Secret(os.urandom(KEY_BYTES).hex())
        self.deadline = time.monotonic() + seconds
        self.killed = False
        self.report: Future[Report | None] = _uncancellable()
        self.ended: Future[int] = _uncancellable()
        order: Order = {"model": str(model.absolute()), "name": name, "key": self.key.reveal()}
        with _opened_log(log_file) as log:
            try:
                # A session of its own, so that neither Ctrl-C nor a hang-up of the terminal reaches it.
                self.process = subprocess.Popen(
                    [sys.executable, "-P", str(CHILD)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0, start_new_session=True,
                )
            except OSError as error:
                raise EmbeddedModelError(f"The model's process can't start: {error.strerror}.", ELSEWHERE) from error
        threading.Thread(target=self._watch, args=(order,), name="embedded model", daemon=True).start()

    def kill(self) -> None:
        self.killed = self.killed or not self.ended.done()
        self.process.kill()

    async def stop(self) -> None:
        self.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await asyncio.wrap_future(self.ended)

    def _watch(self, order: Order) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
        for line in self.process.stdout:
            # Whatever the machine's own start-up files of Python print comes before.
            if line.startswith(b'{"port"'):
                self.report.set_result(json.loads(line))
        returncode = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        if not self.report.done():
            self.report.set_result(None)
        self.ended.set_result(returncode)


def telling_line(log: str) -> str:
    """Why a start failed: the first error that llama.cpp logged (those after it are its consequences), else the last line."""
    return _clean(next((line for line in log.splitlines() if LOG_ERROR.match(line)), "")) or last_line(log)


def last_line(log: str) -> str:
    return _clean(next((line for line in reversed(log.splitlines()) if line.strip()), ""))


def _clean(line: str) -> str:
    return shown(LOG_STAMP.sub("", line).strip().rstrip("."))[:QUOTE]


def _encodable(text: str) -> str:
    """A file's name may be no Unicode; the name in a request has to be."""
    return text.encode("utf-8", "replace").decode()


def _opened_log(file: Path) -> BinaryIO:
    """Emptied, so that it holds one run; appended to, so that a second program's run leaves no hole in it.
    A log that can't be written is no reason to have no model."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = file.open("ab", buffering=0)
        log.truncate(0)
    except OSError:
        return open(os.devnull, "ab", buffering=0)
    return log


def _tail(log_file: Path) -> str:
    try:
        with log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _uncancellable() -> Future[Any]:
    """Asyncio passes the cancelling of one waiter on to the future, where others wait too; not to one that runs."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future
