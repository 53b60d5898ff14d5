"""The one room that speaks HTTP: a request out, stamped frames in, every failure in the house's own tree.

httpx costs start-up time, so nothing here imports it before `Transport.warm` or the first use.
"""

import asyncio
import ssl
import threading
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tokenfall.config import Deadlines, Endpoint
from tokenfall.errors import NetworkError, UserError
from tokenfall.transport.arrivals import Arrival
from tokenfall.transport.clients import Clients, is_direct, make_clients, new_client, rehearse
from tokenfall.transport.framing import FRAMINGS, Frames, frames, lines
from tokenfall.transport.naming import TRY_LATER, hidden, sentence, who
from tokenfall.transport.pipe import exchange
from tokenfall.transport.reply import listing, parsed, reply
from tokenfall.transport.request import Asked, request
from tokenfall.wire import WIRES, Frame

if TYPE_CHECKING:
    import httpx

__all__ = ["FRAMINGS", "Arrival", "Frames", "Transport", "frames", "hidden", "lines", "sentence", "who"]

SLEPT = 1.0
"""Seconds that a deadline's timer may be late. Later than that the process was stopped (Ctrl-Z), which no server answers for."""


class Transport:
    """The HTTP clients of the program; one is made, and closed at the end. Every request is its caller's to close."""

    def __init__(self, deadlines: Deadlines | None = None) -> None:
        self._deadlines = deadlines or Deadlines()
        self._plain: httpx.AsyncClient | None = None
        self._clients: Clients | None = None
        self._making = threading.Lock()

    def warm(self) -> None:
        """Makes the clients and loads the certificates: over 100 ms of blocking, for a thread at start-up.

        May be called again and from several threads.
        """
        self._make_plain()
        self._make_all()

    def _make_plain(self) -> "httpx.AsyncClient":
        """For plain HTTP on this machine, which waits for no certificates."""
        with self._making:
            if self._plain is None:
                self._plain = new_client(self._deadlines, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), proxies=False)
                rehearsal = threading.Thread(target=asyncio.run, args=(rehearse(),))  # a thread with a loop can't run another
                rehearsal.start()
                rehearsal.join()
            return self._plain

    def _make_all(self) -> Clients:
        with self._making:
            if self._clients is None:
                self._clients = make_clients(self._deadlines)
            return self._clients

    async def close(self) -> None:
        """Closes idle connections; streams are closed by those who iterate them."""
        clients = [self._plain, *((self._clients.direct, self._clients.routed) if self._clients else ())]
        self._plain = self._clients = None
        for client in clients:
            if client is not None and not isinstance(client, UserError):
                await client.aclose()

    async def stream(self, endpoint: Endpoint, body: Mapping[str, object]) -> AsyncGenerator[Arrival, None]:
        """Posts the body and yields `Opened`, then the frames of the reply; a reply that came whole is one frame.

        Closing the generator, or cancelling the task that iterates it, closes the socket at once.
        Raises UserError, NetworkError, ServiceError or WireError.
        """
        client = await self._client(endpoint)
        asking = request(client, "POST", endpoint, WIRES[endpoint.wire].path(str(body.get("model") or endpoint.model)), body)
        limits = self._deadlines
        asked = body.get("model")
        now = asyncio.get_running_loop().time
        limit, late = limits.first_event, f"sent nothing for {limits.first_event:g} seconds"
        due = now() + limit
        work = partial(reply, client, asking, Asked(endpoint, asked if isinstance(asked, str) else ""), limits)
        async with exchange(work) as get:
            while True:
                try:
                    arrival = await get(due)
                except TimeoutError:
                    if now() - due > SLEPT:
                        due = now() + limit
                        continue
                    raise NetworkError(f"{who(endpoint)} {late}; the connection was closed.", TRY_LATER) from None
                if arrival is None:
                    return
                yield arrival
                if isinstance(arrival, Frame):
                    limit, late = limits.between_events, f"stalled: no token came for {limits.between_events:g} seconds"
                    due = now() + limit

    async def list_models(self, endpoint: Endpoint) -> list[str]:
        """The names that the server lists, in its order. Raises as `stream` does."""
        client = await self._client(endpoint)
        wire = WIRES[endpoint.wire]
        asking = request(client, "GET", endpoint, wire.models_path, None)
        work = partial(listing, client, asking, Asked(endpoint, ""), self._deadlines)
        async with exchange(work) as get:
            try:
                text = await get(asyncio.get_running_loop().time() + self._deadlines.connect + self._deadlines.body)
            except TimeoutError:
                raise NetworkError(f"{who(endpoint)} did not answer with its models in time.", TRY_LATER) from None
        return wire.models(parsed(text or "", endpoint))

    async def _client(self, endpoint: Endpoint) -> "httpx.AsyncClient":
        direct = is_direct(endpoint)
        if direct and endpoint.base_url.lower().startswith("http:"):
            return self._plain if self._plain is not None else await asyncio.to_thread(self._make_plain)
        clients = self._clients if self._clients is not None else await asyncio.to_thread(self._make_all)
        client = clients.direct if direct else clients.routed
        if isinstance(client, UserError):
            raise client
        return client
