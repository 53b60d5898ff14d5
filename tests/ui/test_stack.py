"""The stack and the view of it against a plain list of lines."""

from random import Random

import pytest
from tests.ui.entries import Counted

from tokenfall.ui.reading import Reading
from tokenfall.ui.stack import TOP, WARM, Place, Stack
from tokenfall.ui.view import View


def stacked(*talls: int) -> tuple[Stack, list[Place]]:
    """A stack, and all its places in order."""
    stack = Stack()
    stack.add(*(Counted(str(index), tall) for index, tall in enumerate(talls)))
    return stack, [Place(index, y) for index, tall in enumerate(talls) for y in range(tall)]


@pytest.mark.parametrize("seed", range(20))
def test_moving_walking_and_paging_are_those_of_a_list(seed: int) -> None:
    random = Random(seed)
    stack, flat = stacked(*(random.randint(1, 9) for _ in range(random.randint(1, 30))))
    for _ in range(200):
        at, lines, rows = random.randrange(len(flat)), random.randint(-40, 40), random.randint(1, 30)
        assert stack.move(flat[at], lines) == flat[max(0, min(at + lines, len(flat) - 1))]
        assert list(stack.walk(flat[at], 1)) == flat[at + 1 :]
        assert list(stack.walk(flat[at], -1)) == flat[:at][::-1]
        assert stack.places(flat[at], rows) == flat[at : at + rows]
        assert stack.page_at_end(rows) == flat[max(0, len(flat) - rows)]
        assert stack.below(flat[at], rows) == max(0, len(flat) - at - rows)
    assert stack.last == flat[-1]


def test_a_walk_lets_others_in_at_every_step_and_whatever_they_take_away() -> None:
    stack, flat = stacked(*range(1, 9))
    assert [each for each in stack.stroll(TOP, 1) if each] == flat[1:]
    assert [each for each in stack.stroll(flat[-1], -1, lambda entry: len(entry.source) == 0) if each] == flat[-2:-9:-1]
    for step, begin in ((1, TOP), (-1, flat[-1])):
        for count in range(len(flat)):
            stack, _ = stacked(*range(1, 9))
            walk = stack.stroll(begin, step)
            for _ in range(count):
                next(walk)
            for entry in stack.entries[2:]:
                stack.remove(entry)
            assert all(stack.holds(each) for each in walk if each)
            stack.clear()
    assert list(stacked(5, 5)[0].laying_around(5, 9)) == []


def test_what_a_view_may_show_of_an_entry_is_laid_out_and_no_more() -> None:
    stack, _ = stacked(*[4] * 100)
    assert len(list(stack.laying_around(50, 10))) == 8
    assert [index for index, entry in enumerate(stack.entries) if isinstance(entry, Counted) and entry.laid] == list(range(47, 54))


def test_an_empty_stack_has_nothing() -> None:
    stack = Stack()
    assert stack.move(Place(3, 4), 5) == stack.last == stack.page_at_end(5) == TOP
    assert stack.places(TOP, 5) == list(stack.walk(TOP, 1)) == []
    assert stack.line(TOP).text == ""


def test_of_ten_thousand_entries_those_of_a_screen_are_laid_out() -> None:
    stack = Stack()
    entries = [Counted(str(number), 4) for number in range(10_000)]
    stack.add(*entries)
    view = View(stack)
    view.rows = 30
    view.settle()
    assert [stack.line(place).text for place in view.places][-1] == "9999.3"
    assert sum(entry.laid for entry in entries) <= 9
    assert view.below == 0
    view.go(TOP)
    assert stack.line(view.places[0]).text == "0.0"
    assert sum(entry.laid for entry in entries) <= 20
    # what is measured is counted exactly, the rest by estimate
    assert 29_900 < view.below < 40_000


def test_heights_are_asked_for_again_after_a_change_of_width() -> None:
    stack, _ = stacked(4, 4)
    place = stack.relative(Place(1, 2))
    for entry in stack.entries:
        assert isinstance(entry, Counted)
        entry.tall = 8
    stack.rewrap(10)
    assert stack.absolute(*place) == Place(1, 4)
    assert stack.last == Place(1, 7)


def test_entries_that_are_not_looked_at_let_go_of_their_lines() -> None:
    stack = Stack()
    entries = [Counted(str(number), 100) for number in range(200)]
    stack.add(*entries)
    for index in range(200):
        stack.line(Place(index, 0))
    cold = [entry for entry in entries if entry.forgotten]
    assert len(cold) == 200 - WARM // 100
    assert not any(entry.forgotten for entry in entries[-WARM // 100 :])
    stack.line(Place(0, 5))
    assert entries[0].forgotten == 1


def test_entries_in_view_keep_their_lines_however_many() -> None:
    stack = Stack()
    entries = [Counted(str(number), 2 * WARM) for number in range(3)]
    stack.add(*entries)
    view = View(stack)
    view.rows = 30
    view.go(Place(0, 2 * WARM - 10))
    assert view.places
    before = [entry.forgotten for entry in entries]
    for _ in range(3):
        assert [stack.line(place).text for place in view.places][9:11] == [f"0.{2 * WARM - 1}", "1.0"]
    assert [entry.forgotten for entry in entries[:2]] == before[:2]
    view.go(Place(1, 5))
    assert stack.line(view.places[0]).text == "1.5"
    assert entries[0].forgotten == before[0] + 1
    assert entries[1].forgotten == before[1]


def test_what_a_reader_holds_moves_up_with_its_entry() -> None:
    stack, _ = stacked(2, 3, 4)
    stack.rewrap(10)
    view, reading = View(stack), Reading(stack)
    view.rows = 2
    view.go(Place(2, 1))
    view.held = Place(2, 0)
    reading.put(Place(2, 2), 1)
    reading.begin()
    reading.move(1, 1)
    index = stack.remove(stack.entries[1])
    view.taken_out(index)
    reading.taken_out(index)
    assert (view.top, view.held) == (Place(1, 1), Place(1, 0))
    assert reading.text == ".2\n2.3"
    reading.taken_out(stack.remove(stack.entries[1]))
    assert reading.span is None
    assert not reading.extending


def test_taking_out_an_entry_moves_those_below_it_up() -> None:
    stack, _ = stacked(2, 3, 4)
    assert stack.remove(stack.entries[1]) == 1
    assert stack.line(Place(1, 0)).text == "2.0"
    assert stack.last == Place(1, 3)


def seen(view: View, stack: Stack) -> list[str]:
    return [stack.line(place).text for place in view.places]


def test_the_view_follows_the_end_until_it_is_moved() -> None:
    stack, _ = stacked(3, 3)
    view = View(stack)
    view.rows = 4
    assert view.settle()
    assert seen(view, stack) == ["0.2", "1.0", "1.1", "1.2"]
    stack.add(Counted("2", 2))
    assert view.settle()
    assert seen(view, stack) == ["1.1", "1.2", "2.0", "2.1"]
    assert view.move(-3)
    stack.add(Counted("3", 9))
    assert not view.settle()
    assert seen(view, stack) == ["0.1", "0.2", "1.0", "1.1"]
    assert view.below == 12
    view.go(view.bottom)
    stack.add(Counted("4", 1))
    assert view.settle()
    assert seen(view, stack)[-1] == "4.0"


def test_a_held_line_scrolls_up_to_the_top_and_stays_there() -> None:
    stack, _ = stacked(6, 1)
    growing = stack.entries[1]
    assert isinstance(growing, Counted)
    view = View(stack)
    view.rows = 4
    view.settle()
    view.held = Place(1, 0)
    tops = []
    for tall in range(2, 9):
        growing.tall = tall
        stack.changed(1)
        view.settle()
        tops.append(view.top)
    assert tops == [Place(0, 4), Place(0, 5), *[Place(1, 0)] * 5]
    assert view.below == 4
    view.go(view.bottom)
    growing.tall = 12
    stack.changed(1)
    view.settle()
    assert seen(view, stack)[-1] == "1.11"


def test_revealing_moves_as_little_as_it_must() -> None:
    stack, flat = stacked(10, 10)
    view = View(stack)
    view.rows = 5
    view.go(flat[6])
    assert not view.reveal(flat[8])
    assert view.top == flat[6]
    assert view.reveal(flat[11])
    assert view.top == flat[7]
    assert view.reveal(flat[2])
    assert view.top == flat[2]


def test_a_row_of_a_line_is_found() -> None:
    stack, flat = stacked(3, 3)
    view = View(stack)
    view.rows = 4
    view.go(flat[1])
    assert [view.row(place) for place in flat] == [0, 0, 1, 2, 3, 4]
