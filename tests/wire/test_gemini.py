"""What the cases don't say of Gemini: the edges of JSON, what leaves, and lists of models."""

import json

import pytest

from tokenfall.errors import WireError
from tokenfall.events import Draft, Faulted, Finished
from tokenfall.messages import File, Image, Message, Reasoning, Request, Text, ToolCall, user_message
from tokenfall.wire import WIRES, Frame
from tokenfall.wire.gemini import FINISH_REASONS, ContentDecoder, encode, model_names, path

DEPTHS = [10, 300, 900, 950, 980, 990, 995]


def frame(data: str, event: str = "message") -> Frame:
    return Frame(event, data, "", 0.0)


def response(part: str) -> Frame:
    return frame('{"candidates":[{"content":{"parts":[' + part + "]}}]}")


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 100_000, '{"candidates":' + "[" * 100_000, "9" * 5000, "[" + "9" * 5000 + "]"])
def test_json_that_python_refuses_is_a_wire_error(data: str) -> None:
    with pytest.raises(WireError, match="gemini: an event of type 'message' is not JSON"):
        ContentDecoder().decode(frame(data))


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_arguments_are_told_or_refused(depth: int) -> None:
    """Depths near the interpreter's limit, where reading may pass and writing may not."""
    deep = '{"a":' * depth + "1" + "}" * depth
    draft = Draft("m")
    try:
        events = ContentDecoder().decode(response('{"functionCall":{"name":"f","args":' + deep + "}}"))
    except WireError:
        return
    for event in events:
        draft.add(event)
    assert draft.message("complete").parts == (ToolCall("", "f", deep.replace(":", ": ")),)


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_errors_are_told_or_refused(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    for data in ('{"error":' + deep + "}", '[{"error":' + deep + "}]"):
        try:
            events = ContentDecoder().decode(frame(data))
        except WireError:
            continue
        assert events == [Faulted("no reason given")]


def test_an_unreadable_event_is_quoted_short_and_inert() -> None:
    for data in ("\x1b]52;c;x\x07\u202e\ud800" + "y" * 1000, "[\x1b\u202e\ud800" + "y" * 1000):
        with pytest.raises(WireError) as caught:
            ContentDecoder().decode(frame(data))
        assert caught.value.message.isascii()
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < 400


def test_halves_of_a_character_meet_in_the_draft() -> None:
    draft = Draft("m")
    decoder = ContentDecoder()
    for half in ('"a\\ud83d"', '"\\ude00b"', '"\\ud83d"'):
        for event in decoder.decode(response('{"text":' + half + "}")):
            draft.add(event)
    assert draft.message("complete").text == "a😀b\ufffd"


@pytest.mark.parametrize("reason", FINISH_REASONS)
def test_each_finish_that_is_an_end(reason: str) -> None:
    data = frame('{"candidates":[{"finishReason":"' + reason + '"}]}')
    assert ContentDecoder().decode(data) == [Finished(FINISH_REASONS[reason], reason)]


def test_the_words_of_a_failed_finish_are_cut() -> None:
    candidate = {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "\n x\ud800" + "y" * 9000}
    [event] = ContentDecoder().decode(frame(json.dumps({"candidates": [candidate]})))
    assert isinstance(event, Faulted)
    assert event.message.startswith("the reply ended with MALFORMED_FUNCTION_CALL: x\ufffdyyy")
    assert len(event.message) < 600


# --- what leaves ---


def test_the_row() -> None:
    wire = WIRES["gemini"]
    assert (wire.models_path, wire.key_header, wire.key_prefix) == ("/models?pageSize=1000", "x-goog-api-key", "")


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("models/models/x", "models%2Fx"),
        ("a/../b?key=1#c", "a%2F..%2Fb%3Fkey%3D1%23c"),
        ("ä %\ud800", "%C3%A4%20%25%EF%BF%BD"),
    ],
)
def test_the_path_holds_the_model_and_nothing_else(model: str, segment: str) -> None:
    assert path(model) == f"/models/{segment}:streamGenerateContent?alt=sse"
    assert path(str(encode(Request(model, (user_message("Hi"),)))["model"])) == path(model)


def test_encode_a_first_question() -> None:
    assert encode(Request("gemini-x", (user_message("Hi"),))) == {
        "model": "models/gemini-x",
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    }
    assert "model" not in encode(Request("", (user_message("Hi"),)))


def test_encode_a_conversation_with_everything() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    request = Request(
        "models/m",
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
        "model": "models/m",
        "contents": [
            {"role": "user", "parts": [{"text": "one"}]},
            {"role": "model", "parts": [{"text": "a half ans"}]},
            {"role": "user", "parts": [{"text": "two"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {
            "maxOutputTokens": 0,
            "temperature": 0.0,
            "responseMimeType": "application/json",
            "responseJsonSchema": schema,
        },
    }


def test_encode_leaves_nothing_that_utf_8_refuses() -> None:
    body = encode(Request("m\ud800", (user_message("a\ud800b\ud83d\ude00"),), system="\udcff"))
    assert json.dumps(body, ensure_ascii=False).encode("utf-8")
    assert body["contents"] == [{"role": "user", "parts": [{"text": "a\ufffdb😀"}]}]


def test_encode_a_question_with_files() -> None:
    parts = (Text("What is "), Image("image/png", b"\x89PNG", "a.png"), Text(""), File("application/pdf", b"%PDF", "p.pdf"), Text("this?"))
    assert encode(Request("m", (Message("user", parts),)))["contents"] == [
        {
            "role": "user",
            "parts": [
                {"text": "What is "},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
                {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
                {"text": "this?"},
            ],
        }
    ]


def test_model_names_are_of_models_that_chat() -> None:
    rows = [
        {"name": "models/gemini-2.5-flash", "supportedGenerationMethods": ["generateContent", "countTokens"]},
        {"name": "models/embedding-001", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/aqa"},
        {"name": 7, "supportedGenerationMethods": ["generateContent"]},
        {"name": "models/odd", "supportedGenerationMethods": "generateContent"},
        "models/text",
        {"name": "models/gemini-3", "supportedGenerationMethods": [{}, "generateContent"]},
    ]
    assert model_names({"models": rows, "nextPageToken": "x"}) == ["gemini-2.5-flash", "gemini-3"]
    assert model_names({"models": []}) == []


@pytest.mark.parametrize("listing", [None, 7, "x", [], {}, {"models": {"name": "x"}}, {"data": []}, {"error": {"message": "no"}}])
def test_what_is_no_list_of_models(listing: object) -> None:
    with pytest.raises(WireError, match="gemini: the answer is JSON, but not a list of models"):
        model_names(listing)
