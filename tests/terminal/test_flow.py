"""How much may be under way, on lines whose speed a simulation knows."""

import heapq

import pytest

from tokenfall.terminal.flow import AHEAD_S, FEWEST, MOST, PATIENCE_S, Flow


class Line:
    """Carries `rate` bytes a second to a terminal that answers; an answer is back half a round trip after it was read."""

    def __init__(self, rate: float, round_trip: float) -> None:
        self.flow = Flow()
        self.rate = rate
        self.round_trip = round_trip
        self.now = 100.0
        self.free = 100.0  # when the line has carried all that was written
        self.answers: list[float] = []
        self.longest = 0.0

    def write(self, size: int) -> None:
        self.flow.wrote(size, self.now)
        self.free = max(self.free, self.now) + size / self.rate
        self.longest = max(self.longest, self.free - self.now)

    def ask(self) -> None:
        self.write(4)
        self.flow.asked(self.now)
        heapq.heappush(self.answers, self.free + self.round_trip)

    def until(self, moment: float) -> None:
        while self.answers and self.answers[0] <= moment:
            self.now = heapq.heappop(self.answers)
            assert self.flow.answered(self.now)
        self.now = moment

    def stream(self, frames: int, size: int, interval: float) -> int:
        """Offers frames; returns how many could leave."""
        sent = 0
        for _ in range(frames):
            self.until(self.now + interval)
            if not self.flow.wait(self.now):
                self.write(size)
                sent += 1
                if self.flow.to_ask(self.now):
                    self.ask()
        return sent


@pytest.mark.parametrize("round_trip", [0.001, 0.06, 0.3])
def test_what_the_line_carries_is_never_held_back(round_trip: float) -> None:
    line = Line(1_000_000, round_trip)
    line.ask()
    assert line.stream(2000, 60, 1 / 60) == 2000


@pytest.mark.parametrize(("rate", "round_trip"), [(8000, 0.0), (30_000, 0.06), (4800, 0.1)])
def test_on_a_slow_line_little_waits_in_buffers(rate: float, round_trip: float) -> None:
    line = Line(rate, round_trip)
    line.ask()
    line.stream(300, 600, 1 / 60)  # it learns
    line.longest = 0.0
    sent = line.stream(1000, 600, 1 / 60)
    carried = sent * 600 / (1000 / 60)
    assert line.longest < 2 * AHEAD_S + round_trip + (FEWEST + 600) / rate
    assert carried > rate * 0.45  # and yet the line is used


def test_a_line_that_becomes_fast_is_used_again() -> None:
    line = Line(5000, 0.02)
    line.ask()
    line.stream(300, 400, 1 / 60)
    line.rate = 1e7
    line.stream(300, 400, 1 / 60)
    assert line.stream(300, 400, 1 / 60) > 290


def test_a_terminal_that_stops_reading_is_waited_for_a_second_a_frame() -> None:
    flow = Flow()
    flow.asked(0.0)
    flow.answered(0.01)
    flow.wrote(MOST, 1.0)
    flow.asked(1.0)
    assert flow.wait(1.5) == pytest.approx(PATIENCE_S - 0.5)
    assert flow.wait(2.0) == 0.0
    flow.wrote(10, 2.0)
    assert flow.wait(2.0) == pytest.approx(PATIENCE_S)


def test_a_mute_terminal_is_known_after_a_second_and_known_better_when_it_speaks() -> None:
    flow = Flow()
    assert not flow.mute(5.0)
    flow.asked(5.0)
    assert not flow.mute(5.9)
    assert flow.mute(6.0)
    assert flow.answered(7.0)
    assert not flow.mute(9.0)


def test_a_report_that_nobody_asked_for_is_left_alone() -> None:
    flow = Flow()
    assert not flow.answered(1.0)
    flow.asked(1.0)
    assert flow.answered(1.1)
    assert not flow.answered(1.2)


def test_after_another_program_had_the_terminal_nothing_is_under_way() -> None:
    flow = Flow()
    flow.wrote(MOST * 2, 0.0)
    flow.asked(0.0)
    flow.forget()
    assert flow.under_way == flow.open_questions == 0
    assert flow.wait(0.0) == 0.0


def test_a_stall_of_a_moment_does_not_make_a_fast_line_a_slow_one() -> None:
    line = Line(1_000_000, 0.06)
    line.ask()
    line.stream(600, 40, 1 / 60)
    line.free = line.now + 0.3  # the terminal looked elsewhere
    line.stream(60, 40, 1 / 60)
    assert line.stream(600, 40, 1 / 60) == 600
