"""Work that takes long, in bites between which the loop hears keys and paints."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TypeVar

from tokenfall.ui.backlog import BITE_S, REST_S

T = TypeVar("T")


async def in_bites(steps: Iterator[T | None], *, pause: float = REST_S) -> AsyncGenerator[T, None]:
    """What comes of steps that are short each; None is a step of which nothing came. `pause` is the rest after the first bite, in
    seconds: what is soon given up again then costs no more than that one."""
    until = time.perf_counter() + BITE_S
    for found in steps:
        if found is not None:
            yield found
        if time.perf_counter() > until:
            await asyncio.sleep(pause)
            pause = REST_S
            until = time.perf_counter() + BITE_S


async def first(steps: Iterator[T | None]) -> T | None:
    """What comes first; None where nothing does."""
    async with aclosing(in_bites(steps)) as found:
        return await anext(found, None)
