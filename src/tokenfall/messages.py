"""What is said: messages made of parts, and the request that carries them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["user", "assistant"]

EndState = Literal["complete", "stopped", "length", "refused", "cut_off", "failed"]
"""How a reply ended: by itself, by the user, at the token limit, refused or filtered,
broken off after the first token, or failed before it."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought aloud; shown, never resent as an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for. `arguments` is their JSON text as it came, which may be broken."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that goes along with a question; `media_type` as in "image/png"."""

    media_type: str
    data: bytes = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is no picture and no text, such as "application/pdf", for the wires that take it."""

    media_type: str
    data: bytes = field(repr=False)
    name: str = ""


Part = Text | Reasoning | ToolCall | Image | File


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of one speaker. `state` and `model` belong to replies and are None and "" on a user's message."""

    role: Role
    parts: tuple[Part, ...]
    state: EndState | None = None
    model: str = ""

    @property
    def text(self) -> str:
        """The text parts joined, exactly as they came; reasoning left out."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def user_message(text: str) -> Message:
    return Message("user", (Text(text),))


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a model. `system` is "" when there is none; the limits are None when the service is to choose.
    `schema` is the JSON schema that the reply must follow, where there is one."""

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    schema: Mapping[str, object] | None = None
