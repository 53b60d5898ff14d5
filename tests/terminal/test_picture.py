"""Replayed in an emulator, the differences give cell by cell the screen that one full repaint gives."""

import random
import re
from collections.abc import Sequence

import pyte
import pytest
from pyte.screens import Char
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from tokenfall.terminal.cells import Row, row
from tokenfall.terminal.pens import PENS_KEPT, Palette
from tokenfall.terminal.picture import SYNC, SYNC_END, Picture, movement

STYLES = [Style.parse(text) for text in (
    "", "", "", "bold", "italic #ff0000", "#8f97a7", "on blue", "reverse", "underline green", "bold white on #202020", "strike", "dim",
    "reverse red on yellow", "bright_blue", "not bold default", "color(200) on color(17)",
)]  # fmt: skip
PIECES = ["a", "Z", " ", "  ", "word", "λ", "─│", "漢", "字かな", "e\u0301", "a\u0335b", "ａ", "漢\u0301", "foo bar", "        ", "1", "é"]
JOINED = ["🙂", "👩‍💻", "❤️", "🇩🇪", "👍🏽", "1️⃣"]


def random_segments(rng: random.Random, width: int, pieces: Sequence[str]) -> list[Segment]:
    """About `width` cells, sometimes more, often mostly blank."""
    wanted = rng.choice((0, width // 4, width // 2, width, width + 5))
    segments = [Segment("".join(rng.choices(pieces, k=rng.randint(1, 3))), rng.choice(STYLES)) for _ in range(wanted // 4)]
    return [*segments, Segment(" " * rng.choice((0, width)), rng.choice(STYLES[:10]))]


def random_row(rng: random.Random, width: int, palette: Palette, pieces: Sequence[str]) -> Row:
    return row(random_segments(rng, width, pieces), width, palette)


def next_frame(rng: random.Random, rows: list[Row], palette: Palette, pieces: Sequence[str]) -> list[Row]:
    """What a screen does: a few rows change, a region moves up or down, or everything is new."""
    rows = list(rows)
    width, height = len(rows[0].texts), len(rows)
    match rng.choice(("edit", "edit", "grow", "scroll", "scroll", "new", "same")):
        case "edit":
            for _ in range(rng.randint(1, 3)):
                y, source = rng.randrange(height), random_row(rng, width, palette, pieces)
                at = rng.randrange(width)
                segments = _segments(rows[y], 0, at) + _segments(source, at, rng.randint(at, width)) + _segments(rows[y], at, width)
                rows[y] = row(segments, width, palette)
        case "grow":
            y = rng.randrange(height)
            rows[y] = row([*_segments(rows[y], 0, rows[y].end), *random_segments(rng, 8, pieces)], width, palette)
        case "scroll":
            top = rng.randrange(height - 1)
            bottom = rng.randint(top + 2, height)
            up = rng.randint(1, min(3, bottom - top))
            fresh = [random_row(rng, width, palette, pieces) for _ in range(up)]
            rows[top:bottom] = rows[top + up : bottom] + fresh if rng.random() < 0.7 else fresh + rows[top : bottom - up]
            if rng.random() < 0.5:
                rows[rng.randrange(height)] = random_row(rng, width, palette, pieces)
        case "new":
            rows = [random_row(rng, width, palette, pieces) for _ in range(height)]
    return rows


def _segments(of: Row, start: int, end: int) -> list[Segment]:
    """Cells of a row as segments again; the styles are lost where a pen has no style of its own, which is as good."""
    return [Segment(text, STYLES[(x * 7 + len(text)) % len(STYLES)]) for x, text in enumerate(of.texts[start:end]) if text]


class Emulator:
    def __init__(self, width: int, height: int) -> None:
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.Stream(self.screen)
        self.stream.feed("\x1b[?7l")

    def feed(self, text: str) -> "Emulator":
        # as a terminal: a line end of the program's becomes CR LF on its way; pyte has no synchronised updates
        self.stream.feed(text.replace("\n", "\r\n").replace(SYNC, "").replace(SYNC_END, ""))
        return self

    def cells(self) -> list[list[object]]:
        return [[look(self.screen.buffer[y][x]) for x in range(self.screen.columns)] for y in range(self.screen.lines)]


def look(cell: Char) -> object:
    """What can be seen of a cell: of a blank only its background and the lines through it."""
    lines = (cell.underscore, cell.strikethrough, cell.reverse)
    if cell.data == " " and not any(lines):
        return (" ", cell.bg)
    return (cell.data, cell.fg, cell.bg, cell.bold, cell.italics, *lines)


def repainted(rows: Sequence[Row], palette: Palette) -> Emulator:
    return Emulator(len(rows[0].texts), len(rows)).feed(Picture(palette, paints_erased=False, whole=True).frame(rows))


@pytest.mark.parametrize("colours", [ColorSystem.TRUECOLOR, ColorSystem.STANDARD])
@pytest.mark.parametrize("pieces", [PIECES, PIECES + JOINED], ids=["wide", "joined"])
@pytest.mark.parametrize(("scrolls", "paints_erased", "whole"), [(True, True, False), (True, False, False), (False, True, True)])
def test_differences_give_what_a_repaint_gives(
    colours: ColorSystem, pieces: list[str], scrolls: bool, paints_erased: bool, whole: bool
) -> None:
    rng = random.Random(f"{colours}{len(pieces)}{scrolls}{paints_erased}")
    palette = Palette(colours)
    for _ in range(12):
        width, height = rng.randint(3, 40), rng.randint(2, 12)
        picture = Picture(palette, scrolls=scrolls, paints_erased=paints_erased, whole=whole)
        picture.synchronised = True
        emulator = Emulator(width, height)
        rows = [random_row(rng, width, palette, pieces) for _ in range(height)]
        for number in range(25):
            cursor = (rng.randrange(width), rng.randrange(height)) if rng.random() < 0.5 else None
            emulator.feed(picture.frame(rows, cursor))
            assert emulator.cells() == repainted(rows, palette).cells(), f"frame {number}"
            if cursor:
                assert (emulator.screen.cursor.x, emulator.screen.cursor.y) == cursor
            rows = next_frame(rng, rows, palette, pieces)


def test_a_repaint_shows_the_text() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    shown = repainted([row([Segment("ab漢字 c", Style.parse("bold"))], 10, palette), row([Segment("λ─")], 10, palette)], palette)
    assert [line.rstrip() for line in shown.screen.display] == ["ab漢字 c", "λ─"]
    assert shown.screen.buffer[0][2].bold


def test_another_size_is_drawn_whole() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    picture = Picture(palette)
    picture.frame([row([Segment("one")], 10, palette), row([Segment("two")], 10, palette)])
    emulator = Emulator(6, 3)
    rows = [row([Segment(text)], 6, palette) for text in ("one", "two", "three")]
    assert emulator.feed(picture.frame(rows)).cells() == repainted(rows, palette).cells()


def test_what_is_forgotten_is_drawn_again() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    rows = [row([Segment(text, Style.parse("red"))], 10, palette) for text in ("one", "two")]
    picture = Picture(palette)
    picture.frame(rows)
    assert picture.frame(rows) == ""
    picture.forget()
    assert Emulator(10, 2).feed("\x1b[44mjunk\r\njunk").feed(picture.frame(rows)).cells() == repainted(rows, palette).cells()


def text_rows(palette: Palette, *texts: str) -> list[Row]:
    return [row([Segment(text)], 40, palette) for text in texts]


def test_a_grown_line_sends_what_grew() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    picture = Picture(palette)
    picture.synchronised = True
    picture.frame(text_rows(palette, "a line", "The answer", "status"))
    assert picture.frame(text_rows(palette, "a line", "The answer is", "status")) == "\x1b[2;12His"
    assert picture.frame(text_rows(palette, "a line", "The answer is 42", "status")) == " 42"


def test_a_line_more_scrolls_the_region_above_the_status() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    picture = Picture(palette)
    picture.synchronised = True
    lines = [f"line {number} of a long answer" for number in range(8)]
    picture.frame(text_rows(palette, *lines[:6], "status"))
    sent = picture.frame(text_rows(palette, *lines[1:7], "status"))
    assert sent == "\x1b[1;6r\x1b[6H\n\x1b[r\x1b[6Hline 6 of a long answer"


def test_a_scroll_stands_before_the_synchronised_update() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    picture = Picture(palette)
    picture.synchronised = True
    lines = [str(number) * 30 for number in range(9)]
    picture.frame(text_rows(palette, *lines[:6], "status"))
    sent = picture.frame(text_rows(palette, *lines[2:8], "ready"))
    assert re.fullmatch(r"\x1b\[1;6r\x1b\[6H\n\n\x1b\[r\x1b\[\?2026h.*\x1b\[\?2026l", sent, re.DOTALL)


def test_without_scroll_regions_none_are_set() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    lines = [f"line {number} of a long answer" for number in range(9)]
    for picture in (Picture(palette, scrolls=False), Picture(palette, whole=True)):
        picture.frame(text_rows(palette, *lines[:6], "status"))
        assert not re.search(r"\x1b\[[0-9;]*r|\n|\x1bM", picture.frame(text_rows(palette, *lines[1:7], "status")).replace("\r\n", ""))


def test_the_fence_lets_nothing_act() -> None:
    """Every code point that could move, colour or ask leaves as a character that can't."""
    palette = Palette(ColorSystem.TRUECOLOR)
    codes = [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x2028, 0x202E, 0xD800, 0xDFFF, 0xFFFE, 0xE0001, 0x10FFFF]
    for code in codes:
        for text in (chr(code), f"a{chr(code)}[2Jb", f"é{chr(code)}漢"):
            sent = Picture(palette).frame([row([Segment(text, Style.parse("bold"))], 20, palette)])
            left = re.sub(r"\x1b\[[0-9;]*[HmK]|[\r\n]", "", sent)
            assert all(character.isprintable() or character in "\u202e\xad" for character in left), (hex(code), sent)
            left.encode()


def test_links_lead_to_the_web_only() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    for link, sent in (("https://a.example/x", True), ("javascript:alert(1)", False), ("https://a.example/\x1b]0;x\x07", False)):
        out = Picture(palette).frame([row([Segment("here", Style(link=link)), Segment(" and on")], 20, palette)])
        assert ("\x1b]8;;https://a.example/x\x1b\\\x1b[mhere\x1b]8;;\x1b\\" in out) is sent
        assert "javascript" not in out
        assert "\x07" not in out


@pytest.mark.parametrize(
    ("at", "to", "sent"),
    [
        (None, (3, 4), "\x1b[5;4H"),
        ((0, 4), (3, 4), "\x1b[3C"), ((9, 4), (0, 4), "\r"), ((9, 4), (8, 4), "\b"), ((9, 4), (2, 4), "\x1b[7D"),
        ((9, 4), (0, 5), "\r\n"), ((9, 4), (0, 7), "\x1b[8H"), ((2, 2), (3, 2), "\x1b[C"),
    ],
)  # fmt: skip
def test_movement(at: tuple[int, int] | None, to: tuple[int, int], sent: str) -> None:
    assert movement(at, *to) == sent


def test_addresses_without_end_are_not_kept() -> None:
    palette = Palette(ColorSystem.TRUECOLOR)
    plain = palette.plain
    for number in range(3 * PENS_KEPT):
        pen = palette.pen(Style(link=f"https://example.org/{number}"))
        assert pen.link.endswith(f"/{number}")
        palette.change(plain, pen)
    assert max(len(palette._pens), len(palette._by_style), len(palette._changes)) <= PENS_KEPT
    assert palette.pen(None) is palette.plain is plain
    assert Palette(ColorSystem.TRUECOLOR, hyperlinks=False).pen(Style(link="https://example.org")).link == ""
