"""One answer to standard output: rendered on a terminal, as it came to a pipe or a file."""

import os
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial

from tokenfall.cli.interruption import run
from tokenfall.cli.output import Output, Raw, live, standard_output
from tokenfall.config import Settings
from tokenfall.engine import Turn
from tokenfall.errors import ServiceError, UserError
from tokenfall.events import Ended, Streamed, TextDelta
from tokenfall.messages import Request, user_message
from tokenfall.session import Service
from tokenfall.terminal.capabilities import draws
from tokenfall.terminal.outlet import ReaderGone
from tokenfall.transport import Transport


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


def answer(settings: Settings, prompt: str, *, plain: bool) -> None:
    """Asks and prints. Raises TokenfallError for a reply that failed, broke off or was refused,
    and KeyboardInterrupt after the connection is closed."""
    file = standard_output()
    rendered = not plain and draws(file, os.environ)
    output: Output = live(file, settings.theme, settings.folders, os.environ) if rendered else Raw(file)
    try:
        ended = run(_print(settings, prompt, output))
    except ReaderGone:
        return
    if ended.error is not None:
        raise ended.error
    if ended.state == "refused":
        raise ServiceError("The model refused to answer, or the service filtered its answer.")


async def _print(settings: Settings, prompt: str, output: Output) -> Ended:
    transport = Transport()
    service = Service(settings, transport)
    request = Request("", (user_message(prompt),), settings.system, settings.max_tokens, settings.temperature)
    try:
        with output:
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
