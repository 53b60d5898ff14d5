"""What the settings come to, as frozen rows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tokenfall.config.prices import Model

LOCAL = "local"
"""The endpoint name that stands for the embedded model."""
LOCAL_MODEL = "smollm2"
DEFAULT_WIRE = "openai-chat"
NO_PROXY = "none"
"""An endpoint's `proxy` where there is to be none, whatever the environment says."""

Repaint = Literal["changes", "full"]
REPAINTS: tuple[Repaint, ...] = ("changes", "full")

Follow = Literal["end", "start"]
FOLLOWS: tuple[Follow, ...] = ("end", "start")

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2, token


class Secret:
    """A key. Its repr and str hide it; `reveal` gives it to the one place that sends it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """The key is the first line that it prints. `name` is what it is called in messages: its arguments may hold what is secret."""

    name: str
    argv: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyringEntry:
    service: str
    user: str


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The key is its first line; it is open to its owner only."""

    path: Path


KeySource = KeyCommand | KeyringEntry | KeyFile


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. Comments and half events are not progress: only events count."""

    connect: float = 5.0
    """A TCP or a TLS handshake; three round trips to the far side of the earth take one second."""
    first_event: float = 120.0
    """From sending to the first event: a long prompt on a slow machine, or a queue at a busy service."""
    between_events: float = 60.0
    """The slowest model that is of use is a hundred times faster."""
    whole: float = 3600.0
    """A reply of 64,000 tokens at 20 a second."""
    warn: float = 10.0
    """Without an event for so long, the user is told."""
    body: float = 10.0
    """An answer that is not streamed: an error's words, a list of models."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers. `base_url` has no trailing slash; `wire` is a key of `wire.WIRES`;
    `model` is "" when the first that the server lists is to be taken. `api_key_env` is the variable
    that the key is read from, "" for none: `api_key` is None beside it when that variable is not set. `api_key_from` is where else
    it is kept; `keys.resolved` takes it from there.

    `extra_body` is joined to the JSON body of every request, table by table, and wins over what the wire wrote. `proxy` is a URL,
    "" for the environment's, "none" for none. `ca_file` holds certificates that are trusted beside the system's. `retries` is how
    often a request that failed before its first token is sent again. With `insecure_http` a key may travel unencrypted."""

    name: str
    wire: str
    base_url: str
    model: str = ""
    api_key: Secret | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_key_env: str = ""
    deadlines: Deadlines = Deadlines()
    extra_body: Mapping[str, object] = field(default_factory=dict, hash=False)
    proxy: str = field(default="", repr=False)
    ca_file: Path | None = None
    retries: int = 2
    insecure_http: bool = False
    api_key_from: KeySource | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; None where it says nothing."""

    model: str | None = None
    base_url: str | None = None
    wire: str | None = None
    api_key_env: str | None = None
    insecure_http: bool | None = None
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    model_file: Path | None = None
    theme: str | None = None
    repaint: Repaint | None = None


@dataclass(frozen=True, slots=True)
class FileConfig:
    """What config.toml says. Its endpoints have no keys yet: the environment is read later."""

    model: str = ""
    model_file: Path | None = None
    system: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    theme: str = ""
    mouse: bool = True
    repaint: Repaint = "changes"
    follow: Follow = "end"
    reduced_motion: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    endpoints: tuple[Endpoint, ...] = ()
    models: tuple[Model, ...] = ()
