"""Stamped bytes in, frames out: how each framing cuts a reply."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from tokenfall.wire import Frame, Framing
from tokenfall.wire.ndjson import LineSplitter
from tokenfall.wire.sse import SSENormaliser

if TYPE_CHECKING:
    import httpx


class _Text:
    """As much of a response as httpx-sse asks for."""

    headers = {"content-type": "text/event-stream"}

    def __init__(self, text: str) -> None:
        self._text = text

    def iter_text(self) -> Iterator[str]:
        yield self._text


async def frames(
    chunks: AsyncIterator[tuple[float, bytes]], normaliser: SSENormaliser | None = None
) -> AsyncGenerator[Frame, None]:
    """Server-sent events out of stamped chunks, live or recorded. Raises WireError at the normaliser's limits."""
    from httpx_sse import EventSource

    plain = normaliser or SSENormaliser()
    async for at, chunk in chunks:
        if events := plain.feed(chunk):
            # these are whole, so a source of their own can read them: at each token that is a tenth of what one for all chunks costs
            source = EventSource(cast("httpx.Response", _Text(events.decode("utf-8", "replace"))))
            for event in source.iter_sse():
                yield Frame(event.event, event.data, event.id, at)


async def lines(chunks: AsyncIterator[tuple[float, bytes]]) -> AsyncGenerator[Frame, None]:
    """The lines of newline-delimited JSON out of stamped chunks. Raises WireError at the limit of a line."""
    splitter = LineSplitter()
    at = 0.0
    async for at, chunk in chunks:
        for line in splitter.feed(chunk):
            yield Frame("message", line, "", at)
    if rest := splitter.rest():
        yield Frame("message", rest, "", at)


Frames = Callable[[AsyncIterator[tuple[float, bytes]]], AsyncGenerator[Frame, None]]

FRAMINGS: Mapping[Framing, Frames] = {"sse": frames, "ndjson": lines}

Begun = Callable[[float], Awaitable[None]]


async def stamped(response: "httpx.Response", begun: Begun | None = None) -> AsyncGenerator[tuple[float, bytes], None]:
    """The body as it comes; `begun` is told when its first byte was read."""
    async for chunk in response.aiter_bytes():
        at = time.monotonic()
        if begun is not None:
            await begun(at)
            begun = None
        yield at, chunk
