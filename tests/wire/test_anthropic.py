"""What the cases don't say of Anthropic Messages: the edges of JSON, what leaves, and lists of models."""

import json

import pytest

from tokenfall.errors import WireError
from tokenfall.events import Draft, Faulted, Finished, StreamDone, ToolCallDelta
from tokenfall.messages import File, Image, Message, Reasoning, Request, Text, ToolCall, user_message
from tokenfall.wire import WIRES, Frame
from tokenfall.wire.anthropic import MessagesDecoder, encode, model_names

DEPTHS = [10, 300, 900, 950, 980, 990, 995]
BLOCK_STOP = Frame("content_block_stop", '{"type":"content_block_stop","index":3}', "", 0.0)


def frame(event: str, data: str) -> Frame:
    return Frame(event, data, "", 0.0)


def block_delta(delta: str, index: int = 0) -> Frame:
    return frame("content_block_delta", f'{{"type":"content_block_delta","index":{index},"delta":{delta}}}')


def tool_start(fields: str) -> Frame:
    block = '{"type":"tool_use","id":"t","name":"f"' + fields + "}"
    return frame("content_block_start", f'{{"type":"content_block_start","index":3,"content_block":{block}}}')


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 100_000, '{"delta":' + "[" * 100_000, "9" * 5000])
@pytest.mark.parametrize("event", ["message", "message_start", "content_block_delta"])
def test_json_that_python_refuses_is_a_wire_error(event: str, data: str) -> None:
    with pytest.raises(WireError, match=f"anthropic: an event of type '{event}' is not JSON"):
        MessagesDecoder().decode(frame(event, data))


@pytest.mark.parametrize("data", ["[" * 100_000, "", "words", "7"])
def test_a_ping_and_what_is_new_may_hold_anything(data: str) -> None:
    assert MessagesDecoder().decode(frame("ping", data)) == []
    assert MessagesDecoder().decode(frame("news", data)) == []


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_input_is_told_or_refused(depth: int) -> None:
    """Depths near the interpreter's limit, where reading may pass and writing may not."""
    deep = '{"a":' * depth + "1" + "}" * depth
    decoder = MessagesDecoder()
    try:
        begun = decoder.decode(tool_start(',"input":' + deep))
    except WireError:
        return
    ended = decoder.decode(BLOCK_STOP)
    assert [*begun, *ended] == [ToolCallDelta(3, "t", "f"), ToolCallDelta(3, arguments=deep.replace(":", ": "))]


@pytest.mark.parametrize("depth", [*DEPTHS, 100_000])
def test_a_deep_error_is_an_error(depth: int) -> None:
    """Where the depth can't be read it is told as if it were plain words."""
    [event] = MessagesDecoder().decode(frame("error", '{"type":"error","error":' + "[" * depth + "]" * depth + "}"))
    assert isinstance(event, Faulted)
    assert event.message == "no reason given" or event.message.startswith('{"type":"error","error":[[')


def test_an_unreadable_event_is_quoted_short_and_inert() -> None:
    with pytest.raises(WireError) as caught:
        MessagesDecoder().decode(frame("content_block_delta", "\x1b]52;c;x\x07\u202e\ud800" + "y" * 1000))
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


def test_halves_of_a_character_meet_in_the_draft() -> None:
    draft = Draft("m")
    decoder = MessagesDecoder()
    for half in ('"a\\ud83d"', '"\\ude00b"', '"\\ud83d"'):
        for event in decoder.decode(block_delta('{"type":"text_delta","text":' + half + "}")):
            draft.add(event)
    assert draft.message("complete").text == "a😀b\ufffd"


def test_pieces_of_an_input_are_the_call_s_and_only_of_calls_for_us() -> None:
    decoder, draft = MessagesDecoder(), Draft("m")
    pieces = [block_delta(json.dumps({"type": "input_json_delta", "partial_json": piece}), 3) for piece in ('{"a":', "1}")]
    for each in [*pieces, tool_start(',"input":{}'), *pieces, BLOCK_STOP, *pieces]:
        for event in decoder.decode(each):
            draft.add(event)
    assert draft.message("complete").parts == (ToolCall("t", "f", '{"a":1}'),)


def test_the_end_mark_and_the_finish_are_two_events() -> None:
    decoder = MessagesDecoder()
    last = frame("message_delta", '{"type":"message_delta","delta":{"stop_reason":"end_turn"}}')
    assert decoder.decode(last) == [Finished("complete", "end_turn")]
    assert decoder.decode(frame("message_stop", '{"type":"message_stop"}')) == [StreamDone()]


# --- what leaves ---


def test_the_row() -> None:
    wire = WIRES["anthropic"]
    assert (wire.path("claude"), wire.models_path) == ("/messages", "/models?limit=1000")
    assert (wire.key_header, wire.key_prefix, wire.headers) == ("x-api-key", "", {"anthropic-version": "2023-06-01"})


def test_encode_a_first_question() -> None:
    assert encode(Request("m", (user_message("Hi"),))) == {
        "model": "m",
        "max_tokens": 4096,
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
            user_message(" \n"),
            user_message(" three\n"),
        ),
        system="Be brief.",
        max_tokens=0,
        temperature=0.0,
        schema=schema,
    )
    assert encode(request) == {
        "model": "m",
        "system": "Be brief.",
        "max_tokens": 0,
        "temperature": 0.0,
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "a half ans"},
            {"role": "user", "content": "two"},
            {"role": "user", "content": " three\n"},
        ],
        "stream": True,
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
    }


@pytest.mark.parametrize("system", ["", " ", "\n\t"])
def test_a_system_prompt_that_says_nothing_is_left_out(system: str) -> None:
    assert "system" not in encode(Request("m", (user_message("Hi"),), system))


def test_encode_leaves_nothing_that_utf_8_refuses() -> None:
    picture = Message("user", (Text("\ud800"), File("application/pdf", b"", "\ud800.pdf")))
    body = encode(Request("m", (user_message("a\ud800b\ud83d\ude00"), picture), system="\udcff"))
    assert json.dumps(body, ensure_ascii=False).encode("utf-8")
    assert (body["system"], body["messages"]) == (
        "\ufffd",
        [
            {"role": "user", "content": "a\ufffdb😀"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "\ufffd"},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": ""}, "title": "\ufffd.pdf"},
                ],
            },
        ],
    )


def test_encode_a_question_with_files() -> None:
    parts = (
        Text("What is "),
        Image("image/png", b"\x89PNG", "a.png"),
        Text(""),
        Text("\n"),
        File("application/pdf", b"%PDF"),
        Text("this?"),
    )
    said = Message("assistant", (Text("A "), Text("picture.")), "complete", "m")
    assert encode(Request("m", (Message("user", parts), said)))["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is "},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
                {"type": "text", "text": "this?"},
            ],
        },
        {"role": "assistant", "content": "A picture."},
    ]


def test_model_names() -> None:
    row = {"type": "model", "id": "claude-opus-4-1", "display_name": "Claude Opus 4.1", "created_at": "2025-08-05T00:00:00Z"}
    assert model_names({"data": [row], "has_more": False, "first_id": "a", "last_id": "a"}) == ["claude-opus-4-1"]
    assert model_names({"models": [{"name": "smollm2"}], "object": "list", "data": [{"id": "smollm2"}]}) == ["smollm2"]


@pytest.mark.parametrize("listing", [None, 7, "x", {}, {"data": {"id": "x"}}, {"type": "error", "error": {"message": "no"}}])
def test_what_is_no_list_of_models(listing: object) -> None:
    with pytest.raises(WireError, match="anthropic: the answer is JSON, but not a list of models"):
        model_names(listing)
