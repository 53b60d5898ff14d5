"""How a one-shot verb ends by a signal: what it has begun is brought to an end first."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if os.name == "posix" else ()
"""Elsewhere the event loop knows no signals, and its own way with Ctrl-C is as good."""


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Runs `main`. The first of the signals cancels it, and acts when it has cleaned up: SIGINT raises KeyboardInterrupt, the
    others end the program as they do without us. One that is ignored, as after nohup, stays so."""
    came: list[signal.Signals] = []

    async def interruptible() -> _Result:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(main)

        def end(number: signal.Signals) -> None:
            if not came:
                came.append(number)
                task.cancel()

        heard = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
        for number in heard:
            loop.add_signal_handler(number, end, number)
        try:
            return await task
        finally:
            for number in heard:
                loop.remove_signal_handler(number)

    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        if came and came[0] is not signal.SIGINT:
            os.kill(os.getpid(), came[0])
        raise KeyboardInterrupt from None
