from tokenfall.events import Draft, Faulted, Finished, ReasoningDelta, ReplyStarted, StreamDone, TextDelta, Usage, UsageReport
from tokenfall.messages import Message, Reasoning, Text


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
