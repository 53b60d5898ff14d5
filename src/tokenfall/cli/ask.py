"""One answer to standard output: rendered on a terminal, as it came to a pipe or a file, or as lines of JSON."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from tokenfall.cli.events import JSONLines
from tokenfall.cli.interruption import run
from tokenfall.cli.output import Output, Raw, live, standard_output
from tokenfall.cli.stats import summary
from tokenfall.config import Settings
from tokenfall.engine import Turn
from tokenfall.errors import NetworkError, ServiceError, TokenfallError, UserError
from tokenfall.events import Ended, Retrying, Stalled, Streamed, TextDelta, TurnEvent
from tokenfall.filters import visible
from tokenfall.messages import Message, Part, Request
from tokenfall.session import Service
from tokenfall.terminal.capabilities import draws
from tokenfall.terminal.outlet import ReaderGone
from tokenfall.timing import StreamClock
from tokenfall.transport import Transport

LAST_WORD_S = 1.0
"""So long an interrupted answer's last line of JSON waits for a reader."""


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


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked, and how the answer is told: `as_json` as lines of JSON, `plain` as text also on a terminal, `stats` with its
    figures on standard error. `timeout` is the longest that all of it may take, in seconds."""

    parts: tuple[Part, ...]
    plain: bool = False
    as_json: bool = False
    stats: bool = False
    timeout: float | None = None


class Printer(Protocol):
    """A context to be entered in the event loop; takes every event of a turn. Raises as `Output` does."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    async def take(self, event: TurnEvent) -> None: ...


class Words:
    """Prints the reply's text to an output."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __enter__(self) -> Self:
        self._output.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._output.__exit__(kind, error, trace)

    async def take(self, event: TurnEvent) -> None:
        match event:
            case Streamed(_, TextDelta(text)):
                await self._output.write(text)
            case Ended(state=state) if state != "stopped":
                await self._output.finish()
            case _:
                pass


def answer(settings: Settings, asking: Asking) -> None:
    """Asks and prints. Raises TokenfallError for a reply that failed, broke off or was refused,
    and KeyboardInterrupt after the connection is closed."""
    try:
        ended = run(_ask(settings, asking))
    except ReaderGone:
        return
    if ended.error is not None:
        raise ended.error
    if ended.state == "length":
        sys.stderr.write("tokenfall: The answer ends at its length limit; --max-tokens sets another.\n")
    if ended.state == "refused":
        raise ServiceError("The model refused to answer, or the service filtered its answer.")


def _printer(settings: Settings, asking: Asking, service: Service, clock: StreamClock) -> Printer:
    file = standard_output()
    if asking.as_json:
        return JSONLines(file, service, clock)
    rendered = not asking.plain and draws(file, os.environ)
    return Words(live(file, settings.theme, settings.folders, os.environ) if rendered else Raw(file))


async def _ask(settings: Settings, asking: Asking) -> Ended:
    transport, clock = Transport(), StreamClock()
    service = Service(settings, transport)
    question, sampling = Message("user", asking.parts), service.sampling
    turn = Turn(transport, service.route, Request("", (question,), settings.system, sampling.max_tokens, sampling.temperature))
    try:
        with _printer(settings, asking, service, clock) as printer:
            ended = await _print(turn, asking.timeout, printer, clock)
    except asyncio.CancelledError:
        if asking.stats:
            _tell_figures(turn.stopped(time.monotonic()), clock, service)
        raise
    finally:
        await service.close()
        await transport.close()
    if asking.stats:
        _tell_figures(ended, clock, service)
    return ended


def _tell_figures(ended: Ended, clock: StreamClock, service: Service) -> None:
    line = summary(ended, clock, service.name, service.cost(service.name, ended.usage))
    sys.stderr.write(f"{visible(line, newlines=False)}\n")


async def _print(turn: Turn, timeout: float | None, printer: Printer, clock: StreamClock) -> Ended:
    try:
        async with asyncio.timeout(timeout) as limit, aclosing(turn.events()) as events:
            async for event in events:
                clock.take(event)
                await printer.take(event)
                _tell_trouble(event)
                if isinstance(event, Ended):
                    return event
    except TimeoutError:
        if not limit.expired():
            raise
        why = NetworkError(f"The answer was not whole after {timeout:g} seconds, the limit that --timeout sets.", "What came is kept.")
        ended = turn.failed(time.monotonic(), why)
        await _last_word(ended, printer, clock)
        return ended
    except asyncio.CancelledError:
        await _last_word(turn.stopped(time.monotonic()), printer, clock)
        raise
    raise AssertionError("a turn ends in Ended")


def _tell_trouble(event: TurnEvent) -> None:
    """On standard error, so that nobody takes a wait for a hang."""
    match event:
        case Retrying(at, until, attempt, why):
            said = f"{why.message} Attempt {attempt + 1} follows in {until - at:.1f} s."
        case Stalled(at, since):
            said = f"Nothing has come for {at - since:.0f} s."
        case _:
            return
    sys.stderr.write(f"tokenfall: {visible(said, newlines=False)}\n")


async def _last_word(ended: Ended, printer: Printer, clock: StreamClock) -> None:
    """Of an answer that was ended from outside; it waits for no reader."""
    clock.take(ended)
    with suppress(TimeoutError, TokenfallError, ReaderGone):
        async with asyncio.timeout(LAST_WORD_S):
            await printer.take(ended)
