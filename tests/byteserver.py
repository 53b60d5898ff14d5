"""A server on loopback that plays scripts of bytes, and remembers what it was asked and when the client hung up.

    async with ByteServer([Send(sse_response(openai_chunk("Hi"))), Hold()]) as server:
        ... server.url ...
        assert await server.exchanges[0].hung_up_within(5)
"""

import asyncio
import json
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, assert_never

CEILING = 20.0
"""Seconds after which a test that waits has hung."""


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Until the test sets the event, or the client hangs up."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True)
class Reset:
    """RST."""


@dataclass(frozen=True, slots=True)
class Close:
    """FIN."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Says nothing more until the client hangs up."""


@dataclass(frozen=True, slots=True)
class Perform:
    """Anything else: it is given the exchange, and what writes to the client."""

    action: "Callable[[Exchange, Callable[[bytes], None]], Awaitable[None]]"


Step = Send | Sleep | Wait | Reset | Close | Hold | Perform
Script = Sequence[Step]


@dataclass(slots=True)
class Exchange:
    """One request as it came. `connection` counts from 0 in order of accepting; times are `time.monotonic()`."""

    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    gone: asyncio.Event
    hung_up_at: float | None = None

    @property
    def json(self) -> dict[str, object]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    async def hung_up_within(self, seconds: float = CEILING) -> bool:
        """Whether the client's FIN or RST is seen by then; at once if it has been."""
        try:
            await asyncio.wait_for(self.gone.wait(), seconds)
        except TimeoutError:
            return False
        return True


@dataclass(slots=True, eq=False)
class _Connection(asyncio.Protocol):
    server: "ByteServer"
    number: int = 0
    transport: asyncio.Transport | None = None
    received: bytearray = field(default_factory=bytearray)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    exchanges: list[Exchange] = field(default_factory=list)
    playing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.number = self.server._accepted(self)
        self.playing = asyncio.get_running_loop().create_task(self.server._play(self))

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.more.set()

    def eof_received(self) -> None:
        self._went()

    def connection_lost(self, exc: Exception | None) -> None:
        self._went()
        self.server._lost(self)

    def _went(self) -> None:
        if not self.gone.is_set():
            self.gone.set()
            self.more.set()
            self.server.hang_ups.append(time.monotonic())
            for exchange in self.exchanges:
                exchange.hung_up_at = self.server.hang_ups[-1]

    async def until(self, mark: bytes) -> bytes | None:
        """Takes what is before the mark; None when the client went without it."""
        while (found := self.received.find(mark)) < 0:
            if not await self._grown():
                return None
        return self._taken(found + len(mark))[: -len(mark)]

    async def exactly(self, count: int) -> bytes:
        while len(self.received) < count and await self._grown():
            pass
        return self._taken(count)

    async def _grown(self) -> bool:
        if self.gone.is_set():
            return False
        self.more.clear()
        await self.more.wait()
        return True

    def _taken(self, count: int) -> bytes:
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken


class ByteServer:
    """Plays the n-th script to the n-th request, and the last to all that follow.

    With `at_once` a script is played to each connection before it has asked anything: for handshakes that never come.
    After a script without Close or Reset the connection stays open for the next request.
    """

    def __init__(self, *scripts: Script, at_once: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self._scripts = scripts
        self._at_once = at_once
        self._tls = tls
        self._played = 0
        self._connections: set[_Connection] = set()
        self._idle = asyncio.Event()
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self.accepted = 0
        self.port = 0
        self.exchanges: list[Exchange] = []
        self.hang_ups: list[float] = []
        """When each connection was first known to be closed, by either side."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        tasks = []
        for connection in tuple(self._connections):
            if connection.transport is not None:
                connection.transport.abort()
            if connection.playing is not None:
                connection.playing.cancel()
                tasks.append(connection.playing)
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """Connections that neither side has closed."""
        return sum(not connection.gone.is_set() for connection in self._connections)

    @property
    def unsent(self) -> int:
        """Bytes that the clients have not yet taken off the server's hands."""
        return sum(connection.transport.get_write_buffer_size() for connection in self._connections if connection.transport is not None)

    async def exchange(self, index: int = 0) -> Exchange:
        """The n-th request, waited for."""
        async with asyncio.timeout(CEILING), self._arrived:
            await self._arrived.wait_for(lambda: len(self.exchanges) > index)
        return self.exchanges[index]

    async def connected(self, count: int = 1) -> None:
        async with asyncio.timeout(CEILING), self._arrived:
            await self._arrived.wait_for(lambda: self.accepted >= count)

    async def quiet(self) -> None:
        """Until every connection is closed; fails the test when one stays open."""
        async with asyncio.timeout(CEILING):
            while self.open:
                self._idle.clear()
                await self._idle.wait()

    def _accepted(self, connection: _Connection) -> int:
        self._connections.add(connection)
        self.accepted += 1
        return self.accepted - 1

    def _lost(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        self._idle.set()

    async def _play(self, connection: _Connection) -> None:
        async with self._arrived:
            self._arrived.notify_all()
        if self._at_once:
            await self._run(self._next_script(), connection)
        while (exchange := await _read_request(connection)) is not None:
            connection.exchanges.append(exchange)
            self.exchanges.append(exchange)
            async with self._arrived:
                self._arrived.notify_all()
            await self._run(self._next_script(), connection)

    def _next_script(self) -> Script:
        script = self._scripts[min(self._played, len(self._scripts) - 1)]
        self._played += 1
        return script

    async def _run(self, script: Script, connection: _Connection) -> None:
        for step in script:
            if connection.gone.is_set():
                return
            await _act(step, connection)


async def _act(step: Step, connection: _Connection) -> None:
    transport = connection.transport
    assert transport is not None
    match step:
        case Send(data):
            transport.write(data)
        case Sleep(seconds):
            await asyncio.sleep(seconds)
        case Wait(event):
            await _first(event, connection.gone)
        case Reset():
            raw: socket.socket = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        case Close():
            transport.close()
        case Hold():
            await connection.gone.wait()
        case Perform(action):
            await action(connection.exchanges[-1], transport.write)
        case _:
            assert_never(step)


async def _first(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _read_request(connection: _Connection) -> Exchange | None:
    head = await connection.until(b"\r\n\r\n")
    if head is None:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await connection.exactly(int(headers.get("content-length", "0")))
    return Exchange(connection.number, method, path, headers, body, time.monotonic(), connection.gone)


# --- builders ---


def response(status: str, body: bytes = b"", *, kind: str = "application/json", headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A whole answer; `status` as in "404 Not Found"."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def json_response(value: object, status: str = "200 OK", headers: Sequence[tuple[str, str]] = ()) -> bytes:
    return response(status, json.dumps(value).encode(), headers=headers)


SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
"""The head of a stream; what follows is `chunked`."""


def chunked(*pieces: bytes, last: bool = False) -> bytes:
    """HTTP/1.1 chunks (RFC 9112, section 7.1), with the end mark if `last`."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return body + (b"0\r\n\r\n" if last else b"")


def sse_response(*events: bytes, last: bool = False) -> bytes:
    """Head and events, one chunk each."""
    return SSE_HEAD + chunked(*events, last=last)


def sse_event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def openai_chunk(text: str | None = None, *, finish: str | None = None, model: str = "test-model") -> bytes:
    """One event of a chat completion."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse_event(json.dumps({"object": "chat.completion.chunk", "model": model, "choices": [choice]}))


DONE = sse_event("[DONE]")


def openai_reply(texts: Iterable[str], *, finish: str = "stop", usage: tuple[int, int] | None = None) -> bytes:
    """A whole good answer: texts, finish, usage, end mark."""
    events = [openai_chunk(text) for text in texts]
    events.append(openai_chunk(finish=finish))
    if usage is not None:
        counts = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
        events.append(sse_event(json.dumps({"object": "chat.completion.chunk", "choices": [], "usage": counts})))
    return sse_response(*events, DONE, last=True)
