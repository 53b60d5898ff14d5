"""A server that plays replies on time, in a process of its own: what measures must not delay what is measured.

    async with PacedServer(Reply(Part(tokens, rate=100))) as server:
        ... server.url ...
        when = await server.sent(0)

Times are `time.monotonic()`, which is one clock for all processes of a Linux machine.
"""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import Self, TypeVar

from tests.byteserver import SSE_HEAD, ByteServer, Exchange, Perform, Script, Send, Sleep, chunked
from tests.faults.dialects import DIALECTS, Dialect

BEFORE_S = 0.3
"""Seconds before the first token: long enough that a program has drawn what it draws while it waits."""

LIMIT = 60.0
"""Seconds after which what hasn't happened won't."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens, each 1 / `rate` seconds after the one before; 0 is all of them at once. A part that `waits` begins when it is told."""

    tokens: Sequence[str]
    rate: float = 0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """`before` is how many seconds the server thinks, after the head of its answer, which is one of the wire."""

    parts: tuple[Part, ...]
    before: float = BEFORE_S
    wire: str = "openai-chat"


@dataclass(frozen=True, slots=True)
class Asked:
    """The last byte of a request has come."""

    key: tuple[int]
    at: float


@dataclass(frozen=True, slots=True)
class Played:
    """A part is out, or as much of it as was wanted; `sent` says when each token was written. The key is reply and part."""

    key: tuple[int, int]
    sent: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """The client has closed the connection of a reply."""

    key: tuple[int]
    at: float


Event = Asked | Played | Gone
_Event = TypeVar("_Event", Asked, Played, Gone)

Write = Callable[[bytes], None]


class PacedServer:
    """Plays the n-th reply to the n-th request. Raises TimeoutError for what never happens."""

    def __init__(self, *replies: Reply) -> None:
        here, there = multiprocessing.Pipe()
        self._pipe = here
        self._process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, replies), daemon=True)
        self._there = there
        self._events: dict[tuple[type[Event], tuple[int, ...]], Event] = {}
        self._more = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._process.start()
        self._there.close()
        port = await asyncio.to_thread(self._pipe.recv)
        self.url = f"http://127.0.0.1:{port}"
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._hear)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _hear(self) -> None:
        event: Event = self._pipe.recv()
        self._events[type(event), event.key] = event
        self._more.set()

    def go(self) -> None:
        """Lets the part play that waits."""
        self._pipe.send("go")

    async def asked(self, reply: int, limit: float = LIMIT) -> float:
        """When the request had come."""
        return (await self._heard(Asked, (reply,), limit)).at

    async def sent(self, reply: int, part: int = 0, limit: float = LIMIT) -> tuple[float, ...]:
        """When each token of a part was written, once all are."""
        return (await self._heard(Played, (reply, part), limit)).sent

    async def gone(self, reply: int, limit: float = LIMIT) -> float:
        """When the client had closed the connection."""
        return (await self._heard(Gone, (reply,), limit)).at

    async def _heard(self, kind: type[_Event], key: tuple[int, ...], limit: float) -> _Event:
        deadline = time.monotonic() + limit
        while (event := self._events.get((kind, key))) is None:
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), deadline - time.monotonic())
            except TimeoutError:
                raise TimeoutError(f"the server waited {limit:.0f} s for {kind.__name__.lower()} {key}") from None
        assert isinstance(event, kind)
        return event


# ── in the server's process ─────────────────────────────────────────────────


def _serve(pipe: Connection, replies: Sequence[Reply]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    with suppress(EOFError, BrokenPipeError):
        asyncio.run(_play(pipe, replies))


async def _play(pipe: Connection, replies: Sequence[Reply]) -> None:
    told: asyncio.Queue[None] = asyncio.Queue()
    over = asyncio.Event()

    def hear() -> None:
        try:
            pipe.recv()
            told.put_nowait(None)
        except EOFError:
            over.set()

    async with ByteServer(*(_Player(number, reply, pipe, told).script() for number, reply in enumerate(replies))) as server:
        pipe.send(server.port)
        asyncio.get_running_loop().add_reader(pipe.fileno(), hear)
        await over.wait()


@dataclass(frozen=True, slots=True)
class _Player:
    """Plays one reply, and reports what happens to it."""

    number: int
    reply: Reply
    pipe: Connection
    told: asyncio.Queue[None]
    watching: list[asyncio.Task[None]] = field(default_factory=list)

    def script(self) -> Script:
        parts = [Perform(partial(self._part, index, part)) for index, part in enumerate(self.reply.parts)]
        dialect = self._dialect
        end = Send(chunked(dialect.finish + dialect.done, last=True))
        start = [Send(chunked(dialect.start))] if dialect.start else []
        return [Perform(self._begin), Send(SSE_HEAD), Sleep(self.reply.before), *start, *parts, end]

    @property
    def _dialect(self) -> Dialect:
        return DIALECTS[self.reply.wire]

    async def _begin(self, exchange: Exchange, _: Write) -> None:
        self.pipe.send(Asked((self.number,), exchange.at))
        self.watching.append(asyncio.get_running_loop().create_task(self._watch(exchange)))

    async def _watch(self, exchange: Exchange) -> None:
        await exchange.gone.wait()
        assert exchange.hung_up_at is not None
        self.pipe.send(Gone((self.number,), exchange.hung_up_at))

    async def _part(self, index: int, part: Part, exchange: Exchange, write: Write) -> None:
        if part.waits:
            await self.told.get()
        sent: list[float] = []
        if part.rate:
            await _paced(part, self._dialect.text, exchange, write, sent)
        else:
            sent = [time.monotonic()] * len(part.tokens)
            write(chunked(*map(self._dialect.text, part.tokens)))
        self.pipe.send(Played((self.number, index), tuple(sent)))


async def _paced(part: Part, text: Callable[[str], bytes], exchange: Exchange, write: Write, sent: list[float]) -> None:
    start = time.monotonic()
    for number, token in enumerate(part.tokens):
        await asyncio.sleep(start + (number + 1) / part.rate - time.monotonic())
        if exchange.gone.is_set():
            return
        sent.append(time.monotonic())
        write(chunked(text(token)))
