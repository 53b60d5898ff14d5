"""OpenAI Chat Completions, and the many servers that speak it.

Format: OpenAI API reference, "Chat completions: streaming", the object `chat.completion.chunk`; each is the data of one
server-sent event, and `[DONE]` is the last. Dialects met beside the reference: `reasoning_content` (DeepSeek, llama.cpp, vLLM) and
`reasoning` (OpenRouter, Groq) in a delta, errors inside the stream, a whole `chat.completion` although a stream was asked for.
"""

from collections.abc import Mapping

from tokenfall.errors import WireError
from tokenfall.events import (
    Faulted,
    Finished,
    ReasoningDelta,
    ReplyStarted,
    StreamDone,
    StreamEvent,
    TextDelta,
    Usage,
    UsageReport,
    whole_text,
)
from tokenfall.messages import EndState, Message, Request
from tokenfall.wire.faults import fault_message
from tokenfall.wire.frames import Frame
from tokenfall.wire.reading import Reader, count, event_object, text_of

WIRE = "openai-chat"
END_MARK = "[DONE]"

FINISH_REASONS: Mapping[str, EndState] = {
    "stop": "complete",
    "tool_calls": "complete",
    "function_call": "complete",
    "length": "length",
    "content_filter": "refused",
}
"""Stop reasons of the reference; one that is not listed ends a reply that is taken as complete."""

DELTAS: tuple[tuple[str, type[TextDelta] | type[ReasoningDelta]], ...] = (
    ("reasoning_content", ReasoningDelta),
    ("reasoning", ReasoningDelta),
    ("content", TextDelta),
    ("refusal", TextDelta),
)
"""Fields of a delta that carry text, in the order in which they are told."""


def path(_: str) -> str:
    return "/chat/completions"


def encode(request: Request) -> dict[str, object]:
    """The JSON body. An assistant's message without text is left out: the reference forbids an empty one."""
    messages = [{"role": "system", "content": whole_text(request.system)}] if request.system else []
    messages += [{"role": message.role, "content": text_of(message)} for message in request.messages if _is_said(message)]
    body: dict[str, object] = {
        "model": request.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    return body


def _is_said(message: Message) -> bool:
    return message.role != "assistant" or bool(message.text)


class ChatDecoder:
    """One per response. Text may hold lone surrogates (a pair split over two deltas), which `Draft` joins."""

    def __init__(self) -> None:
        self._model_told = False

    def decode(self, frame: Frame) -> list[StreamEvent]:
        if frame.data == END_MARK:
            return [StreamDone()]
        if not frame.data:
            return []
        return self._chunk(event_object(WIRE, frame), Reader(WIRE, frame))

    def _chunk(self, chunk: dict[str, object], read: Reader) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        model = chunk.get("model")
        if not self._model_told and isinstance(model, str) and model:
            self._model_told = True
            name = chunk.get("id")
            events.append(ReplyStarted(model, name if isinstance(name, str) else ""))
        choice = _choice(chunk, read)
        events += _deltas(choice, read)
        fault = fault_message(chunk)
        if fault is not None:
            return [*events, Faulted(fault)]
        events += _finish(choice, read)
        if usage := chunk.get("usage"):
            events.append(UsageReport(_usage(usage, read)))
        return events


def _choice(chunk: dict[str, object], read: Reader) -> dict[str, object]:
    """The first choice; {} where there is none, as in the chunk that carries the usage."""
    choices = chunk.get("choices") or []
    if not isinstance(choices, list):
        raise read.unreadable("has choices that are not a list")
    for choice in choices:
        if not isinstance(choice, dict):
            raise read.unreadable("has a choice that is not an object")
        if choice.get("index", 0) == 0:
            return choice
    return {}


def _deltas(choice: dict[str, object], read: Reader) -> list[StreamEvent]:
    """What a choice says: its `delta`, or its `message` where the reply came whole."""
    said = choice.get("delta") or choice.get("message") or {}
    if not isinstance(said, dict):
        raise read.unreadable("has a delta that is not an object")
    events: list[StreamEvent] = []
    for name, kind in DELTAS:
        match said.get(name):
            case None:
                pass
            case str(text):
                event = kind(text)
                if text and event not in events:  # some servers send the same reasoning under both of its names
                    events.append(event)
            case list(parts):
                events += [event for part in parts for event in _part(part)]
            case _:
                raise read.unreadable(f"has a {name} that is not text")
    return events


def _part(part: object) -> list[StreamEvent]:
    """Mistral's reasoning models send content in parts: {"type": "text", "text"} and {"type": "thinking", "thinking": [text parts]}."""
    match part:
        case {"type": "text", "text": str(text)}:
            return [TextDelta(text)]
        case {"type": "thinking", "thinking": list(thoughts)}:
            texts = [thought.get("text") for thought in thoughts if isinstance(thought, dict)]
            return [ReasoningDelta(text) for text in texts if isinstance(text, str)]
        case _:
            return []


def _finish(choice: dict[str, object], read: Reader) -> list[StreamEvent]:
    reason = choice.get("finish_reason")
    if reason is None:
        return []
    if not isinstance(reason, str):
        raise read.unreadable("has a finish reason that is not text")
    if reason == "error":
        return [Faulted("the service ended the reply with an error that it does not name")]
    return [Finished(FINISH_REASONS.get(reason, "complete"), reason)]


def _usage(usage: object, read: Reader) -> Usage:
    if not isinstance(usage, dict):
        raise read.unreadable("has a usage that is not an object")
    return Usage(count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")))


def model_names(listing: object) -> list[str]:
    """The names in a model list: OpenAI's {"data": [{"id"}]}, a bare list (Together), or {"models": [{"name"}]}. Raises WireError."""
    match listing:
        case {"data": list(rows)} | {"models": list(rows)} | list(rows):
            names = [_name(row) for row in rows]
            return list(dict.fromkeys(name for name in names if name))
        case {"data": None}:  # Ollama without a model
            return []
        case _:
            raise WireError("openai-chat: the answer is JSON, but not a list of models.")


def _name(row: object) -> str:
    match row:
        case {"id": str(name)} | {"name": str(name)}:
            return name
        case _:
            return ""
