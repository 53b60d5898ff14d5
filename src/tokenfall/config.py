"""Configuration: TOML and options to frozen rows.

`load` reads config.toml, `settings` joins it with the command line and the environment. In the file:

    model = "groq/llama-3.3-70b"      ENDPOINT/NAME, an endpoint alone, or a NAME on the first endpoint; "local" is the embedded model
    model_file = "~/models/x.gguf"    what "local" runs
    system, max_tokens, temperature, theme, mouse
    repaint = "changes"               or "full": changed rows are sent whole, and nothing is scrolled
    follow = "end"                    or "start": the start of a reply stays in view while it grows
    reduced_motion = false            or true: figures on the status line move once a second
    [keys]                            action = "key" or "key,key"
    [endpoints.groq]                  base_url, wire, model, api_key_env, headers
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from tokenfall.errors import ConfigError, UserError
from tokenfall.wire import WIRES

LOCAL = "local"
"""The endpoint name that stands for the embedded model."""
LOCAL_MODEL = "smollm2"
DEFAULT_WIRE = "openai-chat"
CONFIG_FILE = "config.toml"

Repaint = Literal["changes", "full"]
REPAINTS: tuple[Repaint, ...] = ("changes", "full")

Follow = Literal["end", "start"]
FOLLOWS: tuple[Follow, ...] = ("end", "start")

_FILE_KEYS = (
    *("model", "model_file", "system", "max_tokens", "temperature", "theme", "mouse", "repaint", "follow", "reduced_motion"),
    *("keys", "endpoints"),
)
_ENDPOINT_KEYS = ("wire", "base_url", "model", "api_key_env", "headers")
_ENDPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2, token
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-goog-api-key"})
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


_Word = TypeVar("_Word", bound=str)


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
    that the key is read from, "" for none: `api_key` is None beside it when that variable is not set.

    `extra_body` is joined to the JSON body of every request, table by table, and wins over what the wire wrote. `proxy` is a URL,
    "" for the environment's, "none" for none. `ca_file` holds certificates that are trusted beside the system's. `retries` is how
    often a request that failed before its first token is sent again."""

    name: str
    wire: str
    base_url: str
    model: str = ""
    api_key: Secret | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_key_env: str = ""
    deadlines: Deadlines = Deadlines()
    extra_body: Mapping[str, object] = field(default_factory=dict, hash=False)
    proxy: str = ""
    ca_file: Path | None = None
    retries: int = 2


@dataclass(frozen=True, slots=True)
class Folders:
    config: Path
    data: Path
    state: Path

    @property
    def config_file(self) -> Path:
        return self.config / CONFIG_FILE


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; None where it says nothing."""

    model: str | None = None
    base_url: str | None = None
    wire: str | None = None
    api_key_env: str | None = None
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


@dataclass(frozen=True, slots=True)
class Settings:
    """File and options joined. `endpoint` is None for the embedded model, which runs `model_file` or, where that is
    None, the weights that are installed; `theme` is "" when the terminal is to choose."""

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

    @property
    def known(self) -> tuple[Endpoint, ...]:
        """The configured endpoints, and `endpoint` as the options made it: in its own place, or last when it is not configured."""
        target = self.endpoint
        if target is None:
            return self.endpoints
        rows = tuple(target if each.name == target.name else each for each in self.endpoints)
        return rows if target in rows else (*rows, target)


def folders(env: Mapping[str, str]) -> Folders:
    """The user's folders by the platform's rules, unless TOKENFALL_CONFIG and TOKENFALL_DATA name others;
    the state then lives under the data."""
    import platformdirs

    def place(variable: str, default: Path) -> Path:
        return Path(env[variable]).expanduser().absolute() if env.get(variable) else default

    data = place("TOKENFALL_DATA", platformdirs.user_data_path("tokenfall", appauthor=False))
    state = data / "state" if env.get("TOKENFALL_DATA") else platformdirs.user_state_path("tokenfall", appauthor=False)
    return Folders(place("TOKENFALL_CONFIG", platformdirs.user_config_path("tokenfall", appauthor=False)), data, state)


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
    return _file_config(_parse(path, raw))


def settings(options: Options, file: FileConfig, env: Mapping[str, str], where: Folders) -> Settings:
    """Raises UserError for options that contradict one another, name what isn't there, or need a variable that isn't set."""
    endpoints = tuple(_with_key(endpoint, env) for endpoint in file.endpoints)
    endpoint, model_file = _target(options, file, endpoints, env)
    return Settings(
        folders=where,
        endpoint=endpoint,
        model_file=model_file,
        endpoints=endpoints,
        system=file.system if options.system is None else options.system,
        max_tokens=options.max_tokens or file.max_tokens,
        temperature=file.temperature if options.temperature is None else options.temperature,
        theme=options.theme or file.theme,
        mouse=file.mouse,
        keys=file.keys,
        repaint=options.repaint or file.repaint,
        follow=file.follow,
        reduced_motion=file.reduced_motion,
    )


def choose(text: str, endpoints: Sequence[Endpoint], current: Endpoint | None) -> Endpoint | None:
    """The endpoint that ENDPOINT/NAME, an endpoint's name alone, or a bare model NAME (on the `current` one) means;
    None is the embedded model. Raises UserError when nothing is meant, or when the endpoint's key is not set."""
    meant = _meant(text, endpoints, current)
    return meant and _ready(meant)


def _meant(text: str, endpoints: Sequence[Endpoint], current: Endpoint | None) -> Endpoint | None:
    head, slash, tail = text.partition("/")
    named = {endpoint.name: endpoint for endpoint in endpoints}
    if head in named:
        return replace(named[head], model=tail) if tail else named[head]
    if head == LOCAL:
        if tail in {"", LOCAL_MODEL}:
            return None
        advice = f"It is called {LOCAL}/{LOCAL_MODEL}; --model-file runs a file of your own."
        raise UserError(f"There is no embedded model {tail!r}.", advice)
    if text and not slash and current is not None:
        return replace(current, model=text)
    known = [*named, LOCAL]
    advice = _nearest(head, known) or f"Endpoints are {', '.join(known)}."
    raise UserError(f"There is no endpoint {head!r}.", f"{advice} --base-url URL names a server that is not configured.")


def base_url(text: str) -> str:
    """The URL without trailing slashes. Raises ValueError with a sentence that never repeats what may be a password."""
    if any(ord(char) <= 32 or ord(char) == 127 for char in text):
        raise ValueError("A base URL has no spaces or control characters.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"This is not a URL ({error}).") from error
    if "@" in parts.netloc:
        raise ValueError("A base URL holds no user name or password; name the variable with the key (api_key_env, --api-key-env).")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(f"Expected a URL such as http://127.0.0.1:8080/v1 or https://api.example.com/v1, not {text!r}.")
    if parts.query or parts.fragment:
        raise ValueError(f"A base URL ends before ? and #, so {text!r} is not one.")
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    import ipaddress

    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, section 6.3
    return address.is_loopback or address.is_unspecified


def _target(
    options: Options, file: FileConfig, endpoints: tuple[Endpoint, ...], env: Mapping[str, str]
) -> tuple[Endpoint | None, Path | None]:
    """Which endpoint answers (None: the embedded model), and the model file that the embedded model is to run."""
    if options.base_url is not None:
        if options.model_file is not None:
            raise UserError("--base-url names a server and --model-file a model on this machine.", "Give one of them.")
        return _unconfigured(options, env), file.model_file
    if options.model_file is not None:
        if options.model not in {None, LOCAL}:
            raise UserError("--model-file runs a model on this machine, and --model names another.", "Give one of them.")
        endpoint = None
    else:
        endpoint = _chosen(options.model, file, endpoints)
    if endpoint is None:
        if options.wire is not None or options.api_key_env is not None:
            problem = "--wire and --api-key-env are for a server, and the embedded model is chosen."
            raise UserError(problem, "Add --base-url URL or -m ENDPOINT.")
        wanted = options.model or file.model
        own = options.model_file or (None if wanted == f"{LOCAL}/{LOCAL_MODEL}" else file.model_file)
        return None, own
    if options.api_key_env is not None:
        endpoint = _with_key(replace(endpoint, api_key_env=options.api_key_env), env)
    return _safe(_ready(replace(endpoint, wire=options.wire or endpoint.wire))), file.model_file


def _chosen(model: str | None, file: FileConfig, endpoints: tuple[Endpoint, ...]) -> Endpoint | None:
    """Without an option: the file's `model`, else its first endpoint, unless it names a model file."""
    first = endpoints[0] if endpoints else None
    default = _meant(file.model, endpoints, first) if file.model else None
    if model is not None:
        return _meant(model, endpoints, default or first)
    if file.model or file.model_file is not None:
        return default
    return first


def _unconfigured(options: Options, env: Mapping[str, str]) -> Endpoint:
    try:
        url = base_url(options.base_url or "")
    except ValueError as error:
        raise UserError(f"--base-url: {error}") from error
    endpoint = Endpoint(
        name=urlsplit(url).netloc,
        wire=options.wire or DEFAULT_WIRE,
        base_url=url,
        model=options.model or "",
        api_key_env=options.api_key_env or "",
    )
    return _safe(_ready(_with_key(endpoint, env)))


def _with_key(endpoint: Endpoint, env: Mapping[str, str]) -> Endpoint:
    value = env.get(endpoint.api_key_env, "").strip() if endpoint.api_key_env else ""
    fit = value.isascii() and value.isprintable() and " " not in value  # what a header can carry
    return replace(endpoint, api_key=Secret(value) if value and fit else None)


def _ready(endpoint: Endpoint) -> Endpoint:
    if endpoint.api_key_env and endpoint.api_key is None:
        raise UserError(
            f"The key for {endpoint.name} is read from the variable {endpoint.api_key_env}, which is not set or holds no key.",
            f"Set it with: export {endpoint.api_key_env}=...",
        )
    return endpoint


def _safe(endpoint: Endpoint) -> Endpoint:
    if problem := _plain_key(endpoint):
        raise UserError(problem)
    return endpoint


def _plain_key(endpoint: Endpoint) -> str:
    """Why the endpoint's key must not travel, or ""."""
    keyed = endpoint.api_key_env or any(name.lower() in _SECRET_HEADERS for name, _ in endpoint.headers)
    if keyed and endpoint.base_url.lower().startswith("http:") and not is_loopback(endpoint.base_url):
        return f"A key would travel unencrypted to {urlsplit(endpoint.base_url).netloc}; use https, or send no key."
    return ""


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""


# ── the file ────────────────────────────────────────────────────────────────


def _parse(path: Path, raw: bytes) -> "_Table":
    import tomllib

    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: this is not UTF-8 text, which TOML has to be.") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        place = _TOML_PLACE.search(reason)
        line_and_column = f"{place[1]}, column {place[2]}" if place and place[1] else str(text.rstrip("\n").count("\n") + 1)
        problem = f"{path}, line {line_and_column}: {_TOML_PLACE.sub('', reason)}."
        raise ConfigError(problem, "TOML is expected: key = value, with text in quotes.") from error
    except RecursionError as error:
        raise ConfigError(f"{path}, line 1: this is nested too deep to be settings.") from error
    return _Table(_Source(path, text), (), values)


@dataclass(frozen=True)
class _Source:
    path: Path
    text: str

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.replace("\r\n", "\n").split("\n")

    def line(self, keys: tuple[str, ...]) -> int:
        """Where the statement that first brings this key begins: after the longest beginning of the file that is TOML without the key."""
        import tomllib

        begins = 1
        for count in range(1, len(self._lines) + 1):
            try:
                values: object = tomllib.loads("\n".join(self._lines[:count]))
            except tomllib.TOMLDecodeError:
                continue
            for key in keys:
                values = values.get(key) if isinstance(values, dict) else None
            if values is not None:
                break
            begins = count + 1
        return begins


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table that knows where it stands, and reads its values by type; each reader raises ConfigError."""

    source: _Source
    keys: tuple[str, ...]
    values: dict[str, object]

    def wrong(self, key: str, problem: str, advice: str = "") -> ConfigError:
        return ConfigError(f"{self.source.path}, line {self.source.line((*self.keys, key))}: {problem}", advice)

    def expect(self, key: str, expected: str) -> NoReturn:
        name = ".".join((*self.keys, key))
        raise self.wrong(key, f"{name} must be {expected}.")

    def only(self, known: Sequence[str]) -> None:
        for key in self.values:
            if key not in known:
                place = f"a setting of [{'.'.join(self.keys)}]" if self.keys else "a setting"
                raise self.wrong(key, f"{key!r} is not {place}.", _nearest(key, known) or f"Expected one of {', '.join(known)}.")

    def text(self, key: str, expected: str = "text in quotes") -> str:
        value = self.values.get(key, "")
        if not isinstance(value, str):
            self.expect(key, expected)
        return value

    def count(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.expect(key, "a whole number, 1 or more")
        return value

    def number(self, key: str) -> float | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
            self.expect(key, "a number, 0 or more")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.expect(key, "true or false")
        return value

    def table(self, key: str) -> "_Table":
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.expect(key, f"a table, [{'.'.join((*self.keys, key))}]")
        return _Table(self.source, (*self.keys, key), value)


def _file_config(table: _Table) -> FileConfig:
    table.only(_FILE_KEYS)
    rows = table.table("endpoints")
    endpoints = tuple(_endpoint(rows, name) for name in rows.values)
    model = table.text("model", '"ENDPOINT/NAME" or "NAME"')
    if model:
        try:
            _meant(model, endpoints, endpoints[0] if endpoints else None)
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


def _one_of(table: _Table, key: str, words: tuple[_Word, ...]) -> _Word:
    """The first where the file says nothing."""
    expected = " or ".join(f'"{word}"' for word in words)
    named = table.text(key, expected) or words[0]
    known = next((word for word in words if word == named), None)
    return known or table.expect(key, expected)


def _keys(table: _Table, action: str) -> str:
    names = [name.strip() for name in table.text(action, 'a key or several, such as "ctrl+x" or "ctrl+x,f2"').split(",")]
    if not all(names):
        table.expect(action, 'a key or several, such as "ctrl+x" or "ctrl+x,f2"')
    return ",".join(names)


def _endpoint(rows: _Table, name: str) -> Endpoint:
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
        raise table.wrong("wire", f"There is no wire {wire!r}.", _nearest(wire, WIRES) or f"Wires are {', '.join(WIRES)}.")
    endpoint = Endpoint(
        name=name,
        wire=wire,
        base_url=url,
        model=table.text("model"),
        headers=_headers(table.table("headers")),
        api_key_env=table.text("api_key_env", "the name of a variable"),
    )
    if problem := _plain_key(endpoint):
        raise table.wrong("base_url", problem)
    return endpoint


def _headers(table: _Table) -> tuple[tuple[str, str], ...]:
    for name in table.values:
        if not HEADER_NAME.fullmatch(name):
            raise table.wrong(name, f"{name!r} can't be the name of a header.")
        value = table.text(name)
        if not (value.isascii() and value.isprintable()):
            raise table.wrong(name, f"The header {name} must be printable ASCII.")
    return tuple((name, table.text(name)) for name in table.values)
