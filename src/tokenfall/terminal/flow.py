"""How much is under way to the terminal, and whether more may follow. Knows no clock and no file: both are told to it.

The terminal is asked for its cursor now and then, which every terminal answers; an answer means that it has read all that was
written before the question. So neither the kernel's buffers nor SSH's, which hold seconds of a slow line, fill with old frames.
"""

from collections import deque
from dataclasses import dataclass

QUESTION = b"\x1b[6n"
"""DSR 6, answered by CSI row ; column R (ECMA-48 8.3.35)."""

AHEAD_S = 0.05
"""How much of the line's time may wait in buffers, beside what its round trip holds."""

FEWEST, MOST = 512, 65536
"""Bytes under way that are always allowed, and that never are exceeded."""

UNMEASURED = 40_000.0
"""Bytes a second that a line is taken for before it has been measured."""

RISE = 1.2
"""How fast a line that keeps up is believed to be faster, answer by answer, until it is as if it had not been measured."""

PATIENCE_S = 1.0
"""The longest that a frame waits for an answer. A terminal that hasn't answered the first question by then is taken for mute."""

PAUSE_S = 0.1
"""So long without a byte, and the line has had nothing to carry."""

ROUND_TRIP_S = 10.0
"""How long the shortest round trip is believed. A line that was full is then let run empty for a moment, to see how long one is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`before` bytes were written before the question at time `at`; by then `read` of them were known to have arrived. The
    line has carried the others since `read_at`."""

    at: float
    before: int
    read: int
    read_at: float


class Flow:
    """Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self.answers = 0
        self._written = 0
        self._read = 0
        self._questions: deque[Asked] = deque()
        self._asked_up_to = 0
        self._read_at = 0.0
        self._rate = UNMEASURED
        self._last_written = 0.0
        self._busy_since = 0.0
        self._shortest = (float("inf"), float("inf"))  # of the time span before, and of this one
        self._span_began = 0.0
        self._emptying_until = 0.0
        self._held_back = False

    @property
    def round_trip(self) -> float:
        shortest = min(self._shortest)
        return 0.0 if shortest == float("inf") else shortest

    def limit(self, now: float) -> int:
        """Bytes that may be under way."""
        if now < self._emptying_until:
            return FEWEST
        return max(FEWEST, min(MOST, round(self._rate * (self.round_trip + AHEAD_S))))

    @property
    def under_way(self) -> int:
        return self._written - self._read

    @property
    def open_questions(self) -> int:
        return len(self._questions)

    def wrote(self, size: int, now: float) -> None:
        if now - self._last_written > PAUSE_S:
            self._busy_since = now
        self._written += size
        self._last_written = now

    def to_ask(self, now: float) -> bool:
        """Whether a question is due: a part of what may be under way has been written since the last one."""
        return self._written - self._asked_up_to >= max(self.limit(now) // 4, 256)

    def asked(self, now: float) -> None:
        self._questions.append(Asked(now, self._written, self._read, max(self._read_at, self._busy_since)))
        self._asked_up_to = self._written

    def answered(self, now: float) -> bool:
        """False when nothing had been asked: then the report is for somebody else."""
        if not self._questions:
            return False
        asked = self._questions.popleft()
        took = now - asked.at
        self._shortest = (self._shortest[0], min(self._shortest[1], took))
        self._measure(asked, now)
        if now - self._span_began > ROUND_TRIP_S:
            self._span_began = now
            self._shortest = (self._shortest[1], took)
            if self._held_back:
                self._held_back = False
                self._emptying_until = now + self.round_trip + AHEAD_S
        self.answers += 1
        self._read = max(self._read, asked.before)
        self._read_at = now
        return True

    def _measure(self, asked: Asked, now: float) -> None:
        """What was delivered since the last thing known when it was asked. Less than the line carries, unless something had
        to wait in a buffer."""
        carried = (asked.before - asked.read) / max(now - min(asked.read_at, asked.at), 1e-4)
        if now - asked.at - self.round_trip > AHEAD_S:
            # too low for a line that had little to carry and was late for another reason, so one answer doesn't decide
            self._rate = (self._rate + carried) / 2
        else:
            self._rate = max(carried, min(self._rate * RISE, UNMEASURED), self._rate)

    def wait(self, now: float) -> float:
        """Seconds until more may be written; 0 for at once. An answer may end the wait before."""
        if self.under_way <= self.limit(now) or not self._questions:
            return 0.0
        self._held_back = True
        return max(max(self._questions[0].at, self._last_written) + PATIENCE_S - now, 0.0)

    def mute(self, now: float) -> bool:
        """Whether the terminal leaves even the first question without an answer."""
        return not self.answers and bool(self._questions) and now - self._questions[0].at >= PATIENCE_S

    def forget(self) -> None:
        """Another program had the terminal: what it has not read is not ours any more, and no answer comes."""
        self._questions.clear()
        self._read = self._asked_up_to = self._written
        self._shortest = (float("inf"), float("inf"))
