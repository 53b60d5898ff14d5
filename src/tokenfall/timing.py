"""What a stream's clock says: time to first token, gaps between tokens, rate.

All times are seconds on the monotonic clock, taken when bytes were read; all durations are seconds.
"""

from bisect import bisect_right, insort
from dataclasses import dataclass

RATE_WINDOW_S = 1.0
"""The live rate looks back this far: long enough to be steady, short enough to show a slow-down."""


@dataclass(frozen=True, slots=True)
class Gaps:
    median: float
    p95: float
    longest: float


class StreamClock:
    """The clock of one reply. A token is a delta with text or reasoning in it, the finest grain that the wire shows."""

    def __init__(self) -> None:
        self.sent_at: float | None = None
        self.ended_at: float | None = None
        self.arrivals: list[float] = []
        self._sorted_gaps: list[float] = []
        self._away = 0.0

    def away(self, seconds: float) -> None:
        """The program was suspended for so long just now; neither TTFT nor gaps count it. Times given from now on lie after it."""
        self._away += seconds

    def sent(self, at: float) -> None:
        self.sent_at = at - self._away

    def token(self, at: float) -> None:
        at -= self._away
        if self.arrivals:
            insort(self._sorted_gaps, at - self.arrivals[-1])
        self.arrivals.append(at)

    def ended(self, at: float) -> None:
        self.ended_at = at - self._away

    @property
    def tokens(self) -> int:
        return len(self.arrivals)

    def ttft(self, now: float) -> float | None:
        """From sending to the first token; while none has come, the time waited so far. None before sending, and for a
        reply that ended without a token."""
        if self.sent_at is None:
            return None
        if self.arrivals:
            return self.arrivals[0] - self.sent_at
        return now - self._away - self.sent_at if self.ended_at is None else None

    def rate(self, now: float) -> float | None:
        """Tokens per second over the last second; None until two tokens have come."""
        if len(self.arrivals) < 2:
            return None
        now -= self._away
        since = max(now - RATE_WINDOW_S, self.arrivals[0])
        if now <= since:
            return None
        return (len(self.arrivals) - bisect_right(self.arrivals, since)) / (now - since)

    def mean_rate(self, output_tokens: int | None = None) -> float | None:
        """Tokens per second from the first to the last token, by the service's own count where it is given."""
        if len(self.arrivals) < 2:
            return None
        spent = self.arrivals[-1] - self.arrivals[0]
        return ((output_tokens or len(self.arrivals)) - 1) / spent if spent > 0 else None

    @property
    def gap_list(self) -> list[float]:
        """Every gap between neighbouring tokens, shortest first."""
        return list(self._sorted_gaps)

    def gaps(self) -> Gaps | None:
        gaps = self._sorted_gaps
        if not gaps:
            return None
        return Gaps(percentile(gaps, 0.5), percentile(gaps, 0.95), gaps[-1])


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of a list in ascending order that is not empty; `share` is within 0 and 1."""
    rank = -int(-share * len(ordered) // 1)  # ceiling
    return ordered[max(rank, 1) - 1]
