"""Whatever a server does, a turn ends in a named state, keeps exactly what was sent, and asks no more often than it may."""

import asyncio
import socket
from dataclasses import dataclass, replace
from functools import cache

import pytest
from tests.byteserver import CEILING, ByteServer, Send
from tests.faults.dialects import DIALECTS, Dialect
from tests.faults.table import FAULTS, GROUPS, MANY, Fault, good

from tokenfall.config import Endpoint, Secret
from tokenfall.engine import Backoff, Turn
from tokenfall.events import Ended, Retrying, Sent, Streamed, TextDelta, TurnEvent
from tokenfall.messages import Request, user_message
from tokenfall.transport import Transport

CANARY = "sk-canary-9b3d71"
HELLO = Request("", (user_message("hello"),))
TINY = Backoff(base=0.002)


@dataclass(frozen=True)
class Played:
    """`requests` as the server counted them; `again` is the text of a good reply that the same client got afterwards."""

    events: list[TurnEvent]
    requests: int
    again: str

    @property
    def ended(self) -> Ended:
        ends = [event for event in self.events if isinstance(event, Ended)]
        assert ends == self.events[-1:]
        return ends[0]


async def turn(transport: Transport, endpoint: Endpoint, read: asyncio.Event | None = None) -> list[TurnEvent]:
    async def route() -> Endpoint:
        return endpoint

    events = []
    async with asyncio.timeout(3 * CEILING):
        async for event in Turn(transport, route, HELLO, TINY).events():
            events.append(event)
            if read is not None and isinstance(event, Streamed) and isinstance(event.event, TextDelta):
                read.set()
    return events


def house(dialect: Dialect, url: str) -> Endpoint:
    return Endpoint("house", dialect.wire, f"{url}/v1", "asked-model", Secret(CANARY))


async def play(transport: Transport, fault: Fault, dialect: Dialect) -> Played:
    read = asyncio.Event()
    async with ByteServer(*fault.scripts(dialect, read), at_once=fault.greets) as server:
        events = await turn(transport, replace(house(dialect, server.url), deadlines=fault.deadlines), read)
        requests = server.accepted if fault.greets else len(server.exchanges)
    async with ByteServer([Send(good(dialect))]) as healthy:
        last = (await turn(transport, house(dialect, healthy.url)))[-1]
    assert isinstance(last, Ended)
    return Played(events, requests, last.reply.text)


@cache
def results(wire: str) -> dict[str, Played | BaseException]:
    """Many at a time, in one loop and with one client: most of a fault is waiting."""
    dialect = DIALECTS[wire]

    async def play_all() -> dict[str, Played | BaseException]:
        transport = Transport()
        await asyncio.to_thread(transport.warm)
        found: dict[str, Played | BaseException] = {}
        for group in GROUPS:
            fitting = [fault for fault in group if fault.fits(dialect)]
            ends = await asyncio.gather(*(play(transport, fault, dialect) for fault in fitting), return_exceptions=True)
            found.update(zip((fault.name for fault in fitting), ends, strict=True))
        await transport.close()
        return found

    return asyncio.run(play_all())


CASES = [(wire, fault) for wire, dialect in DIALECTS.items() for fault in FAULTS if fault.fits(dialect)]


@pytest.mark.parametrize(("wire", "fault"), CASES, ids=[f"{wire}: {fault.name}" for wire, fault in CASES])
def test_a_fault(wire: str, fault: Fault) -> None:
    dialect, played = DIALECTS[wire], results(wire)[fault.name]
    if isinstance(played, BaseException):
        raise played
    ended = played.ended
    state = fault.state(dialect) if callable(fault.state) else fault.state
    requests = fault.requests(dialect) if callable(fault.requests) else fault.requests
    assert (ended.state, ended.reply.text, played.requests) == (state, fault.text, requests), str(ended.error)
    sent = [event.attempt for event in played.events if isinstance(event, Sent)]
    retries = [event for event in played.events if isinstance(event, Retrying)]
    assert (sent, [retry.attempt for retry in retries]) == ([*range(1, requests + 1)], [*range(1, requests)])
    streamed = [event.event for event in played.events if isinstance(event, Streamed)]
    assert all(at_most_once(played.events))
    if state == "complete":
        assert ended.error is None
    else:
        assert fault.says in str(ended.error)
        assert "house" in str(ended.error)
        assert ("It was tried" in str(ended.error)) == (requests > 1)
    assert CANARY not in repr([ended.error, str(ended.error), *(str(retry.why) for retry in retries), streamed])
    assert played.again == "abc"


def at_most_once(events: list[TurnEvent]) -> list[bool]:
    """Whether no request followed a token, by event."""
    token = False
    fine = []
    for event in events:
        token = token or (isinstance(event, Streamed) and isinstance(event.event, TextDelta))
        fine.append(not (token and isinstance(event, Sent | Retrying)))
    return fine


@pytest.mark.parametrize("wire", DIALECTS)
async def test_nothing_listens(wire: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    transport = Transport()
    events = await turn(transport, house(DIALECTS[wire], url))
    await transport.close()
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.state == "failed"
    assert str(ended.error).startswith(f"Nothing listens at {url} (endpoint house). It was tried {MANY} times.")
    assert sum(isinstance(event, Sent) for event in events) == MANY


def test_every_fault_has_its_own_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 40
