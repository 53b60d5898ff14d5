"""What the cases don't say of OpenAI Chat Completions: the edges of JSON, and what leaves."""

import json

import pytest

from tokenfall.errors import WireError
from tokenfall.events import Draft, Faulted, Finished, StreamDone, TextDelta
from tokenfall.messages import File, Image, Message, Reasoning, Request, Text, ToolCall, user_message
from tokenfall.wire import Frame
from tokenfall.wire.openai_chat import ChatDecoder, encode, model_names


def frame(data: str, event: str = "message") -> Frame:
    return Frame(event, data, "", 0.0)


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 100_000, '{"choices":' + "[" * 100_000, "9" * 5000])
def test_json_that_python_refuses_is_a_wire_error(data: str) -> None:
    with pytest.raises(WireError, match="openai-chat: an event of type 'message' is not JSON"):
        ChatDecoder().decode(frame(data))


@pytest.mark.parametrize("depth", [10, 300, 900, 950, 980, 990, 995])
def test_deep_errors_are_told_or_refused(depth: int) -> None:
    """Depths near the interpreter's limit, where reading may pass and repeating may not."""
    for inner in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        try:
            events = ChatDecoder().decode(frame('{"error":' + inner + "}"))
        except WireError:
            continue
        assert events == [Faulted("no reason given")]


@pytest.mark.parametrize("depth", [10, 300, 900, 950, 980, 990, 995])
def test_deep_arguments_are_told_or_refused(depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    draft = Draft("m")
    try:
        events = ChatDecoder().decode(frame('{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":' + deep + "}}]}}]}"))
    except WireError:
        return
    for event in events:
        draft.add(event)
    assert draft.message("complete").parts == (ToolCall("", "f", deep.replace(":", ": ")),)


def test_an_unreadable_event_is_quoted_short_and_inert() -> None:
    with pytest.raises(WireError) as caught:
        ChatDecoder().decode(frame("\x1b]52;c;x\x07\u202e\ud800" + "y" * 1000))
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()
    assert "\\x1b]52" in caught.value.message
    assert len(caught.value.message) < 400


def test_halves_of_a_character_meet_in_the_draft() -> None:
    draft = Draft("m")
    decoder = ChatDecoder()
    for half in ('"a\\ud83d"', '"\\ude00b"', '"\\ud83d"'):
        for event in decoder.decode(frame('{"choices":[{"delta":{"content":' + half + "}}]}")):
            draft.add(event)
    assert draft.message("complete").text == "a😀b\ufffd"


def test_the_end_mark_and_the_finish_are_two_events() -> None:
    decoder = ChatDecoder()
    last = frame('{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}')
    assert decoder.decode(last) == [TextDelta("a"), Finished("complete", "stop")]
    assert decoder.decode(frame("[DONE]")) == [StreamDone()]


# --- what leaves ---


def test_encode_a_first_question() -> None:
    assert encode(Request("m", (user_message("Hi"),))) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_encode_a_conversation_with_everything() -> None:
    request = Request(
        "m",
        (
            user_message("one"),
            Message("assistant", (Reasoning("let me see"), Text("a half ans")), "stopped", "m"),
            user_message("two"),
            Message("assistant", (Reasoning("nothing but thought"),), "stopped", "m"),
            user_message(""),
        ),
        system="Be brief.",
        max_tokens=0,
        temperature=0.0,
    )
    body = encode(request)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "a half ans"},
        {"role": "user", "content": "two"},
        {"role": "user", "content": ""},
    ]
    assert (body["max_tokens"], body["temperature"]) == (0, 0.0)


def test_encode_leaves_nothing_that_utf_8_refuses() -> None:
    body = encode(Request("m", (user_message("a\ud800b\ud83d\ude00"),), system="\udcff"))
    assert json.dumps(body, ensure_ascii=False).encode("utf-8")
    assert body["messages"] == [{"role": "system", "content": "\ufffd"}, {"role": "user", "content": "a\ufffdb😀"}]


def test_encode_a_question_with_files() -> None:
    parts = (
        Text("What is "),
        Image("image/png", b"\x89PNG", "a.png"),
        Text(""),
        File("application/pdf", b"%PDF", "paper\ud800.pdf"),
        File("application/pdf", b""),
        Text("this?\ud800"),
    )
    said = Message("assistant", (Text("A "), Text("picture."), ToolCall("a", "f", "{}")), "complete", "m")
    assert encode(Request("m", (Message("user", parts), said)))["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is "},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
                {"type": "file", "file": {"filename": "paper\ufffd.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
                {"type": "file", "file": {"filename": "file", "file_data": "data:application/pdf;base64,"}},
                {"type": "text", "text": "this?\ufffd"},
            ],
        },
        {"role": "assistant", "content": "A picture."},
    ]


def test_encode_a_schema() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    assert encode(Request("m", (user_message("Hi"),), schema=schema))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": schema},
    }


@pytest.mark.parametrize(
    ("listing", "names"),
    [
        ({"object": "list", "data": [{"id": "b"}, {"id": "a", "owned_by": "x"}, {"id": "b"}]}, ["b", "a"]),
        ([{"id": "t"}], ["t"]),
        ({"models": [{"name": "l"}, {"name": ""}, 7]}, ["l"]),
        ({"data": [{"id": "x"}], "models": [{"name": "y"}]}, ["x"]),
        ({"data": []}, []),
        ({"data": None}, []),
    ],
)
def test_model_names(listing: object, names: list[str]) -> None:
    assert model_names(listing) == names


@pytest.mark.parametrize("listing", [None, 7, "x", {}, {"data": {"id": "x"}}, {"error": "no"}])
def test_what_is_no_list_of_models(listing: object) -> None:
    with pytest.raises(WireError, match="list of models"):
        model_names(listing)
