"""OpenAI Chat Completions, and the many servers that speak it.

Format: OpenAI API reference, "Chat completions: streaming", the object `chat.completion.chunk`; each is the data of one
server-sent event, and `[DONE]` is the last. Dialects met beside the reference: `reasoning_content` (DeepSeek, llama.cpp, vLLM) and
`reasoning` (OpenRouter, Groq) in a delta, errors inside the stream, a whole `chat.completion` although a stream was asked for.
"""

from collections.abc import Mapping
from typing import assert_never

from tokenfall.errors import WireError
from tokenfall.events import (
    Faulted,
    Finished,
    ReasoningDelta,
    ReplyStarted,
    StreamDone,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReport,
    whole_text,
)
from tokenfall.messages import EndState, File, Image, Message, Part, Reasoning, Request, Text, ToolCall
from tokenfall.wire.faults import NAMELESS, fault_message, passing
from tokenfall.wire.frames import Frame
from tokenfall.wire.reading import Reader, count, data_url, event_object, text_of

WIRE = "openai-chat"
END_MARK = "[DONE]"
SCHEMA_NAME = "reply"
"""OpenAI wants a schema to have a name; nothing depends on it."""
FILE_NAME = "file"
"""OpenAI wants a file to have a name."""

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
    messages: list[dict[str, object]] = [{"role": "system", "content": whole_text(request.system)}] if request.system else []
    messages += [{"role": message.role, "content": _content(message)} for message in request.messages if _is_said(message)]
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
    if request.schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": named_schema(request.schema)}
    return body


def named_schema(schema: Mapping[str, object]) -> dict[str, object]:
    return {"name": SCHEMA_NAME, "strict": True, "schema": schema}


def _is_said(message: Message) -> bool:
    return message.role != "assistant" or bool(message.text)


def _content(message: Message) -> str | list[dict[str, object]]:
    """Plain text where there is nothing else: not every server reads parts."""
    if not any(isinstance(part, Image | File) for part in message.parts):
        return text_of(message)
    return [content for part in message.parts for content in _content_part(part)]


def _content_part(part: Part) -> list[dict[str, object]]:
    match part:
        case Text(text):
            return [{"type": "text", "text": whole_text(text)}] if text else []
        case Image(media_type, data):
            return [{"type": "image_url", "image_url": {"url": data_url(media_type, data)}}]
        case File(media_type, data, name):
            file = {"filename": whole_text(name) or FILE_NAME, "file_data": data_url(media_type, data)}
            return [{"type": "file", "file": file}]
        case Reasoning() | ToolCall():
            return []
        case _:
            assert_never(part)


class ChatDecoder:
    """One per response. Text may hold lone surrogates (a pair split over two deltas), which `Draft` joins."""

    def __init__(self) -> None:
        self._model_told = False
        self._refused = False
        self._calls = _Calls()

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
        events += self._said(choice, read)
        fault = fault_message(chunk)
        if fault is not None:
            return [*events, Faulted(fault, passing(chunk))]
        events += self._finish(choice, read)
        if chunk.get("usage"):
            events.append(UsageReport(_usage(read.mapping(chunk, "usage"), read)))
        return events

    def _said(self, choice: dict[str, object], read: Reader) -> list[StreamEvent]:
        """What a choice says: its `delta`, or its `message` where the reply came whole."""
        said = read.mapping(choice, "delta") or read.mapping(choice, "message")
        if not said:
            return []
        events = _deltas(said, read)
        self._refused = self._refused or bool(said.get("refusal"))
        for call in read.mappings(said, "tool_calls"):
            events.append(self._calls.piece(call, read))
        return events

    def _finish(self, choice: dict[str, object], read: Reader) -> list[StreamEvent]:
        reason = read.text(choice, "finish_reason")
        if not reason:  # some proxies write "" into every chunk
            return []
        if reason == "error":
            return [Faulted(NAMELESS, passing=True)]
        return [Finished("refused" if self._refused else FINISH_REASONS.get(reason, "complete"), reason)]


class _Calls:
    """The tool calls of one reply, numbered as they come.

    Not every server keeps to the reference's `index`: Gemini's leaves it out or says 0 of each call. There a piece with a name begins
    a call unless it repeats the id of the one before; older vLLMs give each piece of a call an id of its own, but only the first a name.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._numbers: dict[int, int] = {}

    def piece(self, call: dict[str, object], read: Reader) -> ToolCallDelta:
        function = read.mapping(call, "function")
        name, id = read.text(function, "name"), read.text(call, "id")
        number = self._number(count(call.get("index")), id, name)
        return ToolCallDelta(number, id, name, _arguments(function, read))

    def _number(self, index: int | None, id: str, name: str) -> int:
        last = len(self._ids) - 1
        number = last if index is None else self._numbers.get(index, -1)
        known = self._ids[number] if number >= 0 else ""
        is_other = bool(name) and (id != known if id and known else index is None)
        if number < 0 or is_other:
            number = last + 1
            self._ids.append(id)
        self._ids[number] = self._ids[number] or id
        if index is not None:
            self._numbers[index] = number
        return number


def _arguments(function: dict[str, object], read: Reader) -> str:
    """Text by the reference; some servers send the object itself."""
    arguments = function.get("arguments")
    return read.json(arguments) if isinstance(arguments, dict) else read.text(function, "arguments")


def _choice(chunk: dict[str, object], read: Reader) -> dict[str, object]:
    """The first choice; {} where there is none, as in the chunk that carries the usage."""
    for choice in read.mappings(chunk, "choices"):
        if choice.get("index", 0) == 0:
            return choice
    return {}


def _deltas(said: dict[str, object], read: Reader) -> list[StreamEvent]:
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
                raise read.wrong(name, "text")
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


def _usage(usage: dict[str, object], read: Reader) -> Usage:
    """DeepSeek says what was cached as `prompt_cache_hit_tokens`. xAI leaves the reasoning out of `completion_tokens`, which shows in
    its `total_tokens`."""
    prompt, completion, total = (count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    cached = count(read.mapping(usage, "prompt_tokens_details").get("cached_tokens"))
    if cached is None:
        cached = count(usage.get("prompt_cache_hit_tokens"))
    reasoning = count(read.mapping(usage, "completion_tokens_details").get("reasoning_tokens"))
    if prompt is not None and completion is not None and reasoning and total == prompt + completion + reasoning:
        completion += reasoning
    return Usage(prompt, completion, cached, reasoning)


def model_names(listing: object, wire: str = WIRE) -> list[str]:
    """The names in a model list: OpenAI's {"data": [{"id"}]}, a bare list (Together), or {"models": [{"name"}]}. Raises WireError."""
    match listing:
        case {"data": list(rows)} | {"models": list(rows)} | list(rows):
            names = [_name(row) for row in rows]
            return list(dict.fromkeys(name for name in names if name))
        case {"data": None}:  # Ollama without a model
            return []
        case _:
            raise WireError(f"{wire}: the answer is JSON, but not a list of models.")


def _name(row: object) -> str:
    match row:
        case {"id": str(name)} | {"name": str(name)}:
            return name
        case _:
            return ""
