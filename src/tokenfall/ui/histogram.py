"""The gaps between a reply's tokens, drawn as text."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from tokenfall.timing import percentile

EDGES = (5, 10, 20, 50, 100, 200, 500, 1000)
"""Milliseconds; a gap on an edge counts above it."""

LABELS = (f"<{EDGES[0]}", *(f"{low}-{high}" for low, high in pairwise(EDGES)), f"≥{EDGES[-1]}")

EIGHTHS = "▏▎▍▌▋▊▉█"


def histogram(gaps_ms: Sequence[float], width: int) -> list[str]:
    """Lines of at most `width` cells (20 at least): a bar for each bin between the first and the last that have gaps, their
    counts, and the median, the 95th percentile and the longest. One sentence when there are no gaps."""
    if not gaps_ms:
        return ["No gaps: a reply of fewer than two tokens has none."]
    counts = [0] * len(LABELS)
    for gap in gaps_ms:
        counts[bisect_right(EDGES, gap)] += 1
    used = [at for at, count in enumerate(counts) if count]
    most = max(counts)
    # label, "ms", bar, count, with a space between
    bars = max(1, width - max(map(len, LABELS)) - len(str(most)) - 5)
    lines = [
        f"{LABELS[at]:>{max(map(len, LABELS))}} ms {bar(counts[at] / most, bars)} ".rstrip() + f" {counts[at]}"
        for at in range(used[0], used[-1] + 1)
    ]
    ordered = sorted(gaps_ms)
    figures = (("median", percentile(ordered, 0.5)), ("p95", percentile(ordered, 0.95)), ("longest", ordered[-1]))
    return lines + _joined([f"{name} {value:.0f} ms" for name, value in figures], width)


def bar(share: float, width: int) -> str:
    """`share` of `width` cells, in eighths of a cell; what is more than nothing is always seen."""
    if share <= 0:
        return ""
    full, eighths = divmod(max(1, round(share * width * 8)), 8)
    return EIGHTHS[-1] * full + (EIGHTHS[eighths - 1] if eighths else "")


def _joined(figures: Sequence[str], width: int) -> list[str]:
    line = ", ".join(figures)
    return [line] if len(line) <= width else list(figures)
