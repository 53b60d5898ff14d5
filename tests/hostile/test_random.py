"""Random texts through all that makes a frame of them: nothing acts, and a terminal shows what is meant, cell by cell."""

import random
import re
import unicodedata
from collections.abc import Callable
from functools import partial

import pytest
from tests.hostile.drawn import Frames, cut, emulated, streamed
from tests.hostile.payloads import MARKUP, NEEDLES, TERMINAL
from tests.ptytokens import Allowed, foreign
from wcwidth import wcwidth

from tokenfall.markdown.lines import Line, Run, Style
from tokenfall.terminal.cells import Row, certain

STRINGS = 10_000
TOGETHER = 8
"""Strings in a text; they meet in lists, cells and code."""

CONTROLS = [chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]]
ESCAPES = [
    "\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b\\", "\x9b", "\x9d", "\x90", "\x9c", "\x07", "[", "]", "?", ";",
    "1", "52;c;", "8;;", "2J", "H", "31m", "6n", "1049l", "2026h", "200~", "201~", "$p", ">25u", "c", "M", "\x18", "\x1a", "0;title",
    "http://a", "K", "5;9r",
]  # fmt: skip
NASTY = [
    *"\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202d\u202e\u2066\u2067\u2069\ufeff\xad\u061c\u180e\u3164\u115f\u1160\uffa0\u034f",
    *"\u0301\u0489\u20dd\u20e3\ufe0e\ufe0f\u0338\u0e33\u0e4a\u094d\u093e\u1161\u11a8\u1100\u0600\u06dd\ufdfd\u2e3b\u231a\u26a1\u2b50\u3030",
    *"\ud800\udbff\udc00\udfff\ufffe\uffff\ufdd0\ue000\u0378漢字가あ（ａｶ①§─█│éßλжאبت",
    *"\U0001f469\U0001f4bb\U0001f3fd\U0001f1e9\U0001f3f4\U000e0067\U000e007f\U000e0001\U000e0100\U0001fffe\U00012031\U00100000\U00108001\U0010fffd",
]  # fmt: skip
MARKS = [
    "*", "**", "_", "`", "``", "~~", "[", "](", ")", "![", "<", ">", "> ", "- ", "1. ", "# ", "|", "\n", "\n\n", "---\n", "```\n",
    "```py\n", "\\", "|a|b|\n|-|-|\n", "&#27;", "&#x9b;", "&#8238;", "&lt;", "http://x.y/", "    ", "\t", "[a]: /b\n", "[a]", "- [x] ",
    "$", "$$", "  \n", "===\n",
]  # fmt: skip
WORDS = ["word", "a", " ", "  ", "x1", "I", "Zz"]
PIECES = [*CONTROLS, *ESCAPES * 3, *NASTY * 3, *MARKS * 4, *WORDS * 12, *MARKUP, *(text for text in TERMINAL.values() if len(text) < 60)]


def random_string(rng: random.Random) -> str:
    return "".join(rng.choices(PIECES, k=rng.randint(1, 8)))


def random_chunks(rng: random.Random) -> list[str]:
    """A text in about two chunks."""
    text = rng.choice(("", "\n\n", "\n", " ")).join(random_string(rng) for _ in range(TOGETHER))
    return cut(rng, text, len(text))


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_comes_in_acts(seed: int) -> None:
    rng = random.Random(f"acts {seed}")
    for _ in range(STRINGS // TOGETHER // 4):
        chunks = random_chunks(rng)
        sent = streamed(chunks, Frames(rng.randint(3, 60), rng.randint(2, 9)))
        assert foreign(sent, Allowed(drawing=True)) == [], ascii(chunks)


def widths(rng: random.Random) -> list[Callable[[str], int]]:
    """What terminals may think of the width of a code point: about some all agree, about others some terminal thinks otherwise."""
    guesses: dict[str, int] = {}
    opinions = (lambda character: 1, widest, lambda character: guesses.setdefault(character, rng.randint(1, widest(character))))
    return [wcwidth, *(partial(width, opinion) for opinion in opinions)]


def width(opinion: Callable[[str], int], character: str) -> int:
    return opinion(character) if doubtful(character) else wcwidth(character)


def doubtful(character: str) -> bool:
    return not certain(character) if wcwidth(character) > 0 else not unicodedata.combining(character)


def widest(character: str) -> int:
    return 1 if wcwidth(character) == 0 else 2


def differences(rows: list[Row], shown: list[list[str]]) -> list[str]:
    """The cells, of those whose width is beyond doubt, in which there is something else than is meant."""
    return [
        f"{x},{y}: {shown[y][x]!a}, not {text!a}"
        for y, meant in enumerate(rows)
        for x, text in enumerate(meant.texts)
        if unicodedata.normalize("NFC", text) != shown[y][x] and not any(within(meant, unsure, x) for unsure in meant.unsure)
    ]


def within(row: Row, start: int, x: int) -> bool:
    return start <= x and not any(row.texts[start + 1 : x + 1])


def test_a_terminal_shows_what_is_meant_whatever_it_thinks_of_widths() -> None:
    rng = random.Random("cells")
    for _ in range(150):
        chunks = random_chunks(rng)
        drawn = Frames(rng.randint(4, 40), rng.randint(2, 8))
        sent = streamed(chunks, drawn)
        for cells in widths(rng):
            shown = emulated(sent, drawn.width, drawn.height, cells)
            assert differences(drawn.rows, shown) == [], ascii(chunks)


def test_every_payload_in_a_line_by_itself() -> None:
    """Not by way of the filter: the fence where cells are made holds alone."""
    for name, payload in TERMINAL.items():
        drawn = Frames(60, 2)
        sent = drawn.frame([Line((), (Run(payload),)), Line((), (Run(f"é {payload} 漢", Style("code")),))])
        assert foreign(sent, Allowed(drawing=True)) == [], name
        assert not [needle for needle in NEEDLES if needle in sent], name


def test_what_is_drawn_is_what_is_written_but_for_what_acts() -> None:
    """The filter takes nothing away that can be seen: printable ASCII stands in the rows as it came."""
    rng = random.Random("kept")
    for _ in range(40):
        words = [f"w{rng.randint(0, 9999)}" for _ in range(12)]
        text = " ".join(word + rng.choice((*CONTROLS[1:9], "\u202e", "\u200b", "\x1b[2J", "\U000e0041")) for word in words)
        drawn = Frames(200, 4)
        streamed(cut(rng, text, 20), drawn)
        seen = "".join("".join(row.texts) for row in drawn.rows)
        assert re.findall(r"w\d+", seen) == words
