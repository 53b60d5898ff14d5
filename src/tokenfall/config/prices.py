"""What is known of well-known models, and what a reply costs.

Contexts and prices are the services' list prices for ordinary requests, each with the day on which its service's pricing page was
read: openai.com/api/pricing, platform.claude.com (About Claude, Pricing), ai.google.dev (Gemini API, Pricing). Where a service
changes its prices by the hour or by contract, only the context is given.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from tokenfall.events import Usage

FRESH_DAYS = 180
"""Prices that were taken longer ago are likely to have changed."""
_MILLION = 1_000_000
_SNAPSHOT = re.compile(r"-(?:\d{8}|\d{4}-\d\d-\d\d)$")
"""A dated version, at the end of a model's name."""


@dataclass(frozen=True, slots=True)
class Model:
    """`name` is ENDPOINT/NAME. What isn't known is None. Prices are in USD per million tokens; where `price_cached` isn't known, cached
    tokens cost as much as others. They hold for prompts of up to `price_limit` tokens, and were taken on the day `taken`, which is None
    for those that the user wrote down."""

    name: str
    context: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    price_input: float | None = None
    price_output: float | None = None
    price_cached: float | None = None
    price_limit: int | None = None
    taken: date | None = None

    def over(self, other: "Model") -> "Model":
        """This, and `other` where this says nothing. Prices are of one or the other, never of both."""
        priced = self if self.price_input is not None else other
        return replace(
            priced,
            name=self.name,
            context=self.context if self.context is not None else other.context,
            max_tokens=self.max_tokens if self.max_tokens is not None else other.max_tokens,
            temperature=self.temperature if self.temperature is not None else other.temperature,
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """`amount` is in USD; one that isn't `exact` is to be shown as about so much."""

    amount: float
    exact: bool


def cost(usage: Usage, row: Model | None, today: date) -> Cost | None:
    """None where tokens were not counted or prices are not known."""
    if row is None or row.price_input is None or row.price_output is None:
        return None
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    cached = min(usage.cached_tokens or 0, usage.input_tokens)
    price_cached = row.price_input if row.price_cached is None else row.price_cached
    amount = (usage.input_tokens - cached) * row.price_input + cached * price_cached + usage.output_tokens * row.price_output
    exact = (
        (not cached or row.price_cached is not None)
        and (row.price_limit is None or usage.input_tokens <= row.price_limit)
        and (row.taken is None or (today - row.taken).days <= FRESH_DAYS)
    )
    return Cost(amount / _MILLION, exact)


def well_known(service: str, model: str) -> Model | None:
    """`service` is the name of a preset. A dated version of a model counts as the model."""
    name = model.removeprefix("models/")  # as Gemini lists them
    return _KNOWN.get(f"{service}/{name}") or _KNOWN.get(f"{service}/{_SNAPSHOT.sub('', name)}")


_OPENAI = date(2026, 10, 16)
_OPENAI_EARLIER = date(2026, 7, 24)
_ANTHROPIC = date(2026, 10, 24)
_GEMINI = date(2026, 9, 4)


def rows() -> Iterator[Model]:
    """Input, output, cached."""

    def row(name: str, context: int, prices: tuple[float, float, float], taken: date, limit: int | None = None) -> Model:
        given, said, cached = prices
        return Model(name, context, price_input=given, price_output=said, price_cached=cached, price_limit=limit, taken=taken)

    yield row("openai/gpt-6-astra", 1_050_000, (10, 50, 1), _OPENAI, 272_000)
    yield row("openai/gpt-6.1-sol", 1_050_000, (2, 10, 0.1), _OPENAI, 272_000)
    yield row("openai/gpt-6-sol", 1_050_000, (2, 10, 0.2), _OPENAI, 272_000)
    yield row("openai/gpt-6-luna", 1_050_000, (0.1, 0.5, 0.01), _OPENAI, 272_000)
    yield row("openai/gpt-5.4-mini", 400_000, (0.75, 4.5, 0.075), _OPENAI_EARLIER)
    yield row("openai/gpt-5", 400_000, (1.25, 10, 0.125), _OPENAI_EARLIER)
    yield row("openai/gpt-5-mini", 400_000, (0.25, 2, 0.025), _OPENAI_EARLIER)
    yield row("openai/gpt-4.1", 1_047_576, (2, 8, 0.5), _OPENAI_EARLIER)
    yield row("openai/gpt-4.1-mini", 1_047_576, (0.4, 1.6, 0.1), _OPENAI_EARLIER)
    yield row("openai/gpt-4o-mini", 128_000, (0.15, 0.6, 0.075), _OPENAI_EARLIER)
    yield row("anthropic/claude-fable-5-1", 1_000_000, (10, 50, 0.25), _ANTHROPIC)
    yield row("anthropic/claude-opus-5-5", 1_000_000, (4, 20, 0.2), _ANTHROPIC)
    yield row("anthropic/claude-opus-5", 1_000_000, (5, 25, 0.5), _ANTHROPIC)
    yield row("anthropic/claude-sonnet-5-5", 1_000_000, (2, 10, 0.1), _ANTHROPIC)
    yield row("anthropic/claude-sonnet-5", 1_000_000, (2, 10, 0.2), _ANTHROPIC)
    yield row("anthropic/claude-haiku-5-5", 1_000_000, (0.1, 0.5, 0.01), _ANTHROPIC, 100_000)
    yield row("anthropic/claude-haiku-4-5", 200_000, (1, 5, 0.1), _ANTHROPIC)
    yield row("gemini/gemini-2.5-pro", 1_048_576, (1.25, 10, 0.125), _GEMINI, 200_000)
    yield row("gemini/gemini-2.5-flash", 1_048_576, (0.3, 2.5, 0.03), _GEMINI)
    yield row("gemini/gemini-2.5-flash-lite", 1_048_576, (0.1, 0.4, 0.01), _GEMINI)
    yield Model("deepseek/deepseek-flash", 1_000_000)
    yield Model("deepseek/deepseek-v4-pro", 1_000_000)
    yield Model("xai/grok-4.5", 500_000)


_KNOWN: Mapping[str, Model] = {row.name: row for row in rows()}
