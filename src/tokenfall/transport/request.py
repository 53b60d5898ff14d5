"""A request: its URL, headers and body, and its sending."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from tokenfall import __version__
from tokenfall.config import HEADER_NAME, Endpoint
from tokenfall.errors import UserError
from tokenfall.transport.failures import translated
from tokenfall.transport.naming import key_of

if TYPE_CHECKING:
    import httpx

KEY = re.compile(r"[\x21-\x7e]+")
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")  # RFC 9110, section 5.5, without obs-text


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a request asks, and for which model; what its errors name."""

    endpoint: Endpoint
    model: str


def request(
    client: "httpx.AsyncClient", method: str, endpoint: Endpoint, path: str, body: Mapping[str, object] | None
) -> "httpx.Request":
    content = None if body is None else json.dumps(body).encode("ascii")
    with translated(endpoint):
        return client.build_request(method, _url(endpoint.base_url, path), content=content, headers=_headers(endpoint))


def _url(base: str, path: str) -> str:
    parts = urlsplit(base)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def _headers(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Checked here, because httpx and h11 quote a bad value, which may be the key, in their exceptions."""
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",  # compressors hold tokens back
        "user-agent": f"tokenfall/{__version__}",
    }
    if key := key_of(endpoint):
        if not KEY.fullmatch(key):
            raise _uncarried("key", endpoint)
        headers["authorization"] = f"Bearer {key}"
    for name, value in endpoint.headers:
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise _uncarried(f"header {name!a}", endpoint)
        headers[name.lower()] = value
    return list(headers.items())


class _Closable(Protocol):
    async def aclose(self) -> None: ...


def _uncarried(what: str, endpoint: Endpoint) -> UserError:
    return UserError(f"The {what} of {endpoint.name} holds characters that HTTP can't carry.", "Check it for spaces and line ends.")


async def send(client: "httpx.AsyncClient", request: "httpx.Request") -> "httpx.Response":
    """The response with its headers, or nothing left open: anyio drops a socket unclosed when its TLS handshake is cancelled."""
    import anyio

    opened: list[_Closable] = []

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            opened.append(info["return_value"])

    request.extensions["trace"] = trace
    try:
        return await client.send(request, stream=True)
    except BaseException:
        with anyio.CancelScope(shield=True):
            for stream in opened:
                await stream.aclose()
        raise
