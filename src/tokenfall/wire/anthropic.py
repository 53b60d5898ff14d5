"""Anthropic Messages, and the servers that speak it (llama.cpp, LiteLLM).

Format: Anthropic API reference, "Messages" and "Streaming messages": each event is named by its `event` field and again by the
`type` of its data; `message_stop` is the last. Structured output: "Structured outputs", `output_config.format`. New event and block
types may come at any time and are ignored, as the reference asks for.
"""

from collections.abc import Mapping
from typing import assert_never

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
from tokenfall.wire.faults import fault_message, passing
from tokenfall.wire.frames import Frame
from tokenfall.wire.openai_chat import model_names as openai_model_names
from tokenfall.wire.reading import Reader, base64_text, count, event_object, text_of

WIRE = "anthropic"
VERSION = "2023-06-01"
"""The header `anthropic-version`; the newest there is."""
MAX_TOKENS = 4096
"""The reference requires a limit; every model takes at least this one."""

FINISH_REASONS: Mapping[str, EndState] = {
    "end_turn": "complete",
    "stop_sequence": "complete",
    "tool_use": "complete",
    "pause_turn": "complete",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}
"""Stop reasons of the reference; one that is not listed ends a reply that is taken as complete."""

KNOWN = frozenset(
    ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "ping", "error")
)
"""Event types of the reference."""


def path(_: str) -> str:
    return "/messages"


def encode(request: Request) -> dict[str, object]:
    """The JSON body. Messages without anything to say are left out: the reference forbids empty text."""
    messages = [{"role": message.role, "content": content} for message in request.messages if (content := _content(message))]
    body: dict[str, object] = {
        "model": request.model,
        "max_tokens": request.max_tokens or MAX_TOKENS,
        "messages": messages,
        "stream": True,
    }
    if request.system:
        body["system"] = whole_text(request.system)
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": request.schema}}
    return body


def _content(message: Message) -> str | list[dict[str, object]]:
    if not any(isinstance(part, Image | File) for part in message.parts):
        return text_of(message)
    return [block for part in message.parts for block in _block(part)]


def _block(part: Part) -> list[dict[str, object]]:
    match part:
        case Text(text):
            return [{"type": "text", "text": whole_text(text)}] if text.strip() else []
        case Image(media_type, data):
            return [{"type": "image", "source": _source(media_type, data)}]
        case File(media_type, data, name):
            block: dict[str, object] = {"type": "document", "source": _source(media_type, data)}
            return [block | {"title": whole_text(name)} if name else block]
        case Reasoning() | ToolCall():
            return []
        case _:
            assert_never(part)


def _source(media_type: str, data: bytes) -> dict[str, object]:
    return {"type": "base64", "media_type": media_type, "data": base64_text(data)}


class MessagesDecoder:
    """One per response."""

    def decode(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data:
            return []
        event, read = event_object(WIRE, frame, KNOWN), Reader(WIRE, frame)
        match event.get("type"):
            case "message_start":
                return _started(read.mapping(event, "message"), read)
            case "content_block_start":
                return _block_events(read.mapping(event, "content_block"), count(event.get("index")) or 0, read)
            case "content_block_delta":
                return _delta(read.mapping(event, "delta"), count(event.get("index")) or 0, read)
            case "message_delta":
                return [*_reported(event, read), *_finished(read.mapping(event, "delta"), read)]
            case "message_stop":
                return [StreamDone()]
            case "message":
                return _whole(event, read)
            case _:
                fault = fault_message(event) if "error" in event or frame.event in ("message", "error") else None
                return [Faulted(fault, passing(event))] if fault is not None else []


def _started(message: dict[str, object], read: Reader) -> list[StreamEvent]:
    return [ReplyStarted(read.text(message, "model"), read.text(message, "id")), *_reported(message, read)]


def _block_events(block: dict[str, object], index: int, read: Reader) -> list[StreamEvent]:
    """What a block says as it begins, or whole; mostly the begin of text is empty."""
    match block.get("type"):
        case "text":
            return _said(TextDelta, read.text(block, "text"))
        case "thinking":
            return _said(ReasoningDelta, read.text(block, "thinking"))
        case "tool_use":
            given = read.mapping(block, "input")
            return [ToolCallDelta(index, read.text(block, "id"), read.text(block, "name"), read.json(given) if given else "")]
        case _:
            return []


def _delta(delta: dict[str, object], index: int, read: Reader) -> list[StreamEvent]:
    match delta.get("type"):
        case "text_delta":
            return _said(TextDelta, read.text(delta, "text"))
        case "thinking_delta":
            return _said(ReasoningDelta, read.text(delta, "thinking"))
        case "input_json_delta":
            piece = read.text(delta, "partial_json")
            return [ToolCallDelta(index, arguments=piece)] if piece else []
        case _:
            return []


def _said(kind: type[TextDelta] | type[ReasoningDelta], text: str) -> list[StreamEvent]:
    return [kind(text)] if text else []


def _finished(holder: dict[str, object], read: Reader) -> list[StreamEvent]:
    reason = read.text(holder, "stop_reason")
    return [Finished(FINISH_REASONS.get(reason, "complete"), reason)] if reason else []


def _reported(holder: dict[str, object], read: Reader) -> list[StreamEvent]:
    """`input_tokens` leaves out what was read from the cache or written to it. The counts of a `message_delta` are of the whole
    reply, and what they leave out was told at its start."""
    usage = read.mapping(holder, "usage")
    cached = count(usage.get("cache_read_input_tokens"))
    sent = count(usage.get("input_tokens"))
    if sent is not None:
        sent += (cached or 0) + (count(usage.get("cache_creation_input_tokens")) or 0)
    found = Usage(sent, count(usage.get("output_tokens")), cached)
    return [UsageReport(found)] if found != Usage() else []


def _whole(message: dict[str, object], read: Reader) -> list[StreamEvent]:
    """A message that came at once although a stream was asked for."""
    blocks = read.mappings(message, "content")
    said = [event for index, block in enumerate(blocks) for event in _block_events(block, index, read)]
    return [*_started(message, read), *said, *_finished(message, read), StreamDone()]


def model_names(listing: object) -> list[str]:
    """API reference, "List models": {"data": [{"id"}]}. Raises WireError."""
    return openai_model_names(listing, WIRE)
