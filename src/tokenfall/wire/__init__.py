"""The wires: what leaves for a service and what comes back. No I/O in here.

A wire is a row in `WIRES`: an encoder, a decoder and its paths under the endpoint's base URL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tokenfall.messages import Request
from tokenfall.wire import openai_chat
from tokenfall.wire.frames import Decoder, Frame

__all__ = ["WIRES", "Decoder", "Frame", "Wire"]


@dataclass(frozen=True, slots=True)
class Wire:
    """`encode` gives the JSON body of a request; `models` reads the names out of the JSON of a model list."""

    name: str
    path: str
    models_path: str
    encode: Callable[[Request], dict[str, object]]
    decoder: Callable[[], Decoder]
    models: Callable[[object], list[str]]


WIRES: Mapping[str, Wire] = {
    wire.name: wire
    for wire in (
        Wire(
            "openai-chat",
            "/chat/completions",
            "/models",
            openai_chat.encode,
            openai_chat.ChatDecoder,
            openai_chat.model_names,
        ),
    )
}
