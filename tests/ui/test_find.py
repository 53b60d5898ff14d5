"""Finding words in what is shown, and what keys lead to."""

import pytest

from tokenfall.ui.entries import notice
from tokenfall.ui.find import Query
from tokenfall.ui.reply import Reply
from tokenfall.ui.selection import Spot
from tokenfall.ui.stack import Place, Stack
from tokenfall.ui.targets import CodeTarget, LinkTarget, ThoughtTarget, next_target, pointed, target_at
from tokenfall.ui.transcript import words

ANSWER = """See [the page](https://example.org/a) and **bold** words.

> a quote whose words go on and on

```go
\tfunc main() {}
```

A [link that is long enough to be wrapped](https://example.org/b) ends.
"""


def stacked(width: int = 20) -> Stack:
    stack = Stack()
    stack.rewrap(width)
    reply = Reply("m")
    reply.append("words first", at=0.0, reasoning=True)
    reply.append(ANSWER, at=1.0)
    reply.finish(None, 2.0)
    stack.add(notice("Words at the start."), reply, notice("the end"))
    return stack


def led(stack: Stack, spot: Spot, step: int) -> Spot | None:
    """Where a key leads to."""
    return next((each for each in next_target(stack, spot, step) if each is not None), None)


def found(stack: Stack, text: str) -> list[str]:
    """What is marked, line by line."""
    query = Query(text)
    marked = []
    for place in [Place(0, 0), *stack.walk(Place(0, 0), 1)]:
        line = stack.line(place)
        whole = "".join(run.text for run in (*line.prefix, *line.runs))
        marked += [whole[first:last] for first, last in query.cells(stack, place)]
    return marked


def test_what_is_found_is_what_is_shown() -> None:
    stack = stacked()
    assert found(stack, "bold words") == ["bold words"]
    assert found(stack, "**bold**") == []
    assert found(stack, "example.org") == []
    assert found(stack, "words") == ["Words", "words", "words"]
    assert found(stack, "Words") == ["Words"]
    assert found(stack, "nowhere") == []


def test_what_a_wrap_cuts_is_found_on_both_lines() -> None:
    stack = stacked()
    assert found(stack, "quote whose words") == ["quote whose", "words"]
    assert found(stack, "is long enough to") == ["is long", "enough to"]
    assert found(stack, "page) and") == []


def test_going_from_one_to_the_next_and_round() -> None:
    stack = stacked()
    query = Query("words")

    def go(spot: Spot, step: int) -> Spot:
        return next(each for each in query.next(stack, spot, step) if each is not None)

    first = go(Spot(2, 0, 0), -1)
    seen = [first]
    for _ in range(3):
        seen.append(go(seen[-1], -1))
    assert [spot.entry for spot in seen] == [1, 1, 0, 1]
    assert seen[3] == seen[0]
    assert go(seen[2], 1) == seen[1]
    assert go(seen[0], 1) == seen[2]
    for spot in seen:
        assert any(first == spot.x for first, _ in query.cells(stack, spot.place))
    assert [each for each in Query("nowhere").next(stack, Spot(0, 0, 0), 1) if each is not None] == []


def test_those_found_are_counted_from_the_newest() -> None:
    stack = stacked()
    query = Query("words")
    begins = [spot for index in range(3) for spot in query._begins(stack, index) if spot is not None]
    for place, spot in enumerate(reversed(begins), start=1):
        tallies = [each for each in query.tally(stack, spot) if each is not None]
        assert str(tallies[-1]) == f"{place} of 3"
        assert all(each.more for each in tallies[:-1])
        assert [each.count for each in tallies] == [0, 2, 3, 3]
    assert [str(each) for each in query.tally(stack, begins[0]) if each] == ["… of 0+", "… of 2+", "3 of 3+", "3 of 3"]


def test_what_was_counted_is_counted_again_where_it_may_have_changed() -> None:
    stack = stacked()
    grows, reply = Reply("m"), stack.entries[1]
    grows.append("words", at=0.0)
    stack.add(grows)
    query = Query("words")

    def count(gone_to: int) -> str:
        return str([each for each in query.tally(stack, Spot(gone_to, 0, 0)) if each][-1])

    assert count(0) == "4 of 4"
    grows.append(" and words", at=0.0)
    stack.changed(3)
    assert count(0) == "5 of 5"
    assert isinstance(reply, Reply)
    reply.toggle_thought(reply.thoughts[0])
    stack.changed(1)
    query.forget(reply)
    assert count(0) == "6 of 6"
    stack.remove(reply)
    assert count(0) == "3 of 3"


def test_no_more_than_a_thousand_are_counted() -> None:
    stack = Stack()
    stack.rewrap(40)
    stack.add(*(notice("word " * 90) for _ in range(20)))
    tallies = [each for each in Query("word").tally(stack, Spot(19, 0, 0)) if each is not None]
    assert str(tallies[-1]) == "90 of 1,080+"
    assert str([each for each in Query("word").tally(stack, Spot(0, 0, 0)) if each][-1]) == "… of 1,080+"


def test_counting_bears_what_others_take_away() -> None:
    for taken in range(4):
        stack = stacked()
        tally = Query("words").tally(stack, Spot(1, 0, 0))
        for _ in range(taken):
            next(tally)
        stack.clear()
        list(tally)


def test_an_only_one_is_found_again() -> None:
    stack = stacked()
    once = next(each for each in Query("the end").next(stack, Spot(0, 0, 0), 1) if each)
    assert [each for each in Query("the end").next(stack, once, 1) if each] == [once]
    assert [each for each in Query("the end").next(stack, once, -1) if each] == [once]


def test_keys_lead_to_reasoning_links_and_code() -> None:
    stack = stacked()
    spots = [Spot(0, 0, 0)]
    while (spot := led(stack, spots[-1], 1)) is not None:
        spots.append(spot)
    back = [spots[-1]]
    while (spot := led(stack, back[-1], -1)) is not None:
        back.append(spot)
    assert back == spots[:0:-1]
    found = [target_at(stack, spot) for spot in spots[1:]]
    assert [type(each) for each in found] == [ThoughtTarget, LinkTarget, CodeTarget, LinkTarget]
    assert [each.address for each in found if isinstance(each, LinkTarget)] == ["https://example.org/a", "https://example.org/b"]
    assert [each.code.text for each in found if isinstance(each, CodeTarget)] == ["\tfunc main() {}\n"]
    assert [words(each) for each in found] == [
        "reasoning · Enter opens", "https://example.org/a · Enter opens · y copies", "go · y copies",
        "https://example.org/b · Enter opens · y copies",
    ]
    assert target_at(stack, Spot(0, 0, 3)) is None
    for spot, target, shows in zip(spots[1:], found, (None, "the page", "  ", "link that is long"), strict=True):
        line = stack.line(spot.place)
        cells = pointed(line, spot, target)
        whole = "".join(run.text for run in (*line.prefix, *line.runs))
        assert (cells and whole[slice(*cells)]) == shows
    assert pointed(stack.line(spots[2].place), None, found[1]) is None
    assert words(None) == ""


@pytest.mark.parametrize(
    "source",
    [
        *("at https://a.example.", "<HTTP://a.example>", "[a](b)", "[a]\n\n[a]: /b", "<a@b.example>"),
        *("```\na", "~~~\na", "    a", "\ta", "- \ta\n\n\t\tb"),
    ],
)
def test_keys_lead_to_all_that_the_source_may_have(source: str) -> None:
    stack = Stack()
    stack.rewrap(40)
    reply = Reply("m")
    reply.append(source, at=0.0)
    reply.finish(None, 1.0)
    stack.add(notice("before"), reply)
    spot = led(stack, Spot(0, 0, 0), 1)
    assert spot is not None
    assert target_at(stack, spot) is not None


@pytest.mark.parametrize("size", [200, 40_000])
def test_code_that_still_streams_is_copied_as_far_as_it_came(size: int) -> None:
    """Also of a block that is so long that its lines are laid out once."""
    code = "".join(f"\tline {number}\n" for number in range(size // 10))
    stack = Stack()
    stack.rewrap(40)
    reply = Reply("m")
    stack.add(reply)
    text = f"1. x\n\n   ```\n{code}".replace("\n\t", "\n   \t")
    for start in range(0, len(text), 700):
        reply.append(text[start : start + 700], at=0.0)
        reply.height(40)
    stack.changed(0)
    for finish in (False, True):
        if finish:
            reply.finish(None, 1.0)
            stack.changed(0)
        spot = led(stack, Spot(0, 0, 0), 1)
        assert spot is not None
        target = target_at(stack, spot)
        assert isinstance(target, CodeTarget)
        assert target.code.text == code
        last = target_at(stack, Spot(0, stack.height(0) - 2, 10))
        assert isinstance(last, CodeTarget)
        assert last.code is target.code
