"""Configuration: TOML to frozen rows."""

from dataclasses import dataclass


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
class Endpoint:
    """Where a model answers. `base_url` has no trailing slash; `wire` is a key of `wire.WIRES`;
    `model` is "" when the first that the server lists is to be taken."""

    name: str
    wire: str
    base_url: str
    model: str = ""
    api_key: Secret | None = None
    headers: tuple[tuple[str, str], ...] = ()
