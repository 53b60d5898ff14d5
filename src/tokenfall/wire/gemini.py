"""Google Gemini, as the Gemini API and Vertex AI speak it.

Format: Gemini API reference, "Generating content", `models.streamGenerateContent` with `alt=sse`: each server-sent event holds a
`GenerateContentResponse`; there is no end mark, the stream just ends. Names are in camelCase. Model list: "Models", `models.list`.
"""

from collections.abc import Mapping
from dataclasses import replace
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
from tokenfall.wire.faults import fault_message, passing
from tokenfall.wire.frames import Frame
from tokenfall.wire.reading import Reader, base64_text, count, event_object

WIRE = "gemini"

FINISH_REASONS: Mapping[str, EndState] = {
    "STOP": "complete",
    "MAX_TOKENS": "length",
    "SAFETY": "refused",
    "RECITATION": "refused",
    "LANGUAGE": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
    "IMAGE_SAFETY": "refused",
    "IMAGE_PROHIBITED_CONTENT": "refused",
    "IMAGE_RECITATION": "refused",
}
"""`FinishReason` of the reference. The others (OTHER, MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL ...) say that the service could
not go on, so they end a reply as an error does."""

ROLES: Mapping[Role, str] = {"user": "user", "assistant": "model"}


def path(model: str) -> str:
    return f"/models/{quote(model.removeprefix('models/'), safe='')}:streamGenerateContent?alt=sse"


def encode(request: Request) -> dict[str, object]:
    """The JSON body; the model is in the path. A message without anything to say is left out: the reference forbids empty contents."""
    contents = [{"role": ROLES[message.role], "parts": parts} for message in request.messages if (parts := _parts(message))]
    body: dict[str, object] = {"contents": contents}
    if request.system:
        body["systemInstruction"] = {"parts": [{"text": whole_text(request.system)}]}
    config: dict[str, object] = {}
    if request.max_tokens is not None:
        config["maxOutputTokens"] = request.max_tokens
    if request.temperature is not None:
        config["temperature"] = request.temperature
    if request.schema is not None:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": request.schema}
    return body | {"generationConfig": config} if config else body


def _parts(message: Message) -> list[dict[str, object]]:
    return [encoded for part in message.parts for encoded in _part(part)]


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
    """One per response. Function calls come whole, and are numbered here."""

    def __init__(self) -> None:
        self._model_told = False
        self._calls = 0

    def decode(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data:
            return []
        chunks, read = _chunks(frame), Reader(WIRE, frame)
        return [event for chunk in chunks for event in self._chunk(chunk, read)]

    def _chunk(self, chunk: dict[str, object], read: Reader) -> list[StreamEvent]:
        fault = fault_message(chunk)
        if fault is not None:
            return [Faulted(fault, passing(chunk))]
        events: list[StreamEvent] = []
        model = read.text(chunk, "modelVersion")
        if model and not self._model_told:
            self._model_told = True
            events.append(ReplyStarted(model, read.text(chunk, "responseId")))
        candidate = next((each for each in read.mappings(chunk, "candidates") if not each.get("index")), {})
        for part in read.mappings(read.mapping(candidate, "content"), "parts"):
            events += self._said(part, read)
        events += _usage(read.mapping(chunk, "usageMetadata"))
        return [*events, *_finished(candidate, read), *_blocked(read.mapping(chunk, "promptFeedback"), read)]

    def _said(self, part: dict[str, object], read: Reader) -> list[StreamEvent]:
        if call := read.mapping(part, "functionCall"):
            number, self._calls = self._calls, self._calls + 1
            arguments = read.json(read.mapping(call, "args"))
            return [ToolCallDelta(number, read.text(call, "id"), read.text(call, "name"), arguments)]
        text = read.text(part, "text")
        if not text:
            return []
        return [ReasoningDelta(text) if part.get("thought") is True else TextDelta(text)]


def _chunks(frame: Frame) -> list[dict[str, object]]:
    """Without `alt=sse`, which a proxy may drop, all of a reply is one list; so is an error's body."""
    if frame.data.startswith("["):
        whole = replace(frame, data=f'{{"chunks":{frame.data}}}')
        return Reader(WIRE, frame).mappings(event_object(WIRE, whole), "chunks")
    return [event_object(WIRE, frame)]


def _usage(usage: dict[str, object]) -> list[StreamEvent]:
    """`candidatesTokenCount` leaves out the thoughts."""
    said, thought = count(usage.get("candidatesTokenCount")), count(usage.get("thoughtsTokenCount"))
    received = None if said is None and thought is None else (said or 0) + (thought or 0)
    found = Usage(count(usage.get("promptTokenCount")), received, count(usage.get("cachedContentTokenCount")), thought)
    return [UsageReport(found)] if found != Usage() else []


def _finished(candidate: dict[str, object], read: Reader) -> list[StreamEvent]:
    reason = read.text(candidate, "finishReason")
    if not reason or reason == "FINISH_REASON_UNSPECIFIED":
        return []
    if reason in FINISH_REASONS:
        return [Finished(FINISH_REASONS[reason], reason)]
    said = read.text(candidate, "finishMessage")
    return [Faulted(f"the reply ended with {reason}" + (f": {said}" if said else ""))]


def _blocked(feedback: dict[str, object], read: Reader) -> list[StreamEvent]:
    reason = read.text(feedback, "blockReason")
    return [Finished("refused", reason)] if reason else []


def model_names(listing: object) -> list[str]:
    """Those that generate content: {"models": [{"name": "models/NAME", "supportedGenerationMethods": [...]}]}. Raises WireError."""
    match listing:
        case {"models": list(rows)}:
            return list(dict.fromkeys(name for row in rows if (name := _name(row))))
        case {} if isinstance(listing, dict) and not listing:
            return []
        case _:
            raise WireError(f"{WIRE}: the answer is JSON, but not a list of models.")


def _name(row: object) -> str:
    match row:
        case {"name": str(name), "supportedGenerationMethods": list(methods)}:
            return name.removeprefix("models/") if "generateContent" in methods else ""
        case {"name": str(name)}:
            return name.removeprefix("models/")
        case _:
            return ""
