"""The one room that speaks HTTP: a request out, stamped frames in, every failure in the house's own tree.

httpx costs start-up time, so nothing here imports it before `Transport.warm` or the first use.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from functools import partial

from tokenfall.config import Endpoint
from tokenfall.errors import NetworkError, UserError
from tokenfall.transport.arrivals import Arrival
from tokenfall.transport.clients import DEFAULT_WAY, PLAIN_WAY, Clients
from tokenfall.transport.framing import FRAMINGS, Frames, frames, lines
from tokenfall.transport.naming import TRY_LATER, hidden, sentence, who
from tokenfall.transport.patience import Patience
from tokenfall.transport.pipe import exchange
from tokenfall.transport.reply import listed, listing, reply
from tokenfall.transport.request import Asked, joined, request
from tokenfall.wire import WIRES, Frame

__all__ = ["FRAMINGS", "Arrival", "Frames", "Patience", "Transport", "frames", "hidden", "lines", "sentence", "who"]


class Transport:
    """The HTTP of the program; one is made, and closed at the end. Every request is its caller's to close."""

    def __init__(self) -> None:
        self._clients = Clients()

    def warm(self) -> None:
        """Makes the clients that most endpoints need and loads the certificates: over 100 ms of blocking, for a thread at start-up.

        May be called again and from several threads. What can't be made is told to the request that needs it.
        """
        for way in (PLAIN_WAY, DEFAULT_WAY):
            with suppress(UserError):
                self._clients.make(way)

    async def close(self) -> None:
        """Closes idle connections; streams are closed by those who iterate them."""
        await self._clients.close()

    async def stream(
        self, endpoint: Endpoint, body: Mapping[str, object], patience: Patience | None = None
    ) -> AsyncGenerator[Arrival, None]:
        """Posts the body and yields `Opened`, `FirstByte`, then the frames of the reply; a reply that came whole is one frame.
        `Stalled` comes once in each stall.

        Whoever gives a `patience` tells it of progress; without one each frame is progress.
        Closing the generator, or cancelling the task that iterates it, closes the socket at once.
        Raises UserError, NetworkError, ServiceError or WireError.
        """
        client = await self._clients.take(endpoint)
        whole = joined(body, endpoint.extra_body)
        model = whole.get("model")
        asked = Asked(endpoint, model if isinstance(model, str) else "")
        asking = request(client, "POST", endpoint, WIRES[endpoint.wire].path(asked.model or endpoint.model), whole)
        waiting = patience or Patience(endpoint.deadlines)
        async with exchange(partial(reply, client, asking, asked)) as get:
            while True:
                arrival: Arrival | None
                try:
                    arrival = await get(waiting.due)
                except TimeoutError:
                    if (arrival := waiting.spent(endpoint)) is None:
                        continue
                if arrival is None:
                    return
                yield arrival
                if patience is None and isinstance(arrival, Frame):
                    waiting.progress(arrival.at)

    async def list_models(self, endpoint: Endpoint) -> list[str]:
        """The names that the server lists, in its order. Raises as `stream` does."""
        client = await self._clients.take(endpoint)
        wire = WIRES[endpoint.wire]
        asking = request(client, "GET", endpoint, wire.models_path, None)
        async with exchange(partial(listing, client, asking, Asked(endpoint, ""))) as get:
            limits = endpoint.deadlines
            try:
                text = await get(asyncio.get_running_loop().time() + limits.connect + limits.body)
            except TimeoutError:
                raise NetworkError(f"{who(endpoint)} did not answer with its models in time.", TRY_LATER) from None
        return wire.models(listed(text or "", endpoint))
