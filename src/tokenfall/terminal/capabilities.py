"""What the environment says about the terminal."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tokenfall.config import Repaint

if TYPE_CHECKING:
    from rich.color import ColorSystem

Colors = Literal[0, 8, 16, 256, "truecolor"]
TRUECOLOR = 1 << 24

# TERM by its beginning; what has "256color" or "-direct" in its name is known by that instead.
_BY_NAME: tuple[tuple[str, Colors], ...] = (
    ("xterm-kitty", "truecolor"),
    ("xterm-ghostty", "truecolor"),
    ("alacritty", "truecolor"),
    ("foot", "truecolor"),
    ("wezterm", "truecolor"),
    ("contour", "truecolor"),
    ("vt", 0),
    ("ansi", 8),
    ("cygwin", 8),
    ("rxvt", 8),
)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`colors` is 0 where none are wanted (NO_COLOR, https://no-color.org) or none are had."""

    term: str
    colors: Colors

    @property
    def count(self) -> int:
        """The number of colours."""
        return TRUECOLOR if self.colors == "truecolor" else self.colors

    @property
    def system(self) -> "ColorSystem | None":
        """The colours as rich names them; None for none."""
        from rich.color import ColorSystem  # the text alone needs none of it

        systems: Mapping[Colors, ColorSystem | None] = {
            0: None, 8: ColorSystem.STANDARD, 16: ColorSystem.STANDARD, 256: ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR,
        }  # fmt: skip
        return systems[self.colors]


def capabilities(env: Mapping[str, str]) -> Capabilities:
    return Capabilities(env.get("TERM", ""), _colors(env))


def _colors(env: Mapping[str, str]) -> Colors:
    term = env.get("TERM", "")
    if env.get("NO_COLOR") or no_chat(env):
        return 0
    # screen hands COLORTERM through from the terminal outside but shows no more than 256 colours
    if (env.get("COLORTERM", "").lower() in {"truecolor", "24bit"} or "-direct" in term) and (env.get("TMUX") or not env.get("STY")):
        return "truecolor"
    if "256color" in term or term.endswith("-direct"):
        return 256
    return next((colors for name, colors in _BY_NAME if term.startswith(name)), 16)


def no_chat(env: Mapping[str, str]) -> str:
    """Why the chat can't run in this terminal, as a sentence; "" when it can."""
    term = env.get("TERM", "")
    if term not in {"", "dumb", "unknown"}:
        return ""
    named = f"TERM is {term}, a terminal that can't move its cursor" if term else "TERM is not set, so nothing is known of this terminal"
    return f'{named}: the chat needs one that can. `tokenfall ask "your question"` works here.'


def draws(file: int, env: Mapping[str, str]) -> bool:
    """Whether `file` is a terminal on which what stands can be drawn over."""
    return os.name == "posix" and os.isatty(file) and not no_chat(env)


# terminals whose terminfo entry has no `csr`; the same have no `xenl`
_NO_REGIONS = ("ansi", "pcansi", "cygwin", "sun", "vt52", "wy")

# terminals that erase with the background colour: `bce`, or known to do it though their entry doesn't say so (tmux)
_PAINTS_ERASED = ("xterm", "tmux", "linux", "rxvt", "alacritty", "foot", "wezterm", "contour", "kitty", "konsole", "gnome", "vte", "st-")


# terminals that may show OSC 8 as text instead of ignoring it: those without strings of any length
_NO_HYPERLINKS = ("linux", "vt", "ansi", "pcansi", "cygwin", "sun", "wy")


def hyperlinks(env: Mapping[str, str]) -> bool:
    """Whether hyperlinks may be sent: the terminal shows them or ignores them. GNU screen cuts long ones."""
    return not env.get("TERM", "").startswith(_NO_HYPERLINKS) and not env.get("STY")


@dataclass(frozen=True, slots=True)
class Screenful:
    """How a screen is drawn: whether regions scroll, whether erasing paints the background colour, whether hyperlinks are sent,
    and whether every changed row is to be sent whole."""

    scrolls: bool
    paints_erased: bool
    hyperlinks: bool
    whole: bool


def screenful(env: Mapping[str, str], repaint: Repaint) -> Screenful:
    term = env.get("TERM", "")
    whole = repaint == "full" or term.startswith(_NO_REGIONS)
    erased = term.startswith(_PAINTS_ERASED) and not env.get("STY")
    return Screenful(scrolls=not whole, paints_erased=erased, hyperlinks=hyperlinks(env), whole=whole)


# terminals that say who they are, have mode 2026, and wrap lines anew for another width; "xterm" may be any
_MODERN = ("xterm-kitty", "xterm-ghostty", "foot", "wezterm", "contour", "alacritty")


def synchronises(env: Mapping[str, str]) -> bool:
    """Whether the terminal is known to have synchronised updates, without having been asked."""
    return env.get("TERM", "").startswith(_MODERN)


def rewraps(env: Mapping[str, str]) -> bool:
    """Whether the terminal is known to wrap what it shows anew when its width changes."""
    term = env.get("TERM", "")
    return term.startswith(_MODERN) or (bool(env.get("TMUX")) and term.startswith(("tmux", "screen")))


def wraps_late(env: Mapping[str, str]) -> bool:
    """Whether the cursor waits behind the last column until more is written, and only then goes to the next line."""
    return not env.get("TERM", "").startswith(_NO_REGIONS)
