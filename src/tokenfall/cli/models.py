"""What can be chosen with -m: a line for each model that an endpoint offers, or all of it as JSON."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from tokenfall.catalogue import Offer, asked, offers
from tokenfall.cli.interruption import run
from tokenfall.cli.output import Bytes
from tokenfall.config import DEFAULT_WIRE, LOCAL, Endpoint, Model, Settings, meant
from tokenfall.errors import EmbeddedModelError
from tokenfall.filters import visible
from tokenfall.local import EmbeddedModel
from tokenfall.terminal.outlet import ReaderGone
from tokenfall.transport import Transport, who

_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


@dataclass(frozen=True, slots=True)
class Listing:
    """Of the endpoints with these names, or of all. `refresh` asks also those whose list is less than a day old."""

    names: tuple[str, ...] = ()
    as_json: bool = False
    refresh: bool = False


def models(settings: Settings, listing: Listing, out: int) -> tuple[bool, list[str]]:
    """Prints to `out`. Whether any endpoint answered, and a sentence for each that did not or has nothing to offer.
    Raises UserError for a name that is none."""
    found = run(_offered(settings, listing, out))
    return any(offer.answers for offer in found), [told for offer in found if (told := _problem(offer) or _nothing(offer))]


async def _offered(settings: Settings, listing: Listing, out: int) -> list[Offer]:
    """In the order of the names, or of the configuration; the embedded model is always first."""
    named = [meant(name, settings.known, None, settings.presets) for name in listing.names]
    others = list({each.name: each for each in named if each is not None}.values()) if named else None
    found = await _from(settings, others, refresh=listing.refresh)
    own = embedded(settings)
    if None in named or (not named and (own.answers or not found)):
        found.insert(0, own)
    text = _as_json(found) if listing.as_json else "".join(f"{line}\n" for offer in found for line in _lines(offer, settings))
    with suppress(ReaderGone):
        await Bytes(out).send(text)
    return found


async def _from(settings: Settings, only: Sequence[Endpoint] | None, *, refresh: bool) -> list[Offer]:
    transport = Transport()
    try:
        async with aclosing(offers(settings, transport, only, refresh=refresh)) as coming:
            found = {offer.endpoint.name: offer async for offer in coming}
    finally:
        await transport.close()
    return [found[each.name] for each in (asked(settings) if only is None else only) if each.name in found]


def embedded(settings: Settings) -> Offer:
    """What this machine offers by itself; it answers if nothing is known that would keep it from starting. A model file of the user's
    own has no name that -m takes."""
    model = EmbeddedModel(None, settings.folders.state / "llama.log")
    endpoint = Endpoint(LOCAL, DEFAULT_WIRE, "", model.name)
    try:
        model.check()
    except EmbeddedModelError as error:
        return Offer(endpoint, problem=str(error))
    return Offer(endpoint, (model.name,), True)


# ── words ───────────────────────────────────────────────────────────────────


def _as_json(found: Sequence[Offer]) -> str:
    """Names as they are, because they are to be given back; what could act on a terminal is escaped."""
    rows = [
        {
            "name": offer.endpoint.name,
            "wire": offer.endpoint.wire,
            "base_url": offer.endpoint.base_url,
            "answers": offer.answers,
            "problem": _problem(offer),
            "models": list(offer.models),
        }
        for offer in found
    ]
    return json.dumps({"endpoints": rows}).replace("\x7f", "\\u007f") + "\n"


def _lines(offer: Offer, settings: Settings) -> Iterator[str]:
    names = [visible(f"{offer.endpoint.name}/{model}", newlines=False) for model in offer.models]
    figures = [_figures(settings.model_row(offer.endpoint.name, model)) for model in offer.models]
    width = max((len(name) for name, told in zip(names, figures, strict=True) if told), default=0)
    for name, told in zip(names, figures, strict=True):
        yield f"{name:{width}}  {told}" if told else name


def _figures(row: Model | None) -> str:
    if row is None:
        return ""
    figures = [] if row.context is None else [f"{row.context:,} tokens"]
    if row.price_input is not None and row.price_output is not None:
        when = "" if row.taken is None else f" on {row.taken}"
        figures.append(f"${row.price_input:g} in, ${row.price_output:g} out per million{when}")
    return ", ".join(figures)


def _problem(offer: Offer) -> str:
    if offer.answers or offer.fetched_at is None:
        return offer.problem
    return f"{offer.problem} Its list is {_age(time.time() - offer.fetched_at)} old."


def _nothing(offer: Offer) -> str:
    return "" if offer.models else f"{who(offer.endpoint)} lists no models."


def _age(seconds: float) -> str:
    return next((f"{seconds // size:.0f} {unit}" for size, unit in _UNITS if seconds >= size), "less than a minute")
