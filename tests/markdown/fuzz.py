"""Streamed against whole, for longer than the suite has time: `python -m tests.markdown.fuzz [--count N] [--seed S]`.

Each text is built from fragments of markup or lines of the specification's examples, fed in random pieces, looked at
meanwhile, and compared at three widths. A text that differs is printed; then the exit code is 1.
"""

import argparse
import sys
from random import Random

from tests.markdown.shown import EXAMPLES, laid, lines, streamed
from tests.markdown.test_exact import FRAGMENTS, WIDTHS

_LINES = [line for example in EXAMPLES for line in example.split("\n")]


def source(random: Random) -> str:
    if random.random() < 0.5:
        return "".join(random.choices(FRAGMENTS, k=random.randint(1, 30)))
    if random.random() < 0.3:
        return "\n".join(random.choices(EXAMPLES, k=random.randint(1, 4)))
    return "\n".join(random.choices(_LINES, k=10)) * random.choice((1, 1, 1, 30))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong = 0
    for number in range(options.count):
        random = Random(f"{options.seed}/{number}")
        text = source(random)
        found = streamed(text, random, WIDTHS)
        if any(laid(text, width) != lines(found, width) for width in WIDTHS):
            wrong += 1
            sys.stdout.write(f"{text!r}\n")
    sys.stdout.write(f"{options.count} texts, {wrong} differ\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
