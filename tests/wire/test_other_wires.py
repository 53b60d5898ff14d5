"""What leaves for Anthropic, Gemini and Ollama, and their lists of models; what comes in is in the cases."""

from collections.abc import Mapping

import pytest

from tokenfall.errors import WireError
from tokenfall.messages import File, Image, Message, Reasoning, Request, Text, ToolCall, user_message
from tokenfall.wire import WIRES, Frame

OTHERS = ("anthropic", "gemini", "ollama")
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
QUESTION = Request("m", (user_message("Hi"),))
EVERYTHING = Request(
    "m",
    (
        Message("user", (Image("image/png", b"\0"), File("application/pdf", b"\1", "a.pdf"), Text("What is it?"))),
        Message("assistant", (Reasoning("let me see"), Text("a half ans\ud800"), ToolCall("c", "f", "{}")), "stopped", "m"),
        user_message("more"),
        Message("assistant", (Reasoning("nothing but thought"),), "stopped", "m"),
        user_message("again"),
    ),
    system="Be brief.",
    max_tokens=7,
    temperature=0.0,
    schema=SCHEMA,
)

BODIES: Mapping[str, tuple[dict[str, object], dict[str, object]]] = {
    "anthropic": (
        {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "Hi"}], "stream": True},
        {
            "model": "m",
            "max_tokens": 7,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                        {
                            "type": "document",
                            "source": {"type": "base64", "media_type": "application/pdf", "data": "AQ=="},
                            "title": "a.pdf",
                        },
                        {"type": "text", "text": "What is it?"},
                    ],
                },
                {"role": "assistant", "content": "a half ans\ufffd"},
                {"role": "user", "content": "more"},
                {"role": "user", "content": "again"},
            ],
            "stream": True,
            "system": "Be brief.",
            "temperature": 0.0,
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        },
    ),
    "gemini": (
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        {
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                        {"inlineData": {"mimeType": "application/pdf", "data": "AQ=="}},
                        {"text": "What is it?"},
                    ],
                },
                {"role": "model", "parts": [{"text": "a half ans\ufffd"}]},
                {"role": "user", "parts": [{"text": "more"}]},
                {"role": "user", "parts": [{"text": "again"}]},
            ],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {
                "maxOutputTokens": 7,
                "temperature": 0.0,
                "responseMimeType": "application/json",
                "responseJsonSchema": SCHEMA,
            },
        },
    ),
    "ollama": (
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True},
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is it?", "images": ["AA=="]},
                {"role": "assistant", "content": "a half ans\ufffd"},
                {"role": "user", "content": "more"},
                {"role": "user", "content": "again"},
            ],
            "stream": True,
            "options": {"num_predict": 7, "temperature": 0.0},
            "format": SCHEMA,
        },
    ),
}


@pytest.mark.parametrize("wire", OTHERS)
def test_the_body_of_a_question_and_of_everything(wire: str) -> None:
    question, everything = BODIES[wire]
    assert WIRES[wire].encode(QUESTION) == question
    assert WIRES[wire].encode(EVERYTHING) == everything


@pytest.mark.parametrize(
    ("wire", "model", "path"),
    [
        ("anthropic", "claude-x", "/messages"),
        ("ollama", "llama3.2", "/api/chat"),
        ("gemini", "gemini-2.5-flash", "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("gemini", "models/gemini-2.5-flash", "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("gemini", "../x?y", "/models/..%2Fx%3Fy:streamGenerateContent?alt=sse"),
    ],
)
def test_where_a_request_goes(wire: str, model: str, path: str) -> None:
    assert WIRES[wire].path(model) == path


@pytest.mark.parametrize(
    ("wire", "listing", "names"),
    [
        ("anthropic", {"data": [{"type": "model", "id": "claude-b"}, {"type": "model", "id": "claude-a"}]}, ["claude-b", "claude-a"]),
        (
            "gemini",
            {
                "models": [
                    {"name": "models/gemini-x", "supportedGenerationMethods": ["generateContent", "countTokens"]},
                    {"name": "models/embedding-x", "supportedGenerationMethods": ["embedContent"]},
                    {"name": "models/other"},
                    7,
                ]
            },
            ["gemini-x", "other"],
        ),
        ("gemini", {}, []),
        ("ollama", {"models": [{"name": "a:latest", "model": "x"}, {"name": ""}, {"name": "a:latest"}, 7]}, ["a:latest"]),
        ("ollama", {"models": None}, []),
    ],
)
def test_model_lists(wire: str, listing: object, names: list[str]) -> None:
    assert WIRES[wire].models(listing) == names


@pytest.mark.parametrize("wire", OTHERS)
@pytest.mark.parametrize("listing", [None, 7, "x", {"data": {"id": "x"}}, {"models": {"name": "x"}}, {"error": "no"}])
def test_what_is_no_list_of_models(wire: str, listing: object) -> None:
    with pytest.raises(WireError, match=f"{wire}: .*list of models"):
        WIRES[wire].models(listing)


@pytest.mark.parametrize("wire", OTHERS)
@pytest.mark.parametrize("data", ["[" * 100_000, '{"message":' * 100_000, "9" * 5000, "\x1b]52;c;x\x07" + "y" * 1000])
def test_what_can_not_be_read_is_quoted_short_and_inert(wire: str, data: str) -> None:
    with pytest.raises(WireError, match=f"{wire}: an event of type 'message' is not") as caught:
        WIRES[wire].decoder().decode(Frame("message", data, "", 0.0))
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400
