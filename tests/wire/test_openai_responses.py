"""What the cases don't say of OpenAI Responses: the edges of JSON, long streams, and what leaves."""

import json

import pytest

from tokenfall.errors import WireError
from tokenfall.events import Draft, Faulted, Finished, StreamDone, StreamEvent, TextDelta
from tokenfall.messages import File, Image, Message, Reasoning, Request, Text, ToolCall, user_message
from tokenfall.wire import Frame
from tokenfall.wire.openai_responses import ResponsesDecoder, encode, model_names


def frame(data: str, event: str = "message") -> Frame:
    return Frame(event, data, "", 0.0)


def typed(kind: str, **fields: object) -> Frame:
    return frame(json.dumps({"type": f"response.{kind}", **fields}), f"response.{kind}")


def played(*frames: Frame) -> list[StreamEvent]:
    decoder = ResponsesDecoder()
    return [event for frame in frames for event in decoder.decode(frame)]


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000])
@pytest.mark.parametrize("event", ["message", "response.completed"])
def test_json_that_python_refuses_is_a_wire_error(data: str, event: str) -> None:
    with pytest.raises(WireError, match=f"openai-responses: an event of type '{event}' is not JSON"):
        ResponsesDecoder().decode(frame(data, event))


def test_what_an_unknown_event_holds_does_not_matter() -> None:
    assert ResponsesDecoder().decode(frame("[" * 100_000, "response.future")) == []


@pytest.mark.parametrize("depth", [10, 300, 900, 950, 980, 990, 995])
def test_deep_errors_are_told_or_refused(depth: int) -> None:
    """Depths near the interpreter's limit, where reading may pass and repeating may not."""
    try:
        events = ResponsesDecoder().decode(frame('{"type":"error","error":' + '{"a":' * depth + "1" + "}" * depth + "}"))
    except WireError:
        return
    assert events == [Faulted("no reason given")]


def test_a_long_reply_is_told_once() -> None:
    """Linear too: where every token were compared with all that came before it, this would take minutes."""
    tokens = [f" {number}" for number in range(50_000)]
    whole = "".join(tokens)
    item = {"type": "message", "content": [{"type": "output_text", "text": whole}]}
    events = played(
        *(typed("output_text.delta", delta=token) for token in tokens),
        typed("output_text.done", text=whole),
        typed("output_item.done", item=item),
        typed("completed", response={"status": "completed", "output": [item]}),
    )
    assert events == [*map(TextDelta, tokens), Finished("complete", "completed"), StreamDone()]


def test_many_parts_that_come_only_when_they_are_done() -> None:
    parts = [f"part {number}. " for number in range(20_000)]
    item = {"type": "message", "content": [{"type": "output_text", "text": part} for part in parts]}
    events = played(*(typed("output_text.done", text=part) for part in parts), typed("output_item.done", item=item))
    assert events == [*map(TextDelta, parts)]


def test_halves_of_a_character_meet_in_the_draft() -> None:
    draft = Draft("m")
    halves = [frame('{"type":"response.output_text.delta","delta":' + half + "}") for half in ('"a\\ud83d"', '"\\ude00b"', '"\\ud83d"')]
    for event in played(*halves, typed("output_text.done", text="a😀b\ufffd")):
        draft.add(event)
    assert draft.message("complete").text == "a😀b\ufffd"


# --- what leaves ---


def test_encode_a_first_question() -> None:
    assert encode(Request("m", (user_message("Hi"),))) == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
        "stream": True,
        "store": False,
    }


def test_encode_a_conversation_with_everything() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    question = (
        Text("What is "),
        Image("image/png", b"\x89PNG", "a.png"),
        File("application/pdf", b"%PDF", "paper\ud800.pdf"),
        File("application/pdf", b""),
        Text("this?\ud800"),
    )
    request = Request(
        "m",
        (
            Message("user", question),
            Message("assistant", (Reasoning("let me see"), Text("a half "), ToolCall("a", "f", "{}"), Text("ans")), "stopped", "m"),
            user_message(""),
            Message("assistant", (Reasoning("nothing but thought"),), "stopped", "m"),
        ),
        system="Be brief.\udcff",
        max_tokens=0,
        temperature=0.0,
        schema=schema,
    )
    body = encode(request)
    assert json.dumps(body, ensure_ascii=False).encode("utf-8")
    assert body["input"] == [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is "},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="},
                {"type": "input_file", "filename": "paper\ufffd.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
                {"type": "input_file", "filename": "file", "file_data": "data:application/pdf;base64,"},
                {"type": "input_text", "text": "this?\ufffd"},
            ],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a half ans"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": ""}]},
    ]
    assert body["instructions"] == "Be brief.\ufffd"
    assert (body["max_output_tokens"], body["temperature"]) == (0, 0.0)
    assert body["text"] == {"format": {"type": "json_schema", "name": "reply", "strict": True, "schema": schema}}


def test_model_names() -> None:
    assert model_names({"object": "list", "data": [{"id": "b"}, {"id": "a"}]}) == ["b", "a"]
    with pytest.raises(WireError, match="openai-responses: the answer is JSON, but not a list of models"):
        model_names({})
