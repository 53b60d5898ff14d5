"""Replies as entries: parts in their order, folding, the source, and letting go."""

from random import Random

import pytest
from tests.markdown.shown import cuts

from tokenfall.markdown.lines import Line, Run, Style
from tokenfall.messages import Message, Reasoning, Text
from tokenfall.ui.plain_text import SourceText, WrappedText
from tokenfall.ui.reply import Mark, Reply, Thought, duration

MARKDOWN = "# Head\n\nSome **words** that are long enough to be wrapped somewhere.\n\n```python\nx = 1\n```\n\n- a\n- b\n"


def shown(reply: Reply, width: int = 40) -> list[str]:
    lines = [reply.line(width, y) for y in range(reply.height(width))]
    return ["".join(run.text for run in (*line.prefix, *line.runs)) for line in lines]


def test_reasoning_folds_when_the_answer_begins_and_tells_its_duration() -> None:
    reply = Reply("m")
    reply.append("Let me\nsee.", at=10.0, reasoning=True)
    assert shown(reply) == ["m", "▾ thinking", "  Let me", "  see.", ""]
    assert reply.thinks
    reply.append("Yes.", at=13.24)
    assert shown(reply) == ["m", "▸ thought for 3.2 s", "", "Yes.", ""]
    assert not reply.thinks
    reply.toggle_thought(reply.thoughts[0])
    assert shown(reply)[1:5] == ["▾ thought for 3.2 s", "  Let me", "  see.", ""]
    assert reply.thought_at(40, 1) is reply.thoughts[0]
    assert [reply.thought_at(40, y) for y in (0, 2, 3, 4)] == [None] * 4


def test_reasoning_that_is_read_stays_open() -> None:
    reply = Reply("m")
    reply.append("hm", at=1.0, reasoning=True)
    reply.append("Yes.", at=2.0, fold=False)
    assert shown(reply)[1:3] == ["▾ thought for 1.0 s", "  hm"]
    chosen = Reply("m")
    chosen.append("hm", at=1.0, reasoning=True)
    chosen.toggle_thought(chosen.thoughts[0])
    chosen.toggle_thought(chosen.thoughts[0])
    chosen.append("Yes.", at=2.0, fold=True)
    assert shown(chosen)[1:3] == ["▾ thought for 1.0 s", "  hm"]


def test_reasoning_without_an_answer_stays_open() -> None:
    reply = Reply("m")
    reply.append("hm", at=1.0, reasoning=True)
    reply.finish(Mark("■ stopped", "stopped"), 3.0)
    assert shown(reply) == ["m", "▾ thought for 2.0 s", "  hm", "■ stopped", ""]


@pytest.mark.parametrize(("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (134, "2 min 14 s")])
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_source_shows_what_was_written_and_back() -> None:
    reply = Reply("m")
    reply.append(MARKDOWN, at=0.0)
    rendered = shown(reply)
    assert "Head" in rendered
    assert reply.toggle_source()
    assert shown(reply)[1:-1] == [*MARKDOWN.split("\n")[:2], "Some **words** that are long enough to b", "e wrapped somewhere.",
                                  *MARKDOWN.split("\n")[3:]]
    reply.append("\n- [c](d)", at=1.0)
    assert shown(reply)[-4:] == ["- b", "", "- [c](d)", ""]
    reply.finish(None, 2.0)
    assert "- [c](d)" in shown(reply)
    reply.toggle_source()
    assert "• c" in shown(reply)
    assert not Reply("m").toggle_source()


def test_a_finished_reply_lets_go_and_comes_back() -> None:
    reply = Reply("m")
    reply.append("hm", at=0.0, reasoning=True)
    reply.append(MARKDOWN, at=1.0)
    reply.forget()
    reply.append("more", at=2.0)
    reply.finish(Mark("■ stopped", "stopped"), 3.0)
    before = shown(reply)
    reply.forget()
    assert all(part._document is None for part in reply._parts if not isinstance(part, Thought))
    assert shown(reply) == before
    assert "more" in reply.source
    assert "hm" in reply.source


@pytest.mark.parametrize("source", [False, True])
def test_letting_go_changes_no_height(source: bool) -> None:
    reply = Reply("m")
    reply.append("hm", at=0.0, reasoning=True)
    reply.append(MARKDOWN, at=1.0)
    if source:
        reply.toggle_source()
        reply.height(40)
    reply.append("end\n\n\n", at=2.0)
    reply.finish(None, 3.0)
    before = shown(reply)
    reply.forget()
    assert shown(reply) == before


def test_many_parts_cost_no_more_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    plain = Thought.height

    def counted(thought: Thought, width: int) -> int:
        asked.append(width)
        return plain(thought, width)

    monkeypatch.setattr(Thought, "height", counted)
    reply = Reply("m")
    for number in range(300):
        reply.append(f"thought {number}", at=0.0, reasoning=True)
        reply.append(f"answer {number}", at=0.0)
        reply.height(40)
    assert len(asked) < 1_000
    assert shown(reply)[-2:] == ["answer 299", ""]
    assert [row for row in shown(reply) if row.startswith("answer")] == [f"answer {number}" for number in range(300)]


def test_a_stored_reply_is_what_it_was_when_it_streamed() -> None:
    streamed, stored = Reply("m"), Reply("m")
    streamed.append("hm", at=0.0, reasoning=True)
    streamed.append(MARKDOWN, at=1.0)
    streamed.finish(None, 2.0)
    stored.take(Message("assistant", (Reasoning("hm"), Text(MARKDOWN)), "complete", "m"), None)
    assert shown(stored)[2:] == shown(streamed)[2:]
    assert shown(stored)[1] == "▸ thought"
    assert all(abs(stored.estimate(width) - stored.height(width)) <= 8 for width in (20, 40, 80))


TEXT = "\n\n".join(["one two three four " * 6, "    indented\tcode", "漢字" * 30, "x" * 90, "", "👩‍💻 e\u0301 end"]) + "\n\n"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("width", [1, 7, 40])
def test_growing_plain_text_is_the_whole_text(seed: int, width: int) -> None:
    wrapped, source = WrappedText(Style(), Run("  ")), SourceText(Style(), "", width)
    stable: list[Line] = []
    for piece in cuts(TEXT, Random(seed), longest=20):
        wrapped.append(piece)
        source.append(piece)
        now = [wrapped.line(width, y) for y in range(wrapped.stable(width))]
        assert now[: len(stable)] == stable
        stable = now
    whole = WrappedText(Style(), Run("  "))
    whole.append(TEXT)
    assert [wrapped.line(width, y) for y in range(wrapped.height(width))] == [whole.line(width, y) for y in range(whole.height(width))]
    lines = [source.line(y) for y in range(source.height)]
    assert "".join(("\n" if line.joint is None else line.joint) + line.text for line in lines)[1:] == TEXT.replace("\t", "    ")
    if width > 1:
        assert all(line.width <= width for line in lines)
