import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from tokenfall.terminal.themes import load_themes
from tokenfall.ui.picker import LABEL_LIMIT, SLICE, Choice, Choices, Picker, Question, find, scores
from tokenfall.ui.plain_text import fit
from tokenfall.ui.theme import CSS, screen_theme

HOSTILE = json.loads((Path(__file__).parents[1] / "data" / "hostile.json").read_text("utf-8"))
OUTSIDE = [*(each["text"] for each in HOSTILE["terminal"].values()), *HOSTILE["markup"]]

MODELS = [
    Choice("a", "openrouter/gemini-flash", "remote"),
    Choice("b", "local/smollm2", "this machine", current=True),
    Choice("c", "ollama/llama3", "this machine"),
    Choice("d", "local/gemma", "this machine"),
]


class Asking(App[None]):
    """Pushes one screen; keeps what it was dismissed with and what was highlighted on the way."""

    CSS = CSS

    def __init__(self, screen: Picker[Any] | Question, theme: str = "dark") -> None:
        super().__init__()
        for each in load_themes().by_name.values():
            self.register_theme(screen_theme(each))
        self.theme = theme
        self.asked = screen
        self.answers: list[object] = []
        self.highlights: list[object] = []

    def on_mount(self) -> None:
        self.push_screen(self.asked, self.answers.append)

    def on_picker_highlighted(self, event: Picker.Highlighted) -> None:
        self.highlights.append(event.value)


def shown(pilot: Pilot[None]) -> list[str]:
    rows = pilot.app.screen.query_one(Choices)
    return [rows.render_line(y).text for y in range(rows.size.height)]


async def answer(choices: Sequence[Choice[Any]], *keys: str, size: tuple[int, int] = (80, 24)) -> Asking:
    app = Asking(Picker("Model", choices))
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
    return app


@pytest.mark.parametrize(("keys", "value"), [
    ((), "b"), (("down",), "c"), (("up",), "a"), (("up", "up", "up"), "a"), (("end",), "d"), (("end", "down"), "d"),
    (("end", "home"), "a"), (("pagedown",), "d"), (("pagedown", "pageup"), "a"),
])
async def test_keys_move_from_the_current_choice(keys: tuple[str, ...], value: str) -> None:
    assert (await answer(MODELS, *keys, "enter")).answers == [value]


async def test_escape_chooses_nothing() -> None:
    assert (await answer(MODELS, "down", "escape")).answers == [None]


async def test_every_move_of_the_highlight_is_told_once() -> None:
    app = await answer(MODELS, "down", "down", "down", "up")
    assert app.highlights == ["c", "d", "c"]


@pytest.mark.parametrize(("typed", "value"), [
    ("gem", "d"), ("gemi", "a"), ("gemm", "d"), ("llama", "c"), ("o l3", "c"), ("lsm", "b"), ("GEMMA", "d"), ("remote", "a"),
    ("local gem", "d"),
])
async def test_typing_filters_and_the_best_comes_first(typed: str, value: str) -> None:
    keys = ["space" if letter == " " else letter for letter in typed]
    assert (await answer(MODELS, *keys, "enter")).answers == [value]


async def test_where_nothing_matches_enter_does_nothing() -> None:
    app = Asking(Picker("Model", MODELS))
    async with app.run_test() as pilot:
        await pilot.press("z", "z", "enter", "down", "up", "end")
        assert shown(pilot)[0].strip() == "nothing matches"
        assert app.answers == []
        await pilot.press("backspace", "backspace")
        assert [row.split()[-2:] for row in shown(pilot)[1:]] == [["this", "machine"]] * 3
    assert app.highlights == ["a"]


async def test_no_choices_at_all() -> None:
    assert (await answer([], "down", "enter", "x", "escape")).answers == [None]


async def test_rows_show_label_detail_and_the_current_one() -> None:
    app = Asking(Picker("Model", MODELS))
    async with app.run_test() as pilot:
        await pilot.press("down")
        rows = shown(pilot)
        width = app.screen.query_one(Choices).size.width
        assert rows[1] == " • local/smollm2" + "this machine ".rjust(width - 16)
        assert rows[2].startswith(">  ollama/llama3 ")


async def test_what_was_typed_is_marked_in_the_labels() -> None:
    app = Asking(Picker("Model", MODELS))
    async with app.run_test() as pilot:
        await pilot.press("g", "m", "a")
        strip = app.screen.query_one(Choices).render_line(0)
        assert "".join(segment.text for segment in strip if segment.style and segment.style.underline) == "gma"


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5), (4, 2), (200, 60)])
async def test_it_fits_any_terminal(size: tuple[int, int]) -> None:
    app = Asking(Picker("A title that is longer than a small terminal is wide", [*MODELS, Choice("e", "漢字" * 40, "漢字" * 40)]))
    async with app.run_test(size=size) as pilot:
        await pilot.press("end")
        assert all(cell_len(row) == app.screen.query_one(Choices).scrollable_content_region.width for row in shown(pilot))
        if size[1] > 2:
            assert any(row.startswith(">") for row in shown(pilot))
        await pilot.resize_terminal(60, 20)
        await pilot.press("home", "enter")
    assert app.answers == ["a"]


async def test_a_long_list_opens_on_the_current_row() -> None:
    app = Asking(Picker("Many", [Choice(number, f"row {number}", current=number == 700) for number in range(900)]))
    async with app.run_test() as pilot:
        while not any(row.startswith(">• row 700") for row in shown(pilot)):
            await pilot.pause()


async def test_enter_right_after_typing_takes_what_was_typed_in_a_long_list() -> None:
    many = [Choice(number, f"model-{number}") for number in range(10 * SLICE)]
    app = Asking(Picker("Many", many))
    async with app.run_test() as pilot:
        app.screen.query_one(Input).value = "model-7654"
        app.asked.action_choose()  # type: ignore[union-attr]
        await pilot.pause()
    assert app.answers == [7654]


async def test_a_long_list_is_ranked_while_the_screen_lives() -> None:
    app = Asking(Picker("Many", [Choice(number, f"model-{number}") for number in range(10 * SLICE)]))
    async with app.run_test() as pilot:
        app.screen.query_one(Input).value = "model-99"
        while not app.highlights:
            await pilot.pause()
        assert shown(pilot)[0].startswith(">  model-99 ")
        assert app.highlights == [99]


async def test_a_click_chooses() -> None:
    app = Asking(Picker("Model", MODELS))
    async with app.run_test() as pilot:
        await pilot.click(Choices, offset=(5, 2))
        await pilot.pause()
    assert app.answers == ["c"]


@pytest.mark.parametrize("text", OUTSIDE)
async def test_text_from_outside_is_inert(text: str) -> None:
    app = Asking(Picker(text, [Choice("x", text, text)]))
    async with app.run_test() as pilot:
        await pilot.pause()
        drawn = "\n".join(shown(pilot)) + app.screen.query_one(".title").render().plain  # type: ignore[union-attr]
        assert not any((ord(letter) < 32 and letter != "\n") or 0x7F <= ord(letter) < 0xA0 for letter in drawn)
        app.screen.query_one(Input).value = text
        await pilot.press("enter")


async def test_markup_in_labels_is_shown_as_it_is() -> None:
    app = Asking(Picker("[b]x", [Choice(text, text) for text in HOSTILE["markup"]]))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert [row[3:].strip() for row in shown(pilot)[: len(HOSTILE["markup"])]] == HOSTILE["markup"]


async def test_the_colours_follow_a_theme_that_is_tried_out() -> None:
    app = Asking(Picker("Theme", [Choice(name, name, current=name == "dark") for name in ("dark", "light")]))
    async with app.run_test() as pilot:
        rows = app.screen.query_one(Choices)
        before = rows.render_line(0)
        app.theme = "light"
        await pilot.pause()
        await pilot.pause()
        (style, *_) = (segment.style for segment in rows.render_line(0))
        assert rows.render_line(0) != before
        assert style is not None
        assert style.bgcolor is not None
        assert style.bgcolor.name == "#c9dcf5"


def test_better_matches_score_higher() -> None:
    texts = ["model", "model-b", "the model", "supermodel", "my-o-del", "m o d e l"]
    found = [find("model", text) for text in texts]
    ranks = [each[0] for each in found if each]
    assert len(ranks) == len(texts)
    assert ranks == sorted(ranks, reverse=True)
    assert find("model", "ledom") is None


def test_the_start_of_a_word_is_found_behind_a_hit_inside_one() -> None:
    assert find("flash", "xflash flash") == (2993, range(7, 12))


def test_scattered_letters_lie_as_close_as_they_can() -> None:
    found = find("ab", "a-axxb")
    assert found is not None
    assert list(found[1]) == [2, 5]


def test_a_word_of_the_detail_counts_less_than_any_of_the_label() -> None:
    texts = [("one", "gemma"), ("g-e-m", "x"), ("two", "x")]
    assert [row for _, row in sorted(scores("gem", texts, range(3)))] == [1, 0]


def test_a_query_of_blanks_keeps_the_order() -> None:
    assert scores("  ", [("b", ""), ("a", "")], range(2)) == [(0, 0), (0, 1)]


def test_long_hostile_labels_are_searched_in_no_time() -> None:
    # ceilings only catch a search that explodes
    text = "ab" * LABEL_LIMIT
    assert find("ab" * 40 + "c", text) is None
    assert find("a" * 100, text) is not None


@pytest.mark.parametrize(("text", "width", "cut"), [
    ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字漢", 4, "漢…"), ("a  bcd", 4, "a…"), ("abc", 1, "…"), ("abc", 0, ""), ("abc", -3, ""),
])
def test_fit(text: str, width: int, cut: str) -> None:
    assert fit(text, width) == cut


async def test_a_question_gives_back_its_text_whole() -> None:
    app = Asking(Question("System prompt", "first\nsecond"))
    async with app.run_test() as pilot:
        await pilot.press("!", "ctrl+j", "x", "enter")
    assert app.answers == ["first\nsecond!\nx"]


async def test_a_question_can_be_refused() -> None:
    app = Asking(Question("System prompt", "first"))
    async with app.run_test() as pilot:
        await pilot.press("x", "escape")
    assert app.answers == [None]


@pytest.mark.parametrize("size", [(80, 24), (20, 5), (4, 2)])
@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_a_question_fits_any_terminal(size: tuple[int, int], theme: str) -> None:
    app = Asking(Question("[b]A title that is longer than wide", "\n".join("many lines of text" * 3 for _ in range(30))), theme)
    async with app.run_test(size=size) as pilot:
        await pilot.press("z")
        area = app.screen.query_one(TextArea)
        assert area.region.height >= 1
        assert area.region.bottom <= size[1]
        await pilot.press("enter")
    assert isinstance(app.answers[0], str)
    assert app.answers[0].endswith("z")


async def test_choices_that_come_later_leave_the_highlight_where_it_is() -> None:
    picker: Picker[str] = Picker("Model", MODELS)
    app = Asking(picker)
    async with app.run_test() as pilot:
        await pilot.press("down")
        assert next(row for row in shown(pilot) if row.startswith(">")).startswith(">  ollama/llama3")
        picker.renew([Choice("new", "aaa/first", ""), *MODELS])
        await pilot.pause()
        assert shown(pilot)[0].startswith("   aaa/first")
        await pilot.press("enter")
    assert app.answers == ["c"]


async def test_choices_that_come_later_are_filtered_as_the_others() -> None:
    picker: Picker[str] = Picker("Model", MODELS)
    app = Asking(picker)
    async with app.run_test() as pilot:
        await pilot.press(*"gem")
        await pilot.pause()
        picker.renew([*MODELS, Choice("new", "google/gemini-x", ""), Choice("no", "other", "")])
        await pilot.pause()
        rows = [row.strip() for row in shown(pilot) if row.strip()]
        assert [row.split()[0 if row[0] != ">" else 1] for row in rows] == ["local/gemma", "google/gemini-x", "openrouter/gemini-flash"]
        await pilot.press("down", "enter")
    assert app.answers == ["new"]
