"""How long a reply is waited for. Times are those of the loop, which are those of `time.monotonic`."""

import time
from collections.abc import Callable

from tokenfall.config import Deadlines, Endpoint
from tokenfall.errors import NetworkError
from tokenfall.events import Stalled
from tokenfall.transport.naming import TRY_LATER, who

SLEPT = 1.0
"""Seconds that a deadline's timer may be late. Later than that the process was stopped (Ctrl-Z), which no server answers for."""


TAIL = 2.0
"""Seconds that are waited for what may follow the model's own end of a reply: the usage, the end mark, the end of the connection."""


class Patience:
    """With one reply. What counts is told by `progress`: comments, pings and half events are none."""

    def __init__(self, deadlines: Deadlines, clock: Callable[[], float] = time.monotonic) -> None:
        self._deadlines = deadlines
        self._clock = clock
        self._begun = self._since = clock()
        self._limit = deadlines.first_event
        self._any = False
        self._warned = False

    def progress(self, at: float) -> None:
        """Something that counts was read at that time."""
        self._since = max(at, self._since)
        self._limit = self._deadlines.between_events
        self._any = True
        self._warned = False

    def finish(self) -> None:
        """The model has ended its reply."""
        self._limit = min(self._limit, TAIL)

    @property
    def due(self) -> float:
        """When something is to be done, unless there is progress before."""
        limits = self._deadlines
        warn = self._limit if self._warned else min(limits.warn, self._limit)
        return min(self._since + warn, self._begun + limits.whole)

    def spent(self, endpoint: Endpoint) -> Stalled | None:
        """To be called when `due` has passed: a warning, or None when the time was slept away. Raises NetworkError at a limit."""
        now, due = self._clock(), self.due
        if now - due > SLEPT:
            self.slept(now - due)
            return None
        if now >= self._begun + self._deadlines.whole:
            raise _late(endpoint, f"was still at it after {self._deadlines.whole:g} seconds")
        if now >= self._since + self._limit:
            what = "stalled: no token came" if self._any else "sent no token"
            raise _late(endpoint, f"{what} for {self._limit:g} seconds")
        self._warned = True
        return Stalled(now, self._since)

    def slept(self, seconds: float) -> None:
        """The process was stopped for so long: the wait begins anew, and the reply has so much longer."""
        self._since = self._clock()
        self._begun += seconds
        self._warned = False


def _late(endpoint: Endpoint, what: str) -> NetworkError:
    return NetworkError(f"{who(endpoint)} {what}; the connection was closed.", TRY_LATER)
