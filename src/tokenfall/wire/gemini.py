"""Google Gemini.

Format: Gemini API reference, "Generating content", method `models.streamGenerateContent` with `alt=sse`: each server-sent event is a
whole `GenerateContentResponse` with what is new in it, and the last is the one after which the connection closes. Errors are those
of Google's APIs ("Errors", google.rpc.Status); where the response is not taken apart they stand in a list.
"""

import json
from collections.abc import Mapping
from typing import assert_never
from urllib.parse import quote

from tokenfall.errors import WireError
from tokenfall.events import (
    Faulted,
    Finished,
    ReasoningDelta,
    ReplyStarted,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReport,
    whole_text,
)
from tokenfall.messages import EndState, File, Image, Message, Part, Reasoning, Request, Role, Text, ToolCall
from tokenfall.wire.faults import fault_message, one_line, passing
from tokenfall.wire.frames import Frame
from tokenfall.wire.reading import Reader, base64_text, count, event_object, unreadable

WIRE = "gemini"
MODELS = "models/"
"""What names of models begin with in the reference, and not in what is shown."""

ROLES: Mapping[Role, str] = {"user": "user", "assistant": "model"}

FINISH_REASONS: Mapping[str, EndState] = {
    "STOP": "complete",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "refused",
    "RECITATION": "refused",
    "LANGUAGE": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
    "MODEL_ARMOR": "refused",
    "ESCALATION": "refused",
    "IMAGE_SAFETY": "refused",
    "IMAGE_PROHIBITED_CONTENT": "refused",
    "IMAGE_RECITATION": "refused",
}
"""`FinishReason` of the reference. One that is not listed is a failure, as MALFORMED_FUNCTION_CALL is."""
UNFINISHED = ("", "FINISH_REASON_UNSPECIFIED")


def path(model: str) -> str:
    return f"/{MODELS}{quote(_bare_name(model), safe='')}:streamGenerateContent?alt=sse"


def encode(request: Request) -> dict[str, object]:
    """The JSON body. What says nothing is left out: the service refuses empty parts and contents."""
    contents = [{"role": ROLES[message.role], "parts": parts} for message in request.messages if (parts := _parts(message))]
    body: dict[str, object] = {"contents": contents}
    if model := _bare_name(request.model):
        body["model"] = MODELS + model
    if request.system:
        body["systemInstruction"] = {"parts": [{"text": whole_text(request.system)}]}
    if config := _generation_config(request):
        body["generationConfig"] = config
    return body


def _bare_name(model: str) -> str:
    return whole_text(model.removeprefix(MODELS))


def _generation_config(request: Request) -> dict[str, object]:
    config: dict[str, object] = {}
    if request.max_tokens is not None:
        config["maxOutputTokens"] = request.max_tokens
    if request.temperature is not None:
        config["temperature"] = request.temperature
    if request.schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = request.schema
    return config


def _parts(message: Message) -> list[dict[str, object]]:
    return [part for said in message.parts for part in _part(said)]


def _part(part: Part) -> list[dict[str, object]]:
    match part:
        case Text(text):
            return [{"text": whole_text(text)}] if text else []
        case Image(media_type, data) | File(media_type, data):
            return [{"inlineData": {"mimeType": media_type, "data": base64_text(data)}}]
        case Reasoning() | ToolCall():
            return []
        case _:
            assert_never(part)


class ContentDecoder:
    """One per response. Function calls come whole; they are numbered here, in the order in which they come."""

    def __init__(self) -> None:
        self._model_told = False
        self._calls = 0

    def decode(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data:
            return []
        read = Reader(WIRE, frame)
        return [event for response in _responses(frame) for event in self._response(response, read)]

    def _response(self, response: dict[str, object], read: Reader) -> list[StreamEvent]:
        fault = fault_message(response)
        if fault is not None:
            return [Faulted(fault, passing(response))]
        candidate = next((each for each in read.mappings(response, "candidates") if not each.get("index")), {})
        parts = read.mappings(read.mapping(candidate, "content"), "parts")
        return [
            *self._started(response, read),
            *(event for part in parts for event in self._said(part, read)),
            *_usage(read.mapping(response, "usageMetadata")),
            *_blocked(read.mapping(response, "promptFeedback"), read),
            *_finish(candidate, read),
        ]

    def _started(self, response: dict[str, object], read: Reader) -> list[StreamEvent]:
        model, id = read.text(response, "modelVersion"), read.text(response, "responseId")
        if self._model_told or not model:
            return []
        self._model_told = True
        return [ReplyStarted(model, id)]

    def _said(self, part: dict[str, object], read: Reader) -> list[StreamEvent]:
        """Parts of other kinds are of tools that the service runs itself, and of thoughts only their signatures."""
        if call := read.mapping(part, "functionCall"):
            index = self._calls
            self._calls += 1
            arguments = read.json(read.mapping(call, "args"))
            return [ToolCallDelta(index, read.text(call, "id"), read.text(call, "name"), arguments)]
        text = read.text(part, "text")
        if not text:
            return []
        return [ReasoningDelta(text) if part.get("thought") else TextDelta(text)]


def _responses(frame: Frame) -> list[dict[str, object]]:
    if not frame.data.lstrip().startswith("["):
        return [event_object(WIRE, frame)]
    try:
        values = json.loads(frame.data)
    except (ValueError, RecursionError):
        raise unreadable(WIRE, frame, "is not JSON") from None
    if not all(isinstance(value, dict) for value in values):
        raise unreadable(WIRE, frame, "is a list of other things than objects")
    return list(values)


def _usage(usage: dict[str, object]) -> list[StreamEvent]:
    """The reference counts thoughts beside what is said. A count that is nought is not sent."""
    thoughts, said = count(usage.get("thoughtsTokenCount")), count(usage.get("candidatesTokenCount"))
    output = None if thoughts is None and said is None else (thoughts or 0) + (said or 0)
    told = Usage(count(usage.get("promptTokenCount")), output, count(usage.get("cachedContentTokenCount")), thoughts)
    return [UsageReport(told)] if told != Usage() else []


def _blocked(feedback: dict[str, object], read: Reader) -> list[StreamEvent]:
    reason = read.text(feedback, "blockReason")
    return [Finished("refused", reason)] if reason else []


def _finish(candidate: dict[str, object], read: Reader) -> list[StreamEvent]:
    reason = read.text(candidate, "finishReason")
    if reason in UNFINISHED:
        return []
    state = FINISH_REASONS.get(reason)
    if state is not None:
        return [Finished(state, reason)]
    why = read.text(candidate, "finishMessage")
    return [Faulted(one_line(f"the reply ended with {reason}: {why}" if why else f"the reply ended with {reason}"))]


def model_names(listing: object) -> list[str]:
    """The names in {"models": [{"name": "models/NAME", "supportedGenerationMethods": [...]}]} of what can chat. Raises WireError."""
    match listing:
        case {"models": list(rows)}:
            return [name for row in rows if (name := _chat_model(row))]
        case _:
            raise WireError(f"{WIRE}: the answer is JSON, but not a list of models.")


def _chat_model(row: object) -> str:
    match row:
        case {"name": str(name), "supportedGenerationMethods": list(methods)} if "generateContent" in methods:
            return name.removeprefix(MODELS)
        case _:
            return ""
