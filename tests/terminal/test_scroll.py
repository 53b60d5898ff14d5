"""Replayed in an emulator, what was streamed leaves exactly the lines of the whole document in the scrollback."""

import re
from collections.abc import Iterable
from random import Random
from unicodedata import normalize

import pytest
from pyte.screens import Char
from rich.color import ColorSystem
from tests.bench.streams import SHAPES, text
from tests.markdown.shown import EXAMPLES, cuts, laid, shown
from tests.markdown.test_exact import ANSWER, LONG
from tests.scrollback import Scrollback

from tokenfall.markdown.document import Document
from tokenfall.terminal.pens import Palette
from tokenfall.terminal.scroll import HIDE, NO_WRAP, SHOW, WRAP, Scroll, Traits
from tokenfall.terminal.themes import load_themes

THEMES = load_themes().by_name
FENCE = "Before\n\n```python\n" + "".join(f"def f{n}(x):\n    return x + {n}  # 数 {n}\n\n" for n in range(40)) + "```\nafter\n"
WIDE = (
    "# 漢字の見出し\n\n" + "日本語のテキストも👩‍💻折り返されます。e\u0301 **強い** ❤️ " * 40
    + "\n\n| 名 | 値 |\n|---|---|\n" + "| 漢字 | 🇯🇵 |\n" * 9
)  # fmt: skip
DOCUMENTS = {
    "answer": ANSWER.partition("[sse]: ")[0], "fence": FENCE, "wide": WIDE,
    # a definition that comes late changes lines that have left the screen
    **{name: each for name, each in LONG.items() if "definitions" not in name},
    **{f"long {name}": text(name, 6_000) for name in SHAPES},
}  # fmt: skip
SIZES = [(80, 24), (31, 7), (20, 3), (41, 1)]


class Shown:
    """A document on a terminal, after the line of the shell that began it."""

    def __init__(
        self,
        columns: int,
        lines: int,
        *,
        theme: str = "dark",
        traits: Traits | None = None,
        most: int | None = None,
        before: str = "$ render\n",
    ) -> None:
        self.size = columns, lines
        self.document = Document()
        traits = traits or Traits()
        self.scroll = Scroll(self.document, THEMES[theme].look, Palette(ColorSystem.TRUECOLOR), traits, most)
        self.terminal = Scrollback(columns, lines, wraps_late=traits.wraps_late).feed(before)
        self.paint()

    def paint(self) -> str:
        sent = ""
        while frame := self.scroll.frame(*self.size):
            sent += frame
        self.terminal.feed(sent)
        return sent

    def add(self, text: str) -> str:
        self.document.append(text)
        return self.paint()

    def stream(self, pieces: Iterable[str], random: Random) -> "Shown":
        for piece in pieces:
            self.document.append(piece)
            if self.document.held and random.random() < 0.1:
                self.paint()
                self.document.flush_held()
            if random.random() < 0.7:
                self.paint()
        return self

    def finish(self) -> "Shown":
        self.document.finish()
        self.paint()
        self.terminal.feed(self.scroll.leave())
        return self

    def rows(self) -> list[str]:
        return self.terminal.rows()


def wanted(text: str, width: int) -> list[str]:
    return ["$ render", *(in_cells(shown(line)) for line in laid(text, width)), ""]


def in_cells(text: str) -> str:
    """As the emulator keeps it: composed, of what is joined only the first, and a sign that is to be an emoji is one cell wide."""
    return normalize("NFC", re.sub("\u200d.", "", text).replace("\ufe0f", " ")).rstrip()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_scrollback_has_the_lines_of_the_whole_document(name: str, size: tuple[int, int]) -> None:
    random = Random(f"{name} {size}")
    source = DOCUMENTS[name]
    streamed = Shown(*size).stream(cuts(source, random, longest=90), random).finish()
    assert streamed.rows() == wanted(source, size[0])


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("paints_erased", [True, False])
@pytest.mark.parametrize("name", ["answer", "fence", "wide", "table that widens"])
def test_every_cell_is_as_if_the_document_had_come_at_once(name: str, paints_erased: bool, theme: str) -> None:
    random = Random(name)
    source = DOCUMENTS[name]
    traits = Traits(paints_erased=paints_erased)
    streamed = Shown(50, 9, theme=theme, traits=traits).stream(cuts(source, random), random).finish()
    whole = Shown(50, 2000, theme=theme, traits=traits).stream([source], random).finish()
    assert looks(streamed) == looks(whole)


def looks(of: Shown) -> list[list[object]]:
    return [[look(cell) for cell in row] for row in of.terminal.cells()]


def look(cell: Char) -> object:
    """What can be seen of it: of a blank only its background and the lines through it."""
    lines = (cell.underscore, cell.strikethrough, cell.reverse)
    return (" ", cell.bg) if cell.data == " " and not any(lines) else (cell.data, cell.fg, cell.bg, cell.bold, cell.italics, *lines)


def test_the_examples_of_the_specification() -> None:
    random = Random(7)
    for _ in range(60):
        source = "\n\n".join(random.choices(EXAMPLES, k=6))
        # a link definition that comes after its use is for the test below
        source = re.sub(r"\]:", "] :", source.replace("\r", ""))
        size = random.choice(SIZES)
        assert Shown(*size).stream(cuts(source, random), random).finish().rows() == wanted(source, size[0]), source


def test_what_has_scrolled_away_stays_when_a_link_definition_comes_late() -> None:
    """The definition makes an earlier paragraph a line shorter; no other line is lost or doubled for it."""
    before = "[some text that is long][ref] in two lines\n\n"
    rest = "".join(f"paragraph {number}\n\n" for number in range(20))
    shown = Shown(40, 5)
    shown.add(before + rest)
    shown.add("[ref]: http://x.example\n\n[named][ref]\n\nend\n")
    rows = shown.finish().rows()
    assert rows[:4] == ["$ render", "[some text that is long][ref] in two", "lines", ""]
    assert rows[4:] == wanted(rest + "named\n\nend\n", 40)[1:]


@pytest.mark.parametrize("wraps_late", [True, False])
@pytest.mark.parametrize("lines", [1, 2, 9])
@pytest.mark.parametrize("size", [0, 1, 2, 38, 39, 40, 41, 80, 95])
def test_a_line_that_others_left_without_its_end_stays(size: int, lines: int, wraps_late: bool) -> None:
    others = ("0123456789" * 10)[:size]
    shown = Shown(40, lines, traits=Traits(wraps_late=wraps_late), before=f"$ render\n\x1b[31;4m{others}")
    shown.add("Some `text`\n\nand more")
    others_rows = [others[at : at + 40] for at in range(0, size, 40)]
    assert shown.finish().rows() == ["$ render", *others_rows, "Some text", "", "and more", ""]
    blanks = [cell for row in shown.terminal.cells() for cell in row if cell.data == " "]
    assert not any(cell.underscore for cell in blanks)


def test_a_word_more_sends_that_word() -> None:
    shown = Shown(80, 24)
    shown.add("Some text")
    assert shown.add(" and more") == " and more"
    assert shown.add("\n\nAnother paragraph") == "\r\n\r\nAnother paragraph"
    assert shown.add(" of `co") == " of \x1b[38;2;223;176;122mco"


def test_a_line_more_than_fits_moves_the_others_up_without_sending_them() -> None:
    shown = Shown(40, 6)
    shown.add("```\n" + "".join(f"number {number} of many\n" for number in range(20)))
    sent = shown.add("one more\n")
    assert sent == "\x1b[5A\r\x1b[M\x1b[5B\r\x1b[2Cone more"


def test_the_cursor_waits_behind_the_text_and_is_hidden_only_while_it_hops() -> None:
    shown = Shown(40, 12)
    shown.add("|a|b|\n|-|-|\n|1|2|\n")
    sent = shown.add("|1|wider|\n")
    assert sent.startswith(HIDE)
    assert sent.endswith(SHOW)
    screen = shown.terminal.screen
    assert screen.display[screen.cursor.y][: screen.cursor.x] == "1 │ wider"
    assert not screen.display[screen.cursor.y][screen.cursor.x :].strip()


def test_synchronised_updates_where_the_terminal_is_known_to_have_them() -> None:
    shown = Shown(40, 12, traits=Traits(synchronises=True))
    shown.add("|a|b|\n|-|-|\n|1|2|\n")
    sent = shown.add("|1|wider|\n")
    assert sent.startswith("\x1b[?2026h")
    assert sent.endswith("\x1b[?2026l")
    assert HIDE not in sent


def test_a_character_that_terminals_disagree_about_does_not_wrap() -> None:
    shown = Shown(40, 12)
    assert NO_WRAP not in shown.add("plain ")
    sent = shown.add("\U0001f642")
    assert sent.index(NO_WRAP) < sent.index("\U0001f642") < sent.index(WRAP)


def test_links_lead_to_the_web_only() -> None:
    shown = Shown(60, 12)
    sent = shown.add("[one](https://a.example/x) [two](javascript:alert(1)) <https://b.example>\n")
    sent += shown.add("\nend")
    assert re.findall(r"\x1b\]8;;(.*?)\x1b", sent) == ["https://a.example/x", "", "https://b.example", ""]


def test_nothing_leaves_nothing() -> None:
    assert Shown(40, 12).finish().rows() == ["$ render", ""]
    shown = Shown(40, 12)
    shown.add("[a]:")  # no link definition yet, so it shows
    assert shown.rows()[1] == "[a]:"
    shown.add(" http://x.example\n\n")
    assert shown.finish().rows() == ["$ render", ""]


def test_width_is_at_most_what_was_asked() -> None:
    source = "word " * 40
    assert Shown(80, 24, most=30).stream([source], Random(1)).finish().rows() == wanted(source, 30)
    assert Shown(20, 24, most=30).stream([source], Random(1)).finish().rows() == wanted(source, 20)


@pytest.mark.parametrize(("columns", "lines"), [(30, 9), (60, 9), (40, 20), (25, 14)])
def test_after_a_resize_the_tail_is_drawn_again_and_what_is_gone_stays(columns: int, lines: int) -> None:
    shown = Shown(40, 9)
    first = "".join(f"paragraph {number} of the first part, long enough for two lines\n\n" for number in range(9))
    tail = "word " * 20
    shown.add(first + tail)
    gone = shown.document.stable(40)
    shown.terminal.screen.resize(lines, columns)
    shown.size = columns, lines
    shown.paint()
    rest = "and on, in the other width\n\nend\n"
    shown.add(rest)
    rows = shown.finish().rows()
    assert rows[: 1 + gone] == [row[:columns].rstrip() for row in wanted(first, 40)[: 1 + gone]]
    # the blank line between two blocks belongs to the second
    assert rows[1 + gone :] == ["", *wanted(tail + rest, columns)[1:]]


def test_a_block_that_is_half_written_at_a_resize_is_written_again() -> None:
    source = "```\n" + "".join(f"a line of some length, number {number}\n" for number in range(100)) + "```\nend\n"
    shown = Shown(60, 9)
    shown.document.append(source)
    shown.document.finish()
    shown.terminal.feed(shown.scroll.frame(60, 9))
    assert shown.scroll.behind
    shown.terminal.screen.resize(9, 20)
    shown.size = 20, 9
    written = len(shown.rows())
    assert shown.finish().rows()[written:] == wanted(source, 20)[1:]


def test_lines_are_moved_only_where_the_terminal_can() -> None:
    shown = Shown(40, 6, traits=Traits(moves_lines=False))
    sent = shown.add("```\n" + "".join(f"number {number} of many\n" for number in range(20)))
    sent += shown.add("one more\n")
    assert not re.search(r"\x1b\[\d*[LM]", sent)


def test_a_terminal_that_wraps_anew_has_more_rows_to_go_up() -> None:
    for rewraps, up in ((False, 3), (True, 7)):
        shown = Shown(40, 20, traits=Traits(rewraps=rewraps))
        shown.add("word " * 30)
        assert shown.terminal.screen.cursor.y == 4
        assert f"\x1b[{up}A\r\x1b[J" in shown.scroll.frame(20, 20)


def test_after_others_had_the_terminal_the_tail_stands_below_what_they_wrote() -> None:
    shown = Shown(40, 12)
    shown.add("Gone.\n\nA paragraph that")
    shown.terminal.feed(shown.scroll.leave() + "[1]+ Stopped\n$ fg\n")
    shown.scroll.begin_anew()
    shown.paint()
    shown.add(" goes on.")
    kept = ["$ render", "Gone.", "", "A paragraph that", "[1]+ Stopped", "$ fg"]
    assert shown.finish().rows() == [*kept, "", "A paragraph that goes on.", ""]


def test_what_others_left_without_a_line_end_stays_when_the_tail_is_shown_again() -> None:
    shown = Shown(40, 12)
    shown.add("A paragraph that")
    shown.terminal.feed(shown.scroll.leave() + "$ fg\ntyped")
    shown.scroll.begin_anew()
    shown.paint()
    shown.add(" goes on.")
    assert shown.finish().rows() == ["$ render", "A paragraph that", "$ fg", "typed", "A paragraph that goes on.", ""]
