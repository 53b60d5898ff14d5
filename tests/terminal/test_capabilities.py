"""What the environment says about the terminal."""

import pytest

from tokenfall.config import Repaint
from tokenfall.terminal.capabilities import Colors, Screenful, capabilities, no_chat, screenful


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
