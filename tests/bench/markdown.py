"""What one more token costs as a reply grows: `python -m tests.bench.markdown [--sizes 1000,10000,50000] [--width 100]`.

Prints a table: milliseconds for one append of four characters, the height, and the last 40 lines, at each size in tokens
(four characters each), for each shape of reply; and the ratio of the largest size to the smallest.
"""

import argparse
import itertools
import random
import statistics
import sys
import time
from collections.abc import Iterator

from tokenfall.markdown.document import Document

TOKEN = 4
SCREEN = 40
SAMPLES = 2_000

_WORDS = [
    *("stream", "arrives", "in", "small", "pieces", "and", "each", "of", "them", "must", "reach", "the", "screen", "before", "its"),
    *("reader", "asks", "where", "it", "is", "while", "memory", "stays", "bounded"),
]


def _words(rnd: random.Random, count: int) -> str:
    words = [rnd.choice(_WORDS) for _ in range(count)]
    for mark in ("**{}**", "`{}`", "*{}*", "[{}](https://example.org/page)"):
        if rnd.random() < 0.4:
            at = rnd.randrange(count)
            words[at] = mark.format(words[at])
    return " ".join(words)


def _paragraphs(rnd: random.Random) -> Iterator[str]:
    while True:
        yield _words(rnd, rnd.randint(20, 80)) + ".\n\n"


def _one_paragraph(rnd: random.Random) -> Iterator[str]:
    while True:
        yield _words(rnd, 20) + " "


def _one_fence(rnd: random.Random) -> Iterator[str]:
    yield "```python\n"
    for number in itertools.count():
        yield f"def {rnd.choice(_WORDS)}_{number}(size: int) -> str:\n"
        yield f"    return fetch('{rnd.choice(_WORDS)}', limit={number})  # {_words(rnd, 4)}\n\n"


def _one_table(rnd: random.Random) -> Iterator[str]:
    yield "| name | value | remark |\n|---|--:|---|\n"
    for number in itertools.count():
        yield f"| {rnd.choice(_WORDS)} | {number} | {_words(rnd, 4)} |\n"


def _nested_list(rnd: random.Random) -> Iterator[str]:
    for number in itertools.count(1):
        yield f"{number}. {_words(rnd, 8)}\n"
        for _ in range(3):
            yield f"   - {_words(rnd, 6)}\n     - {_words(rnd, 5)}\n"


def _mixed(rnd: random.Random) -> Iterator[str]:
    parts = (_paragraphs, _one_fence, _paragraphs, _nested_list, _paragraphs, _one_table)
    for number in itertools.count(1):
        yield f"## {number}. {_words(rnd, 3)}\n\n"
        for part in parts:
            yield from itertools.islice(part(rnd), 9 if part is not _paragraphs else 1)
            yield "```\n\n" if part is _one_fence else "\n"


SHAPES = {
    "paragraphs": _paragraphs,
    "one paragraph": _one_paragraph,
    "one fence": _one_fence,
    "one table": _one_table,
    "nested list": _nested_list,
    "mixed": _mixed,
}


def text(shape: str, characters: int) -> str:
    """At least so many characters of a shape."""
    found: list[str] = []
    size = 0
    for piece in SHAPES[shape](random.Random(7)):
        found.append(piece)
        size += len(piece)
        if size >= characters:
            break
    return "".join(found)


def frame(document: Document, width: int) -> None:
    """What a screen at the bottom asks for."""
    height = document.height(width)
    for y in range(max(0, height - SCREEN), height):
        document.line(width, y)


def cost(shape: str, tokens: int, width: int) -> tuple[float, float]:
    """Median and mean milliseconds of a frame after one more token."""
    start = tokens * TOKEN
    source = text(shape, start + SAMPLES * TOKEN)
    document = Document()
    document.append(source[:start])
    frame(document, width)
    times = []
    for at in range(start, start + SAMPLES * TOKEN, TOKEN):
        before = time.perf_counter()
        document.append(source[at : at + TOKEN])
        frame(document, width)
        times.append(1000 * (time.perf_counter() - before))
    return statistics.median(times), statistics.fmean(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,50000")
    parser.add_argument("--width", type=int, default=100)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    out = sys.stdout
    out.write(f"{'median (mean) ms':18}" + "".join(f"{size:>18,}" for size in sizes) + f"{'ratio':>8}\n")
    for shape in SHAPES:
        cost(shape, 100, options.width)
        costs = [cost(shape, size, options.width) for size in sizes]
        cells = "".join(f"{f'{median:.3f} ({mean:.3f})':>18}" for median, mean in costs)
        out.write(f"{shape:18}{cells}{costs[-1][0] / costs[0][0]:8.2f}\n")
        out.flush()


if __name__ == "__main__":
    main()
