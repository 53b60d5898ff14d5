"""Which models each endpoint offers: by the list that it gives now, or gave within the last day.

The lists are kept in models.json in the data folder, rows of {"endpoint", "base_url", "models", "fetched_at"}. What asks for a key, or
repeats one, never gets there.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tokenfall.config import Endpoint, Settings, choose, is_loopback, keyed
from tokenfall.config.urls import origin
from tokenfall.errors import TokenfallError
from tokenfall.transport import Transport, hidden

FILE = "models.json"
FRESH_S = 24 * 3600.0
KEPT_S = 30 * FRESH_S
"""Lists of servers that were there once would pile up otherwise."""
NEAR_S = 0.5
"""A server on this machine that nobody has configured is not waited for any longer."""
_LARGEST = 16 << 20
"""Bytes of the file that are read."""
_LONGEST = 1 << 20
"""Characters of a list that is kept: the longest of a known service has a twentieth."""


@dataclass(frozen=True, slots=True)
class Offer:
    """`answers` says that the endpoint gave its list when it was last asked, `problem` why it did not. `models` are in the service's
    order, as it gave them at `fetched_at`, in seconds since the epoch; None when it never has."""

    endpoint: Endpoint
    models: tuple[str, ...] = ()
    answers: bool = False
    problem: str = ""
    fetched_at: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    models: tuple[str, ...]
    fetched_at: float


Place = tuple[str, str]
"""An endpoint's name and base URL."""


def asked(settings: Settings) -> tuple[Endpoint, ...]:
    """The configured endpoints, the presets that have their key, and those on this machine that are not configured by another name."""
    known = settings.known
    names, origins = {each.name for each in known}, {origin(each.base_url) for each in known}
    ready = (each for each in settings.presets if each.api_key is not None)
    near = (each for each in settings.presets if _needs_nothing(each) and origin(each.base_url) not in origins)
    return (*known, *(each for each in (*ready, *near) if each.name not in names))


async def offers(
    settings: Settings,
    transport: Transport,
    only: Sequence[Endpoint] | None = None,
    *,
    refresh: bool = False,
    near_seconds: float = NEAR_S,
) -> AsyncGenerator[Offer, None]:
    """As they come, of `only` these endpoints or of all that are `asked`. Presets on this machine that give no list are then left out.

    A list that is less than a day old is not asked for again without `refresh`, unless its server is on this machine.
    """
    shelf = settings.folders.data / FILE
    asking = _Asking(transport, await asyncio.to_thread(lists, shelf), refresh)
    unsure = set() if only is not None else {each.name for each in settings.presets if _needs_nothing(each)}
    unsure -= {each.name for each in settings.known}
    tasks = [
        asyncio.create_task(asking.unsure(endpoint, near_seconds) if endpoint.name in unsure else asking.offer(endpoint))
        for endpoint in (asked(settings) if only is None else only)
    ]
    try:
        for done in asyncio.as_completed(tasks):
            offer = await done
            if offer is not None:
                yield offer
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if asking.fresh:
            await asyncio.to_thread(keep, shelf, asking.fresh)


def _needs_nothing(preset: Endpoint) -> bool:
    return not preset.api_key_env and is_loopback(preset.base_url)


@dataclass(slots=True)
class _Asking:
    """One round of questions. `fresh` are the lists that came of it."""

    transport: Transport
    before: Mapping[Place, Listed]
    refresh: bool
    fresh: dict[Place, Listed] = field(default_factory=dict)

    async def offer(self, endpoint: Endpoint) -> Offer:
        last = self.before.get(_place(endpoint))
        if last is not None and not self.refresh and not is_loopback(endpoint.base_url) and 0 <= time.time() - last.fetched_at < FRESH_S:
            return Offer(endpoint, last.models, True, fetched_at=last.fetched_at)
        try:
            return await self._now(endpoint)
        except TokenfallError as error:
            earlier = Offer(endpoint, problem=str(error))
            return earlier if last is None else replace(earlier, models=last.models, fetched_at=last.fetched_at)

    async def unsure(self, endpoint: Endpoint, seconds: float) -> Offer | None:
        """None where no such server is."""
        await asyncio.to_thread(self.transport.warm)  # which may take as long itself
        try:
            async with asyncio.timeout(seconds):
                return await self._now(endpoint)
        except (TimeoutError, TokenfallError):
            return None

    async def _now(self, endpoint: Endpoint) -> Offer:
        choose(endpoint.name, (endpoint,), None)  # raises where its key is not set
        ready = await keyed(endpoint)
        names = await self.transport.list_models(ready)
        listed = Listed(tuple(dict.fromkeys(hidden(name, ready) for name in names)), time.time())
        self.fresh[_place(endpoint)] = listed
        return Offer(endpoint, listed.models, True, fetched_at=listed.fetched_at)


def _place(endpoint: Endpoint) -> Place:
    return endpoint.name, endpoint.base_url


# ── the file ────────────────────────────────────────────────────────────────


def lists(shelf: Path) -> dict[Place, Listed]:
    """What is kept there; nothing where that can't be read or is something else."""
    try:
        with shelf.open("rb") as file:
            rows = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return dict(_rows(rows))


def _rows(rows: object) -> Iterator[tuple[Place, Listed]]:
    latest = time.time() + FRESH_S
    for row in rows if isinstance(rows, list) else ():
        match row:
            case {"endpoint": str(name), "base_url": str(url), "models": list(models), "fetched_at": int() | float() as at}:
                if 0 <= at < latest and all(isinstance(model, str) for model in models):
                    yield (name, url), Listed(tuple(models), float(at))
            case _:
                pass


def keep(shelf: Path, fresh: Mapping[Place, Listed]) -> None:
    """Beside what the file holds by now. Of two programs that do so at once one may lose a list, and has to ask again; so does
    everyone where nothing can be written."""
    oldest = time.time() - KEPT_S
    rows = [
        {"endpoint": name, "base_url": url, "models": listed.models, "fetched_at": listed.fetched_at}
        for (name, url), listed in (lists(shelf) | dict(fresh)).items()
        if listed.fetched_at > oldest and sum(map(len, listed.models)) <= _LONGEST
    ]
    with suppress(OSError):
        shelf.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(".tmp", f"{shelf.name}.", shelf.parent)  # 0600, and no other program's
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                json.dump(rows, file)
            os.replace(draft, shelf)
        except OSError:
            os.unlink(draft)
