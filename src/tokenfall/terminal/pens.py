"""What a cell is drawn with, and the shortest SGR sequence from one to the next.

Codes: ECMA-48 8.3.117; colours by ITU T.416 as xterm spells them (38;5;N and 38;2;R;G;B).
"""

import re
from dataclasses import dataclass

from rich.color import Color, ColorSystem
from rich.style import Style

# attribute: (its bit, on, off). What terminals disagree about (frames, circles) is not sent; a double underline is a single one.
_CODES: dict[str, tuple[int, str, str]] = {
    "bold": (1, "1", "22"),
    "dim": (2, "2", "22"),
    "italic": (4, "3", "23"),
    "underline": (8, "4", "24"),
    "underline2": (8, "4", "24"),
    "blink": (16, "5", "25"),
    "blink2": (16, "5", "25"),
    "reverse": (32, "7", "27"),
    "conceal": (64, "8", "28"),
    "strike": (128, "9", "29"),
    "overline": (256, "53", "55"),
}
_OFF = {bit: off for bit, _, off in _CODES.values()}
_ON = {bit: on for bit, on, _ in _CODES.values()}
_ON_BLANKS = 8 | 32 | 128 | 256
"""Underline, reverse, strike and overline show on a blank too; the others need a glyph."""

_LINK = re.compile(r"https?://[\x21-\x7e]{1,2000}")


@dataclass(frozen=True, slots=True, eq=False)
class Pen:
    """`ink` and `paper` are SGR parameters, "" for the terminal's own colour. One object for each: compared by identity.

    `blank` is the pen that gives a space the same look, without what only a glyph shows.
    """

    attributes: int
    ink: str
    paper: str
    link: str
    blank: "Pen | None" = None

    @property
    def on_blank(self) -> "Pen":
        return self.blank or self

    @property
    def erases(self) -> bool:
        """Whether erasing leaves what a space of this pen shows, in a terminal that erases with the background colour."""
        return not self.attributes and not self.ink and not self.link

    @property
    def parameters(self) -> list[str]:
        return [*(on for bit, on in _ON.items() if self.attributes & bit), *filter(None, (self.ink, self.paper))]


PENS_KEPT = 2_000
"""Far more than a theme has; addresses of links without end must not fill the memory."""


class Palette:
    """The pens of one terminal. `colours` is what it can show; None for none at all. `hyperlinks` tells whether it takes OSC 8."""

    def __init__(self, colours: ColorSystem | None, *, hyperlinks: bool = True) -> None:
        self._colours = colours
        self._hyperlinks = hyperlinks
        self._pens: dict[tuple[int, str, str, str], Pen] = {}
        self._by_style: dict[Style | None, Pen] = {}
        self._changes: dict[tuple[Pen | None, Pen], str] = {}
        self.plain = self._pen(0, "", "", "")

    def pen(self, style: Style | None) -> Pen:
        pen = self._by_style.get(style)
        if pen is None:
            pen = self._by_style[style] = self.plain if style is None else self._from(style)
        return pen

    def _from(self, style: Style) -> Pen:
        attributes = 0
        for name, (bit, _, _) in _CODES.items():
            if getattr(style, name):
                attributes |= bit
        link = (style.link or "") if self._hyperlinks else ""
        return self._pen(
            attributes, self._colour(style.color, ink=True), self._colour(style.bgcolor, ink=False), link if _LINK.fullmatch(link) else ""
        )

    def _colour(self, color: Color | None, *, ink: bool) -> str:
        if color is None or color.is_default or self._colours is None:
            return ""
        return ";".join(color.downgrade(self._colours).get_ansi_codes(foreground=ink))

    def _pen(self, attributes: int, ink: str, paper: str, link: str) -> Pen:
        key = (attributes, ink, paper, link)
        if key not in self._pens:
            if len(self._pens) >= PENS_KEPT:
                # what stands on the screen is then drawn once more, as pens are told apart by identity
                for kept in (self._pens, self._by_style, self._changes):
                    kept.clear()
                self._pens[0, "", "", ""] = self.plain
            bare = not (ink or attributes)
            # reversed, the ink is what a blank shows; and a link is one over its blanks too
            blank = None if bare or link or attributes & _ON_BLANKS else self._pen(0, "", paper, "")
            self._pens[key] = Pen(attributes, ink, paper, link, blank)
        return self._pens[key]

    def change(self, old: Pen | None, new: Pen) -> str:
        """The sequence that makes `new` of `old`, which is None when nobody knows what the terminal draws with."""
        key = (old, new)
        if key not in self._changes:
            self._changes[key] = _change(old, new)
        return self._changes[key]


def _change(old: Pen | None, new: Pen) -> str:
    if old is new:
        return ""
    afresh = _sgr(["", *new.parameters] if new.parameters else [])
    links = f"\x1b]8;;{new.link}\x1b\\" if (old.link if old else "") != new.link else ""
    if old is None:
        return links + afresh
    gone = old.attributes & ~new.attributes
    off = list(dict.fromkeys(_OFF[bit] for bit in _OFF if gone & bit))
    # 22 takes away both bold and dim
    kept = new.attributes & ~old.attributes | (new.attributes & 3 if gone & 3 else 0)
    parts = [*off, *(_ON[bit] for bit in _ON if kept & bit)]
    if old.ink != new.ink:
        parts.append(new.ink or "39")
    if old.paper != new.paper:
        parts.append(new.paper or "49")
    stepwise = _sgr(parts) if parts else ""
    return links + min(afresh, stepwise, key=len)


def _sgr(parameters: list[str]) -> str:
    return f"\x1b[{';'.join(parameters)}m"
