"""What the environment says about the terminal."""

import os
import pty

import pytest
from rich.color import ColorSystem

from tokenfall.config import Repaint
from tokenfall.terminal.capabilities import (
    TRUECOLOR,
    Colors,
    Screenful,
    capabilities,
    draws,
    no_chat,
    rewraps,
    screenful,
    synchronises,
    wraps_late,
)


@pytest.mark.parametrize(("env", "colors"), [
    ({"TERM": "xterm"}, 16),
    ({"TERM": "linux"}, 16),
    ({"TERM": "screen"}, 16),
    ({"TERM": "ansi"}, 8),
    ({"TERM": "vt100"}, 0),
    ({"TERM": "xterm-256color"}, 256),
    ({"TERM": "tmux-256color", "TMUX": "x"}, 256),
    ({"TERM": "tmux-256color", "TMUX": "x", "COLORTERM": "truecolor"}, "truecolor"),
    ({"TERM": "screen-256color", "STY": "x", "COLORTERM": "truecolor"}, 256),
    ({"TERM": "xterm-direct"}, "truecolor"),
    ({"TERM": "xterm-kitty"}, "truecolor"),
    ({"TERM": "xterm-256color", "COLORTERM": "24bit", "NO_COLOR": "1"}, 0),
    ({"TERM": "xterm-256color", "NO_COLOR": ""}, 256),
    ({"TERM": "dumb", "COLORTERM": "truecolor"}, 0),
    ({}, 0),
])
def test_colors(env: dict[str, str], colors: Colors) -> None:
    assert capabilities(env).colors == colors


@pytest.mark.parametrize("term", ["xterm", "linux", "screen", "tmux-256color", "vt100"])
def test_served(term: str) -> None:
    assert no_chat({"TERM": term}) == ""


def test_not_served() -> None:
    assert "TERM is dumb" in no_chat({"TERM": "dumb"})
    assert "TERM is not set" in no_chat({})
    assert no_chat({"TERM": ""}) == no_chat({})
    assert "tokenfall ask" in no_chat({})


@pytest.mark.parametrize(
    ("env", "repaint", "drawn"),
    [
        ({"TERM": "xterm-256color"}, "changes", Screenful(scrolls=True, paints_erased=True, hyperlinks=True, whole=False)),
        ({"TERM": "tmux-256color"}, "changes", Screenful(scrolls=True, paints_erased=True, hyperlinks=True, whole=False)),
        ({"TERM": "screen"}, "changes", Screenful(scrolls=True, paints_erased=False, hyperlinks=True, whole=False)),
        ({"TERM": "xterm", "STY": "1.screen"}, "changes", Screenful(scrolls=True, paints_erased=False, hyperlinks=False, whole=False)),
        ({"TERM": "sun-color"}, "changes", Screenful(scrolls=False, paints_erased=False, hyperlinks=False, whole=True)),
        ({"TERM": "xterm"}, "full", Screenful(scrolls=False, paints_erased=True, hyperlinks=True, whole=True)),
    ],
)
def test_how_a_screen_is_drawn(env: dict[str, str], repaint: Repaint, drawn: Screenful) -> None:
    assert screenful(env, repaint) == drawn


@pytest.mark.parametrize(
    ("env", "sent"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "tmux-256color", "TMUX": "x"}, True),
        ({"TERM": "linux"}, False),
        ({"TERM": "vt220"}, False),
        ({"TERM": "screen-256color", "STY": "1.pts"}, False),
    ],
)
def test_hyperlinks_go_where_they_are_shown_or_ignored(env: dict[str, str], sent: bool) -> None:
    assert screenful(env, "changes").hyperlinks is sent


@pytest.mark.parametrize(("env", "count", "system"), [
    ({"TERM": "xterm", "NO_COLOR": "1"}, 0, None),
    ({"TERM": "ansi"}, 8, ColorSystem.STANDARD),
    ({"TERM": "xterm"}, 16, ColorSystem.STANDARD),
    ({"TERM": "xterm-256color"}, 256, ColorSystem.EIGHT_BIT),
    ({"TERM": "foot"}, TRUECOLOR, ColorSystem.TRUECOLOR),
])
def test_colors_counted_and_as_rich_names_them(env: dict[str, str], count: int, system: ColorSystem | None) -> None:
    assert (capabilities(env).count, capabilities(env).system) == (count, system)


@pytest.mark.parametrize(("env", "has_2026", "wraps_anew", "late"), [
    ({"TERM": "xterm-256color"}, False, False, True),
    ({"TERM": "xterm-kitty"}, True, True, True),
    ({"TERM": "foot"}, True, True, True),
    ({"TERM": "tmux-256color", "TMUX": "x"}, False, True, True),
    ({"TERM": "screen", "TMUX": "x"}, False, True, True),
    ({"TERM": "screen", "STY": "x"}, False, False, True),
    ({"TERM": "xterm", "TMUX": "x"}, False, False, True),
    ({"TERM": "linux"}, False, False, True),
    ({"TERM": "ansi"}, False, False, False),
    ({"TERM": "cygwin"}, False, False, False),
    ({}, False, False, True),
])
def test_what_is_known_without_asking(env: dict[str, str], has_2026: bool, wraps_anew: bool, late: bool) -> None:
    assert (synchronises(env), rewraps(env), wraps_late(env)) == (has_2026, wraps_anew, late)


def test_what_can_be_drawn_on() -> None:
    master, terminal = pty.openpty()
    reader, writer = os.pipe()
    assert draws(terminal, {"TERM": "xterm"})
    assert not draws(terminal, {"TERM": "dumb"})
    assert not draws(writer, {"TERM": "xterm"})
    for file in (master, terminal, reader, writer):
        os.close(file)
