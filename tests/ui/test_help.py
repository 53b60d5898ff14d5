import json
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.app import App

from tokenfall.terminal.themes import load_themes
from tokenfall.ui.help import CommandRow, Help, HelpText, KeyRow, Piece, help_lines
from tokenfall.ui.histogram import bar, histogram
from tokenfall.ui.theme import CSS, screen_theme

HOSTILE = json.loads((Path(__file__).parents[1] / "data" / "hostile.json").read_text("utf-8"))

KEYS = [
    KeyRow("Enter", "send", "In the prompt"),
    KeyRow("PgUp, PgDn", "scroll; scrolling up lets go of the bottom, End takes hold again", "Everywhere"),
    KeyRow("Ctrl-J", "new line", "In the prompt"),
]
COMMANDS = [CommandRow("/copy [N]", "copy the last reply, or its Nth code block")]


def plain(lines: list[list[Piece]]) -> list[str]:
    return ["".join(piece.text for piece in line) for line in lines]


def test_rows_stand_under_their_headings_in_columns() -> None:
    assert plain(help_lines(KEYS, COMMANDS, 60)) == [
        "In the prompt",
        "  Enter       send",
        "  Ctrl-J      new line",
        "",
        "Everywhere",
        "  PgUp, PgDn  scroll; scrolling up lets go of the bottom,",
        "              End takes hold again",
        "",
        "Commands",
        "  /copy [N]   copy the last reply, or its Nth code block",
    ]


def test_where_there_is_no_room_explanations_go_below() -> None:
    assert plain(help_lines(KEYS[1:2], COMMANDS, 30)) == [
        "Everywhere",
        "PgUp, PgDn",
        "  scroll; scrolling up lets go",
        "  of the bottom, End takes",
        "  hold again",
        "",
        "Commands",
        "/copy [N]",
        "  copy the last reply, or its",
        "  Nth code block",
    ]


@pytest.mark.parametrize("width", [1, 2, 3, 10, 25, 38, 78, 200])
def test_no_line_is_wider_than_the_screen_and_no_word_is_lost(width: int) -> None:
    rows = [*KEYS, KeyRow("漢字", "漢字の説明 " * 5, "漢")]
    lines = plain(help_lines(rows, COMMANDS, width))
    assert max(map(cell_len, lines)) <= max(width, 4)
    written = "".join("".join(lines).split())
    for row in rows:
        for text in (row.keys, row.does, row.where):
            assert all(word in written for word in text.split())


def test_nothing_to_show() -> None:
    assert help_lines([], [], 40) == []


def test_control_characters_in_remapped_keys_become_visible() -> None:
    for payload in HOSTILE["terminal"].values():
        lines = help_lines([KeyRow(payload["text"], payload["text"], payload["text"])], [], 40)
        assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for line in plain(lines) for letter in line)


class Helped(App[None]):
    CSS = CSS

    def __init__(self, rows: int) -> None:
        super().__init__()
        for each in load_themes().by_name.values():
            self.register_theme(screen_theme(each))
        self.theme = "dark"
        self.closed = 0
        self.rows = rows

    def on_mount(self) -> None:
        keys = [*(KeyRow(f"Key {number}", f"does {number} [b]x[/c]", "Keys") for number in range(self.rows))]
        self.push_screen(Help(keys, COMMANDS), self.count)

    def count(self, _result: None) -> None:
        self.closed += 1


def shown(app: Helped) -> list[str]:
    text = app.screen.query_one(HelpText)
    return [text.render_line(y).text.rstrip() for y in range(text.size.height)]


async def test_a_screen_of_two_lines_is_no_crash() -> None:
    app = Helped(3)
    async with app.run_test(size=(4, 2)) as pilot:
        await pilot.press("end", "pageup", "down", "home")
        assert shown(app) == ["K"]


@pytest.mark.parametrize("size", [(80, 24), (40, 24), (20, 5)])
async def test_keys_scroll_from_the_first_line_to_the_last(size: tuple[int, int]) -> None:
    app = Helped(50)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        first = shown(app)
        assert first[0].startswith("K")
        await pilot.press("down", "down")
        assert shown(app)[:-2] == first[2:]
        await pilot.press("end")
        last = shown(app)
        assert last != first
        await pilot.press("pagedown", "down")
        assert shown(app) == last
        await pilot.press("pageup")
        assert shown(app) != last
        await pilot.press("home")
        assert shown(app) == first


async def test_what_looks_like_markup_is_shown() -> None:
    app = Helped(1)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert any(line.endswith("does 0 [b]x[/c]") for line in shown(app))


async def test_a_resize_wraps_anew() -> None:
    app = Helped(3)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        wide = shown(app)
        await pilot.resize_terminal(30, 24)
        await pilot.pause()
        assert " ".join(" ".join(shown(app)).split()) == " ".join(" ".join(wide).split())
        assert shown(app) != wide
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert shown(app) == wide


@pytest.mark.parametrize("key", ["escape", "f1", "q"])
async def test_it_closes(key: str) -> None:
    app = Helped(3)
    async with app.run_test() as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert app.closed == 1


GAPS = [3.0] * 2 + [12.0] * 40 + [15.0] * 40 + [30.0] * 17 + [700.0]


def test_a_histogram_of_gaps() -> None:
    assert histogram(GAPS, 40) == [
        "      <5 ms ▋ 2",
        "    5-10 ms 0",
        "   10-20 ms █████████████████████████ 80",
        "   20-50 ms █████▎ 17",
        "  50-100 ms 0",
        " 100-200 ms 0",
        " 200-500 ms 0",
        "500-1000 ms ▎ 1",
        "median 15 ms, p95 30 ms, longest 700 ms",
    ]


def test_a_histogram_on_a_narrow_screen() -> None:
    lines = histogram([30.0] * 8 + [1000.0] * 4, 24)
    assert lines[0] == "   20-50 ms ██████████ 8"
    assert lines[-4:] == ["   ≥1000 ms █████ 4", "median 30 ms", "p95 1000 ms", "longest 1000 ms"]


def test_gaps_on_an_edge_count_above_it() -> None:
    assert [line.split() for line in histogram([4.99, 5, 10], 20)[:3]] == [
        ["<5", "ms", "██████", "1"], ["5-10", "ms", "██████", "1"], ["10-20", "ms", "██████", "1"],
    ]


@pytest.mark.parametrize("width", [20, 31, 80, 200])
def test_a_histogram_stays_within_its_width_and_counts_everything(width: int) -> None:
    lines = histogram([gap / 3 for gap in range(5000)], width)
    assert max(map(cell_len, lines)) <= width
    assert sum(int(line.split()[-1]) for line in lines if line.split()[1] == "ms") == 5000


def test_a_reply_without_gaps() -> None:
    assert histogram([], 40) == ["No gaps: a reply of fewer than two tokens has none."]


@pytest.mark.parametrize(("share", "text"), [(0, ""), (0.001, "▏"), (0.5, "██"), (0.53, "██▏"), (0.97, "███▉"), (1, "████")])
def test_a_bar_is_drawn_in_eighths_and_something_is_always_seen(share: float, text: str) -> None:
    assert bar(share, 4) == text
