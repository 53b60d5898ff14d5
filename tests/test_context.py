"""What a conversation fills of a model's context, and what is left out of it."""

import pytest

from tokenfall.context import PER_MESSAGE, PER_PICTURE, REPLY, estimate, room, to_drop, words
from tokenfall.messages import Image, Message, Reasoning, Text, user_message


@pytest.mark.parametrize(("text", "size"), [("", 0), ("abcdefgh", 2), ("宽宽", 2), ("abcd宽", 2)])
def test_words(text: str, size: int) -> None:
    assert words(text) == size


def test_a_conversation_with_a_picture() -> None:
    messages = (Message("user", (Image("image/png", b""), Text("abcd"))), Message("assistant", (Reasoning("x" * 8), Text("y" * 8))))
    assert estimate(messages, "s" * 40) == PER_PICTURE + 1 + 2 + 2 + 2 * PER_MESSAGE + 10


@pytest.mark.parametrize(
    ("context", "limit", "left"), [(8192, None, 8192 - REPLY), (1000, None, 750), (8192, 100, 8092), (8192, 8000, 6144)]
)
def test_a_reply_has_its_room(context: int, limit: int | None, left: int) -> None:
    assert room(context, limit) == left


TALK = [
    *(user_message("a" * 400), Message("assistant", (Text("b" * 400),))),
    *(user_message("c" * 400), Message("assistant", (Text("d" * 400),))),
]


@pytest.mark.parametrize(("excess", "count"), [(1, 2), (212, 2), (213, 4), (10_000, 4)])
def test_whole_turns_go_and_the_last_message_stays(excess: int, count: int) -> None:
    assert to_drop([*TALK, user_message("now")], excess) == count


def test_a_message_alone_can_not_be_helped() -> None:
    assert to_drop([user_message("a" * 4000)], 100) == 0
