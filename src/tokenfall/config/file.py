"""config.toml, read."""

from collections.abc import Collection
from typing import TypeVar

from tokenfall.config.endpoints import endpoint
from tokenfall.config.places import Folders
from tokenfall.config.presets import unconfigured
from tokenfall.config.prices import Model
from tokenfall.config.rows import FOLLOWS, LOCAL, REPAINTS, FileConfig
from tokenfall.config.target import meant
from tokenfall.config.toml import Table, parse
from tokenfall.config.words import nearest
from tokenfall.errors import ConfigError, UserError

_FILE_KEYS = (
    *("model", "model_file", "system", "max_tokens", "temperature", "theme", "mouse", "repaint", "follow", "reduced_motion"),
    *("keys", "endpoints", "models"),
)
_MODEL_KEYS = ("context", "max_tokens", "temperature", "price_input", "price_output", "price_cached")

_Word = TypeVar("_Word", bound=str)


def load(where: Folders) -> FileConfig:
    """Raises ConfigError, with the line, for a file that can't be read or says something else than settings. No file is an empty one."""
    path = where.config_file
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return FileConfig()
    except OSError as error:
        advice = "Mend or move it, or name another folder in TOKENFALL_CONFIG."
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.", advice) from error
    return _file_config(parse(path, raw))


def _file_config(table: Table) -> FileConfig:
    table.only(_FILE_KEYS)
    rows = table.table("endpoints")
    endpoints = tuple(endpoint(rows, name) for name in rows.values)
    model = table.text("model", '"ENDPOINT/NAME" or "NAME"')
    if model:
        try:
            meant(model, endpoints, endpoints[0] if endpoints else None, unconfigured(endpoints))
        except UserError as error:
            raise table.wrong("model", error.message, error.advice) from error
    keys = table.table("keys")
    models = table.table("models")
    return FileConfig(
        model=model,
        model_file=table.path("model_file", "the path of a .gguf file"),
        system=table.text("system"),
        max_tokens=table.count("max_tokens", 1, default=None),
        temperature=table.number("temperature"),
        theme=table.text("theme", "a theme's name"),
        mouse=table.flag("mouse", True),
        repaint=_one_of(table, "repaint", REPAINTS),
        follow=_one_of(table, "follow", FOLLOWS),
        reduced_motion=table.flag("reduced_motion", False),
        keys={action: _keys(keys, action) for action in keys.values},
        endpoints=endpoints,
        models=tuple(_model(models, name, {each.name for each in (*endpoints, *unconfigured(endpoints))}) for name in models.values),
    )


def _one_of(table: Table, key: str, words: tuple[_Word, ...]) -> _Word:
    """The first where the file says nothing."""
    expected = " or ".join(f'"{word}"' for word in words)
    named = table.text(key, expected) or words[0]
    known = next((word for word in words if word == named), None)
    return known or table.expect(key, expected)


def _keys(table: Table, action: str) -> str:
    names = [name.strip() for name in table.text(action, 'a key or several, such as "ctrl+x" or "ctrl+x,f2"').split(",")]
    if not all(names):
        table.expect(action, 'a key or several, such as "ctrl+x" or "ctrl+x,f2"')
    return ",".join(names)


def _model(rows: Table, name: str, endpoints: Collection[str]) -> Model:
    head, _, tail = name.partition("/")
    if not tail:
        raise rows.wrong(name, f"{name!r} is not the name of a model at an endpoint.", 'Expected [models."ENDPOINT/NAME"].')
    if head not in {*endpoints, LOCAL}:
        advice = nearest(head, [*endpoints, LOCAL]) or "Give it a table, [endpoints.NAME]."
        raise rows.wrong(name, f"There is no endpoint {head!r}.", advice)
    table = rows.table(name)
    table.only(_MODEL_KEYS)
    row = Model(
        name=name,
        context=table.count("context", 1, default=None),
        max_tokens=table.count("max_tokens", 1, default=None),
        temperature=table.number("temperature"),
        price_input=table.number("price_input"),
        price_output=table.number("price_output"),
        price_cached=table.number("price_cached"),
    )
    lone = [key for key in ("price_input", "price_output", "price_cached") if key in table.values]
    if lone and (row.price_input is None or row.price_output is None):
        raise table.wrong(lone[0], f"[{table.name}] says a price, but not both price_input and price_output.")
    return row
