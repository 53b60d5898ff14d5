"""config.toml, read."""

import re
from pathlib import Path
from typing import TypeVar

from tokenfall.config.places import Folders
from tokenfall.config.rows import DEFAULT_WIRE, FOLLOWS, HEADER_NAME, LOCAL, REPAINTS, Endpoint, FileConfig
from tokenfall.config.target import meant
from tokenfall.config.toml import Table, parse
from tokenfall.config.urls import base_url, plain_key
from tokenfall.config.words import nearest
from tokenfall.errors import ConfigError, UserError
from tokenfall.wire import WIRES

_FILE_KEYS = (
    *("model", "model_file", "system", "max_tokens", "temperature", "theme", "mouse", "repaint", "follow", "reduced_motion"),
    *("keys", "endpoints"),
)
_ENDPOINT_KEYS = ("wire", "base_url", "model", "api_key_env", "headers")
_ENDPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

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
    endpoints = tuple(_endpoint(rows, name) for name in rows.values)
    model = table.text("model", '"ENDPOINT/NAME" or "NAME"')
    if model:
        try:
            meant(model, endpoints, endpoints[0] if endpoints else None)
        except UserError as error:
            raise table.wrong("model", error.message, error.advice) from error
    model_file = table.text("model_file", "the path of a .gguf file")
    keys = table.table("keys")
    return FileConfig(
        model=model,
        model_file=table.source.path.parent / Path(model_file).expanduser() if model_file else None,
        system=table.text("system"),
        max_tokens=table.count("max_tokens"),
        temperature=table.number("temperature"),
        theme=table.text("theme", "a theme's name"),
        mouse=table.flag("mouse", True),
        repaint=_one_of(table, "repaint", REPAINTS),
        follow=_one_of(table, "follow", FOLLOWS),
        reduced_motion=table.flag("reduced_motion", False),
        keys={action: _keys(keys, action) for action in keys.values},
        endpoints=endpoints,
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


def _endpoint(rows: Table, name: str) -> Endpoint:
    if not _ENDPOINT_NAME.fullmatch(name) or name == LOCAL:
        reason = "the embedded model has that name" if name == LOCAL else "it takes letters, digits, dot, - and _"
        raise rows.wrong(name, f"{name!r} can't be an endpoint's name: {reason}.")
    table = rows.table(name)
    table.only(_ENDPOINT_KEYS)
    if "base_url" not in table.values:
        raise rows.wrong(name, f"[endpoints.{name}] has no base_url.", 'Expected base_url = "https://...".')
    try:
        url = base_url(table.text("base_url", 'a URL, such as "https://api.example.com/v1"'))
    except ValueError as error:
        raise table.wrong("base_url", str(error)) from error
    wire = table.text("wire") if "wire" in table.values else DEFAULT_WIRE
    if wire not in WIRES:
        raise table.wrong("wire", f"There is no wire {wire!r}.", nearest(wire, WIRES) or f"Wires are {', '.join(WIRES)}.")
    endpoint = Endpoint(
        name=name,
        wire=wire,
        base_url=url,
        model=table.text("model"),
        headers=_headers(table.table("headers")),
        api_key_env=table.text("api_key_env", "the name of a variable"),
    )
    if problem := plain_key(endpoint):
        raise table.wrong("base_url", problem)
    return endpoint


def _headers(table: Table) -> tuple[tuple[str, str], ...]:
    for name in table.values:
        if not HEADER_NAME.fullmatch(name):
            raise table.wrong(name, f"{name!r} can't be the name of a header.")
        value = table.text(name)
        if not (value.isascii() and value.isprintable()):
            raise table.wrong(name, f"The header {name} must be printable ASCII.")
    return tuple((name, table.text(name)) for name in table.values)
