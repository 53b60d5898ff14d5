"""Ollama's own API.

Format: Ollama API reference, "Generate a chat message" (`/api/chat`) and "Streaming": each line is a JSON object with what is new in
`message`, and the one with `done` is the last; "Errors": one that comes while streaming is a line of its own. "List models" (`/api/tags`).
"""

from collections.abc import Mapping

from tokenfall.errors import UserError
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
from tokenfall.messages import EndState, File, Image, Message, Request
from tokenfall.wire import openai_chat
from tokenfall.wire.faults import fault_message, one_line, passing
from tokenfall.wire.frames import Frame
from tokenfall.wire.reading import Reader, base64_text, count, event_object, text_of

WIRE = "ollama"

DONE_REASONS: Mapping[str, EndState] = {"length": "length"}
"""The others end a reply by itself: `stop`, and `load` and `unload` for a request without messages. Old servers give none."""


def path(_: str) -> str:
    return "/api/chat"


def encode(request: Request) -> dict[str, object]:
    """The JSON body. An assistant's message without text is left out. Raises UserError for files that are no pictures: it has no place
    for them."""
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
    for part in message.parts:
        if isinstance(part, File):
            what = f"Ollama takes text and pictures, and no {part.media_type}, so {one_line(part.name) or 'the file'} can't be sent."
            raise UserError(what, "Attach its text instead.")
    images = [base64_text(part.data) for part in message.parts if isinstance(part, Image)]
    return {"role": message.role, "content": text_of(message), **({"images": images} if images else {})}


class ChatDecoder:
    """One per response. Tool calls come whole; they are numbered here, in the order in which they come."""

    def __init__(self) -> None:
        self._model_told = False
        self._calls = 0

    def decode(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data:
            return []
        line, read = event_object(WIRE, frame), Reader(WIRE, frame)
        fault = fault_message(line)
        if fault is not None:
            return [Faulted(fault, passing(line))]
        return [*self._started(line, read), *self._said(read.mapping(line, "message"), read), *_done(line, read)]

    def _started(self, line: dict[str, object], read: Reader) -> list[StreamEvent]:
        model = read.text(line, "model")
        if self._model_told or not model:
            return []
        self._model_told = True
        return [ReplyStarted(model)]

    def _said(self, message: dict[str, object], read: Reader) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if thinking := read.text(message, "thinking"):
            events.append(ReasoningDelta(thinking))
        if content := read.text(message, "content"):
            events.append(TextDelta(content))
        return [*events, *(self._call(call, read) for call in read.mappings(message, "tool_calls"))]

    def _call(self, call: dict[str, object], read: Reader) -> ToolCallDelta:
        function = read.mapping(call, "function")
        index = self._calls
        self._calls += 1
        return ToolCallDelta(index, read.text(call, "id"), read.text(function, "name"), read.json(read.mapping(function, "arguments")))


def _done(line: dict[str, object], read: Reader) -> list[StreamEvent]:
    if line.get("done") is not True:
        return []
    reason = read.text(line, "done_reason")
    usage = Usage(count(line.get("prompt_eval_count")), count(line.get("eval_count")))
    report = [UsageReport(usage)] if usage != Usage() else []
    return [*report, Finished(DONE_REASONS.get(reason, "complete"), reason), StreamDone()]


def model_names(listing: object) -> list[str]:
    """The names in {"models": [{"name"}]}. Raises WireError."""
    return openai_chat.model_names(listing, WIRE)
