"""Readers of streams, each in a process of its own: ours, and the official Python clients of OpenAI and Anthropic.

    python -m tests.bench.readers NAME URL JOBS

JOBS are letters, a request each: `f` the first, from before anything was imported; `r` a reply read to its end; `c` one that is
cancelled at its first token, by cancelling the task that reads it. A line of JSON is printed for each.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field

BEGUN = time.monotonic()

Texts = Callable[[], AsyncIterator[str]]
"""Sends a request and gives the texts of its reply, as they come."""


@dataclass(slots=True)
class Read:
    """When the request was made, when each text was in hand, when it was cancelled, and processor seconds from the first text on."""

    begun: float
    texts: list[float] = field(default_factory=list)
    cancelled: float | None = None
    cpu: float = 0.0


async def tokenfall(url: str, wire: str) -> Texts:
    from tokenfall.config import Endpoint
    from tokenfall.engine import Turn
    from tokenfall.events import Streamed, TextDelta
    from tokenfall.messages import Request, user_message
    from tokenfall.transport import Transport

    transport, endpoint = Transport(), Endpoint("bench", wire, url, "m")

    async def route() -> Endpoint:
        return endpoint

    async def texts() -> AsyncIterator[str]:
        turn = Turn(transport, route, Request("m", (user_message("q"),)))
        async with aclosing(turn.events()) as events:
            async for event in events:
                match event:
                    case Streamed(_, TextDelta(text)):
                        yield text
                    case _:
                        pass

    return texts


async def openai(url: str) -> Texts:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="k")

    async def texts() -> AsyncIterator[str]:
        async with await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "q"}], stream=True) as stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    return texts


async def anthropic(url: str) -> Texts:
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(base_url=url, api_key="k")

    async def texts() -> AsyncIterator[str]:
        messages = [{"role": "user", "content": "q"}]
        async with await client.messages.create(model="m", max_tokens=4096, messages=messages, stream=True) as stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text

    return texts


READERS: Mapping[str, Callable[[str], Awaitable[Texts]]] = {
    "tokenfall, openai-chat": lambda url: tokenfall(url, "openai-chat"),
    "openai": openai,
    "tokenfall, anthropic": lambda url: tokenfall(url, "anthropic"),
    "anthropic": anthropic,
}


async def read(texts: Texts, begun: float) -> Read:
    found = Read(begun)
    async for _ in texts():
        found.texts.append(time.monotonic())
        if len(found.texts) == 1:
            found.cpu = time.process_time()
    found.cpu = time.process_time() - found.cpu
    return found


async def cancelled(texts: Texts) -> Read:
    found = Read(time.monotonic())
    came = asyncio.Event()

    async def reading() -> None:
        async with aclosing(texts()) as each:  # type: ignore[type-var]
            async for _ in each:
                found.texts.append(time.monotonic())
                came.set()

    task = asyncio.create_task(reading())
    await came.wait()
    await asyncio.sleep(0.02)
    found.cancelled = time.monotonic()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return found


async def main(name: str, url: str, jobs: str, begun: float) -> None:
    texts = await READERS[name](url)
    for job in jobs:
        found = await (cancelled(texts) if job == "c" else read(texts, begun if job == "f" else time.monotonic()))
        print(json.dumps(asdict(found)), flush=True)


if __name__ == "__main__":
    _, reader, server, letters = sys.argv
    asyncio.run(main(reader, server, letters, BEGUN))
