"""Text from outside is inert, and stays so wherever it is cut into chunks."""

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tokenfall.events import ReasoningDelta, TextDelta
from tokenfall.filters import MARKS, ThinkTags, Visible, excess_marks, picture, visible

HOSTILE = json.loads((Path(__file__).parent / "data" / "hostile.json").read_text("utf-8"))
ACUTE = "\u0301"

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
KISS = "\U0001f9d1\U0001f3fb\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f9d1\U0001f3fc"
RAINBOW = "\U0001f3f3\ufe0f\u200d\U0001f308"
HEART = "\u2764\ufe0f"
KEYCAP = "1\ufe0f\u20e3"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

interesting = st.one_of(
    st.sampled_from(["\r", "\n", "\r\n", "\t", "\x1b", "\x9b", "\x7f", " ", "a", ACUTE, ACUTE * 5, "\ufe0f", "\u200d", "\u200c", "\u200b",
                     "\u202e", "\U0001f468", "\U0001f3fb", "\U0001f3f4", "\U000e0067", "\ud83d", "\ude00", "\ufffe", "\u2028", "中",
                     "\u1160", "\u0600", FAMILY, KISS]),
    st.characters(categories=["Cc", "Cf", "Cs", "Mn", "Me", "Mc", "Cn", "Zl", "Zp", "Lo", "So", "Sk", "Ll"]),
)
texts = st.lists(interesting, max_size=30).map("".join)


def acts(character: str) -> bool:
    """Whether a terminal might do something else with it than to show it."""
    return character not in "\n\t" and picture(ord(character)) is not None


def in_chunks(text: str, *cuts: int) -> str:
    stream = Visible()
    edges = [0, *sorted(cuts), len(text)]
    return "".join(stream.feed(text[a:b]) for a, b in pairwise(edges)) + stream.flush()


def test_plain_text_stays() -> None:
    text = "Grüße, 世界! \tfn main() { }\nمرحبا  नमस्ते สวัสดี 한국어 ½ € ☃ \ue0b0"
    assert visible(text) == text


def test_plain_ascii_is_handed_on_without_a_copy() -> None:
    text = "plain ASCII text, " * 10
    assert Visible().feed(text) is text


@pytest.mark.parametrize("emoji", [FAMILY, KISS, RAINBOW, HEART, KEYCAP])
def test_emoji_keep_their_joiners_and_selectors(emoji: str) -> None:
    assert visible(f"a {emoji} b {emoji}{emoji}") == f"a {emoji} b {emoji}{emoji}"


def test_the_flag_of_england_becomes_a_plain_flag() -> None:
    assert visible(ENGLAND) == "\U0001f3f4"


@pytest.mark.parametrize(("raw", "shown"), [
    ("\x1b[2J", "␛[2J"), ("\x00\x07\x08", "␀␇␈"), ("\x7f", "␡"), ("\x9b31m", "<9B>31m"), ("a\x85b", "a<85>b"), ("\x0b\x0c", "␋␌"),
    ("\u202eevil\u2066", "<202E>evil<2066>"), ("a\u2028b\u2029", "a<2028>b<2029>"), ("\U000e0041", "<E0041>"),
    ("\ufeffa\u200bb\u00adc\u2060\u200ed", "abcd"), ("p\u200day", "pay"),
    ("\ud800", "\ufffd"), ("\ufdd0\U0010ffff", "\ufffd\ufffd"), ("\ud83d\ude00", "\U0001f600"), ("\ud83d-", "\ufffd-"),
    ("a\r\nb", "a\nb"), ("a\rb", "a␍b"), ("a\r", "a␍"), ("\r\r\n", "␍\n"),
    (ACUTE + "a", "\u25cc" + ACUTE + "a"), ("a\n" + ACUTE, "a\n\u25cc" + ACUTE),
])
def test_what_is_shown_instead(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_marks_are_capped() -> None:
    assert visible("e" + ACUTE * 1000 + "x" + ACUTE) == "e" + ACUTE * MARKS + "x" + ACUTE
    assert visible("e" + "\ufe0f" * 1000) == "e" + "\ufe0f" * MARKS


def test_dropped_characters_do_not_make_room_for_more_marks() -> None:
    assert visible("e" + (ACUTE * MARKS + "\u200b") * 50) == "e" + ACUTE * MARKS


def test_chains_of_joined_emoji_are_capped() -> None:
    assert visible("\U0001f468\u200d" * 900) == ("\U0001f468\u200d" * MARKS + "\U0001f468") * 100
    toned = "\U0001f468\U0001f3fd\u200d"
    assert visible(toned * 1000) == (toned * (MARKS // 2) + "\U0001f468") * 200


def test_one_line() -> None:
    assert visible("a\r\nb\tc\x1b", newlines=False) == "a b c␛"


@pytest.mark.parametrize("case", HOSTILE["terminal"].values(), ids=HOSTILE["terminal"].keys())
def test_hostile_payloads_are_inert_at_every_cut(case: dict[str, str]) -> None:
    text = case["text"]
    whole = visible(text)
    assert case["must_not_reach_the_terminal"] not in whole
    assert not any(map(acts, whole))
    assert in_chunks(text, *range(len(text))) == whole
    for cut in range(len(text) + 1):
        assert in_chunks(text, cut) == whole


@given(texts)
@settings(max_examples=400, deadline=None)
def test_what_is_shown_can_do_nothing(text: str) -> None:
    shown = visible(text)
    assert not any(map(acts, shown))
    run = 0
    for character in shown:
        run = run + 1 if category(character) in {"Mn", "Me", "Mc"} or (cell_len(character) == 0 and character not in "\n\t") else 0
        assert run <= MARKS
    shown.encode()


@given(texts)
@settings(max_examples=300, deadline=None)
def test_every_cutting_shows_the_same(text: str) -> None:
    whole = visible(text)
    assert in_chunks(text, *range(len(text))) == whole
    for cut in range(len(text) + 1):
        assert in_chunks(text, cut) == whole


@given(texts, st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=200, deadline=None)
def test_random_cuttings_show_the_same(text: str, cuts: list[int]) -> None:
    assert in_chunks(text, *(min(cut, len(text)) for cut in cuts)) == visible(text)


def test_a_stream_can_be_used_again_after_its_end() -> None:
    stream = Visible()
    assert stream.feed("a\r") + stream.flush() == "a␍"
    assert stream.feed(ACUTE) + stream.flush() == "\u25cc" + ACUTE


def test_places_of_excess_marks() -> None:
    assert excess_marks("e" + ACUTE * MARKS + "x") == []
    assert excess_marks("e" + ACUTE * (MARKS + 2) + "x") == [MARKS + 1, MARKS + 2]


def split(pieces: Iterable[str]) -> tuple[str, str]:
    """The reasoning and the answer of a text that comes in pieces."""
    tags = ThinkTags()
    parts = [part for piece in pieces for part in tags.feed(piece)] + tags.flush()
    kinds = [type(part) for part in parts if part.text]
    assert kinds == sorted(kinds, key=[ReasoningDelta, TextDelta].index), "reasoning comes first"
    thought = "".join(part.text for part in parts if isinstance(part, ReasoningDelta))
    return thought, "".join(part.text for part in parts if isinstance(part, TextDelta))


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>\nhm\n</think>\n\nYes. <think>no</think>", "hm\n", "Yes. <think>no</think>"),
        ("\n <thinking>a < b </think> c</thinking>d", "a < b </think> c", "d"),
        ("<think></think>\n\nYes.", "", "Yes."),
        ("<think>never </thin closed", "never </thin closed", ""),
        ("<think>cut </thi", "cut </thi", ""),
        ("<thinker> is no tag", "", "<thinker> is no tag"),
        ("An answer about <think> tags", "", "An answer about <think> tags"),
        ("  indented", "", "  indented"),
        ("<thi", "", "<thi"),
        ("<", "", "<"),
        ("", "", ""),
    ],
)
def test_reasoning_between_tags_at_every_cut(text: str, reasoning: str, answer: str) -> None:
    whole = split([text])
    assert (whole[0].lstrip(), whole[1]) == (reasoning, answer)
    assert split(text) == whole
    for at in range(len(text)):
        assert split([text[:at], text[at:]]) == whole


def test_a_tag_is_told_at_once_though_nothing_stands_behind_it() -> None:
    tags = ThinkTags()
    assert tags.feed("<thi") == []
    assert tags.feed("nk>") == [ReasoningDelta("")]
