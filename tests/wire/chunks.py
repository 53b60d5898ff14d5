"""Bytes cut in any way, and what the framing that production uses makes of them."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from itertools import pairwise

from tokenfall.transport import Frames, frames
from tokenfall.wire import Frame


async def framed(chunks: Iterable[bytes], frames: Frames = frames) -> tuple[list[Frame], list[int]]:
    """The frames, and how many of them were there when the chunk after each was asked for."""
    got: list[Frame] = []
    there: list[int] = []

    async def arriving() -> AsyncGenerator[tuple[float, bytes], None]:
        for index, chunk in enumerate(chunks):
            yield float(index), chunk
            there.append(len(got))

    async for frame in frames(arriving()):
        got.append(frame)  # noqa: PERF401 - `arriving` looks at it meanwhile
    return got, there


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]
