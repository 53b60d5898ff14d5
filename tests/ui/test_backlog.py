"""Text that waits is shown in bites, all of it and in order."""

from dataclasses import dataclass, field
from random import Random

from tokenfall.events import ReasoningDelta, TextDelta
from tokenfall.ui.backlog import BITE_S, LEAST, MOST, Backlog, Kind


@dataclass
class Slow:
    """A screen on which a character takes so many seconds, and its clock."""

    a_character: float
    now: float = 0.0
    shown: list[tuple[Kind, str, float]] = field(default_factory=list)

    def show(self, kind: Kind, text: str, at: float) -> None:
        self.shown.append((kind, text, at))
        self.now += len(text) * self.a_character

    def clock(self) -> float:
        return self.now


def backlog(screen: Slow) -> Backlog:
    return Backlog(screen.show, screen.clock)


def test_a_token_is_shown_at_once() -> None:
    screen = Slow(1e-6)
    waiting = backlog(screen)
    waiting.add(TextDelta, "word", 7.0)
    waiting.work()
    assert screen.shown == [(TextDelta, "word", 7.0)]
    assert not waiting


def test_all_comes_in_order_whatever_the_bites() -> None:
    rng = Random(1)
    meant: list[tuple[Kind, str]] = []
    screen = Slow(1e-5)
    waiting = backlog(screen)
    for number in range(400):
        kind: Kind = rng.choice((TextDelta, ReasoningDelta))
        text = f"{number} " * rng.randint(1, 300)
        meant.append((kind, text))
        waiting.add(kind, text, float(number))
        if rng.random() < 0.1:
            waiting.work()
    while waiting:
        waiting.work()
    for kind in (TextDelta, ReasoningDelta):
        assert "".join(text for each, text, _ in screen.shown if each is kind) == "".join(text for each, text in meant if each is kind)
    assert "".join(text for _, text, _ in screen.shown) == "".join(text for _, text in meant)
    ages = [at for _, _, at in screen.shown]
    assert ages == sorted(ages)


def test_slow_text_is_shown_in_small_bites() -> None:
    screen = Slow(BITE_S / 100)
    waiting = backlog(screen)
    waiting.add(TextDelta, "x" * 20_000, 0.0)
    longest = []
    while waiting:
        began = screen.now
        waiting.work()
        longest.append(screen.now - began)
    assert min(len(text) for _, text, _ in screen.shown[:-1]) == LEAST
    assert max(longest[20:]) < 2.5 * BITE_S


def test_fast_text_is_shown_in_large_bites() -> None:
    screen = Slow(0.0)
    waiting = backlog(screen)
    waiting.add(TextDelta, "x" * 50 * MOST, 0.0)
    waiting.work()
    assert not waiting
    assert max(len(text) for _, text, _ in screen.shown) == MOST
    assert len(screen.shown) < 70


def test_what_waits_can_be_dropped() -> None:
    screen = Slow(BITE_S)
    waiting = backlog(screen)
    waiting.add(TextDelta, "x" * 5000, 0.0)
    waiting.work()
    assert waiting
    waiting.clear()
    waiting.work()
    assert len(screen.shown) == 1
