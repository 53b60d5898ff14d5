"""One turn: a request to a model and everything that comes back, as an async generator of TurnEvents."""

import asyncio
import copy
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import assert_never

from tokenfall.config import Endpoint
from tokenfall.errors import NetworkError, ServiceError, TokenfallError, WireError
from tokenfall.events import (
    Draft,
    Ended,
    Faulted,
    Finished,
    FirstByte,
    Opened,
    ReasoningDelta,
    ReplyStarted,
    Retrying,
    Sent,
    Stalled,
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
from tokenfall.transport import Arrival, Patience, Transport, hidden, sentence, who
from tokenfall.wire import WIRES, Decoder, Frame

LINGER_S = 0.05
"""How long the end of a response is waited for after the wire's own end mark; some servers keep the connection open instead."""

Route = Callable[[], Awaitable[Endpoint]]
"""Gives an endpoint that is ready, its model resolved; may take as long as a model takes to load."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts: at random up to `base`, twice that after the second, and so on up to `cap` ("full jitter": Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so that many clients don't come back at once. A service that
    names a time gets it, up to `longest`; who has to wait longer is told so instead."""

    base: float = 0.5
    cap: float = 8.0
    longest: float = 60.0

    def wait(self, attempt: int, error: TokenfallError, dice: Callable[[], float]) -> float | None:
        """Before the attempt that follows the `attempt`th, which failed so; None when there should be no other."""
        if not error.passing:
            return None
        asked = (error.retry_after if isinstance(error, ServiceError) else None) or 0.0
        if asked > self.longest:
            return None
        return max(asked, dice() * min(self.cap, self.base * 2.0 ** (attempt - 1)))


class Attempt:
    """What one sending of a request brings."""

    def __init__(self, endpoint: Endpoint, request: Request) -> None:
        self._endpoint = endpoint
        self._request = request
        self._decoder: Decoder = WIRES[endpoint.wire].decoder()
        self._tags = ThinkTags()
        self._fault: Faulted | None = None
        self._done = False
        self.draft = Draft(model=request.model)
        self._goes_on = False
        """Some servers tell a finish with every piece; then it says nothing."""
        self.begun = False
        """Whether a token has come, shown yet or not."""
        self.error: TokenfallError | None = None

    async def events(self, transport: Transport, number: int) -> AsyncGenerator[TurnEvent, None]:
        """Sent, and all that follows it, without an Ended. How it ended is known afterwards."""
        endpoint = self._endpoint
        patience = Patience(endpoint.deadlines)
        try:
            yield Sent(time.monotonic(), number, f"{endpoint.name}/{self._request.model}")
            async with aclosing(transport.stream(endpoint, WIRES[endpoint.wire].encode(self._request), patience)) as arrivals:
                async for arrival in arrivals:
                    match arrival:
                        case Frame():
                            for event in self._take(arrival, patience):
                                yield Streamed(arrival.at, event)
                        case Opened() | FirstByte() | Stalled():
                            yield arrival
                        case _:
                            assert_never(arrival)
                    if self._done:
                        break
                await _drain(arrivals)
        except NetworkError as error:
            # a reply that is finished needs no more of its connection
            self.error = None if self._finished else error
        except TokenfallError as error:
            self.error = error
        for event in self.flush():
            yield Streamed(time.monotonic(), event)
        self.error = self.error or self._faulted()

    def _take(self, frame: Frame, patience: Patience) -> list[StreamEvent]:
        decoded = self._decoded(frame)
        self.begun = self.begun or self._says(decoded)
        if not all(isinstance(event, ReplyStarted | UsageReport) for event in decoded):
            patience.progress(frame.at)
        if self.draft.finish is not None and self._says(decoded):
            self._goes_on = True
        if not self._goes_on and any(isinstance(event, Finished) for event in decoded):
            patience.finish()
        events = [part for event in decoded for part in self._split(event)]
        for event in events:
            self.draft.add(event)
            match event:
                case Faulted():
                    self._fault = event
                    self._done = True
                case StreamDone():
                    self._done = True
                case ReplyStarted() | TextDelta() | ReasoningDelta() | ToolCallDelta() | UsageReport() | Finished():
                    pass
                case _:
                    assert_never(event)
        return events

    @staticmethod
    def _says(events: Iterable[StreamEvent]) -> bool:
        return any(isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta) for event in events)

    def _decoded(self, frame: Frame) -> list[StreamEvent]:
        try:
            return self._decoder.decode(frame)
        except WireError as error:
            # it quotes what came, and a service may repeat the key
            raise WireError(f"{who(self._endpoint)}: {hidden(error.message, self._endpoint)}", error.advice) from None

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

    def flush(self) -> list[StreamEvent]:
        """What was held because it might have become a tag; it is in the draft then."""
        held: list[StreamEvent] = [*self._tags.flush()]
        for event in held:
            self.draft.add(event)
        return held

    def _faulted(self) -> TokenfallError | None:
        if self._fault is None:
            return None
        what = "answered with an error" if self.draft.empty else "broke the reply off"
        return ServiceError(sentence(f"{who(self._endpoint)} {what}", self._fault.message, self._endpoint), passing=self._fault.passing)

    @property
    def ended(self) -> bool:
        """Whether all has come that there will be."""
        return (self._done and (self.begun or self._fault is None)) or self._finished

    @property
    def _finished(self) -> bool:
        return self.draft.finish is not None and not self._goes_on

    def outcome(self) -> tuple[EndState, TokenfallError | None]:
        """How it ended, if nobody ended it before its time."""
        error = self.error or self._faulted()
        if error is None:
            return end_state(self.draft, self._endpoint, done=self._done)
        return "failed" if self.draft.empty else "cut_off", error


class Turn:
    """A turn runs once. Closing `events()` closes the connection; what had come by then stays in `stopped`."""

    def __init__(
        self,
        transport: Transport,
        route: Route,
        request: Request,
        backoff: Backoff | None = None,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self._route = route
        self._request = request
        self._backoff = backoff or Backoff()
        self._dice = dice
        self._attempt: Attempt | None = None

    @property
    def text(self) -> str:
        """What has come so far."""
        return self._draft.message("stopped").text

    @property
    def _draft(self) -> Draft:
        return self._attempt.draft if self._attempt is not None else Draft(model=self._request.model)

    async def events(self) -> AsyncGenerator[TurnEvent, None]:
        """Waiting; Sent and what follows it, and where it failed before its first token perhaps Retrying and all that again; exactly
        one Ended. Failures are values in Ended, never raised."""
        yield Waiting(time.monotonic())
        try:
            endpoint = await self._route()
        except TokenfallError as error:
            yield self.failed(time.monotonic(), error)
            return
        request = replace(self._request, model=self._request.model or endpoint.model)
        endpoint = replace(endpoint, model=request.model)
        number = 1
        while True:
            self._attempt = attempt = Attempt(endpoint, request)
            async with aclosing(attempt.events(self._transport, number)) as events:
                async for event in events:
                    yield event
            now = time.monotonic()
            wait = self._wait(attempt, number, endpoint)
            if wait is None or attempt.error is None:
                break
            yield Retrying(now, now + wait, number, attempt.error)
            await asyncio.sleep(wait)
            number += 1
        state, why = attempt.outcome()
        yield self._ended(now, state, tried(why, number))

    def _wait(self, attempt: Attempt, number: int, endpoint: Endpoint) -> float | None:
        if attempt.error is None or attempt.begun or number > endpoint.retries:
            return None
        return self._backoff.wait(number, attempt.error, self._dice)

    def stopped(self, at: float) -> Ended:
        """The end of a turn whose consumer was cancelled. A reply that was whole by then stays whole."""
        if self._attempt is not None:
            self._attempt.flush()
            if self._attempt.ended:
                return self._ended(at, *self._attempt.outcome())
        return self._ended(at, "stopped", None)

    def failed(self, at: float, error: TokenfallError) -> Ended:
        """The end of a turn whose consumer broke."""
        if self._attempt is not None:
            self._attempt.flush()
        return self._ended(at, "failed" if self._draft.empty else "cut_off", error)

    def _ended(self, at: float, state: EndState, error: TokenfallError | None) -> Ended:
        draft = self._draft
        return Ended(at, state, draft.message(state), draft.usage, error, draft.reason)


def tried(error: TokenfallError | None, attempts: int) -> TokenfallError | None:
    """The error of the last of several attempts, which says how many there were."""
    if error is None or attempts == 1:
        return error
    told = copy.copy(error)
    told.message = f"{error.message} It was tried {attempts} times."
    return told


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
