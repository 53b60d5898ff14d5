"""A reply's figures on one line, as `ask --stats` prints them."""

from collections.abc import Iterator

from tokenfall.config import Cost
from tokenfall.events import Ended, Usage
from tokenfall.timing import StreamClock


def summary(ended: Ended, clock: StreamClock, name: str, cost: Cost | None) -> str:
    """`name` is ENDPOINT/MODEL."""
    return " │ ".join((ended.state, name, *_figures(ended, clock), *([str(cost)] if cost is not None else [])))


def _figures(ended: Ended, clock: StreamClock) -> Iterator[str]:
    ttft, gaps, rate = clock.ttft(ended.at), clock.gaps(), clock.mean_rate(clock.counted(ended.usage))
    if ttft is not None:
        yield f"TTFT {ttft * 1000:.0f} ms"
    if rate is not None:
        yield f"{rate:.1f} tok/s"
    if gaps is not None:
        yield f"gap {gaps.median * 1000:.0f}/{gaps.p95 * 1000:.0f} ms, longest {gaps.longest * 1000:.0f}"
    yield tokens(ended.usage, clock.tokens)


def tokens(usage: Usage, counted: int) -> str:
    """In and out by the service's count, or counted deltas with a tilde."""
    received = f"~{counted}↓" if usage.output_tokens is None else f"{usage.output_tokens}↓"
    return received if usage.input_tokens is None else f"{usage.input_tokens}↑ {received}"
