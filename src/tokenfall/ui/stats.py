"""What /stats tells of the last reply and of the conversation. No widget in here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenfall.config import Cost
from tokenfall.events import Usage
from tokenfall.messages import EndState
from tokenfall.timing import StreamClock, percentile
from tokenfall.ui.histogram import histogram

LEARNT_FROM = 2
"""So many whole replies of a model say how long its next would have been."""


@dataclass(frozen=True, slots=True)
class Told:
    """A reply of the conversation: who answered, as ENDPOINT/MODEL, how it ended (None while it comes), what its clock and the service
    say of it, and what it costs where that is known."""

    model: str
    state: EndState | None
    clock: StreamClock
    usage: Usage
    cost: Cost | None = None

    @property
    def received(self) -> int:
        """Tokens, by the service's count where it is given."""
        return self.clock.tokens if self.usage.output_tokens is None else self.usage.output_tokens


def saved(stopped: Told, before: Sequence[Told], most: int | None) -> int | None:
    """How many tokens were not generated because the reply was stopped: by the mean of this model's whole replies before it, or by
    `most`, its limit, where there are too few; None where neither tells, 0 or more else."""
    if stopped.state != "stopped":
        return None
    whole = [each.received for each in before if each.model == stopped.model and each.state in {"complete", "length"}]
    expected = sum(whole) / len(whole) if len(whole) >= LEARNT_FROM else most
    return None if expected is None else max(round(expected) - stopped.received, 0)


def stats(replies: Sequence[Told], width: int) -> list[str]:
    """Lines of at most `width` cells, as far as words allow; of the conversation only where it has several replies."""
    timed = [each for each in replies if each.clock.tokens]
    if not timed:
        return ["No reply has been timed yet."]
    last = timed[-1]
    gaps = [gap * 1000 for gap in last.clock.gap_list]
    lines = [f"Last reply: {last.model}, {_ended(last.state)}", *_reply(last), *histogram(gaps, width)]
    return lines if len(timed) == 1 else [*lines, "", *_conversation(timed)]


def _ended(state: EndState | None) -> str:
    return "still coming" if state is None else state.replace("_", " ")


def _reply(told: Told) -> Iterator[str]:
    clock = told.clock
    ttft, split, phases = clock.ttft(clock.arrivals[-1]), clock.split(), clock.phases
    line = f"TTFT {ms(ttft)}"
    if split is not None:
        parts = (("network", split.network), ("server", split.server))
        line += " = " + " + ".join(f"{name} {ms(part)}" for name, part in parts if part is not None)
        if split.own is not None:
            line += f"; on the screen {ms(split.own)} later"
    yield line
    if clock.first_text_at is not None and clock.first_text_at > clock.arrivals[0]:
        yield f"first text, after reasoning, {ms(clock.first_text_at - (clock.sent_at or 0))}"
    if phases is not None:
        yield "the connection was open already" if phases.reused else _connection(clock)
    if len(clock.attempts) > 1:
        yield f"sent {len(clock.attempts)} times, {sum(until - at for at, until in clock.waits):.1f} s waited between"
    yield _tokens(told)
    stalls = clock.stalls(clock.arrivals[-1]).count
    if stalls:
        yield f"{stalls} stall{'s' if stalls > 1 else ''} of more than a second"


def _connection(clock: StreamClock) -> str:
    assert clock.phases is not None
    sent, phases = clock.sent_at or 0.0, clock.phases
    steps = (("connected", phases.connected), ("TLS", phases.tls), ("request written", phases.written), ("headers", phases.headers))
    return "after sending: " + ", ".join(f"{name} {ms(at - sent)}" for name, at in steps if at is not None)


def _tokens(told: Told) -> str:
    usage, rate = told.usage, told.clock.mean_rate(told.clock.counted(told.usage))
    words = []
    if usage.input_tokens is not None:
        words.append(f"{usage.input_tokens}↑" + (f" ({usage.cached_tokens} cached)" if usage.cached_tokens else ""))
    counted = f"{told.received}↓" if usage.output_tokens is not None else f"~{told.received}↓"
    words.append(counted + (f" ({usage.reasoning_tokens} reasoning)" if usage.reasoning_tokens else ""))
    if rate is not None:
        words.append(f"{rate:.1f} tok/s")
    if told.cost is not None:
        words.append(str(told.cost))
    return ", ".join(words)


def _conversation(timed: Sequence[Told]) -> Iterator[str]:
    yield f"Conversation: {len(timed)} replies"
    for model in dict.fromkeys(each.model for each in timed):
        of_it = [each for each in timed if each.model == model]
        ttfts = sorted(each.clock.arrivals[0] - (each.clock.sent_at or 0.0) for each in of_it)
        rates = sorted(rate for each in of_it if (rate := each.clock.mean_rate(each.clock.counted(each.usage))) is not None)
        line = f"{model}: {len(of_it)} ×, TTFT median {ms(percentile(ttfts, 0.5))}, worst {ms(ttfts[-1])}"
        yield line + (f", {percentile(rates, 0.5):.1f} tok/s median" if rates else "")
    read = sum(each.usage.input_tokens or 0 for each in timed)
    costs = [each.cost for each in timed]
    yield f"{read}↑ {sum(each.received for each in timed)}↓ tokens in all" + _total(costs)


def _total(costs: Sequence[Cost | None]) -> str:
    """At least so much, where not all costs are known."""
    known = [each for each in costs if each is not None]
    if not known:
        return ""
    total = Cost(sum(each.amount for each in known), all(each.exact for each in known))
    return f", {total}" + ("" if len(known) == len(costs) else f" for {len(known)} of the {len(costs)} replies")


def ms(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds * 1000:.0f} ms"
