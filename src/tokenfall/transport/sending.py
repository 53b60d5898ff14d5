"""The sending of a request, and when each of its steps was done."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tokenfall.config import Endpoint
from tokenfall.errors import NetworkError
from tokenfall.events import Phases
from tokenfall.transport.naming import who

if TYPE_CHECKING:
    import httpx


class _Closable(Protocol):
    async def aclose(self) -> None: ...


@dataclass(slots=True)
class Trace:
    """What httpcore tells of one request while it is sent (httpcore documentation, "Request Extensions", `trace`). Through a proxy
    some steps are done twice; the last time counts. `peer` is whom a connection was begun to."""

    peer: tuple[str, int] | None = None
    opened: list[_Closable] = field(default_factory=list)
    done: dict[str, float] = field(default_factory=dict)

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        _, step, stage = event.split(".")
        if stage == "complete":
            self.done[step] = time.monotonic()
        if step == "connect_tcp":
            if stage == "started":
                self.peer = (info["host"], info["port"])
            elif stage == "complete":
                self.opened.append(info["return_value"])

    def phases(self) -> Phases:
        done = self.done
        return Phases(
            connected=done.get("connect_tcp"),
            tls=done.get("start_tls"),
            written=done.get("send_request_body"),
            headers=done.get("receive_response_headers"),
            reused="connect_tcp" not in done,
        )


async def send(client: "httpx.AsyncClient", request: "httpx.Request", endpoint: Endpoint) -> "tuple[httpx.Response, Phases]":
    """The response with its headers, or nothing left open: anyio drops a socket unclosed when its TLS handshake is cancelled."""
    import anyio
    import httpx

    trace = Trace()
    request.extensions["trace"] = trace
    try:
        return await client.send(request, stream=True), trace.phases()
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            for stream in trace.opened:
                await stream.aclose()
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and trace.peer is not None and not trace.opened:
            host, port = trace.peer
            if host != request.url.host:
                advice = "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or the endpoint's proxy."
                raise NetworkError(f"The proxy {host}:{port} of {who(endpoint)} can't be reached.", advice, passing=True) from error
        raise
