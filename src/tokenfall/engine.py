"""One turn: a request to a model and everything that comes back, as an async generator of TurnEvents."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import assert_never

from tokenfall.config import Endpoint
from tokenfall.errors import NetworkError, ServiceError, TokenfallError, WireError
from tokenfall.events import (
    Draft,
    Ended,
    Faulted,
    Finished,
    ReasoningDelta,
    ReplyStarted,
    Sent,
    StreamDone,
    Streamed,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    TurnEvent,
    UsageReport,
    Waiting,
)
from tokenfall.filters import ThinkTags
from tokenfall.messages import EndState, Request
from tokenfall.transport import Arrival, Transport, hidden, sentence, who
from tokenfall.wire import WIRES, Decoder, Frame

LINGER_S = 0.05
"""How long the end of a response is waited for after the wire's own end mark; some servers keep the connection open instead."""

Route = Callable[[], Awaitable[Endpoint]]
"""Gives an endpoint that is ready, its model resolved; may take as long as a model takes to load."""


class Turn:
    """A turn runs once. Closing `events()` closes the connection; what had come by then stays in `stopped`."""

    def __init__(self, transport: Transport, route: Route, request: Request) -> None:
        self._transport = transport
        self._route = route
        self._request = request
        self._draft = Draft(model=request.model)
        self._tags = ThinkTags()
        self._endpoint: Endpoint | None = None
        self._done = False
        self._fault = ""

    @property
    def text(self) -> str:
        """What has come so far."""
        return self._draft.message("stopped").text

    async def events(self) -> AsyncGenerator[TurnEvent, None]:
        """Waiting, Sent, any number of Streamed, and exactly one Ended. Failures are values in Ended, never raised."""
        error: TokenfallError | None = None
        yield Waiting(time.monotonic())
        try:
            self._endpoint = endpoint = await self._route()
            request = replace(self._request, model=self._request.model or endpoint.model)
            self._draft.model = request.model
            wire = WIRES[endpoint.wire]
            decoder = wire.decoder()
            yield Sent(time.monotonic())
            async with aclosing(self._transport.stream(endpoint, wire.encode(request))) as arrivals:
                async for arrival in arrivals:
                    if isinstance(arrival, Frame):
                        for event in self._take(decoder, arrival):
                            yield Streamed(arrival.at, event)
                        if self._done:
                            break
                await _drain(arrivals)
        except TokenfallError as caught:
            error = caught
        for part in self._tags.flush():
            self._draft.add(part)
            yield Streamed(time.monotonic(), part)
        yield self._end(time.monotonic(), error)

    def _take(self, decoder: Decoder, frame: Frame) -> list[StreamEvent]:
        events = [part for event in decoder.decode(frame) for part in self._split(event)]
        for event in events:
            self._draft.add(event)
            match event:
                case Faulted(message):
                    self._fault = message
                    self._done = True
                case StreamDone():
                    self._done = True
                case ReplyStarted() | TextDelta() | ReasoningDelta() | ToolCallDelta() | UsageReport() | Finished():
                    pass
                case _:
                    assert_never(event)
        return events

    def _split(self, event: StreamEvent) -> list[StreamEvent]:
        match event:
            case TextDelta(text):
                return [*self._tags.feed(text)]
            case Finished() | StreamDone() | Faulted():
                return [*self._tags.flush(), event]
            case ReplyStarted() | ReasoningDelta() | ToolCallDelta() | UsageReport():
                return [event]
            case _:
                assert_never(event)

    def stopped(self, at: float) -> Ended:
        """The end of a turn whose consumer was cancelled. A reply that was whole by then stays whole."""
        self._take_held()
        return self._end(at, None) if self._done else self._ended(at, "stopped", None)

    def failed(self, at: float, error: TokenfallError) -> Ended:
        """The end of a turn whose consumer broke."""
        self._take_held()
        return self._ended(at, "failed" if self._draft.empty else "cut_off", error)

    def _take_held(self) -> None:
        for event in self._tags.flush():
            self._draft.add(event)

    def _end(self, at: float, error: TokenfallError | None) -> Ended:
        self._take_held()
        endpoint = self._endpoint
        if endpoint is None:
            assert error is not None, "without an endpoint nothing was sent"
            return self.failed(at, error)
        if error is None and self._fault:
            error = ServiceError(sentence(f"{who(endpoint)} broke the reply off", self._fault, endpoint))
        if isinstance(error, WireError):
            # it quotes what came, and a service may repeat the key
            error = WireError(hidden(error.message, endpoint), error.advice)
        if error is not None:
            return self.failed(at, error)
        state, why = end_state(self._draft, endpoint, done=self._done)
        return self._ended(at, state, why)

    def _ended(self, at: float, state: EndState, error: TokenfallError | None) -> Ended:
        return Ended(at, state, self._draft.message(state), self._draft.usage, error)


async def _drain(arrivals: AsyncGenerator[Arrival, None]) -> None:
    """Reads what stands behind the end mark, mostly nothing: only a connection read to its end can serve the next request."""
    with suppress(TimeoutError, TokenfallError):
        async with asyncio.timeout(LINGER_S):
            async for _ in arrivals:
                pass


def end_state(draft: Draft, endpoint: Endpoint, *, done: bool) -> tuple[EndState, TokenfallError | None]:
    """How a stream that broke no rule ended. `done` says that the wire's own end mark came."""
    if draft.finish is not None:
        return draft.finish, None
    if draft.empty:
        return "failed", WireError(f"{who(endpoint)} ended the stream without a word.")
    if done:
        return "complete", None
    return "cut_off", NetworkError(f"{who(endpoint)} ended the stream before the reply was finished.", "What came is kept.")
