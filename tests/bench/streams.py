"""Replies for measuring: markdown of a shape and a length, cut into tokens, with words that can be found on the screen.

Every reply is the same at each run. Marks are words that occur once: when one stands on the screen, all of the reply up to
it has been shown.
"""

import bisect
import itertools
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MARK = re.compile(r"mk\d{5}x")

TOKEN = 4
"""Characters of a token, in the mean."""

MARK_EVERY = 12
"""Words of running text from one mark to the next: about twenty tokens."""

_WORDS = [
    *("stream", "arrives", "in", "small", "pieces", "and", "each", "of", "them", "must", "reach", "the", "screen", "before", "its"),
    *("reader", "asks", "where", "it", "is", "while", "memory", "stays", "bounded"),
]


class Pen:
    """Writes words at random, and marks that count from `mark`."""

    def __init__(self, mark: int = 0) -> None:
        self.random = random.Random(7)
        self._marks = itertools.count(mark)

    def mark(self) -> str:
        return f"mk{next(self._marks):05d}x"

    def word(self) -> str:
        return self.random.choice(_WORDS)

    def words(self, count: int) -> str:
        """Some of them marked up, and marks among them if they are many."""
        words = [self.word() for _ in range(count)]
        for markup in ("**{}**", "`{}`", "*{}*", "[{}](https://example.org/page)"):
            if self.random.random() < 0.4:
                at = self.random.randrange(count)
                words[at] = markup.format(words[at])
        for at in range(MARK_EVERY - 2, count, MARK_EVERY):
            words[at] = self.mark()
        return " ".join(words)


Elements = Callable[[Pen], Iterator[str]]


def _paragraphs(pen: Pen) -> Iterator[str]:
    while True:
        yield pen.words(pen.random.randint(20, 80)) + ".\n\n"


def _one_paragraph(pen: Pen) -> Iterator[str]:
    while True:
        yield pen.words(24) + " "


def _one_fence(pen: Pen) -> Iterator[str]:
    yield "```python\n"
    for number in itertools.count():
        yield f"def {pen.word()}_{number}(size: int) -> str:\n"
        yield f"    return fetch('{pen.mark()}', limit={number})  # {' '.join(pen.word() for _ in range(4))}\n\n"


def _one_table(pen: Pen) -> Iterator[str]:
    yield "| name | value | mark | remark |\n|---|--:|---|---|\n"
    for number in itertools.count():
        yield f"| {pen.word()} | {number} | {pen.mark()} | {pen.words(4)} |\n"


def _nested_list(pen: Pen) -> Iterator[str]:
    for number in itertools.count(1):
        yield f"{number}. {pen.words(8)} {pen.mark()}\n"
        for _ in range(3):
            yield f"   - {pen.words(6)} {pen.mark()}\n     - {pen.words(5)}\n"


def _mixed(pen: Pen) -> Iterator[str]:
    """A section of some 500 tokens at a time."""
    parts = ((_paragraphs, 1), (_one_fence, 9), (_paragraphs, 1), (_nested_list, 4), (_one_table, 5), (_paragraphs, 1))
    for number in itertools.count(1):
        section = [f"## {number}. {pen.words(3)}\n\n"]
        for part, count in parts:
            section += itertools.islice(part(pen), count)
            section.append("```\n\n" if part is _one_fence else "\n")
        yield "".join(section)


SHAPES: dict[str, Elements] = {
    "paragraphs": _paragraphs,
    "one paragraph": _one_paragraph,
    "one fence": _one_fence,
    "one table": _one_table,
    "nested list": _nested_list,
    "mixed": _mixed,
}


@dataclass(frozen=True, slots=True)
class Text:
    """`marks` tells of each the index of the token that completes it."""

    tokens: tuple[str, ...]
    marks: dict[str, int]

    @property
    def last_mark(self) -> str:
        return next(reversed(self.marks), "")

    def first(self, tokens: int) -> "Text":
        return Text(self.tokens[:tokens], {mark: at for mark, at in self.marks.items() if at < tokens})


def cut(text: str, rnd: random.Random) -> Text:
    """Into tokens of two to six characters."""
    tokens: list[str] = []
    ends: list[int] = []
    at = 0
    while at < len(text):
        size = rnd.randint(2, 6)
        tokens.append(text[at : at + size])
        at += len(tokens[-1])
        ends.append(at)
    return Text(tuple(tokens), {found[0]: bisect.bisect_left(ends, found.end()) for found in MARK.finditer(text)})


class Author:
    """Writes one reply of a shape, part after part."""

    def __init__(self, shape: str, mark: int = 0) -> None:
        self._pen = Pen(mark)
        self._elements = SHAPES[shape](self._pen)

    def write(self, tokens: int, seed: int | None = None) -> Text:
        """At least so many tokens, to the end of an element. With the same seed the words and cuts are the same, too."""
        if seed is not None:
            self._pen.random.seed(seed)
        return cut(self.text(TOKEN * tokens), self._pen.random)

    def text(self, characters: int) -> str:
        """At least so many, to the end of an element."""
        found: list[str] = []
        size = 0
        while size < characters:
            found.append(next(self._elements))
            size += len(found[-1])
        return "".join(found)


def text(shape: str, characters: int) -> str:
    return Author(shape).text(characters)
