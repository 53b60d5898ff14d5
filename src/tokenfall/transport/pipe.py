"""One exchange on a task of its own, and the pipe from there to whoever iterates."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

READ_AHEAD = 256
"""Arrivals kept for a reader that is slower than the socket, before the socket waits too."""


class Pipe(Generic[T]):
    """From the task that reads the socket to the one that iterates."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._now = asyncio.get_running_loop().time
        self._due = math.inf
        self._alarm: asyncio.TimerHandle | None = None

    async def put(self, item: T) -> None:
        while len(self._items) >= READ_AHEAD:
            self._room.clear()
            await self._room.wait()
        self._items.append(item)
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()
        if self._alarm is not None:
            self._alarm.cancel()

    async def get(self, due: float) -> T | None:
        """None at the end. Raises TimeoutError when nothing has come by `due`, a time of the loop."""
        while not self._items:
            if self._ended:
                return None
            if self._now() >= due:
                raise TimeoutError
            self._set_alarm(due)
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._items.popleft()

    def _set_alarm(self, due: float) -> None:
        """One alarm does for many tokens: it is set again only when it rings before the time that is due by then."""
        self._due = due
        if self._alarm is not None and self._alarm.when() > due:
            self._alarm.cancel()
            self._alarm = None
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_at(due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._now() >= self._due:
            self._news.set()
        else:
            self._set_alarm(self._due)


Put = Callable[[T], Awaitable[None]]

_exchanges: set[asyncio.Task[None]] = set()
"""The loop itself keeps only weak references to tasks."""


@asynccontextmanager
async def exchange(work: Callable[[Put[T]], Awaitable[None]]) -> AsyncGenerator[Callable[[float], Awaitable[T | None]], None]:
    """Runs `work` on a task of its own and gives the `get` of what it puts; leaving ends it.

    httpcore shields its closing of sockets from anyio's cancel scopes and not from asyncio's cancel: a second cancel, or one
    that meets a connection being closed, would leave the socket open. So nobody cancels this task but its scope, once, and
    whoever waits for its end may be cancelled as often as they like.
    """
    import anyio

    pipe: Pipe[T] = Pipe()
    scope = anyio.CancelScope()

    async def run() -> None:
        with scope:
            await work(pipe.put)

    task = asyncio.create_task(run())
    _exchanges.add(task)
    task.add_done_callback(_exchanges.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it is raised by get, or by nobody
    task.add_done_callback(lambda _: pipe.end())

    async def get(due: float) -> T | None:
        item = await pipe.get(due)
        if item is None:
            task.result()
        return item

    try:
        yield get
    finally:
        scope.cancel()
        await asyncio.wait({task})
