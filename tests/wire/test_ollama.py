"""What the cases don't say of Ollama: the edges of JSON, what leaves, and lists of models."""

import json

import pytest

from tokenfall.errors import UserError, WireError
from tokenfall.events import Draft, Faulted, Finished, StreamDone, TextDelta
from tokenfall.messages import File, Image, Message, Reasoning, Request, Text, ToolCall, user_message
from tokenfall.wire import WIRES, Frame
from tokenfall.wire.ollama import ChatDecoder, encode, model_names

DEPTHS = [10, 300, 900, 950, 980, 990, 995]


def frame(data: str) -> Frame:
    return Frame("message", data, "", 0.0)


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 100_000, '{"message":' + "[" * 100_000, "9" * 5000])
def test_json_that_python_refuses_is_a_wire_error(data: str) -> None:
    with pytest.raises(WireError, match="ollama: an event of type 'message' is not JSON"):
        ChatDecoder().decode(frame(data))


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_arguments_are_told_or_refused(depth: int) -> None:
    """Depths near the interpreter's limit, where reading may pass and writing may not."""
    deep = '{"a":' * depth + "1" + "}" * depth
    draft = Draft("m")
    try:
        events = ChatDecoder().decode(frame('{"message":{"tool_calls":[{"function":{"name":"f","arguments":' + deep + "}}]}}"))
    except WireError:
        return
    for event in events:
        draft.add(event)
    assert draft.message("complete").parts == (ToolCall("", "f", deep.replace(":", ": ")),)


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_errors_are_told_or_refused(depth: int) -> None:
    try:
        events = ChatDecoder().decode(frame('{"error":' + "[" * depth + "]" * depth + "}"))
    except WireError:
        return
    assert events == [Faulted("no reason given")]


def test_an_unreadable_line_is_quoted_short_and_inert() -> None:
    with pytest.raises(WireError) as caught:
        ChatDecoder().decode(frame("\x1b]52;c;x\x07\u202e\ud800" + "y" * 1000))
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


def test_halves_of_a_character_meet_in_the_draft() -> None:
    draft = Draft("m")
    decoder = ChatDecoder()
    for half in ('"a\\ud83d"', '"\\ude00b"', '"\\ud83d"'):
        for event in decoder.decode(frame('{"message":{"content":' + half + "}}")):
            draft.add(event)
    assert draft.message("complete").text == "a😀b\ufffd"


@pytest.mark.parametrize("done", ["false", "null", "1", '"true"', "{}"])
def test_only_true_is_done(done: str) -> None:
    assert ChatDecoder().decode(frame('{"message":{"content":"a"},"done":' + done + ',"done_reason":"stop"}')) == [TextDelta("a")]


def test_the_last_line_says_and_ends() -> None:
    last = frame('{"message":{"content":"a"},"done":true,"done_reason":"stop"}')
    assert ChatDecoder().decode(last) == [TextDelta("a"), Finished("complete", "stop"), StreamDone()]


# --- what leaves ---


def test_the_row() -> None:
    wire = WIRES["ollama"]
    assert (wire.path("llama3.2"), wire.models_path, wire.framing) == ("/api/chat", "/api/tags", "ndjson")


def test_encode_a_first_question() -> None:
    assert encode(Request("m", (user_message("Hi"),))) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }


def test_encode_a_conversation_with_everything() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    request = Request(
        "m",
        (
            user_message("one"),
            Message("assistant", (Reasoning("let me see"), Text("a half ans")), "stopped", "m"),
            user_message("two"),
            Message("assistant", (Reasoning("nothing but thought"), ToolCall("t", "f", "{}")), "stopped", "m"),
            user_message(""),
        ),
        system="Be brief.",
        max_tokens=0,
        temperature=0.0,
        schema=schema,
    )
    assert encode(request) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "a half ans"},
            {"role": "user", "content": "two"},
            {"role": "user", "content": ""},
        ],
        "stream": True,
        "options": {"num_predict": 0, "temperature": 0.0},
        "format": schema,
    }


def test_encode_leaves_nothing_that_utf_8_refuses() -> None:
    body = encode(Request("m", (user_message("a\ud800b\ud83d\ude00"),), system="\udcff"))
    assert json.dumps(body, ensure_ascii=False).encode("utf-8")
    assert body["messages"] == [{"role": "system", "content": "\ufffd"}, {"role": "user", "content": "a\ufffdb😀"}]


def test_encode_a_question_with_pictures() -> None:
    parts = (Text("What is "), Image("image/png", b"\x89PNG"), Text("this"), Image("image/gif", b"GIF8"))
    assert encode(Request("m", (Message("user", parts),)))["messages"] == [
        {"role": "user", "content": "What is this", "images": ["iVBORw==", "R0lGOA=="]}
    ]


def test_a_file_that_is_no_picture_is_refused() -> None:
    question = Message("user", (Text("Sum up"), File("application/pdf", b"%PDF", "a.pdf")))
    with pytest.raises(UserError, match=r"no application/pdf, so a\.pdf can't be sent"):
        encode(Request("m", (question,)))


def test_model_names() -> None:
    rows = [{"name": "llama3.2:latest", "model": "llama3.2:latest", "size": 1}, {"name": "qwen3:0.6b"}, {"name": ""}]
    assert model_names({"models": rows}) == ["llama3.2:latest", "qwen3:0.6b"]
    assert model_names({"models": []}) == []


@pytest.mark.parametrize("listing", [None, 7, "x", {}, {"models": {"name": "x"}}, {"error": "no"}])
def test_what_is_no_list_of_models(listing: object) -> None:
    with pytest.raises(WireError, match="ollama: the answer is JSON, but not a list of models"):
        model_names(listing)
