"""One answer to standard output, for pipes and scripts.

To a pipe or a file the text goes exactly as it came, in UTF-8; on a terminal control characters become visible.
"""

import asyncio
import codecs
import os
import select
import sys
from collections.abc import Sequence
from contextlib import aclosing, suppress
from functools import partial

from tokenfall.config import Settings
from tokenfall.engine import Turn
from tokenfall.errors import ServiceError, TokenfallError, UserError
from tokenfall.events import Ended, Streamed, TextDelta
from tokenfall.filters import Visible
from tokenfall.messages import Request, user_message
from tokenfall.session import Service
from tokenfall.transport import Transport

_CHUNK = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes without blocking once it says that it is writable (POSIX pipe(7))."""


class _ReaderGone(Exception):
    """Whoever read standard output has closed it."""


def read_prompt(words: Sequence[str], stdin: int | None) -> str:
    """Arguments, then a blank line, then standard input unless that is a terminal or closed (None).

    Raises UserError when nothing is asked.
    """
    asked = _utf8(" ".join(words).encode(errors="surrogateescape"), "The prompt")  # argv holds foreign bytes as surrogates
    piped = ""
    if stdin is not None and not os.isatty(stdin):
        # piece by piece, because the whole is read without hearing a Ctrl-C that falls between two reads
        piped = _utf8(b"".join(iter(partial(os.read, stdin, 1 << 16), b"")), "Standard input").rstrip("\r\n")
    prompt = "\n\n".join(text for text in (asked, piped) if text.strip())
    if not prompt:
        raise UserError("There is no prompt.", 'Write one, as in: tokenfall ask "What is a token?", or pipe one in.')
    return prompt


def _utf8(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        problem = f"{what} is not UTF-8 text: byte {raw[error.start]:#04x} at {error.start}."
        raise UserError(problem, "Convert it, for example with: iconv -f LATIN1 -t UTF-8") from error


def answer(settings: Settings, prompt: str) -> None:
    """Asks and prints. Raises TokenfallError for a reply that failed, broke off or was refused,
    and KeyboardInterrupt after the connection is closed."""
    if sys.stdout is None:
        raise UserError("Standard output is closed.")
    output = _Output(sys.stdout.fileno())
    try:
        ended = asyncio.run(_print(settings, prompt, output))
    except _ReaderGone:
        return
    finally:
        output.end_line()
    if ended.error is not None:
        raise ended.error
    if ended.state == "refused":
        raise ServiceError("The model refused to answer, or the service filtered its answer.")


async def _print(settings: Settings, prompt: str, output: "_Output") -> Ended:
    transport = Transport()
    service = Service(settings, transport)
    request = Request("", (user_message(prompt),), settings.system, settings.max_tokens, settings.temperature)
    try:
        async with aclosing(Turn(transport, service.route, request).events()) as events:
            async for event in events:
                match event:
                    case Streamed(_, TextDelta(text)):
                        await output.write(text)
                    case Ended():
                        await output.finish()
                        return event
                    case _:
                        pass
    finally:
        await service.close()
        await transport.close()
    raise AssertionError("a turn ends in Ended")


class _Output:
    """Standard output, unbuffered. While its reader is slow the loop goes on, so that Ctrl-C is still heard."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._visible = Visible() if os.isatty(fd) else None
        self._joiner = codecs.getincrementaldecoder("utf-16-le")("replace")
        self._open_line = False

    async def write(self, text: str) -> None:
        # by way of UTF-16 the two halves of a character that two deltas split meet again
        await self._put(self._joiner.decode(text.encode("utf-16-le", "surrogatepass")))

    async def finish(self) -> None:
        await self._put(self._joiner.decode(b"", True))
        if self._visible is not None:
            await self._send(self._visible.flush())

    def end_line(self) -> None:
        """On a terminal the shell's prompt begins on a line of its own."""
        if self._visible is not None and self._open_line:
            with suppress(OSError):  # the terminal is gone, and with it the shell
                os.write(self._fd, b"\n")

    async def _put(self, text: str) -> None:
        await self._send(text if self._visible is None else self._visible.feed(text))

    async def _send(self, text: str) -> None:
        data = text.encode()
        while data:
            await self._writable()
            try:
                data = data[os.write(self._fd, data[:_CHUNK]) :]
            except BrokenPipeError:
                raise _ReaderGone from None
            except OSError as error:
                raise TokenfallError(f"Standard output can't be written: {error.strerror}.") from error
        if text:
            self._open_line = not text.endswith("\n")

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            loop.add_writer(self._fd, ready.set)
        except (PermissionError, NotImplementedError):
            return  # a file is always ready, and Windows can't tell
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._fd)
