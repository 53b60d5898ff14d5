"""Where a key is kept when it is in no variable of the environment, and how it is had when it is first needed."""

import os
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from tokenfall.config.rows import Endpoint, KeyCommand, KeyFile, KeyringEntry, KeySource, Secret
from tokenfall.config.toml import Table
from tokenfall.errors import UserError
from tokenfall.wire.faults import one_line

if TYPE_CHECKING:
    import subprocess

COMMAND_S = 30.0
"""A command may ask its user for a password first."""
_LOOK_S = 0.1
"""How soon a command is ended when nobody waits for it any more."""
_LONGEST = 1 << 16
"""Bytes of a file that are read for a key."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def secret(text: str) -> Secret | None:
    """None for what is no key: nothing, or what a header can't carry."""
    text = text.strip()
    return Secret(text) if text and text.isascii() and text.isprintable() and " " not in text else None


def resolved(endpoint: Endpoint, given_up: Callable[[], bool] = lambda: False) -> Endpoint:
    """The endpoint with its key. Blocks while a command runs or a keyring asks for its password; a command is ended as soon as
    it is `given_up`. Raises UserError for a key that can't be had."""
    source = endpoint.api_key_from
    if source is None or endpoint.api_key is not None:
        return endpoint
    try:
        key = secret(_read(source, given_up))
    except UserError as error:
        raise UserError(f"The key for {endpoint.name} {error.message}", error.advice) from error
    if key is None:
        raise UserError(f"The key for {endpoint.name} {_told(source)}, and nothing there can be a key.", "A key has no spaces.")
    return replace(endpoint, api_key=key)


async def keyed(endpoint: Endpoint) -> Endpoint:
    """As `resolved`, off the event loop; given up when it is cancelled."""
    import asyncio
    import threading

    if endpoint.api_key_from is None or endpoint.api_key is not None:
        return endpoint
    given_up = threading.Event()
    try:
        return await asyncio.to_thread(resolved, endpoint, given_up.is_set)
    finally:
        given_up.set()


def _read(source: KeySource, given_up: Callable[[], bool]) -> str:
    """The messages of its errors go on after "The key for NAME"."""
    match source:
        case KeyCommand():
            return printed(source, COMMAND_S, given_up)
        case KeyringEntry():
            return _kept(source)
        case KeyFile():
            return _written(source)
        case _:
            assert_never(source)


def _told(source: KeySource) -> str:
    match source:
        case KeyCommand():
            return f"is the first line that the command {source.name} prints"
        case KeyringEntry(service, user):
            return f"is in the system keyring, under {service}/{user}"
        case KeyFile(path):
            return f"is the first line of {path}"
        case _:
            assert_never(source)


def printed(command: KeyCommand, seconds: float, given_up: Callable[[], bool]) -> str:
    """The first line. In a session of its own, so that it is ended with all that it has begun, and can't read the chat's keys."""
    import subprocess

    told = _told(command)
    try:
        process = subprocess.Popen(
            command.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise UserError(f"{told}, which can't be run: {error.strerror}.", "It stands as api_key_command in config.toml.") from error
    out = _ended(process, time.monotonic() + seconds, given_up)
    if process.returncode is None or out is None:
        raise UserError(f"{told}, which did not end within {seconds:.0f} s.", "Run it by hand to see what it waits for.")
    if process.returncode:
        # what it complains of is not repeated: it may be the key
        raise UserError(f"{told}, which ended with {process.returncode}.", "Run it by hand to see why.")
    return out.decode(errors="replace").partition("\n")[0]


def _ended(process: "subprocess.Popen[bytes]", deadline: float, given_up: Callable[[], bool]) -> bytes | None:
    """What it printed; None for one that had to be ended."""
    import signal
    import subprocess
    from contextlib import suppress

    while not given_up() and time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=min(_LOOK_S, max(deadline - time.monotonic(), 0)))[0]
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    return None


def _kept(entry: KeyringEntry) -> str:
    told = _told(entry)
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        advice = 'Install it with: pip install "tokenfall[keyring]"'
        raise UserError(f"{told}, which needs a package that is not installed.", advice) from error
    try:
        kept: str | None = keyring.get_password(entry.service, entry.user)
    except (keyring.errors.KeyringError, OSError, RuntimeError) as error:
        raise UserError(f"{told}, which can't be read: {one_line(str(error)) or type(error).__name__}") from error
    if kept is None:
        raise UserError(f"{told}, and there is none.", f"Store it with: keyring set {entry.service} {entry.user}")
    return kept


def _written(file: KeyFile) -> str:
    told = _told(file)
    try:
        with open(file.path, "rb", opener=_unwaited) as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise UserError(f"{told}, which is not a file.")
            if mode & _OTHERS:
                raise UserError(f"{told}, which is open to others than you.", f"Close it to them: chmod 600 {file.path}")
            return opened.read(_LONGEST).decode(errors="replace").partition("\n")[0]
    except OSError as error:
        raise UserError(f"{told}, which can't be read: {error.strerror}.") from error


def _unwaited(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would be waited for


# ── the file ────────────────────────────────────────────────────────────────


def key_source(table: Table) -> KeySource | None:
    """None where the table names none beside `api_key_env`. Raises ConfigError where it names several."""
    named = [key for key, value in table.values.items() if key in {"api_key_env", *_READERS} and value != ""]
    if len(named) > 1:
        raise table.wrong(named[1], f"[{table.name}] says twice where its key is, as {named[0]} and as {named[1]}.", "Keep one of them.")
    return next((reader(table) for key, reader in _READERS.items() if key in table.values), None)


def _command(table: Table) -> KeyCommand:
    match table.values["api_key_command"]:
        case str(line) if line.strip() and "\0" not in line:
            return KeyCommand(line.split(maxsplit=1)[0], ("/bin/sh", "-c", line))
        case [str(first), *rest] if first and all(isinstance(word, str) and "\0" not in word for word in (first, *rest)):
            return KeyCommand(first, (first, *map(str, rest)))
        case _:
            return table.expect("api_key_command", 'a command, such as "pass show name" or ["pass", "show", "name"]')


def _entry(table: Table) -> KeyringEntry:
    service, _, user = table.text("api_key_keyring", _ENTRY).rpartition("/")  # services are often named by URLs
    if not service or not user:
        table.expect("api_key_keyring", _ENTRY)
    return KeyringEntry(service, user)


def _file(table: Table) -> KeyFile:
    path = table.path("api_key_file", _FILE)
    return KeyFile(path) if path is not None else table.expect("api_key_file", _FILE)


_ENTRY = '"SERVICE/USER", as in the system keyring'
_FILE = "the path of a file that only you can read"
_READERS: Mapping[str, Callable[[Table], KeySource]] = {
    "api_key_command": _command,
    "api_key_keyring": _entry,
    "api_key_file": _file,
}
