"""What a service answers: a reply to be framed, a list of models, or a refusal."""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from tokenfall.config import Deadlines, Endpoint
from tokenfall.errors import ServiceError, WireError
from tokenfall.events import Opened, Phases
from tokenfall.transport.arrivals import Arrival
from tokenfall.transport.failures import translated
from tokenfall.transport.framing import frames, stamped
from tokenfall.transport.naming import TRY_LATER, hidden, sentence, who
from tokenfall.transport.pipe import Put
from tokenfall.transport.refusals import refusal, said_in
from tokenfall.transport.request import Asked, send
from tokenfall.wire import Frame
from tokenfall.wire.faults import fault_message, one_line
from tokenfall.wire.sse import EVENT_LIMIT

if TYPE_CHECKING:
    import httpx

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read; its message is at the beginning or nowhere."""
BODY_LIMIT = EVENT_LIMIT
"""Bytes of a whole reply or of a list of models."""


async def reply(
    client: "httpx.AsyncClient", request: "httpx.Request", asked: Asked, deadlines: Deadlines, put: Put[Arrival]
) -> None:
    async with _answer(client, request, asked, deadlines) as response:
        at = time.monotonic()
        await put(Opened(at, Phases(headers=at)))
        kind = _content_type(response)
        if kind == "text/event-stream":
            await _put_frames(response, asked.endpoint, put)
        elif _is_json(kind):
            text = await _text(response, BODY_LIMIT)
            parsed(text, asked.endpoint)
            await put(Frame("message", text, "", time.monotonic()))
        else:
            raise _not_a_reply(asked.endpoint, kind, "a stream")


async def _put_frames(response: "httpx.Response", endpoint: Endpoint, put: Put[Arrival]) -> None:
    try:
        async with aclosing(stamped(response)) as chunks, aclosing(frames(chunks)) as events:
            async for frame in events:
                await put(frame)
    except WireError as error:
        raise WireError(f"{who(endpoint)}: {error.message}", error.advice) from error


async def listing(
    client: "httpx.AsyncClient", request: "httpx.Request", asked: Asked, deadlines: Deadlines, put: Put[str]
) -> None:
    async with _answer(client, request, asked, deadlines) as response:
        kind = _content_type(response)
        if kind == "text/html":
            raise _not_a_reply(asked.endpoint, kind, "a list of models")
        await put(await _text(response, BODY_LIMIT))


@asynccontextmanager
async def _answer(
    client: "httpx.AsyncClient", request: "httpx.Request", asked: Asked, deadlines: Deadlines
) -> AsyncGenerator["httpx.Response", None]:
    """A response of the 200s, open; closed on leaving, whatever happens. Anything else is raised."""
    import anyio

    with translated(asked.endpoint):
        response = await send(client, request)
        try:
            if response.status_code >= 300:
                said = ""
                with anyio.move_on_after(deadlines.body):
                    said = said_in(await _text(response, ERROR_BODY_LIMIT), _content_type(response))
                raise refusal(asked, response, said)
            yield response
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()


async def _text(response: "httpx.Response", limit: int) -> str:
    """The body up to the limit, in bytes; what is beyond is not read."""
    body = bytearray()
    async with aclosing(stamped(response)) as chunks:
        async for _, chunk in chunks:
            body += chunk
            if len(body) >= limit:
                break
    return body[:limit].decode("utf-8", "replace")


def _content_type(response: "httpx.Response") -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def parsed(text: str, endpoint: Endpoint) -> object:
    """The JSON of a body. Raises WireError where it isn't any and ServiceError where it reports an error."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise WireError(f"{who(endpoint)} answered with text that is not JSON: {hidden(text[:200], endpoint)!a}") from None
    said = fault_message(value)
    if said is not None:
        raise ServiceError(sentence(f"{who(endpoint)} answered with an error", said, endpoint), TRY_LATER, status=200)
    return value

def _not_a_reply(endpoint: Endpoint, kind: str, wanted: str) -> WireError:
    what = "a web page" if kind == "text/html" else one_line(kind)[:100] or "something that it does not name"
    return WireError(f"{who(endpoint)} answered with {what}, not {wanted}: check the base URL.", "Many end in /v1.")
