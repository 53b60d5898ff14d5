"""Keys in what services say."""

import pytest

from tokenfall.config import Endpoint, Secret
from tokenfall.transport.naming import hidden

KEY = "sk-canary-0123456789abcdef0123456789abcdef"


def told(text: str, key: str = KEY) -> str:
    return hidden(text, Endpoint("e", "openai-chat", "https://e.test", api_key=Secret(key)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing here", "nothing here"),
        (f"Bad key {KEY}!", "Bad key [key]!"),
        (f"{KEY}{KEY}", "[key][key]"),
        (f"x {KEY[:-1]}…", "x [key]…"),
        (f"x {KEY[:12]}", "x [key]"),
        (f"x {KEY[:9]}", f"x {KEY[:9]}"),
        (f"masked {KEY[:14]}**** and {KEY}", "masked [key]**** and [key]"),
    ],
)
def test_a_key_and_its_beginnings_are_hidden(text: str, shown: str) -> None:
    assert told(text) == shown


@pytest.mark.parametrize("cut", range(1, len(KEY)))
def test_wherever_a_sentence_was_cut_most_of_the_key_stays_hidden(cut: int) -> None:
    shown = told("x" * 20 + KEY[:cut] + "…")
    assert not any(KEY[:size] in shown for size in range(len(KEY) // 4, len(KEY)))


@pytest.mark.parametrize("key", ["abc", "12345678", "123456789"])
def test_short_keys_are_hidden_whole(key: str) -> None:
    assert told(f"is {key}.", key) == "is [key]."


def test_a_header_that_holds_a_key_is_hidden_and_others_are_not() -> None:
    endpoint = Endpoint("e", "openai-chat", "https://e.test", headers=(("Api-Key", KEY), ("X-Title", "my program")))
    assert hidden(f"no {KEY} of my program", endpoint) == "no [key] of my program"


def test_without_a_key_nothing_is_hidden() -> None:
    assert hidden("text", Endpoint("e", "openai-chat", "https://e.test")) == "text"
