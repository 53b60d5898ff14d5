"""Hostile markdown freezes nothing: keys are typed while it comes as fast as it is read, and show."""

from pathlib import Path

import pytest
from tests.bench.processes import resident_mb
from tests.byteserver import DONE, ByteServer, Send, Step, chunked, openai_chunk, sse_response
from tests.hostile.chatting import assert_inert
from tests.hostile.patterns import GIVEN, OWN, PATTERNS
from tests.ptyscreen import PtyScreen
from tests.test_chat import program, serving

DELTA = 400
"""Characters of a delta."""

FREEZE_S = 10.0
"""A key that takes longer has met a freeze; what is promised is a hundredth of that, and measured by a benchmark."""

MOST_MB = 250
"""What the program may hold after all the patterns; it is about 80, and 500,000 characters in lists of strings would be more."""


def reply(text: str) -> list[Step]:
    deltas = (chunked(openai_chunk(text[start : start + DELTA])) for start in range(0, len(text), DELTA))
    return [Send(sse_response()), *map(Send, deltas), Send(chunked(openai_chunk(finish="stop"), DONE, last=True))]


def echoed(screen: PtyScreen, word: str) -> None:
    """Types a word letter by letter, each when the one before stands in the prompt."""
    for count in range(1, len(word) + 1):
        screen.type(word[count - 1])
        screen.wait_for(rf"^ {word[:count]}\s*$", FREEZE_S)


def asked(screen: PtyScreen, server: ByteServer, count: int) -> None:
    screen.wait_until(lambda: len(server.exchanges) == count, "the request")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", [1 / 8, 1 / 4, 1 / 2, 1])
def test_keys_show_while_it_comes(tmp_path: Path, size: float) -> None:
    with (
        serving(*(reply(pattern.text(size)) for pattern in PATTERNS.values())) as server,
        program(tmp_path, "--base-url", server.url, "--model", "m", columns=100, lines=30) as screen,
    ):
        screen.wait_for(r"^ ready │")
        for number, name in enumerate(PATTERNS, 1):
            screen.type(f"{name}?").press("enter")
            asked(screen, server, number)
            echoed(screen, "kqz")
            screen.press("ctrl+u").type("/new").press("enter")
            screen.wait_for("A new conversation")
            screen.wait_gone(rf"{name}\?")
        assert resident_mb(screen.pid) < MOST_MB
        screen.press("ctrl+d")
        assert screen.exit_status() == 0
        assert_inert(screen.raw)


@pytest.mark.timeout(300)
def test_each_is_shown_to_its_end(tmp_path: Path) -> None:
    end = "\n\nthe very end"
    with (
        serving(*(reply(pattern.text(1 / 8) + end) for pattern in PATTERNS.values())) as server,
        program(tmp_path, "--base-url", server.url, "--model", "m", columns=100, lines=30) as screen,
    ):
        screen.wait_for(r"^ ready │")
        for name in PATTERNS:
            screen.type(f"{name}?").press("enter")
            screen.wait_for(r"the very end")
            screen.wait_for(r"^ ready │")
            screen.type("/new").press("enter")
            screen.wait_gone(r"the very end")
        screen.press("ctrl+d")
        assert screen.exit_status() == 0


def test_the_patterns_of_the_file_are_all_there() -> None:
    assert len(GIVEN) == 20
    assert not GIVEN.keys() & OWN.keys()
