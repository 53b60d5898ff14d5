"""Ollama's own wire.

Format: Ollama's API reference, "Generate a chat completion" (`/api/chat`): newline-delimited JSON, one object a line; the last has
`"done": true` and the counts. Structured output: `format`. Model list: "List local models" (`/api/tags`).
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
    ToolCallDelta,
    Usage,
    UsageReport,
    whole_text,
)
from tokenfall.messages import EndState, Image, Message, Request
from tokenfall.wire.faults import fault_message, passing
from tokenfall.wire.frames import Frame
from tokenfall.wire.reading import Reader, base64_text, count, event_object, text_of

WIRE = "ollama"

FINISH_REASONS: Mapping[str, EndState] = {"stop": "complete", "length": "length"}
"""`done_reason`. Older versions leave it out, and `load` and `unload` are ends of requests without a question; all of these end a
reply that is taken as complete."""


def path(_: str) -> str:
    return "/api/chat"


def encode(request: Request) -> dict[str, object]:
    """The JSON body. An assistant's message without text is left out, and files that are no pictures: the wire has no place for them."""
    messages: list[dict[str, object]] = [{"role": "system", "content": whole_text(request.system)}] if request.system else []
    messages += [_message(message) for message in request.messages if message.role != "assistant" or message.text]
    body: dict[str, object] = {"model": request.model, "messages": messages, "stream": True}
    options: dict[str, object] = {}
    if request.max_tokens is not None:
        options["num_predict"] = request.max_tokens
    if request.temperature is not None:
        options["temperature"] = request.temperature
    if options:
        body["options"] = options
    if request.schema is not None:
        body["format"] = request.schema
    return body


def _message(message: Message) -> dict[str, object]:
    encoded: dict[str, object] = {"role": message.role, "content": text_of(message)}
    images = [base64_text(part.data) for part in message.parts if isinstance(part, Image)]
    return encoded | {"images": images} if images else encoded


class ChatDecoder:
    """One per response. Tool calls come whole, and are numbered here."""

    def __init__(self) -> None:
        self._model_told = False
        self._calls = 0

    def decode(self, frame: Frame) -> list[StreamEvent]:
        line, read = event_object(WIRE, frame), Reader(WIRE, frame)
        if "message" not in line and (fault := fault_message(line)) is not None:
            return [Faulted(fault, passing(line))]
        events: list[StreamEvent] = []
        model = read.text(line, "model")
        if model and not self._model_told:
            self._model_told = True
            events.append(ReplyStarted(model))
        events += self._said(read.mapping(line, "message"), read)
        return [*events, *_end(line, read)] if line.get("done") is True else events

    def _said(self, message: dict[str, object], read: Reader) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if thought := read.text(message, "thinking"):
            events.append(ReasoningDelta(thought))
        if text := read.text(message, "content"):
            events.append(TextDelta(text))
        for call in read.mappings(message, "tool_calls"):
            function = read.mapping(call, "function")
            arguments = read.json(read.mapping(function, "arguments"))
            events.append(ToolCallDelta(self._calls, read.text(call, "id"), read.text(function, "name"), arguments))
            self._calls += 1
        return events


def _end(line: dict[str, object], read: Reader) -> list[StreamEvent]:
    reason = read.text(line, "done_reason")
    usage = Usage(count(line.get("prompt_eval_count")), count(line.get("eval_count")))
    reported: list[StreamEvent] = [UsageReport(usage)] if usage != Usage() else []
    return [*reported, Finished(FINISH_REASONS.get(reason, "complete"), reason), StreamDone()]


def model_names(listing: object) -> list[str]:
    """{"models": [{"name"}]}; null where there is none. Raises WireError."""
    match listing:
        case {"models": None}:
            return []
        case {"models": list(rows)}:
            names = [row["name"] for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]
            return list(dict.fromkeys(name for name in names if name))
        case _:
            raise WireError(f"{WIRE}: the answer is JSON, but not a list of models.")
