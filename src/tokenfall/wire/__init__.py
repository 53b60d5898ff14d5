"""The wires: what leaves for a service and what comes back. No I/O in here.

A wire is a row in `WIRES`: an encoder, a decoder, its paths under the endpoint's base URL, how its replies are framed and where the
key goes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tokenfall.messages import Request
from tokenfall.wire import anthropic, gemini, ollama, openai_chat, openai_responses
from tokenfall.wire.frames import Decoder, Frame

__all__ = ["WIRES", "Decoder", "Frame", "Framing", "Wire"]

Framing = Literal["sse", "ndjson"]


@dataclass(frozen=True, slots=True)
class Wire:
    """`encode` gives the JSON body of a request, `path` the path and query that it is posted to, for a model's name; `models` reads
    the names out of the JSON of a model list. The key travels in `key_header`, behind `key_prefix`."""

    name: str
    path: Callable[[str], str]
    models_path: str
    encode: Callable[[Request], dict[str, object]]
    decoder: Callable[[], Decoder]
    models: Callable[[object], list[str]]
    framing: Framing = "sse"
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)


WIRES: Mapping[str, Wire] = {
    wire.name: wire
    for wire in (
        Wire(
            "openai-chat",
            openai_chat.path,
            "/models",
            openai_chat.encode,
            openai_chat.ChatDecoder,
            openai_chat.model_names,
        ),
        Wire(
            "openai-responses",
            openai_responses.path,
            "/models",
            openai_responses.encode,
            openai_responses.ResponsesDecoder,
            openai_responses.model_names,
        ),
        Wire(
            "anthropic",
            anthropic.path,
            "/models?limit=1000",
            anthropic.encode,
            anthropic.MessagesDecoder,
            anthropic.model_names,
            key_header="x-api-key",
            key_prefix="",
            headers={"anthropic-version": "2023-06-01"},
        ),
        Wire(
            "gemini",
            gemini.path,
            "/models?pageSize=1000",
            gemini.encode,
            gemini.ContentDecoder,
            gemini.model_names,
            key_header="x-goog-api-key",
            key_prefix="",
        ),
        Wire(
            "ollama",
            ollama.path,
            "/api/tags",
            ollama.encode,
            ollama.ChatDecoder,
            ollama.model_names,
            framing="ndjson",
        ),
    )
}
