"""How each wire says the parts of a reply: a row is all that a wire needs to be put through the faults.

The forms are those of the API references: OpenAI "Chat completions: streaming" and "Responses: streaming events", Anthropic
"Streaming messages", Google "Generative Language API, streamGenerateContent", Ollama "API: generate a chat completion".
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.byteserver import sse_event

from tokenfall.wire import WIRES, Framing


@dataclass(frozen=True, slots=True)
class Dialect:
    """Bytes of one wire. `start` stands before the first text, `finish` is the model's own end with its usage, `done` the end mark
    after it, b"" where the finish is the last; `fault` is an error inside the stream, `overloaded` one that passes. `error` is the
    body of an error, `whole` one of a reply that was not streamed, where the wire has a form for that."""

    wire: str
    text: Callable[[str], bytes]
    finish: bytes
    fault: bytes
    overloaded: bytes
    start: bytes = b""
    done: bytes = b""
    error: object = None
    whole: Callable[[str], object] | None = None

    @property
    def framing(self) -> Framing:
        return WIRES[self.wire].framing

    @property
    def kind(self) -> str:
        return {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}[self.framing]

    @property
    def comment(self) -> bytes:
        """What keeps a connection alive and says nothing."""
        return {"sse": b": PROCESSING\n\n", "ndjson": b"\n"}[self.framing]

    @property
    def half(self) -> bytes:
        """The beginning of an event."""
        return {"sse": b'data: {"', "ndjson": b'{"'}[self.framing]

    def event(self, data: str) -> bytes:
        return {"sse": sse_event(data), "ndjson": f"{data}\n".encode()}[self.framing]

    def said(self, *texts: str) -> bytes:
        return self.start + b"".join(map(self.text, texts))

    def reply(self, *texts: str) -> bytes:
        return self.said(*texts) + self.finish + self.done


def data(value: object) -> bytes:
    return sse_event(json.dumps(value))


def typed(value: Mapping[str, object]) -> bytes:
    """An event that names its type twice, as Anthropic's and Responses' do."""
    return f"event: {value['type']}\n".encode() + data(value)


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _chat(delta: Mapping[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return data({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})


def _candidate(text: str, **more: object) -> dict[str, object]:
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}], "modelVersion": "m"}


def _ollama(text: str, **more: object) -> dict[str, object]:
    return {"model": "m", "created_at": "2025-01-01T00:00:00Z", "message": {"role": "assistant", "content": text}, "done": False, **more}


OPENAI_CHAT = Dialect(
    "openai-chat",
    start=_chat({"role": "assistant", "content": None}),
    text=lambda text: _chat({"content": text}),
    finish=_chat({}, "stop")
    + data({"object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
    done=sse_event("[DONE]"),
    fault=data({"error": {"message": "It broke within", "type": "invalid_request_error"}}),
    overloaded=data({"error": {"message": "Overloaded", "type": "overloaded_error", "code": 529}}),
    error={"error": {"message": "Its own words", "type": "x"}},
    whole=lambda text: {
        "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}],
    },
)  # fmt: skip

ANTHROPIC = Dialect(
    "anthropic",
    start=typed({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }}) + typed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}) + typed({"type": "ping"}),
    text=lambda text: typed({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
    finish=typed({"type": "content_block_stop", "index": 0}) + typed({
        "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2},
    }),
    done=typed({"type": "message_stop"}),
    fault=typed({"type": "error", "error": {"type": "invalid_request_error", "message": "It broke within"}}),
    overloaded=typed({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    error={"type": "error", "error": {"type": "x", "message": "Its own words"}},
)  # fmt: skip

OPENAI_RESPONSES = Dialect(
    "openai-responses",
    start=typed({"type": "response.created", "sequence_number": 0, "response": {
        "id": "resp_1", "object": "response", "status": "in_progress", "model": "m", "output": [],
    }}) + typed({"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": [],
    }}),
    text=lambda text: typed({
        "type": "response.output_text.delta", "sequence_number": 2, "item_id": "msg_1", "output_index": 0, "content_index": 0,
        "delta": text,
    }),
    finish=typed({"type": "response.completed", "sequence_number": 9, "response": {
        "id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": [], "error": None,
        "incomplete_details": None, "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }}),
    fault=typed({"type": "error", "sequence_number": 5, "code": "invalid_prompt", "message": "It broke within", "param": None}),
    overloaded=typed({"type": "response.failed", "sequence_number": 5, "response": {
        "id": "resp_1", "object": "response", "status": "failed", "model": "m", "output": [],
        "error": {"code": "server_error", "message": "Overloaded"},
    }}),
    error={"error": {"message": "Its own words", "type": "x"}},
)  # fmt: skip

GEMINI = Dialect(
    "gemini",
    text=lambda text: data(_candidate(text)),
    finish=data({
        **_candidate("", finishReason="STOP"), "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    }),
    fault=data({"error": {"code": 400, "message": "It broke within", "status": "INVALID_ARGUMENT"}}),
    overloaded=data({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}),
    error=[{"error": {"code": 400, "message": "Its own words", "status": "X"}}],
)  # fmt: skip

OLLAMA = Dialect(
    "ollama",
    text=lambda text: line(_ollama(text)),
    finish=line(_ollama("", done=True, done_reason="stop", prompt_eval_count=3, eval_count=2)),
    fault=line({"error": "It broke within"}),
    overloaded=line({"error": "server busy, please try again. maximum pending requests exceeded"}),
    error={"error": "Its own words"},
)

DIALECTS: Mapping[str, Dialect] = {
    dialect.wire: dialect for dialect in (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC, GEMINI, OLLAMA) if dialect.wire in WIRES
}
