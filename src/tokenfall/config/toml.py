"""TOML whose mistakes are told with file and line."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn, TypeVar

from tokenfall.config.words import nearest
from tokenfall.errors import ConfigError

_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")

_Default = TypeVar("_Default", int, None)


def parse(path: Path, raw: bytes) -> "Table":
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
    return Table(Source(path, text), (), values)


def dotted(keys: Sequence[str]) -> str:
    """As TOML writes it: what is no bare key stands in quotes."""
    return ".".join(key if _BARE.fullmatch(key) else f'"{key}"' for key in keys)


@dataclass(frozen=True)
class Source:
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
class Table:
    """A TOML table that knows where it stands, and reads its values by type; each reader raises ConfigError."""

    source: Source
    keys: tuple[str, ...]
    values: dict[str, object]

    def wrong(self, key: str, problem: str, advice: str = "") -> ConfigError:
        return ConfigError(f"{self.source.path}, line {self.source.line((*self.keys, key))}: {problem}", advice)

    @property
    def name(self) -> str:
        return dotted(self.keys)

    def expect(self, key: str, expected: str) -> NoReturn:
        raise self.wrong(key, f"{dotted((*self.keys, key))} must be {expected}.")

    def only(self, known: Sequence[str]) -> None:
        for key in self.values:
            if key not in known:
                place = f"a setting of [{self.name}]" if self.keys else "a setting"
                raise self.wrong(key, f"{key!r} is not {place}.", nearest(key, known) or f"Expected one of {', '.join(known)}.")

    def text(self, key: str, expected: str = "text in quotes", default: str = "") -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str):
            self.expect(key, expected)
        return value

    def path(self, key: str, expected: str) -> Path | None:
        """Relative ones begin at the file's own folder."""
        text = self.text(key, expected)
        try:
            path = Path(text).expanduser()
        except RuntimeError as error:  # ~name, of nobody here
            raise self.wrong(key, f"There is no home folder for {text!r}.") from error
        if "\0" in text:
            self.expect(key, expected)
        return self.source.path.parent / path if text else None

    def count(self, key: str, least: int, most: int | None = None, *, default: _Default) -> int | _Default:
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
            self.expect(key, f"a whole number, {least} or more" if most is None else f"a whole number from {least} to {most}")
        return value

    def seconds(self, key: str) -> float:
        value = self.values.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value <= 0:
            self.expect(key, "a number of seconds, more than 0")
        return float(value)

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

    def table(self, key: str) -> "Table":
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.expect(key, f"a table, [{dotted((*self.keys, key))}]")
        return Table(self.source, (*self.keys, key), value)
