"""OpenAI Responses, and the servers that speak it.

Format: OpenAI API reference, "Responses: create" and "Responses: streaming events". Each event is an object with its `type`, which is
the event's name as well; there is no end mark, the stream ends with `response.completed`, `.incomplete` or `.failed`. Dialects met
beside the reference: events without `output_index` and a model that is named only at the end (llama.cpp), `response.failed` with its
error outside (Perplexity), `response.error` (OpenRouter), a whole `response` although a stream was asked for.
"""

from collections.abc import Callable, Mapping
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
from tokenfall.wire.reading import Reader, count, data_url, event_object, text_of

WIRE = "openai-responses"

Object = dict[str, object]

PARTS: Mapping[str, tuple[type[TextDelta] | type[ReasoningDelta], str]] = {
    "output_text": (TextDelta, "text"),
    "refusal": (TextDelta, "refusal"),
    "reasoning_text": (ReasoningDelta, "text"),
    "summary_text": (ReasoningDelta, "text"),
}
"""The types of the parts that hold text: what it becomes, and the field that it stands in."""

INCOMPLETE: Mapping[str, EndState] = {"max_output_tokens": "length", "content_filter": "refused"}
"""Values of `incomplete_details.reason`."""


def path(_: str) -> str:
    return "/responses"


def model_names(listing: object) -> list[str]:
    return openai_chat.model_names(listing, WIRE)


def encode(request: Request) -> Object:
    """The JSON body. Nothing is kept at the service: the conversation travels along. An assistant's message without text is left out."""
    body: Object = {
        "model": request.model,
        "input": [item for message in request.messages for item in _items(message)],
        "stream": True,
        "store": False,
    }
    if request.system:
        body["instructions"] = whole_text(request.system)
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.schema is not None:
        body["text"] = {"format": {"type": "json_schema", **openai_chat.named_schema(request.schema)}}
    return body


def _items(message: Message) -> list[Object]:
    content: list[Object] = [{"type": "output_text", "text": text_of(message)}] if message.text else []
    if message.role == "user":
        content = [part for said in message.parts for part in _content(said)] or [{"type": "input_text", "text": ""}]
    return [{"type": "message", "role": message.role, "content": content}] if content else []


def _content(part: Part) -> list[Object]:
    match part:
        case Text(text):
            return [{"type": "input_text", "text": whole_text(text)}] if text else []
        case Image(media_type, data):
            return [{"type": "input_image", "image_url": data_url(media_type, data)}]
        case File(media_type, data, name):
            filename = whole_text(name) or openai_chat.FILE_NAME
            return [{"type": "input_file", "filename": filename, "file_data": data_url(media_type, data)}]
        case Reasoning() | ToolCall():
            return []
        case _:
            assert_never(part)


class ResponsesDecoder:
    """One per response. Text may hold lone surrogates (a pair split over two deltas), which `Draft` joins."""

    def __init__(self) -> None:
        self._start = ReplyStarted("")
        self._told = {kind: _Told() for kind in PARTS}
        self._calls = _Calls()
        self._summary_ended = False

    def decode(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data or frame.data == openai_chat.END_MARK:
            return []
        event, read = event_object(WIRE, frame, _EVENTS), Reader(WIRE, frame)
        kind = read.text(event, "type") or frame.event
        if kind in _EVENTS:
            event["type"] = kind
            return _EVENTS[kind](self, event, read)
        if event.get("object") == "response":
            return self._ended(event, read)
        if ("type" not in event or event.get("object") == "error") and fault_message(event) is not None:
            return [_fault(event)]
        return []

    def _begun(self, event: Object, read: Reader) -> list[StreamEvent]:
        return self._named(read.mapping(event, "response"), read)

    def _named(self, response: Object, read: Reader) -> list[StreamEvent]:
        known = self._start
        self._start = ReplyStarted(known.model or read.text(response, "model"), known.id or read.text(response, "id"))
        return [self._start] if self._start != known else []

    # --- text: once as it comes, and again when its part, its item and the response are done ---

    def _delta(self, kind: str, event: Object, read: Reader) -> list[StreamEvent]:
        text = read.text(event, "delta")
        self._told[kind].add(text)
        return self._said(kind, text)

    def _text_done(self, kind: str, event: Object, read: Reader) -> list[StreamEvent]:
        return self._repeated("text", kind, read.text(event, PARTS[kind][1]))

    def _part_done(self, event: Object, read: Reader) -> list[StreamEvent]:
        return self._part("part", read.mapping(event, "part"), read)

    def _summary_begun(self, _event: Object, _read: Reader) -> list[StreamEvent]:
        self._summary_ended = self._told["summary_text"].any
        return []

    def _part(self, level: str, part: Object, read: Reader) -> list[StreamEvent]:
        kind = read.text(part, "type")
        return self._repeated(level, kind, read.text(part, PARTS[kind][1])) if kind in PARTS else []

    def _repeated(self, level: str, kind: str, text: str) -> list[StreamEvent]:
        told = self._told[kind]
        is_first = not told.any
        missing = told.repeated(level, text)
        if kind == "summary_text" and missing and missing == text:
            self._summary_ended = not is_first
        return self._said(kind, missing)

    def _said(self, kind: str, text: str) -> list[StreamEvent]:
        if not text:
            return []
        if kind == "summary_text" and self._summary_ended:  # each is a paragraph with a title of its own
            self._summary_ended = False
            text = f"\n\n{text}"
        return [PARTS[kind][0](text)]

    # --- items ---

    def _item_begun(self, event: Object, read: Reader) -> list[StreamEvent]:
        item = read.mapping(event, "item")
        return self._calls.begun(item, event, read) if item.get("type") == "function_call" else []

    def _item_done(self, event: Object, read: Reader) -> list[StreamEvent]:
        return self._item("item", read.mapping(event, "item"), read)

    def _arguments_delta(self, event: Object, read: Reader) -> list[StreamEvent]:
        return self._calls.delta(event, read)

    def _arguments_done(self, event: Object, read: Reader) -> list[StreamEvent]:
        return self._calls.done("text", event, read)

    def _item(self, level: str, item: Object, read: Reader) -> list[StreamEvent]:
        match item.get("type"):
            case "message":
                parts = read.mappings(item, "content")
            case "reasoning":
                parts = [*read.mappings(item, "summary"), *read.mappings(item, "content")]
            case "function_call":
                return self._calls.done(level, item, read)
            case _:
                return []
        return [event for part in parts for event in self._part(level, part, read)]

    # --- the end ---

    def _completed(self, event: Object, read: Reader) -> list[StreamEvent]:
        return self._ended(read.mapping(event, "response"), read, event)

    def _ended(self, response: Object, read: Reader, event: Object | None = None) -> list[StreamEvent]:
        """`event` is what told the end, where the response didn't come whole."""
        events = self._named(response, read)
        for item in read.mappings(response, "output"):
            events += self._item("response", item, read)
        events.append(self._finish(response, event or {}, read))
        if response.get("usage"):
            events.append(UsageReport(_usage(read.mapping(response, "usage"), read)))
        return [*events, StreamDone()]

    def _finish(self, response: Object, event: Object, read: Reader) -> Finished | Faulted:
        """By the response's own status, because some servers end every stream with `response.completed`."""
        status = read.text(response, "status")
        if status not in _STATUSES:
            status = read.text(event, "type").removeprefix("response.")
        reason = read.text(read.mapping(response, "incomplete_details"), "reason")
        if reason in INCOMPLETE:
            return Finished(INCOMPLETE[reason], reason)
        if status == "failed":
            return _fault(event if fault_message(response) is None else response)
        if status != "completed":
            return Faulted(f"the reply is {status or 'not finished'}" + (f" ({reason})" if reason else ""))
        return Finished("refused" if self._told["refusal"].any else "complete", status)


_STATUSES = ("completed", "incomplete", "failed", "cancelled")
"""In which a response ends."""


class _Told:
    """The text of one kind that has been told, and how much of it each level of the protocol (part, item, response ...) has repeated.

    Most servers send text as deltas and repeat it at every level; some leave levels out, or the deltas. Which repetition belongs to
    which delta can't be known from indices and ids: vLLM counts on between a delta and its end, LiteLLM names an item anew in each
    event. So each level is compared with all that has been told, in the order in which it comes, and no longer heard once it differs.
    Kept in UTF-16, where the halves of a character meet.
    """

    def __init__(self) -> None:
        self._text = bytearray()
        self._repeated: dict[str, int] = {}
        """Up to where, in bytes."""
        self._differing: set[str] = set()

    @property
    def any(self) -> bool:
        return bool(self._text)

    def add(self, text: str) -> None:
        self._text += text.encode("utf-16-le", "surrogatepass")

    def repeated(self, level: str, text: str) -> str:
        """What of a text that a level repeats had not been told."""
        if level in self._differing:
            return ""
        start = self._repeated.get(level, 0)
        whole = text.encode("utf-16-le", "surrogatepass")
        if self._text.startswith(whole, start):
            self._repeated[level] = start + len(whole)
            return ""
        left = len(self._text) - start
        if left > len(whole) or not whole.startswith(self._text[start:]):
            self._differing.add(level)
            return ""
        self._text += whole[left:]
        self._repeated[level] = len(self._text)
        return whole[left:].decode("utf-16-le", "surrogatepass")


class _Call:
    def __init__(self, number: int) -> None:
        self.number = number
        self.id = self.name = ""
        self.arguments = _Told()


class _Calls:
    """The tool calls of one reply, numbered as they come, and found again by whatever names them."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_name: dict[tuple[str, object], _Call] = {}
        self._done: dict[str, int] = {}
        """How many each level has repeated."""

    def begun(self, item: Object, event: Object, read: Reader) -> list[StreamEvent]:
        """The arguments are left for later: they are empty here by the reference, and where they aren't they come again."""
        call = self._find(item, read) or self._new()
        self._by_name["index", count(event.get("output_index"))] = call
        return self._told(call, item, "", read)

    def delta(self, event: Object, read: Reader) -> list[StreamEvent]:
        index = count(event.get("output_index"))
        call = self._find(event, read) or self._by_name.get(("index", index)) or (self._calls or [self._new()])[-1]
        text = read.text(event, "delta")
        call.arguments.add(text)
        return self._told(call, event, text, read)

    def done(self, level: str, item: Object, read: Reader) -> list[StreamEvent]:
        place = self._done.get(level, 0)
        self._done[level] = place + 1
        call = self._find(item, read) or (self._calls[place] if place < len(self._calls) else self._new())
        return self._told(call, item, call.arguments.repeated(level, read.text(item, "arguments")), read)

    def _new(self) -> _Call:
        self._calls.append(_Call(len(self._calls)))
        return self._calls[-1]

    def _find(self, item: Object, read: Reader) -> _Call | None:
        return next((self._by_name[name] for name in _names(item, read) if name in self._by_name), None)

    def _told(self, call: _Call, item: Object, arguments: str, read: Reader) -> list[StreamEvent]:
        """`item` may be an event about it, which tells less."""
        for known in _names(item, read):
            self._by_name.setdefault(known, call)
        id, name = read.text(item, "call_id"), read.text(item, "name")
        if (id and not call.id) or (name and not call.name):
            call.id, call.name = call.id or id, call.name or name
            return [ToolCallDelta(call.number, call.id, call.name, arguments)]
        return [ToolCallDelta(call.number, arguments=arguments)] if arguments else []


def _names(item: Object, read: Reader) -> list[tuple[str, object]]:
    """By which an item or an event about it may be known from other events."""
    call, own = read.text(item, "call_id"), read.text(item, "id") or read.text(item, "item_id")
    return [name for name in (("call", call), ("item", own)) if name[1]]


def _fault(event: Object) -> Faulted:
    message = fault_message(event)
    return Faulted(NAMELESS if message is None else message, passing(event))


def _failed(_decoder: ResponsesDecoder, event: Object, _read: Reader) -> list[StreamEvent]:
    return [_fault(event)]


def _usage(usage: Object, read: Reader) -> Usage:
    cached = read.mapping(usage, "input_tokens_details").get("cached_tokens")
    reasoning = read.mapping(usage, "output_tokens_details").get("reasoning_tokens")
    return Usage(count(usage.get("input_tokens")), count(usage.get("output_tokens")), count(cached), count(reasoning))


Handle = Callable[[ResponsesDecoder, Object, Reader], list[StreamEvent]]


def _delta(kind: str) -> Handle:
    return lambda decoder, event, read: decoder._delta(kind, event, read)


def _text_done(kind: str) -> Handle:
    return lambda decoder, event, read: decoder._text_done(kind, event, read)


_EVENTS: Mapping[str, Handle] = {
    "response.created": ResponsesDecoder._begun,
    "response.in_progress": ResponsesDecoder._begun,
    "response.output_text.delta": _delta("output_text"),
    "response.output_text.done": _text_done("output_text"),
    "response.refusal.delta": _delta("refusal"),
    "response.refusal.done": _text_done("refusal"),
    "response.reasoning_text.delta": _delta("reasoning_text"),
    "response.reasoning_text.done": _text_done("reasoning_text"),
    "response.reasoning_summary_part.added": ResponsesDecoder._summary_begun,
    "response.reasoning_summary_text.delta": _delta("summary_text"),
    "response.reasoning_summary_text.done": _text_done("summary_text"),
    "response.reasoning_summary_part.done": ResponsesDecoder._part_done,
    "response.content_part.done": ResponsesDecoder._part_done,
    "response.output_item.added": ResponsesDecoder._item_begun,
    "response.output_item.done": ResponsesDecoder._item_done,
    "response.function_call_arguments.delta": ResponsesDecoder._arguments_delta,
    "response.function_call_arguments.done": ResponsesDecoder._arguments_done,
    "response.completed": ResponsesDecoder._completed,
    "response.incomplete": ResponsesDecoder._completed,
    "response.failed": ResponsesDecoder._completed,
    "response.error": _failed,
    "error": _failed,
}
