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

UNMEASURED = 80_000.0
"""Bytes a second that a line is taken for before it has been measured."""

PATIENCE_S = 1.0
"""The longest that a frame waits for an answer. A terminal that hasn't answered the first question by then is taken for mute."""

JITTER_S = 0.004
"""What a round trip varies by without any line being slow."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`before` bytes were written before the question at time `at`; `read` of them were known to have arrived by then."""

    at: float
    before: int
    read: int


class Flow:
    """Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self.answers = 0
        self._written = 0
        self._read = 0
        self._questions: deque[Asked] = deque()
        self._asked_up_to = 0
        self._round_trip = 0.0
        self._rate = UNMEASURED
        self._last_written = 0.0

    @property
    def limit(self) -> int:
        """Bytes that may be under way."""
        return max(FEWEST, min(MOST, round(self._rate * (self._round_trip + AHEAD_S))))

    @property
    def under_way(self) -> int:
        return self._written - self._read

    @property
    def open_questions(self) -> int:
        return len(self._questions)

    def wrote(self, size: int, now: float) -> None:
        self._written += size
        self._last_written = now

    def to_ask(self) -> bool:
        """Whether a question is due: a part of what may be under way has been written since the last one."""
        return self._written - self._asked_up_to >= max(self.limit // 4, 256)

    def asked(self, now: float) -> None:
        self._questions.append(Asked(now, self._written, self._read))
        self._asked_up_to = self._written

    def answered(self, now: float) -> bool:
        """False when nothing had been asked: then the report is for somebody else."""
        if not self._questions:
            return False
        asked = self._questions.popleft()
        took = now - asked.at
        self._round_trip = took if not self.answers else min(self._round_trip * 1.02, took)
        self.answers += 1
        self._measure(asked.before - asked.read, took - self._round_trip)
        self._read = max(self._read, asked.before)
        return True

    def _measure(self, size: int, delay: float) -> None:
        """What the line carried in the time beyond its round trip."""
        if delay > JITTER_S + self._round_trip / 4:
            self._rate += (size / delay - self._rate) * 0.5
        else:
            self._rate = max(self._rate, size / JITTER_S)

    def wait(self, now: float) -> float:
        """Seconds until more may be written; 0 for at once. An answer may end the wait before."""
        if self.under_way <= self.limit or not self._questions:
            return 0.0
        return max(max(self._questions[0].at, self._last_written) + PATIENCE_S - now, 0.0)

    def mute(self, now: float) -> bool:
        """Whether the terminal leaves even the first question without an answer."""
        return not self.answers and bool(self._questions) and now - self._questions[0].at >= PATIENCE_S

    def forget(self) -> None:
        """Another program had the terminal: what it has not read is not ours any more, and no answer comes."""
        self._questions.clear()
        self._read = self._asked_up_to = self._written
