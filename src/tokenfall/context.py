"""How much of a model's context a conversation fills, before a service has counted it. All sizes are in tokens."""

from collections.abc import Sequence

from tokenfall.messages import File, Image, Message, Part

PER_TOKEN = 4
"""Characters of ASCII to a token, in English prose and in code; of other scripts each character counts as one, which is rather much."""
PER_MESSAGE = 6
"""What marks a message's begin, its speaker and its end."""
PER_PICTURE = 1_500
"""The services' own figures lie between some 250 and 1,600 for a picture, and about that for a page."""

REPLY = 512
"""Room that is kept for a reply, where its length is not limited and the context is large enough."""


def estimate(messages: Sequence[Message], system: str = "") -> int:
    parts = sum(_size(part) for message in messages for part in message.parts)
    return parts + PER_MESSAGE * len(messages) + words(system)


def words(text: str) -> int:
    foreign = sum(1 for char in text if char > "\x7f") if not text.isascii() else 0
    return (len(text) - foreign) // PER_TOKEN + foreign


def _size(part: Part) -> int:
    if isinstance(part, Image | File):
        return PER_PICTURE
    return words(getattr(part, "text", ""))


def room(context: int, max_tokens: int | None) -> int:
    """For what is sent, when a reply is to have its place too."""
    return context - min(max_tokens or REPLY, context // 4)


def to_drop(messages: Sequence[Message], excess: int) -> int:
    """How many of the oldest messages make `excess` tokens and more, whole turns of question and answer; the last is never among them."""
    dropped = 0
    for index in range(1, len(messages)):
        if messages[index].role == "user":
            dropped = index
            if estimate(messages[:index]) >= excess:
                break
    return dropped
