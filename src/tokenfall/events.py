"""What happens during a turn.

A wire decoder yields `StreamEvent`s; the engine stamps them and yields `TurnEvent`s. Times are seconds on the
monotonic clock (`time.monotonic`), taken when the bytes were read.
"""

from dataclasses import dataclass, field
from typing import assert_never

from tokenfall.errors import TokenfallError
from tokenfall.messages import EndState, Message, Part, Reasoning, Text, ToolCall


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the service reports them; None where it says nothing.

    `input_tokens` is all of the prompt, of which `cached_tokens` were read from a cache; `output_tokens` is all that was
    generated, of which `reasoning_tokens` were thought and not said. Services that count otherwise are converted by their wire.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None

    def joined(self, later: "Usage") -> "Usage":
        """What a later report says, and of what it says nothing, what was known before: some services tell it in parts."""
        return Usage(
            later.input_tokens if later.input_tokens is not None else self.input_tokens,
            later.output_tokens if later.output_tokens is not None else self.output_tokens,
            later.cached_tokens if later.cached_tokens is not None else self.cached_tokens,
            later.reasoning_tokens if later.reasoning_tokens is not None else self.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The service named the model that answers (its own name for it, which may differ from the one asked for), and the reply
    by an `id` that it knows again; each "" where it doesn't."""

    model: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call. `index` tells the calls of one reply apart. `id` and `name` are "" in a piece that doesn't tell
    them; `arguments` is the next piece of their JSON text."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What this report says; it completes or replaces what earlier ones said (`Usage.joined`)."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """The model's own end of the reply, with its stop reason in our vocabulary. `reason` is the service's own word for it."""

    state: EndState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Faulted:
    """An error inside the stream: `message` is the service's own text. `passing` says that the service, not the request, is in
    trouble (overloaded, out of capacity, a limit that time lifts), so that asking again may help."""

    message: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class StreamDone:
    """The wire's end mark (`data: [DONE]`): nothing follows, though the connection may stay open."""


StreamEvent = ReplyStarted | TextDelta | ReasoningDelta | ToolCallDelta | UsageReport | Finished | Faulted | StreamDone


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn waits for the embedded model to load; the request has not left."""

    at: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The request leaves, for the `attempt`th time, to `model`, as ENDPOINT/MODEL; TTFT counts from here."""

    at: float
    attempt: int = 1
    model: str = ""


@dataclass(frozen=True, slots=True)
class Phases:
    """When the steps of one request were done; None where there was no such step, as on a connection that was open already.

    `written` is when the request's last byte was handed to the system, `headers` when the head of the response was read.
    """

    connected: float | None = None
    tls: float | None = None
    written: float | None = None
    headers: float | None = None
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The headers of a response that is a reply are in."""

    at: float
    phases: Phases


@dataclass(frozen=True, slots=True)
class FirstByte:
    """The first byte of the reply's body was read; it may be of a comment."""

    at: float


@dataclass(frozen=True, slots=True)
class Stalled:
    """Nothing that counts has come since that time, which is longer than the endpoint's `warn`."""

    at: float
    since: float


@dataclass(frozen=True, slots=True)
class Retrying:
    """The `attempt`th attempt failed before a token came; the next begins at `until`. `why` says what happened."""

    at: float
    until: float
    attempt: int
    why: TokenfallError


@dataclass(frozen=True, slots=True)
class Streamed:
    """A stream event and the time its last byte was read."""

    at: float
    event: StreamEvent


@dataclass(frozen=True, slots=True)
class Ended:
    """The one last event of every turn. `reply` holds all that came; `error` says why when the state is not a good one. `reason` is
    the service's own word for the end; a complete reply without one may be cut off, which nobody can tell."""

    at: float
    state: EndState
    reply: Message
    usage: Usage
    error: TokenfallError | None = None
    reason: str = ""


TurnEvent = Waiting | Sent | Opened | FirstByte | Stalled | Retrying | Streamed | Ended


@dataclass(slots=True)
class _Said:
    kind: type[Text] | type[Reasoning]
    pieces: list[str]

    def part(self) -> Part:
        return self.kind(whole_text("".join(self.pieces)))


@dataclass(slots=True)
class _Call:
    index: int
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def part(self) -> Part:
        return ToolCall(self.id, self.name, whole_text("".join(self.arguments)))


@dataclass(slots=True)
class Draft:
    """Folds stream events into a message. Deltas of one kind that follow each other become one part."""

    model: str
    id: str = ""
    usage: Usage = field(default_factory=Usage)
    finish: EndState | None = None
    reason: str = ""
    _parts: list[_Said | _Call] = field(default_factory=list)

    def add(self, event: StreamEvent) -> None:
        match event:
            case TextDelta(text):
                self._append(Text, text)
            case ReasoningDelta(text):
                self._append(Reasoning, text)
            case ToolCallDelta():
                self._call(event)
            case ReplyStarted(model, name):
                self.model = model or self.model
                self.id = name or self.id
            case UsageReport(usage):
                self.usage = self.usage.joined(usage)
            case Finished(state, reason):
                self.finish, self.reason = state, reason
            case Faulted() | StreamDone():
                pass
            case _:
                assert_never(event)

    def _append(self, kind: type[Text] | type[Reasoning], text: str) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, _Said) and last.kind is kind:
            last.pieces.append(text)
        else:
            self._parts.append(_Said(kind, [text]))

    def _call(self, delta: ToolCallDelta) -> None:
        call = next((part for part in reversed(self._parts) if isinstance(part, _Call) and part.index == delta.index), None)
        if call is None:
            call = _Call(delta.index)
            self._parts.append(call)
        call.id = call.id or delta.id
        call.name = call.name or delta.name
        call.arguments.append(delta.arguments)

    @property
    def empty(self) -> bool:
        return not self._parts

    def message(self, state: EndState) -> Message:
        """The reply so far. Surrogate pairs that two deltas split are joined; what is lone after that is replaced (U+FFFD)."""
        return Message("assistant", tuple(part.part() for part in self._parts), state, self.model)


def whole_text(text: str) -> str:
    """Text that can be encoded: surrogate halves joined where they meet, replaced where they are alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
