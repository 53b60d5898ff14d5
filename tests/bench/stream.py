"""What reading a stream costs beside the official Python clients, on the same loopback server in the same run.

    uv run --group bench python -m tests.bench.stream [--rounds N] [--cancels N]

cold          from the process's first line to the first token in hand, imports included (ms)
request       from the call to the request's last byte at the server, on a connection that is open (ms)
first token   from the server's writing it to its being in hand (ms)
token         the same for the others, at 100 a second (ms)
CPU           processor time a token while 20,000 come as fast as they are read (µs)
cancel        from cancelling the task that reads to the server's seeing the connection closed (ms)

Ours does more with each token: it takes out thoughts in tags, keeps the draft, watches deadlines and stamps times. The second table
is the decoding alone, from bytes to the reply's text: what a token costs in a reply of 10,000 and in one of 100,000, for each wire.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from tests.bench.processes import machine
from tests.bench.readers import READERS
from tests.bench.server import PacedServer, Part, Reply
from tests.bench.table import percentile
from tests.faults.dialects import DIALECTS

from tokenfall.events import Draft
from tokenfall.transport import FRAMINGS
from tokenfall.wire import WIRES

PACED, FLOOD = 200, 20_000
RATE = 100
SIZES = (10_000, 100_000)
CHUNK = 4096
"""Bytes read at a time."""

WIRE_OF: Mapping[str, str] = {name: "anthropic" if "anthropic" in name else "openai-chat" for name in READERS}


@dataclass(slots=True)
class Found:
    """Milliseconds; `cpu` microseconds a token."""

    cold: list[float] = field(default_factory=list)
    request: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    token: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    cancel: list[float] = field(default_factory=list)


def words(count: int) -> list[str]:
    return [f"word{number} " for number in range(count)]


async def measure(name: str, cancels: int, found: Found) -> None:
    """One round: a process of its own, its server, and all its requests."""
    wire = WIRE_OF[name]
    paced = [Reply((Part(words(PACED), RATE),), 0.05, wire)] * 2
    replies = [Reply((Part(words(3)),), 0, wire), *paced, Reply((Part(words(FLOOD)),), 0, wire)]
    stops = [Reply((Part(words(1)), Part(words(1), waits=True)), 0, wire)] * cancels
    async with PacedServer(*replies, *stops) as server:
        command = (sys.executable, "-m", "tests.bench.readers", name, server.url, "frrr" + "c" * cancels)
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, limit=100 * FLOOD)
        assert child.stdout is not None
        for number in range(len(replies) + cancels):
            line = await child.stdout.readline()
            if not line:
                raise RuntimeError(f"{name} ended before its time")
            await take(number, json.loads(line), server, found)
        await child.wait()


async def take(number: int, read: dict[str, object], server: PacedServer, found: Found) -> None:
    begun, texts, cpu, cancelled = read["begun"], read["texts"], read["cpu"], read["cancelled"]
    assert isinstance(begun, float)
    assert isinstance(texts, list)
    assert isinstance(cpu, float)
    if isinstance(cancelled, float):
        found.cancel.append((await server.gone(number) - cancelled) * 1000)
    elif number == 0:
        found.cold.append((texts[0] - begun) * 1000)
    elif len(texts) == FLOOD:
        found.cpu.append(cpu / FLOOD * 1e6)
    else:
        sent = await server.sent(number)
        assert len(sent) == len(texts), "a token was lost"
        found.request.append((await server.asked(number) - begun) * 1000)
        late = [(at - when) * 1000 for at, when in zip(texts, sent, strict=True)]
        found.first.append(late[0])
        found.token += late[1:]


async def decoded(wire: str, count: int) -> float:
    """Microseconds a token."""
    dialect, row = DIALECTS[wire], WIRES[wire]
    data = dialect.reply(*words(count))

    async def chunks() -> AsyncIterator[tuple[float, bytes]]:
        for start in range(0, len(data), CHUNK):
            yield 0.0, data[start : start + CHUNK]

    draft, decoder = Draft("m"), row.decoder()
    began = time.process_time()
    async for frame in FRAMINGS[row.framing](chunks()):
        for event in decoder.decode(frame):
            draft.add(event)
    text = draft.message("complete").text
    spent = time.process_time() - began
    assert text == "".join(words(count))
    return spent / count * 1e6


def row(name: str, found: Found) -> str:
    pairs = (found.first, found.token, found.cancel)
    columns = [percentile(found.cold, 0.5), percentile(found.request, 0.5)]
    columns += [percentile(values, share) for values in pairs for share in (0.5, 0.95)]
    return f"{name:<24}" + "".join(f"{value:>9.2f}" for value in columns) + f"{percentile(found.cpu, 0.5):>9.1f}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cancels", type=int, default=40, help="in each round")
    given = parser.parse_args()
    print(machine())
    found = {name: Found() for name in READERS}
    for _ in range(given.rounds):
        for name, so_far in found.items():
            await measure(name, given.cancels, so_far)
    print(f"{'ms':<24}{'cold':>9}{'request':>9}{'first':>9}{'p95':>9}{'token':>9}{'p95':>9}{'cancel':>9}{'p95':>9}{'CPU, µs':>9}")
    for name, so_far in found.items():
        print(row(name, so_far))
    print(f"\n{'decoding, µs a token':<24}" + "".join(f"{size:>9,}" for size in SIZES) + f"{'growth':>9}")
    for wire in WIRES:
        costs = [min([await decoded(wire, size) for _ in range(3)]) for size in SIZES]
        print(f"{wire:<24}" + "".join(f"{cost:>9.2f}" for cost in costs) + f"{costs[1] / costs[0]:>9.2f}")


if __name__ == "__main__":
    asyncio.run(main())
