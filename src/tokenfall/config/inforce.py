"""The settings in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tokenfall.config.places import Folders
from tokenfall.config.presets import service_at
from tokenfall.config.prices import Model, well_known
from tokenfall.config.rows import Endpoint, Follow, Repaint

_Value = TypeVar("_Value", int, float)


@dataclass(frozen=True, slots=True)
class Sampling:
    """None leaves it to the service."""

    max_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """File and options joined. `endpoint` is None for the embedded model, which runs `model_file` or, where that is
    None, the weights that are installed; `theme` is "" when the terminal is to choose. `endpoints` are the configured ones, `presets`
    the services that may be named without that; those that need a key and have none can't be used. `models` are the file's rows.
    `asked` is what the command line says, and `max_tokens` and `temperature` that or what the file says for all models."""

    folders: Folders
    endpoint: Endpoint | None
    model_file: Path | None
    endpoints: tuple[Endpoint, ...]
    system: str
    max_tokens: int | None
    temperature: float | None
    theme: str
    mouse: bool
    keys: Mapping[str, str]
    repaint: Repaint = "changes"
    follow: Follow = "end"
    reduced_motion: bool = False
    presets: tuple[Endpoint, ...] = ()
    models: tuple[Model, ...] = ()
    asked: Sampling = Sampling()

    @property
    def known(self) -> tuple[Endpoint, ...]:
        """The configured endpoints, and `endpoint` as the options made it: in its own place, or last when it is not configured."""
        target = self.endpoint
        if target is None:
            return self.endpoints
        rows = tuple(target if each.name == target.name else each for each in self.endpoints)
        return rows if target in rows else (*rows, target)

    def model_row(self, endpoint_name: str, model: str) -> Model | None:
        """What the file says of a model, and of the rest what is known of it where its endpoint has the address of its service."""
        name = f"{endpoint_name}/{model}"
        own = next((row for row in self.models if row.name == name), None)
        endpoint = next((each for each in (*self.known, *self.presets) if each.name == endpoint_name), None)
        common = well_known(service_at(endpoint.base_url), model) if endpoint is not None else None
        if own is None or common is None:
            return own or common
        return own.over(common)

    def sampling(self, endpoint_name: str, model: str) -> Sampling:
        """For a request to this model: what the command line says, else its own row, else what is said for all models."""
        row = self.model_row(endpoint_name, model) or Model("")
        return Sampling(
            _first(self.asked.max_tokens, row.max_tokens, self.max_tokens),
            _first(self.asked.temperature, row.temperature, self.temperature),
        )


def _first(*values: _Value | None) -> _Value | None:
    return next((value for value in values if value is not None), None)
