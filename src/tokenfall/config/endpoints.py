"""The tables of endpoints in config.toml, read."""

import math
import re
from dataclasses import fields, replace
from urllib.parse import urlsplit

from tokenfall.config.keys import key_source
from tokenfall.config.presets import PRESETS
from tokenfall.config.rows import DEFAULT_WIRE, HEADER_NAME, LOCAL, NO_PROXY, Deadlines, Endpoint
from tokenfall.config.toml import Table
from tokenfall.config.urls import base_url, plain_key
from tokenfall.config.words import nearest
from tokenfall.wire import WIRES

RETRIES = 10
"""As many as may be asked for: with the pauses between them, more than a person waits for."""

ENDPOINT_KEYS = (
    *("wire", "base_url", "model", "api_key_env", "headers", "extra_body", "proxy", "ca_file", "retries", "insecure_http"),
    *("deadlines", "api_key_command", "api_key_keyring", "api_key_file"),
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PROXY = f'the URL of a proxy, such as "http://proxy.example:3128", or "{NO_PROXY}"'
_PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


def endpoint(rows: Table, name: str) -> Endpoint:
    if not _NAME.fullmatch(name) or name == LOCAL:
        reason = "the embedded model has that name" if name == LOCAL else "it takes letters, digits, dot, - and _"
        raise rows.wrong(name, f"{name!r} can't be an endpoint's name: {reason}.")
    table = rows.table(name)
    table.only(ENDPOINT_KEYS)
    base = _base(rows, table, name)
    source = key_source(table)
    row = replace(
        base,
        model=table.text("model", default=base.model),
        headers=_headers(table.table("headers")),
        api_key_env="" if source else table.text("api_key_env", "the name of a variable", default=base.api_key_env),
        deadlines=_deadlines(table.table("deadlines")),
        extra_body=_extra_body(table.table("extra_body")),
        proxy=_proxy(table),
        ca_file=table.path("ca_file", "the path of a file with certificates"),
        retries=table.count("retries", 0, RETRIES, default=base.retries),
        insecure_http=table.flag("insecure_http", False),
        api_key_from=source,
    )
    if problem := plain_key(row, "insecure_http = true"):
        raise table.wrong("base_url", problem)
    return row


def _base(rows: Table, table: Table, name: str) -> Endpoint:
    """What the table says of wire and address, and of the rest what a preset of that name does."""
    wire = _wire(table) if "wire" in table.values else None
    url = _base_url(table) if "base_url" in table.values else None
    preset = PRESETS.get(name)
    if preset is not None:
        return preset.overridden(wire, url)
    if url is None:
        raise rows.wrong(name, f"[endpoints.{name}] has no base_url.", 'Expected base_url = "https://...".')
    return Endpoint(name, wire or DEFAULT_WIRE, url)


def _base_url(table: Table) -> str:
    try:
        return base_url(table.text("base_url", 'a URL, such as "https://api.example.com/v1"'))
    except ValueError as error:
        raise table.wrong("base_url", str(error)) from error


def _wire(table: Table) -> str:
    wire = table.text("wire")
    if wire not in WIRES:
        raise table.wrong("wire", f"There is no wire {wire!r}.", nearest(wire, WIRES) or f"Wires are {', '.join(WIRES)}.")
    return wire


def _headers(table: Table) -> tuple[tuple[str, str], ...]:
    for name in table.values:
        if not HEADER_NAME.fullmatch(name):
            raise table.wrong(name, f"{name!r} can't be the name of a header.")
        value = table.text(name)
        if not (value.isascii() and value.isprintable()):
            raise table.wrong(name, f"The header {name} must be printable ASCII.")
    return tuple((name, table.text(name)) for name in table.values)


def _deadlines(table: Table) -> Deadlines:
    names = tuple(each.name for each in fields(Deadlines))
    table.only(names)
    return Deadlines(**{name: table.seconds(name) for name in names if name in table.values})


def _extra_body(table: Table) -> dict[str, object]:
    for key, value in table.values.items():
        if not _is_json(value):
            table.expect(key, "what JSON can hold: text, numbers, true or false, lists and tables")
    return table.values


def _is_json(value: object) -> bool:
    match value:
        case dict():
            return all(map(_is_json, value.values()))
        case list():
            return all(map(_is_json, value))
        case float():
            return math.isfinite(value)
        case _:
            return isinstance(value, str | int)  # not the times and dates of TOML


def _proxy(table: Table) -> str:
    """The message never repeats the value, which may hold a password."""
    text = table.text("proxy", _PROXY)
    if text in {"", NO_PROXY}:
        return text
    try:
        parts = urlsplit(text)
        fit = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fit = False
    if not fit or not text.isascii() or not text.isprintable() or " " in text:
        table.expect("proxy", _PROXY)
    return text
