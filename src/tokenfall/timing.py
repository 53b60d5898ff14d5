"""What a stream's clock says: its phases, time to first token, gaps between tokens, stalls, rate.

All times are seconds on the monotonic clock, taken when bytes were read; all durations are seconds.
"""

from bisect import bisect_right, insort
from dataclasses import dataclass
from typing import assert_never

from tokenfall.events import (
    Ended,
    FirstByte,
    Opened,
    Phases,
    ReasoningDelta,
    Retrying,
    Sent,
    Stalled,
    Streamed,
    TextDelta,
    ToolCallDelta,
    TurnEvent,
    Usage,
    Waiting,
)

RATE_WINDOW_S = 1.0
"""The live rate looks back this far: long enough to be steady, short enough to show a slow-down."""
STALL_S = 1.0
"""A longer gap is a stall: nobody takes it for a slow model any more."""


@dataclass(frozen=True, slots=True)
class Gaps:
    median: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class Stalls:
    """Gaps of more than `STALL_S`. One that is `under_way` is not counted yet."""

    count: int
    under_way: bool


@dataclass(frozen=True, slots=True)
class Split:
    """Where the time to the first token went, and what came on top; None of what is not known.

    `network`: name, connection, TLS, and the request handed over. `server`: from there to the first token, of which `first_byte`
    is the part until anything came at all. `own`: from the first token's bytes to their being on the screen.
    """

    network: float | None
    first_byte: float | None
    server: float | None
    own: float | None


class StreamClock:
    """The clock of one reply. A token is a delta with text, reasoning or a piece of a tool call in it, the finest grain that the
    wire shows. A request that was sent again is timed from its last sending; the `attempts` and the `waits` before them remain."""

    def __init__(self) -> None:
        self.attempts: list[float] = []
        """When each was sent."""
        self.waits: list[tuple[float, float]] = []
        """From the failure of an attempt to the time set for the next."""
        self.phases: Phases | None = None
        self.first_byte_at: float | None = None
        self.first_text_at: float | None = None
        self.painted_at: float | None = None
        self.ended_at: float | None = None
        self.arrivals: list[float] = []
        self._sorted_gaps: list[float] = []
        self._away = 0.0
        self._reasoned = False

    # what happened

    def take(self, event: TurnEvent) -> None:
        match event:
            case Sent(at):
                self.sent(at)
            case Opened(_, phases):
                self.phases = phases if not self._away else _earlier(phases, self._away)
            case FirstByte(at):
                self.first_byte_at = at - self._away
            case Retrying(at, until):
                self.waits.append((at - self._away, until - self._away))
            case Streamed(at, (TextDelta() | ReasoningDelta() | ToolCallDelta()) as delta):
                self._delta(at, delta)
            case Ended(at):
                self.ended(at)
            case Waiting() | Streamed() | Stalled():
                pass
            case _:
                assert_never(event)

    def _delta(self, at: float, delta: TextDelta | ReasoningDelta | ToolCallDelta) -> None:
        if isinstance(delta, TextDelta) and self.first_text_at is None:
            self.first_text_at = at - self._away
        self._reasoned = self._reasoned or isinstance(delta, ReasoningDelta)
        self.token(at)

    def away(self, seconds: float) -> None:
        """The program was suspended for so long just now; neither TTFT nor gaps count it. Times given from now on lie after it."""
        self._away += seconds

    def sent(self, at: float) -> None:
        self.attempts.append(at - self._away)
        self.phases = self.first_byte_at = None

    def token(self, at: float) -> None:
        at -= self._away
        if self.arrivals:
            insort(self._sorted_gaps, at - self.arrivals[-1])
        self.arrivals.append(at)

    def painted(self, at: float) -> None:
        """The screen shows what has come so far; the first time counts on which that is a token."""
        if self.arrivals and self.painted_at is None:
            self.painted_at = at - self._away

    def ended(self, at: float) -> None:
        self.ended_at = at - self._away

    # what that amounts to

    @property
    def sent_at(self) -> float | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def tokens(self) -> int:
        return len(self.arrivals)

    def ttft(self, now: float) -> float | None:
        """From the last sending to the first token; while none has come, the time waited so far. None before sending, between two
        attempts, and for a reply that ended without a token."""
        if self.sent_at is None:
            return None
        if self.arrivals:
            return self.arrivals[0] - self.sent_at
        if self.ended_at is not None or len(self.waits) >= len(self.attempts):
            return None
        return now - self._away - self.sent_at

    def split(self) -> Split | None:
        """None until a first token has come."""
        if self.sent_at is None or not self.arrivals:
            return None
        written = self.phases.written if self.phases is not None else None
        token = self.arrivals[0]
        return Split(
            network=_between(self.sent_at, written),
            first_byte=_between(written, self.first_byte_at),
            server=_between(written, token),
            own=_between(token, self.painted_at),
        )

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

    def counted(self, usage: Usage) -> int | None:
        """Tokens that the rate is of, by the service's count: without those that were thought and never streamed."""
        if usage.output_tokens is None or self._reasoned:
            return usage.output_tokens
        return usage.output_tokens - (usage.reasoning_tokens or 0)

    @property
    def gap_list(self) -> list[float]:
        """Every gap between neighbouring tokens, shortest first."""
        return list(self._sorted_gaps)

    def gaps(self) -> Gaps | None:
        gaps = self._sorted_gaps
        if not gaps:
            return None
        return Gaps(percentile(gaps, 0.5), percentile(gaps, 0.95), gaps[-1])

    def quiet(self, now: float) -> float:
        """Seconds since the last token; 0 before the first."""
        return now - self._away - self.arrivals[-1] if self.arrivals else 0.0

    def stalls(self, now: float) -> Stalls:
        under_way = self.ended_at is None and self.quiet(now) > STALL_S
        return Stalls(len(self._sorted_gaps) - bisect_right(self._sorted_gaps, STALL_S), under_way)

    def to_json(self, output_tokens: int | None = None) -> dict[str, object]:
        """The whole clock. Keys that end in `_ms` are milliseconds; null where there is nothing to tell.

        Since the last sending: `connected_ms`, `tls_ms`, `written_ms` (the request's last byte handed over), `headers_ms` (the
        response's head read), `first_byte_ms` (of its body), `ttft_ms`, `first_text_ms`, `painted_ms`, `last_token_ms`, `ended_ms`.
        Beside them: `attempts`, `waited_ms` (between attempts, in all), `reused` (the connection was open before), `tokens` (deltas),
        `tokens_per_s` (by the service's count where `output_tokens` gives it), `gap_median_ms`, `gap_p95_ms`, `gap_longest_ms`,
        `stalls` (gaps of more than a second).
        """
        phases, gaps = self.phases or Phases(), self.gaps()
        since_sending = {
            "connected": phases.connected,
            "tls": phases.tls,
            "written": phases.written,
            "headers": phases.headers,
            "first_byte": self.first_byte_at,
            "ttft": self.arrivals[0] if self.arrivals else None,
            "first_text": self.first_text_at,
            "painted": self.painted_at,
            "last_token": self.arrivals[-1] if self.arrivals else None,
            "ended": self.ended_at,
        }
        rate = self.mean_rate(output_tokens)
        return {
            "attempts": len(self.attempts),
            "waited_ms": _ms(sum(until - at for at, until in self.waits)),
            "reused": phases.reused,
            **{f"{name}_ms": _ms(_between(self.sent_at, at)) for name, at in since_sending.items()},
            "tokens": self.tokens,
            "tokens_per_s": None if rate is None else round(rate, 3),
            "gap_median_ms": _ms(gaps.median if gaps else None),
            "gap_p95_ms": _ms(gaps.p95 if gaps else None),
            "gap_longest_ms": _ms(gaps.longest if gaps else None),
            "stalls": self.stalls(0.0).count,
        }


def _between(start: float | None, end: float | None) -> float | None:
    """Some steps overlap: a server may answer before it has read all of a request."""
    return None if start is None or end is None else max(end - start, 0.0)


def _earlier(phases: Phases, seconds: float) -> Phases:
    def moved(at: float | None) -> float | None:
        return None if at is None else at - seconds

    return Phases(moved(phases.connected), moved(phases.tls), moved(phases.written), moved(phases.headers), phases.reused)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of a list in ascending order that is not empty; `share` is within 0 and 1."""
    rank = -int(-share * len(ordered) // 1)  # ceiling
    return ordered[max(rank, 1) - 1]
