"""A request: its URL, headers and body."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from tokenfall import __version__
from tokenfall.config import HEADER_NAME, Endpoint
from tokenfall.errors import UserError
from tokenfall.transport.failures import translated
from tokenfall.transport.naming import key_of
from tokenfall.wire import WIRES

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
    import httpx

    content = None if body is None else json.dumps(body).encode("ascii")
    timeout = httpx.Timeout(None, connect=endpoint.deadlines.connect)
    with translated(endpoint):
        return client.build_request(
            method, _url(endpoint.base_url, path), content=content, headers=_headers(endpoint), timeout=timeout
        )


def joined(body: Mapping[str, object], extra: Mapping[str, object]) -> dict[str, object]:
    """`extra` wins, but where both have a table: those are joined in turn."""
    whole = dict(body)
    for key, value in extra.items():
        mine = whole.get(key)
        whole[key] = joined(mine, value) if isinstance(mine, Mapping) and isinstance(value, Mapping) else value
    return whole


def _url(base: str, path: str) -> str:
    """The base may hold a query of its own, and so may the path."""
    parts, (path, _, query) = urlsplit(base), path.partition("?")
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path, query="&".join(filter(None, (parts.query, query)))))


def _headers(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Checked here, because httpx and h11 quote a bad value, which may be the key, in their exceptions."""
    wire = WIRES[endpoint.wire]
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream, application/x-ndjson, application/json",
        "accept-encoding": "identity",  # compressors hold tokens back
        "user-agent": f"tokenfall/{__version__}",
        **wire.headers,
    }
    if key := key_of(endpoint):
        if not KEY.fullmatch(key):
            raise _uncarried("key", endpoint)
        headers[wire.key_header] = wire.key_prefix + key
    for name, value in endpoint.headers:
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise _uncarried(f"header {name!a}", endpoint)
        headers[name.lower()] = value
    return list(headers.items())


def _uncarried(what: str, endpoint: Endpoint) -> UserError:
    return UserError(f"The {what} of {endpoint.name} holds characters that HTTP can't carry.", "Check it for spaces and line ends.")
