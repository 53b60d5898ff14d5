"""Anthropic Messages, and the servers that speak it (llama.cpp, vLLM, LiteLLM, OpenRouter and others).

Format: Claude API reference, "Create a Message" with `stream`, and Claude docs, "Streaming messages": each server-sent event has a
name and repeats it as its data's `type`. Dialects met beside the reference: events without a name, errors without their envelope
(llama.cpp), `[DONE]` behind the end (vLLM), the prompt's tokens told only with the last usage (LiteLLM), the whole of a tool's input
in its first event, a whole `message` although a stream was asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
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
from tokenfall.wire import openai_chat
from tokenfall.wire.faults import NAMELESS, fault_message, passing
from tokenfall.wire.frames import Frame
from tokenfall.wire.reading import Reader, base64_text, count, event_object, text_of

WIRE = "anthropic"

MAX_TOKENS = 4096
"""The reference demands a limit; this one is ours, where the user sets none. Every model takes it."""

STOP_REASONS: Mapping[str, EndState] = {
    "end_turn": "complete",
    "stop_sequence": "complete",
    "tool_use": "complete",
    "pause_turn": "complete",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}
"""Stop reasons of the reference; one that is not listed ends a reply that is taken as complete."""

INPUT_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""The prompt in three shares that don't overlap (the reference, `Usage`): not in a cache, written to one, read from one."""
CACHE_READ = "cache_read_input_tokens"


def path(_: str) -> str:
    return "/messages"


def encode(request: Request) -> dict[str, object]:
    """The JSON body. What says nothing is left out: the service refuses empty messages and text blocks, and blank ones too."""
    messages = [{"role": message.role, "content": content} for message in request.messages if (content := _content(message))]
    body: dict[str, object] = {
        "model": request.model,
        "max_tokens": MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        "messages": messages,
        "stream": True,
    }
    if request.system.strip():
        body["system"] = whole_text(request.system)
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": request.schema}}
    return body


def _content(message: Message) -> str | list[dict[str, object]]:
    if any(isinstance(part, Image | File) for part in message.parts):
        return [block for part in message.parts for block in _content_block(part)]
    return text_of(message) if message.text.strip() else ""


def _content_block(part: Part) -> list[dict[str, object]]:
    match part:
        case Text(text):
            return [{"type": "text", "text": whole_text(text)}] if text.strip() else []
        case Image(media_type, data):
            return [{"type": "image", "source": _source(media_type, data)}]
        case File(media_type, data, name):
            title = {"title": whole_text(name)} if name else {}
            return [{"type": "document", "source": _source(media_type, data), **title}]
        case Reasoning() | ToolCall():
            return []
        case _:
            assert_never(part)


def _source(media_type: str, data: bytes) -> dict[str, object]:
    return {"type": "base64", "media_type": media_type, "data": base64_text(data)}


class MessagesDecoder:
    """One per response. Text may hold lone surrogates, which `Draft` joins."""

    def __init__(self) -> None:
        self._calls: dict[int, str] = {}
        """Open tool calls by the index of their block: the input that the block began with, "" once pieces of it have come."""
        self._prompt: dict[str, int] = {}

    def decode(self, frame: Frame) -> list[StreamEvent]:
        if frame.data == openai_chat.END_MARK:
            return [StreamDone()]
        if not frame.data:
            return []
        event = event_object(WIRE, frame, EVENTS)
        read = Reader(WIRE, frame)
        kind = read.text(event, "type")
        if "error" in (kind, frame.event):
            return [Faulted(fault_message(event) or NAMELESS, passing(event))]
        if not kind and (fault := fault_message(event)) is not None:
            return [Faulted(fault, passing(event))]
        # what has neither a name nor a type is framed as a "message" too, and is none
        decode = EVENTS.get(kind or (frame.event if frame.event != "message" else ""))
        return decode(self, event, read) if decode else []

    def message_start(self, event: dict[str, object], read: Reader) -> list[StreamEvent]:
        """Its `output_tokens` are no more than a beginning, and would be wrong of a reply that breaks off."""
        message = read.mapping(event, "message")
        return [*_started(message, read), *_report(self._prompt_usage(read.mapping(message, "usage")))]

    def block_start(self, event: dict[str, object], read: Reader) -> list[StreamEvent]:
        return self._block(event, read.mapping(event, "content_block"), read)

    def _block(self, event: Mapping[str, object], block: dict[str, object], read: Reader) -> list[StreamEvent]:
        """Blocks of other types are thoughts that the service encrypts and tools that it runs itself."""
        match block.get("type"):
            case "text":
                return _text(read.text(block, "text"))
            case "thinking":
                return _reasoning(read.text(block, "thinking"))
            case "tool_use":
                index = _index(event, read)
                self._calls[index] = read.json(read.mapping(block, "input"))
                return [ToolCallDelta(index, read.text(block, "id"), read.text(block, "name"))]
            case _:
                return []

    def block_delta(self, event: dict[str, object], read: Reader) -> list[StreamEvent]:
        delta = read.mapping(event, "delta")
        match delta.get("type"):
            case "text_delta":
                return _text(read.text(delta, "text"))
            case "thinking_delta":
                return _reasoning(read.text(delta, "thinking"))
            case "input_json_delta":
                return self._input(_index(event, read), read.text(delta, "partial_json"))
            case _:  # signatures of thoughts, citations
                return []

    def _input(self, index: int, piece: str) -> list[StreamEvent]:
        if not piece or index not in self._calls:
            return []
        self._calls[index] = ""
        return [ToolCallDelta(index, arguments=piece)]

    def block_stop(self, event: Mapping[str, object], read: Reader) -> list[StreamEvent]:
        """A call without arguments has no pieces, and some servers send its input whole: it is then what the block began with."""
        index = _index(event, read)
        whole = self._calls.pop(index, "")
        return [ToolCallDelta(index, arguments=whole)] if whole else []

    def message_delta(self, event: dict[str, object], read: Reader) -> list[StreamEvent]:
        usage = self._whole_usage(read.mapping(event, "usage"), read)
        return [*_report(usage), *_finish(read.mapping(event, "delta"), read)]

    def message_stop(self, _event: dict[str, object], _read: Reader) -> list[StreamEvent]:
        return [StreamDone()]

    def whole_message(self, message: dict[str, object], read: Reader) -> list[StreamEvent]:
        events = _started(message, read)
        for index, block in enumerate(read.mappings(message, "content")):
            place = {"index": index}
            events += [*self._block(place, block, read), *self.block_stop(place, read)]
        usage = self._whole_usage(read.mapping(message, "usage"), read)
        return [*events, *_report(usage), *_finish(message, read)]

    def _prompt_usage(self, usage: dict[str, object]) -> Usage:
        """Later counts replace earlier ones, except that a nought does not: a server that knows them at one end only says 0 at the
        other."""
        for name in INPUT_COUNTS:
            told = count(usage.get(name))
            if told is not None:
                self._prompt[name] = told or self._prompt.get(name, 0)
        return Usage(input_tokens=sum(self._prompt.values()) or None, cached_tokens=self._prompt.get(CACHE_READ))

    def _whole_usage(self, usage: dict[str, object], read: Reader) -> Usage:
        thinking = read.mapping(usage, "output_tokens_details").get("thinking_tokens")
        return replace(
            self._prompt_usage(usage),
            output_tokens=count(usage.get("output_tokens")),
            reasoning_tokens=count(thinking),
        )


EVENTS: Mapping[str, Callable[[MessagesDecoder, dict[str, object], Reader], list[StreamEvent]]] = {
    "message_start": MessagesDecoder.message_start,
    "content_block_start": MessagesDecoder.block_start,
    "content_block_delta": MessagesDecoder.block_delta,
    "content_block_stop": MessagesDecoder.block_stop,
    "message_delta": MessagesDecoder.message_delta,
    "message_stop": MessagesDecoder.message_stop,
    "message": MessagesDecoder.whole_message,
}
"""What is read of each type of event; `message` is a reply that came whole. The rest is ignored: pings, and what is new."""


def _started(message: dict[str, object], read: Reader) -> list[StreamEvent]:
    model, id = read.text(message, "model"), read.text(message, "id")
    return [ReplyStarted(model, id)] if model or id else []


def _text(text: str) -> list[StreamEvent]:
    return [TextDelta(text)] if text else []


def _reasoning(text: str) -> list[StreamEvent]:
    return [ReasoningDelta(text)] if text else []


def _index(event: Mapping[str, object], read: Reader) -> int:
    index = count(event.get("index"))
    if index is None:
        raise read.wrong("index", "a number")
    return index


def _report(usage: Usage) -> list[StreamEvent]:
    return [UsageReport(usage)] if usage != Usage() else []


def _finish(said: dict[str, object], read: Reader) -> list[StreamEvent]:
    reason = read.text(said, "stop_reason")
    return [Finished(STOP_REASONS.get(reason, "complete"), reason)] if reason else []


def model_names(listing: object) -> list[str]:
    """The names in {"data": [{"id"}]}. Raises WireError."""
    return openai_chat.model_names(listing, WIRE)
