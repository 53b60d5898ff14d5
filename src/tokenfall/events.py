"""What happens during a turn.

A wire decoder yields `StreamEvent`s; the engine stamps them and yields `TurnEvent`s. Times are seconds on the
monotonic clock (`time.monotonic`), taken when the bytes were read.
"""

from dataclasses import dataclass, field
from typing import assert_never

from tokenfall.errors import TokenfallError
from tokenfall.messages import EndState, Message, Part, Reasoning, Text


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the service reports them; None where it says nothing."""

    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The service named the model that answers (its own name for it, which may differ from the one asked for)."""

    model: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class UsageReport:
    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """The model's own end of the reply, with its stop reason in our vocabulary."""

    state: EndState


@dataclass(frozen=True, slots=True)
class Faulted:
    """An error inside the stream: `message` is the service's own text."""

    message: str


@dataclass(frozen=True, slots=True)
class StreamDone:
    """The wire's end mark (`data: [DONE]`): nothing follows, though the connection may stay open."""


StreamEvent = ReplyStarted | TextDelta | ReasoningDelta | UsageReport | Finished | Faulted | StreamDone


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn waits for the embedded model to load; the request has not left."""

    at: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The request is on its way; TTFT counts from here."""

    at: float


@dataclass(frozen=True, slots=True)
class Streamed:
    """A stream event and the time its last byte was read."""

    at: float
    event: StreamEvent


@dataclass(frozen=True, slots=True)
class Ended:
    """The one last event of every turn. `reply` holds all that came; `error` says why when the state is not a good one."""

    at: float
    state: EndState
    reply: Message
    usage: Usage
    error: TokenfallError | None = None


TurnEvent = Waiting | Sent | Streamed | Ended


@dataclass(slots=True)
class Draft:
    """Folds stream events into a message. Deltas of one kind that follow each other become one part."""

    model: str
    usage: Usage = field(default_factory=Usage)
    finish: EndState | None = None
    _pieces: list[tuple[type[Text] | type[Reasoning], list[str]]] = field(default_factory=list)

    def add(self, event: StreamEvent) -> None:
        match event:
            case TextDelta(text):
                self._append(Text, text)
            case ReasoningDelta(text):
                self._append(Reasoning, text)
            case ReplyStarted(model):
                self.model = model or self.model
            case UsageReport(usage):
                self.usage = usage
            case Finished(state):
                self.finish = state
            case Faulted() | StreamDone():
                pass
            case _:
                assert_never(event)

    def _append(self, kind: type[Text] | type[Reasoning], text: str) -> None:
        if not self._pieces or self._pieces[-1][0] is not kind:
            self._pieces.append((kind, []))
        self._pieces[-1][1].append(text)

    @property
    def empty(self) -> bool:
        return not self._pieces

    def message(self, state: EndState) -> Message:
        """The reply so far. Surrogate pairs that two deltas split are joined; what is lone after that is replaced (U+FFFD)."""
        parts: tuple[Part, ...] = tuple(kind(whole_text("".join(texts))) for kind, texts in self._pieces)
        return Message("assistant", parts, state, self.model)


def whole_text(text: str) -> str:
    """Text that can be encoded: surrogate halves joined where they meet, replaced where they are alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
