"""Long and hostile texts: what a look at the tail costs stays bounded, and nothing hangs."""

import time
from random import Random

import pytest
from tests.bench.streams import SHAPES, text
from tests.hostile.patterns import PATTERNS
from tests.markdown.shown import cuts, lines, streamed, whole

from tokenfall.markdown.document import Document
from tokenfall.markdown.highlight import LONG_CODE

HANG = 20.0
"""Seconds; what is measured takes far less than a tenth of it."""


def pattern(name: str, share: float) -> str:
    return PATTERNS[name].text(share).replace("\r\n", "\n")


@pytest.mark.parametrize("name", PATTERNS)
def test_hostile_patterns_at_once(name: str) -> None:
    begin = time.monotonic()
    document = Document()
    document.append(pattern(name, 1 / 8))
    document.height(80)
    document.finish()
    height = document.height(80)
    assert all(len(document.line(80, y).text) <= 80 * 40 for y in (0, height // 2, height - 1))
    assert time.monotonic() - begin < HANG


@pytest.mark.parametrize("name", PATTERNS)
def test_hostile_patterns_in_pieces(name: str) -> None:
    """The last look is the dearest; one look in a hundred is enough to see that it is bounded."""
    source = pattern(name, 1 / 8)[:6000]
    begin = time.monotonic()
    document = streamed(source, Random(1), (80,), looks=0.02)
    assert lines(document, 80) == lines(whole(source), 80)
    assert time.monotonic() - begin < HANG


def test_many_blocks_at_once() -> None:
    """Where each begins is found without counting from the end each time."""
    begin = time.process_time()
    document = Document()
    document.append("***\n" * 40_000)
    assert document.closed == 40_000
    assert time.process_time() - begin < HANG


@pytest.mark.parametrize("shape", SHAPES)
def test_the_tail_stays_short(shape: str) -> None:
    """What is parsed at each look does not grow with the reply."""
    document = Document()
    longest = 0
    for piece in cuts(text(shape, 40_000), Random(3), longest=400):
        document.append(piece)
        longest = max(longest, len(document._tail.text))
    assert longest < 2_000


def test_lines_of_a_growing_block_are_made_once() -> None:
    for shape in ("one paragraph", "one fence", "one table"):
        document = Document()
        source = text(shape, 8_000)
        document.append(source[:-40])
        first = document.line(60, 20)
        for character in source[-40:]:
            document.append(character)
            document.height(60)
        assert document.line(60, 20) is first


def test_very_long_code_is_the_same_however_it_came() -> None:
    source = text("one fence", LONG_CODE + 5_000) + "\n```\n"
    streaming = Document()
    for piece in cuts(source, Random(2), longest=3_000):
        streaming.append(piece)
        streaming.height(80)
    streaming.finish()
    assert lines(streaming, 80) == lines(whole(source), 80)


def test_lines_are_kept_for_few_pieces_only() -> None:
    document = Document()
    document.append("some words\n\n" * 5_000)
    document.finish()
    assert document.height(80) == 9_999
    for width in (80, 60, 40):
        for y in range(document.height(width)):
            document.line(width, y)
    views = document._pieces._views
    assert len(views) == 2
    assert all(sum(map(len, view.lines.values())) <= 1_500 for view in views.values())
