"""Our themes in Textual's hands."""

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.app import App
from textual.color import WHITE
from textual.filter import LineFilter, Monochrome
from textual.widgets import Input, OptionList

from tokenfall.terminal.themes import load_themes
from tokenfall.ui.theme import CSS, Colourless, current_theme, line_filters, screen_theme

SHIPPED = load_themes().by_name


def test_colourless_keeps_attributes_and_what_is_attached() -> None:
    style = RichStyle.parse("bold underline red on blue") + RichStyle(meta={"at": 1})
    (segment,) = Colourless().apply([Segment("x", style)], WHITE)
    assert segment.style is not None
    assert (segment.style.color, segment.style.bgcolor, segment.style.bold, segment.style.underline) == (None, None, True, True)
    assert segment.style.meta == {"at": 1}
    assert Colourless().apply([Segment("x")], WHITE) == [Segment("x")]


def test_textuals_own_no_color_filters_are_replaced() -> None:
    kept: LineFilter = Colourless()
    assert line_filters([Monochrome(), kept], colourless=False) == [kept]
    assert [type(each) for each in line_filters([Monochrome()], colourless=True)] == [Colourless]


class Screenful(App[None]):
    """The widgets that an application of ours shows, in every theme."""

    CSS = CSS

    def __init__(self, theme: str, *, colourless: bool = False) -> None:
        super().__init__()
        self.colourless = colourless
        for each in load_themes(colourless=colourless).by_name.values():
            self.register_theme(screen_theme(each))
        self.theme = theme

    def get_line_filters(self) -> list[LineFilter]:
        return line_filters(super().get_line_filters(), colourless=self.colourless)

    def compose(self):  # type: ignore[no-untyped-def]
        yield Input("typed text", placeholder="nothing typed")
        yield Input(placeholder="nothing typed")
        yield OptionList(*(f"row {number}" for number in range(100)))

    def on_mount(self) -> None:
        self.notify("a notice", severity="error", timeout=60)


@pytest.mark.parametrize("name", SHIPPED)
async def test_a_theme_can_be_put_on_and_leads_back_to_itself(name: str) -> None:
    app = Screenful("terminal")
    async with app.run_test() as pilot:
        app.theme = name
        await pilot.pause()
        assert current_theme(app).name == name
        assert app.native_ansi_color == SHIPPED[name].native


def colours_sent(theme: str, *, colourless: bool) -> tuple[set[str], set[str]]:
    """SGR parameters of a real run: colours (38 and 48 are RGB or a palette's), and the rest."""
    code = f"from tests.ui.test_theme import Screenful; Screenful({theme!r}, colourless={colourless}).run()"
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("NO_COLOR", None)
    if colourless:
        environment["NO_COLOR"] = "1"
    root = Path(__file__).parents[2]
    child = pexpect.spawn(sys.executable, ["-c", code], env=environment, cwd=root, timeout=60, dimensions=(24, 80))
    received = b""
    try:
        marks = [b"a notice", b"row 7"]
        while marks:
            del marks[child.expect_exact(marks)]
            received += child.before + child.after
        child.send("\t\t\x1b[B\x1b[Bx")
        child.expect_exact(b"row 2")
        received += child.before + child.after
        child.send("\x11")
        child.expect(pexpect.EOF)
        received += child.before
    finally:
        child.close(force=True)
    sent = re.findall(rb"\x1b\[([\d;]*)m", received)
    assert sent
    # an RGB or palette colour becomes one parameter without its figures
    short = [re.sub(r"([34]8);(?:2(?:;\d+){3}|5;\d+)", r"\1", group.decode()) for group in sent]
    parameters = {found for group in short for found in re.findall(r"\d+", group)}
    colours = {each for each in parameters if re.fullmatch(r"[349]\d|10\d", each)}
    return colours, parameters - colours


def test_on_a_real_terminal_the_terminal_theme_sends_only_the_sixteen_colours() -> None:
    colours, _ = colours_sent("terminal", colourless=False)
    assert {"39", "49"} < colours <= {*map(str, range(30, 38)), *map(str, range(40, 48)), *map(str, range(90, 98)), "39", "49"}


def test_on_a_real_terminal_the_default_theme_leaves_the_background_alone() -> None:
    colours, _ = colours_sent("dark", colourless=False)
    assert {"49", "38"} <= colours


@pytest.mark.parametrize("name", ["terminal", "light"])
def test_on_a_real_terminal_no_color_means_no_colour_at_all(name: str) -> None:
    colours, rest = colours_sent(name, colourless=True)
    assert colours == set()
    assert "7" in rest
