"""Choosing who answers: a list of every endpoint's models, which fills while the endpoints are being asked."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from tokenfall.catalogue import Offer, asked, offers
from tokenfall.config import LOCAL, Endpoint, Settings, choose
from tokenfall.errors import UserError
from tokenfall.ui.picker import Choice, Picker

if TYPE_CHECKING:
    from tokenfall.ui.app import ChatApp

Row = Choice[Endpoint | str]


def names(settings: Settings) -> list[str]:
    """What may stand after /model, as far as it is known without asking anybody."""
    own = (*settings.known, *(each for each in settings.presets if each.api_key is not None))
    return [LOCAL, *(named(each) for each in own)]


def named(endpoint: Endpoint) -> str:
    return "/".join(filter(None, (endpoint.name, endpoint.model)))


def meant(app: "ChatApp", name: str) -> Endpoint | None:
    """The endpoint that a name after /model means; None is the embedded model. Raises UserError."""
    current = app.service.endpoint
    try:
        return choose(name, app.settings.known, current, app.settings.presets)
    except UserError:
        if current is None or current.name in {each.name for each in (*app.settings.endpoints, *app.settings.presets)}:
            raise
        # at a server that is not configured the whole is a model's name; many have slashes in them
        return replace(current, model=name)


def rows(settings: Settings, current: Endpoint | None, come: dict[str, Offer]) -> list[Row]:
    """`come` has the offers by the names of their endpoints; those that have not come are marked as being asked."""
    found: list[Row] = [Choice(LOCAL, LOCAL, "the model on this machine", current=current is None)]
    near = [offer.endpoint for offer in come.values()]
    endpoints = {each.name: each for each in (*_certain(settings), *near)}
    for name, endpoint in endpoints.items():
        found += _rows(settings, current, endpoint, come.get(name))
    return found


def _certain(settings: Settings) -> tuple[Endpoint, ...]:
    """Without the servers of this machine that may not be there."""
    sure = {each.name for each in settings.known} | {each.name for each in settings.presets if each.api_key is not None}
    return tuple(each for each in asked(settings) if each.name in sure)


def _rows(settings: Settings, current: Endpoint | None, endpoint: Endpoint, offer: Offer | None) -> Iterator[Row]:
    models = offer.models if offer is not None else ()
    here = current is not None and current.name == endpoint.name
    if endpoint.model not in models or not endpoint.model:
        state = "being asked ..." if offer is None else "answers" if offer.answers else f"doesn't answer: {offer.problem}"
        yield Choice(endpoint, named(endpoint), state, current=here and current == endpoint)
    for model in models:
        known = settings.model_row(endpoint.name, model)
        facts = [f"{known.context // 1000:,}k" if known and known.context else "", _prices(settings, endpoint.name, model)]
        late = "" if offer is None or offer.answers else "doesn't answer now"
        detail = ", ".join(filter(None, (*facts, late)))
        target = replace(endpoint, model=model)
        yield Choice(target, named(target), detail, current=here and current is not None and current.model == model)


def _prices(settings: Settings, endpoint: str, model: str) -> str:
    row = settings.model_row(endpoint, model)
    if row is None or row.price_input is None or row.price_output is None:
        return ""
    return f"${row.price_input:g}↑ ${row.price_output:g}↓ a million"


async def pick_model(app: "ChatApp") -> None:
    current = app.service.endpoint
    come: dict[str, Offer] = {}
    picker: Picker[Endpoint | str] = Picker("Model", rows(app.settings, current, come))

    async def fill() -> None:
        async with aclosing(offers(app.settings, app.transport)) as arriving:
            async for offer in arriving:
                come[offer.endpoint.name] = offer
                picker.renew(rows(app.settings, current, come))

    filling = asyncio.create_task(fill())
    try:
        chosen = await app.push_screen_wait(picker)
    finally:
        filling.cancel()
        await asyncio.wait([filling])
    if chosen is not None:
        use(app, chosen if isinstance(chosen, Endpoint) else None)


def use(app: "ChatApp", endpoint: Endpoint | None) -> None:
    app.service.choose(endpoint)
    app.start_service()
    app.tell(f"{app.service.name} answers from now on.")
