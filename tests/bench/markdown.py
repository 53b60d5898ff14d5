"""What one more token costs as a reply grows: `python -m tests.bench.markdown [--sizes 1000,10000,50000] [--width 100]`.

Prints a table: milliseconds for one append of four characters, the height, and the last 40 lines, at each size in tokens
(four characters each), for each shape of reply; and the ratio of the largest size to the smallest.
"""

import argparse
import statistics
import sys
import time

from tests.bench.streams import SHAPES, TOKEN, text

from tokenfall.markdown.document import Document

SCREEN = 40
SAMPLES = 2_000

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
