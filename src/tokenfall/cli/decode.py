"""Raw bytes of a response in, one JSON event a line out: for the proxy or the new server that misbehaves."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import assert_never

from tokenfall.cli.events import Line, counts
from tokenfall.cli.output import Bytes
from tokenfall.errors import UserError, WireError
from tokenfall.events import (
    Faulted,
    Finished,
    ReasoningDelta,
    ReplyStarted,
    StreamDone,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from tokenfall.terminal.outlet import ReaderGone
from tokenfall.transport import FRAMINGS
from tokenfall.wire import WIRES, Decoder, Frame

CHUNK = 65536
SSE = "sse"
"""In the place of a wire: framing only."""

_LINE = re.compile(rb"[^\r\n]*[\r\n]?")

HEAD = 1 << 20
"""Bytes before the first event that are kept, in case that they are a body which is no stream."""


@dataclass(slots=True)
class _Source:
    """The bytes of a file, line by line; `read` is how many have been given, `since` those after the last event."""

    file: int
    read: int = 0
    since: bytearray = field(default_factory=bytearray)

    async def lines(self) -> AsyncIterator[tuple[float, bytes]]:
        """Each with the offset of its end, which stands in for the time: an event ends with a line, so it is told exactly."""
        while chunk := os.read(self.file, CHUNK):
            for match in _LINE.finditer(chunk):
                if piece := match.group():
                    self.read += len(piece)
                    if len(self.since) < HEAD:
                        self.since += piece
                    yield float(self.read), piece

    @property
    def rest(self) -> int:
        """How many bytes at the end are of an event that is not whole."""
        said = b"".join(line for line in bytes(self.since).splitlines(keepends=True) if not line.startswith(b":"))
        return len(self.since) if said.strip() else 0


def decode(file: int, wire: str, out: int, *, at: bool) -> str:
    """Prints to `out` the events in `file`; `at` adds to each the offset of the byte that completed it. Returns what is to be said of
    bytes that were left over, or "". Raises WireError for bytes that the wire forbids, and UserError where there is no event at all."""
    with suppress(ReaderGone):
        return asyncio.run(_decode(_Source(file), wire, Bytes(out), at=at))
    return ""


async def _decode(source: _Source, wire: str, out: Bytes, *, at: bool) -> str:
    decoder = None if wire == SSE else WIRES[wire].decoder()
    framing = "sse" if wire == SSE else WIRES[wire].framing
    some, known = 0, 0
    try:
        async for frame in FRAMINGS[framing](source.lines()):
            some += 1
            source.since.clear()
            known += await _print(frame, decoder, out, at=at)
    except WireError as error:
        raise WireError(f"{error.message}; it ends at byte {source.read}.", error.advice) from error
    if some and not known:
        raise UserError(f"Of the {some} events in these {source.read} bytes none is one that {wire} knows.", "Is it the right wire?")
    if not some and wire != SSE and (whole := _whole(source)) is not None:
        await _print(whole, decoder, out, at=at)
        return ""
    if not some:
        raise UserError(f"There is no whole event in these {source.read} bytes.", "Is it the body of the response, and the right wire?")
    return f"The last {source.rest} bytes are of an event that is not whole." if source.rest else ""


def _whole(source: _Source) -> Frame | None:
    """A body that is no stream but one JSON text."""
    try:
        text = source.since.decode().strip()
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return Frame("message", text, "", float(source.read))


async def _print(frame: Frame, decoder: Decoder | None, out: Bytes, *, at: bool) -> int:
    """How many lines it printed."""
    where: Line = {"at": int(frame.at)} if at else {}
    lines = [json.dumps(line | where) + "\n" for line in _lines(frame, decoder)]
    await out.send("".join(lines))
    return len(lines)


def _lines(frame: Frame, decoder: Decoder | None) -> Iterator[Line]:
    if decoder is None:
        yield {"event": frame.event, "data": frame.data, "id": frame.id}
    else:
        yield from map(told, decoder.decode(frame))


def told(event: StreamEvent) -> Line:
    """An event as JSON; fields that a service doesn't tell are left out."""
    match event:
        case ReplyStarted(model, id):
            return _without_empty({"event": "start", "model": model, "id": id})
        case TextDelta(text):
            return {"event": "text", "text": text}
        case ReasoningDelta(text):
            return {"event": "reasoning", "text": text}
        case ToolCallDelta(index, id, name, arguments):
            return {"event": "tool_call", "index": index, **_without_empty({"id": id, "name": name, "arguments": arguments})}
        case UsageReport(usage):
            return {"event": "usage", **counts(usage)}
        case Finished(state, reason):
            return _without_empty({"event": "finish", "state": state, "reason": reason})
        case Faulted(message, passing):
            return {"event": "fault", "message": message, "passing": passing}
        case StreamDone():
            return {"event": "done"}
        case _:
            assert_never(event)


def _without_empty(line: Line) -> Line:
    return {name: value for name, value in line.items() if value != ""}


def opened(path: str) -> int:
    """The file, for reading. Raises UserError."""
    try:
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error


def standard_input(file: int | None) -> int:
    """Raises UserError where it is closed or a terminal."""
    if file is None or os.isatty(file):
        raise UserError("There are no bytes to decode.", "Name a file, or pipe in the body of a response.")
    return file
