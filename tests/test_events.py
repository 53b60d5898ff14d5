from tokenfall.events import (
    Draft,
    Faulted,
    Finished,
    ReasoningDelta,
    ReplyStarted,
    StreamDone,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from tokenfall.messages import Message, Reasoning, Text, ToolCall


def test_draft_joins_deltas_of_one_kind() -> None:
    draft = Draft("asked")
    for event in (
        ReplyStarted("answered"),
        ReasoningDelta("let "),
        ReasoningDelta("me"),
        TextDelta("4"),
        TextDelta("2"),
        Finished("complete"),
        UsageReport(Usage(3, 2)),
        StreamDone(),
    ):
        draft.add(event)
    assert draft.message("complete") == Message("assistant", (Reasoning("let me"), Text("42")), "complete", "answered")
    assert draft.message("complete").text == "42"
    assert (draft.usage, draft.finish, draft.empty) == (Usage(3, 2), "complete", False)


def test_draft_without_text_is_empty() -> None:
    draft = Draft("m")
    draft.add(Faulted("overloaded"))
    assert draft.empty
    assert draft.message("failed").parts == ()


def test_surrogate_halves_join_across_deltas_and_lone_ones_are_replaced() -> None:
    draft = Draft("m")
    for piece in ("a\ud83d", "\ude00b", "\ud800"):
        draft.add(TextDelta(piece))
    text = draft.message("complete").text
    assert text == "a😀b\ufffd"
    text.encode()


def test_pieces_of_tool_calls_are_told_apart_by_their_index() -> None:
    draft = Draft("m")
    for event in (
        TextDelta("Let me look."),
        ToolCallDelta(0, "call_1", "read", ""),
        ToolCallDelta(0, arguments='{"path"'),
        ToolCallDelta(1, "call_2", "list"),
        ToolCallDelta(0, arguments=': "a"}'),
        ToolCallDelta(1, arguments="{}"),
    ):
        draft.add(event)
    assert draft.message("complete").parts == (
        Text("Let me look."),
        ToolCall("call_1", "read", '{"path": "a"}'),
        ToolCall("call_2", "list", "{}"),
    )
    assert not draft.empty


def test_usage_that_is_told_in_parts_is_joined() -> None:
    draft = Draft("m")
    for usage in (Usage(input_tokens=9, cached_tokens=4), Usage(output_tokens=1), Usage(output_tokens=5, reasoning_tokens=2)):
        draft.add(UsageReport(usage))
    assert draft.usage == Usage(9, 5, 4, 2)
