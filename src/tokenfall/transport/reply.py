"""What a service answers: a reply to be framed, a list of models, or a refusal."""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tokenfall.config import Endpoint
from tokenfall.errors import ServiceError, WireError
from tokenfall.events import FirstByte, Opened, Phases
from tokenfall.transport.arrivals import Arrival
from tokenfall.transport.failures import translated
from tokenfall.transport.framing import FRAMINGS, Begun, stamped
from tokenfall.transport.naming import TRY_LATER, hidden, sentence, who
from tokenfall.transport.pipe import Put
from tokenfall.transport.refusals import refusal, said_in
from tokenfall.transport.request import Asked
from tokenfall.transport.sending import send
from tokenfall.wire import WIRES, Frame, Framing
from tokenfall.wire.faults import fault_message, one_line
from tokenfall.wire.sse import EVENT_LIMIT

if TYPE_CHECKING:
    import httpx

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read; its message is at the beginning or nowhere."""
BODY_LIMIT = EVENT_LIMIT
"""Bytes of a whole reply or of a list of models."""

KINDS: Mapping[Framing, frozenset[str]] = {
    "sse": frozenset({"text/event-stream"}),
    "ndjson": frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}),
}
"""The content types of a stream."""


async def reply(client: "httpx.AsyncClient", request: "httpx.Request", asked: Asked, put: Put[Arrival]) -> None:
    endpoint = asked.endpoint
    framing = WIRES[endpoint.wire].framing

    async def begun(at: float) -> None:
        await put(FirstByte(at))

    async with _answer(client, request, asked) as (response, phases):
        await put(Opened(phases.headers or time.monotonic(), phases))
        kind = _content_type(response)
        if kind in KINDS[framing]:
            async with aclosing(stamped(response, begun)) as chunks:
                await _put_frames(framing, chunks, endpoint, put)
        elif _is_json(kind):
            text = await _text(response, BODY_LIMIT, begun)
            at = time.monotonic()
            if framing == "ndjson" and _is_json_text(text.lstrip().partition("\n")[0]):
                await _put_frames(framing, _recorded(at, text), endpoint, put)
            else:
                parsed(text, endpoint)
                await put(Frame("message", text, "", at))
        else:
            raise _not_a_reply(endpoint, response, "a stream")


async def _put_frames(framing: Framing, chunks: AsyncIterator[tuple[float, bytes]], endpoint: Endpoint, put: Put[Arrival]) -> None:
    try:
        async with aclosing(FRAMINGS[framing](chunks)) as frames:
            async for frame in frames:
                await put(frame)
    except WireError as error:
        raise WireError(f"{who(endpoint)}: {error.message}", error.advice) from error


async def _recorded(at: float, text: str) -> AsyncGenerator[tuple[float, bytes], None]:
    yield at, text.encode()


async def listing(client: "httpx.AsyncClient", request: "httpx.Request", asked: Asked, put: Put[str]) -> None:
    async with _answer(client, request, asked) as (response, _):
        if _content_type(response) == "text/html":
            raise _not_a_reply(asked.endpoint, response, "a list of models")
        await put(await _text(response, BODY_LIMIT))


@asynccontextmanager
async def _answer(
    client: "httpx.AsyncClient", request: "httpx.Request", asked: Asked
) -> AsyncGenerator[tuple["httpx.Response", Phases], None]:
    """A response of the 200s, open; closed on leaving, whatever happens. Anything else is raised."""
    import anyio

    with translated(asked.endpoint):
        response, phases = await send(client, request, asked.endpoint)
        try:
            if response.status_code >= 300:
                raise refusal(asked, response, await _words(response, asked.endpoint))
            yield response, phases
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()


async def _words(response: "httpx.Response", endpoint: Endpoint) -> str:
    """What an error's body says, as far as it comes in time and whole."""
    import anyio
    import httpx

    with anyio.move_on_after(endpoint.deadlines.body), suppress(httpx.HTTPError):
        return said_in(await _text(response, ERROR_BODY_LIMIT), _content_type(response))
    return ""


async def _text(response: "httpx.Response", limit: int, begun: Begun | None = None) -> str:
    """The body up to the limit, in bytes; what is beyond is not read."""
    body = bytearray()
    async with aclosing(stamped(response, begun)) as chunks:
        async for _, chunk in chunks:
            body += chunk
            if len(body) >= limit:
                break
    return body[:limit].decode("utf-8", "replace")


def _content_type(response: "httpx.Response") -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def _is_json_text(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def parsed(text: str, endpoint: Endpoint) -> object:
    """The JSON of a body. Raises WireError where it isn't any."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if not text.strip():
            raise WireError(f"{who(endpoint)} answered with an empty body.", TRY_LATER) from None
        raise WireError(f"{who(endpoint)} answered with text that is not JSON: {hidden(text[:200], endpoint)!a}") from None


def listed(text: str, endpoint: Endpoint) -> object:
    """The JSON of a list of models. Raises ServiceError where it reports an error, and as `parsed` does."""
    value = parsed(text, endpoint)
    said = fault_message(value)
    if said is not None:
        raise ServiceError(sentence(f"{who(endpoint)} answered with an error", said, endpoint), TRY_LATER, status=200)
    return value


def _not_a_reply(endpoint: Endpoint, response: "httpx.Response", wanted: str) -> WireError:
    kind = _content_type(response)
    what = "a web page" if kind == "text/html" else one_line(kind)[:100] or "something that it does not name"
    if response.status_code == 204 or response.headers.get("content-length") == "0":
        what = "an empty body"
    return WireError(f"{who(endpoint)} answered with {what}, not {wanted}: check the base URL.", "Many end in /v1.")
