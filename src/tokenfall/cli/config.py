"""The configuration file: what holds, whether it is right, and a first one. What is secret is never printed."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import assert_never
from urllib.parse import urlsplit

from tokenfall import config
from tokenfall.config import Deadlines, Endpoint, FileConfig, Folders, Model, Options, Settings
from tokenfall.config.rows import KeyCommand, KeyFile, KeyringEntry
from tokenfall.errors import UserError
from tokenfall.filters import visible

Lines = Iterator[tuple[str, str]]
"""A setting's name and what it is; ("", "") is an empty line."""

_COLUMN = 15
_LATER = "asked when the key is first needed"


def init(where: Folders) -> str:
    """Writes a file in which every setting is a comment. Raises UserError where there is one, or where none can be written."""
    path = where.config_file
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("x", encoding="utf-8") as file:
            file.write(config.default_file())
    except OSError as error:
        if path.exists():
            raise UserError(f"{path} is there already, and stays as it is.", "Move it away to get a new one.") from error
        raise UserError(f"{path} can't be written: {error.strerror}.") from error
    return f"{path} is written. Every setting in it is a comment yet."


def check(where: Folders) -> str:
    """Raises ConfigError for a file that is not right."""
    config.load(where)
    path = where.config_file
    return f"{path} is fine." if path.exists() else f"There is no {path}, and none is needed."


def show(options: Options, env: Mapping[str, str], where: Folders) -> str:
    """What holds with these options. Raises UserError for a file that is not right."""
    file = config.load(where)
    found, answers = _in_force(options, file, env, where)
    rows = (*_whole(found, answers), *(line for each in found.endpoints for line in _endpoint(each)))
    rows += (*(line for row in found.models for line in _model(row)), *_presets(found))
    return visible("\n".join(f"{name:<{_COLUMN}} {value}".rstrip() for name, value in rows))


def _in_force(options: Options, file: FileConfig, env: Mapping[str, str], where: Folders) -> tuple[Settings, str]:
    """And the name of the model that answers, or why none does: what is missing for it must not hide the rest."""
    try:
        found = config.settings(options, file, env, where)
    except UserError as error:
        rest = replace(options, model=config.LOCAL, base_url=None, wire=None, api_key_env=None)
        return config.settings(rest, file, env, where), f"none yet: {error}"
    endpoint = found.endpoint
    if endpoint is None:
        return found, f"{config.LOCAL}/{found.model_file.name if found.model_file else config.LOCAL_MODEL}"
    return found, f"{endpoint.name}/{endpoint.model}" if endpoint.model else f"{endpoint.name}, the first model that it lists"


def _whole(found: Settings, answers: str) -> Lines:
    path = found.folders.config_file
    yield "file", str(path) if path.exists() else f"{path}, which is not there"
    yield "model", answers
    if found.model_file is not None:
        yield "model_file", str(found.model_file)
    yield "system", _text(found.system)
    yield "max_tokens", _given(found.max_tokens)
    yield "temperature", _given(found.temperature)
    yield "theme", found.theme or "by the terminal's background"
    yield "mouse", _flag(found.mouse)
    yield "repaint", found.repaint
    yield "follow", found.follow
    yield "reduced_motion", _flag(found.reduced_motion)
    for action, keys in found.keys.items():
        yield f"keys.{action}", keys


def _endpoint(endpoint: Endpoint) -> Lines:
    yield "", ""
    yield f"[endpoints.{endpoint.name}]", ""
    yield "base_url", endpoint.base_url
    yield "wire", endpoint.wire
    yield "key", _key(endpoint)
    if endpoint.model:
        yield "model", endpoint.model
    if endpoint.headers:
        yield "headers", ", ".join(name for name, _ in endpoint.headers)
    if endpoint.extra_body:
        yield "extra_body", ", ".join(endpoint.extra_body)
    if endpoint.proxy:
        yield "proxy", _proxy(endpoint.proxy)
    if endpoint.ca_file is not None:
        yield "ca_file", f"{endpoint.ca_file}{_absent(endpoint.ca_file)}"
    if endpoint.insecure_http:
        yield "insecure_http", _flag(True)
    if endpoint.retries != Endpoint("", "", "").retries:
        yield "retries", str(endpoint.retries)
    usual = Deadlines()
    for each in fields(Deadlines):
        seconds = getattr(endpoint.deadlines, each.name)
        if seconds != getattr(usual, each.name):
            yield each.name, f"{seconds:g} s"


def _model(row: Model) -> Lines:
    yield "", ""
    yield f'[models."{row.name}"]', ""
    for name in ("context", "max_tokens", "temperature", "price_input", "price_output", "price_cached"):
        value = getattr(row, name)
        if value is not None:
            yield name, f"{value:g} USD per million" if name.startswith("price") else str(value)


def _presets(found: Settings) -> Lines:
    yield "", ""
    yield "Without a table:", ""
    for endpoint in found.presets:
        yield endpoint.name, f"{endpoint.base_url}  key: {_key(endpoint)}"


def _key(endpoint: Endpoint) -> str:
    """Where it is, and whether it is there."""
    match endpoint.api_key_from:
        case None if endpoint.api_key_env:
            return f"${endpoint.api_key_env}, {'set' if endpoint.api_key else 'not set'}"
        case None:
            return "none"
        case KeyCommand(name):
            return f"by the command {name}, {_LATER}"
        case KeyringEntry(service, user):
            there = importlib.util.find_spec("keyring") is not None
            return f"{service}/{user} in the system keyring, {_LATER if there else 'which needs the package keyring'}"
        case KeyFile(path):
            return _kept(endpoint) or f"in {path}, there"
        case _:
            assert_never(endpoint.api_key_from)


def _kept(endpoint: Endpoint) -> str:
    """Why the file can't give the key, or ""."""
    try:
        config.resolved(endpoint)
    except UserError as error:
        return str(error)
    return ""


def _absent(path: Path) -> str:
    return "" if path.exists() else ", which is not there"


def _proxy(url: str) -> str:
    """Without the name and password that it may hold."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc=f"...@{parts.netloc.rpartition('@')[2]}").geturl()


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text else "none"


def _given(value: float | None) -> str:
    return "left to the service" if value is None else f"{value:g}"


def _flag(value: bool) -> str:
    return str(value).lower()
