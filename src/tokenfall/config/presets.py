"""Services that need no table: where they answer, what they speak, and the variable that usually holds their key.

The addresses are those of the services' documentation as it stood in 2026.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tokenfall.config.rows import Endpoint
from tokenfall.config.urls import origin
from tokenfall.wire import WIRES


@dataclass(frozen=True, slots=True)
class Way:
    wire: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Preset:
    """`ways` are the best first, and what most servers speak that act as this service last. Of `key_variables` the first that is
    set counts."""

    name: str
    ways: tuple[Way, ...]
    key_variables: tuple[str, ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        way = self.ways[0]
        return Endpoint(self.name, way.wire, way.base_url, api_key_env=next(iter(self.key_variables), ""))

    def overridden(self, wire: str | None, base_url: str | None) -> Endpoint:
        """With the wire or the address of the user's own. The key stays behind where the address is another's."""
        path = urlsplit(base_url or "").path
        own = base_url is None or origin(base_url) in {origin(way.base_url) for way in self.ways}
        ways = [way for way in self.ways if wire in {None, way.wire}] or self.ways
        if base_url is not None:
            ways = [way for way in ways if urlsplit(way.base_url).path == path] or ways
        way = ways[0 if own else -1]
        endpoint = replace(self.endpoint, wire=wire or way.wire, base_url=base_url or way.base_url)
        return endpoint if own else replace(endpoint, api_key_env="")

    def key_variable(self, named: str, env: Mapping[str, str]) -> str:
        """The one that is named; where that is the usual one and not set, another that the service's key is found in."""
        if named not in self.key_variables[:1]:
            return named
        return next((name for name in self.key_variables if env.get(name, "").strip()), named)


_ROWS = (
    Preset(
        "openai",
        (Way("openai-responses", "https://api.openai.com/v1"), Way("openai-chat", "https://api.openai.com/v1")),
        ("OPENAI_API_KEY",),
    ),
    Preset("anthropic", (Way("anthropic", "https://api.anthropic.com/v1"),), ("ANTHROPIC_API_KEY",)),
    Preset(
        "gemini",
        (Way("gemini", "https://generativelanguage.googleapis.com/v1beta"),),
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ),
    Preset("openrouter", (Way("openai-chat", "https://openrouter.ai/api/v1"),), ("OPENROUTER_API_KEY",)),
    Preset("groq", (Way("openai-chat", "https://api.groq.com/openai/v1"),), ("GROQ_API_KEY",)),
    Preset("mistral", (Way("openai-chat", "https://api.mistral.ai/v1"),), ("MISTRAL_API_KEY",)),
    Preset("deepseek", (Way("openai-chat", "https://api.deepseek.com"),), ("DEEPSEEK_API_KEY",)),
    Preset("xai", (Way("openai-chat", "https://api.x.ai/v1"),), ("XAI_API_KEY",)),
    Preset("ollama", (Way("ollama", "http://127.0.0.1:11434"), Way("openai-chat", "http://127.0.0.1:11434/v1"))),
    Preset("lmstudio", (Way("openai-chat", "http://127.0.0.1:1234/v1"),)),
    Preset("llamacpp", (Way("openai-chat", "http://127.0.0.1:8080/v1"),)),
    Preset("vllm", (Way("openai-chat", "http://127.0.0.1:8000/v1"),)),
)


def served(wires: Collection[str]) -> Mapping[str, Preset]:
    """The services that these wires reach."""
    rows = [replace(row, ways=tuple(way for way in row.ways if way.wire in wires)) for row in _ROWS]
    return {row.name: row for row in rows if row.ways}


PRESETS = served(WIRES)


def unconfigured(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """The presets that none of these takes the name of; they have no keys yet."""
    taken = {endpoint.name for endpoint in endpoints}
    return tuple(preset.endpoint for preset in PRESETS.values() if preset.name not in taken)


def service_at(base_url: str) -> str:
    """The name of the preset that has this address for its own; "" for none."""
    there = origin(base_url)
    return next((name for name, preset in PRESETS.items() if there in {origin(way.base_url) for way in preset.ways}), "")


def over(endpoint: Endpoint, wire: str) -> Endpoint:
    """The endpoint by another wire: at a preset's own address, where that is spoken."""
    preset = PRESETS.get(endpoint.name)
    if preset is None or endpoint.base_url not in {way.base_url for way in preset.ways}:
        return replace(endpoint, wire=wire)
    return replace(endpoint, wire=wire, base_url=preset.overridden(wire, None).base_url)


def key_variable(endpoint: Endpoint, env: Mapping[str, str]) -> str:
    preset = PRESETS.get(endpoint.name)
    if preset is None or service_at(endpoint.base_url) != preset.name:
        return endpoint.api_key_env
    return preset.key_variable(endpoint.api_key_env, env)
