"""The user's editor on a text, as a child process that the event loop goes on beside."""

import asyncio
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tokenfall.errors import UserError

_FALLBACKS = ("sensible-editor", "nano", "vi")


def editor_command(env: Mapping[str, str], which: Callable[[str], str | None] = shutil.which) -> list[str]:
    """The command line of $VISUAL, else $EDITOR, else of the first editor that is installed. Raises UserError with none."""
    for name in ("VISUAL", "EDITOR"):
        if not (wanted := env.get(name, "").strip()):
            continue
        try:
            command = shlex.split(wanted)
        except ValueError as error:
            raise UserError(f"${name} is not a command line: {wanted} ({error}).", f"Set {name} to the name of your editor.") from error
        if not which(os.path.expanduser(command[0])):
            raise UserError(f"${name} names {command[0]}, which is not installed here.", f"Set {name} to the name of your editor.")
        return [os.path.expanduser(command[0]), *command[1:]]
    if found := next(filter(None, map(which, _FALLBACKS)), None):
        return [found]
    raise UserError("No editor was found.", "Set VISUAL or EDITOR to the name of yours.")


async def edited(text: str, command: list[str]) -> str:
    """`text` as the user leaves it. The terminal must be the editor's own meanwhile.

    The file is 0600 and gone afterwards. A newline that the editor added at the end is taken off again. Raises UserError
    when the editor can't be run or says by its exit code that it failed; the text is then as it was.
    """
    path = await asyncio.to_thread(_written, text)
    try:
        with _terminal_signals_for_the_editor():
            try:
                editor = await asyncio.create_subprocess_exec(*command, str(path))
            except OSError as error:
                raise UserError(f"The editor {command[0]} can't be run: {error.strerror}.", "The prompt is as it was.") from error
            code = await _end_of(editor)
        if code:
            raise UserError(f"The editor {command[0]} ended with {code}.", "The prompt is as it was.")
        return await asyncio.to_thread(_read, path, text)
    finally:
        path.unlink(missing_ok=True)


async def _end_of(editor: asyncio.subprocess.Process) -> int:
    try:
        return await editor.wait()
    except asyncio.CancelledError:
        editor.terminate()
        raise


def _written(text: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="tokenfall-", suffix=".md")
    with open(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)
    return Path(name)


def _read(path: Path, before: str) -> str:
    try:
        after = path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise UserError(f"The edited prompt can't be read: {error.strerror}.", "The prompt is as it was.") from error
    after = after.replace("\r\n", "\n").replace("\r", "\n")
    return after[:-1] if after.endswith("\n") and not before.endswith("\n") else after


@contextmanager
def _terminal_signals_for_the_editor() -> Iterator[None]:
    """Ctrl-C and Ctrl-\\ in the editor go to every process of the terminal's foreground group, and so to us as well.

    A function, not SIG_IGN, takes them, because a child inherits what is ignored.
    """
    ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT)}
    for number in ours:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
