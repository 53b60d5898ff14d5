"""A row of the screen as cells. Here is the fence: nothing that leaves for the terminal as text can act on it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from unicodedata import category, combining

from rich.cells import cell_len, split_graphemes
from rich.segment import Segment

from tokenfall.filters import excess_marks, picture
from tokenfall.terminal.pens import Palette, Pen

_PRINTED = re.compile(r"[\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0377\u0384-\u038a\u038e-\u03a1\u03a3-\u0482\u2500-\u25fc]*")
"""Characters of one cell that every terminal prints as one."""


@dataclass(frozen=True, slots=True)
class Row:
    """`texts` has a string for each cell: what stands in it, or "" for the right half of a wide character. A blank has the
    pen of blanks. From `end` on there are only blanks of the pen of the last cell. `unsure` are the cells whose width
    terminals disagree about."""

    texts: tuple[str, ...]
    pens: tuple[Pen, ...]
    key: str = field(init=False)
    end: int = field(init=False)
    unsure: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        key = "".join(self.texts)
        object.__setattr__(self, "key", key)
        unsure = () if key.isascii() else tuple(x for x, text in enumerate(self.texts) if text and not certain(text))
        object.__setattr__(self, "unsure", unsure)
        object.__setattr__(self, "end", _end(self.texts, self.pens, key))


def _end(texts: tuple[str, ...], pens: tuple[Pen, ...], key: str) -> int:
    """`key` is what the texts join to."""
    blanks = len(key) - len(key.rstrip(" "))
    end = len(texts) - blanks
    if pens[end:].count(pens[-1]) < blanks:  # rarely: most often the blanks at the end are all alike
        end = len(texts)
        while pens[end - 1] is pens[-1]:
            end -= 1
    return end


def row(segments: Iterable[Segment], width: int, palette: Palette) -> Row:
    """Exactly `width` cells of `segments`: cropped, or filled up with blanks of the terminal's own background."""
    texts: list[str] = []
    pens: list[Pen] = []
    for text, style, control in segments:
        if control or not text:
            continue
        pen = palette.pen(style)
        cells = list(text) if _PRINTED.fullmatch(text) else _cells(text)
        texts += cells
        blank = pen.on_blank
        if blank is pen or " " not in cells:
            pens += [pen] * len(cells)
        else:
            pens += [blank if cell == " " else pen for cell in cells]
    return _fitted(texts, pens, width, palette.plain)


def _fitted(texts: list[str], pens: list[Pen], width: int, plain: Pen) -> Row:
    missing = width - len(texts)
    if missing > 0:
        texts += [" "] * missing
        pens += [plain] * missing
    elif missing < 0:
        if texts[width] == "":  # a wide character that the edge cuts
            texts[width - 1], pens[width - 1] = " ", pens[width - 1].on_blank
        del texts[width:], pens[width:]
    _cut_at_edge(texts)
    return Row(tuple(texts), tuple(pens))


def _cut_at_edge(texts: list[str]) -> None:
    """Where the row ends no cursor can be set behind a cell whose width terminals disagree about: of what is joined in it only
    the first code point is left, or some terminal draws the rest over the cell before."""
    last = len(texts) - 1
    while last > 0 and not texts[last]:
        last -= 1
    if len(texts[last]) > 1 and not certain(texts[last]):
        texts[last] = texts[last][0]
        if last + cell_len(texts[last]) < len(texts):
            texts[-1] = " "


@lru_cache(maxsize=2048)
def _cells(text: str) -> tuple[str, ...]:
    text = _capped("".join(map(_fenced, text)))
    cells: list[str] = []
    for start, end, width in split_graphemes(text)[0]:
        if width:
            cells += (text[start:end], *[""] * (width - 1))
        elif cells:
            head = max(index for index, cell in enumerate(cells) if cell)
            cells[head] += text[start:end]
    return tuple(cells)


def _fenced(character: str) -> str:
    """What neither acts on the terminal nor hides anything, and what every encoding carries, instead of a character that would."""
    if character.isascii() and character.isprintable():
        return character
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return picture(code) or " "
    if category(character) in {"Cc", "Cs", "Zl", "Zp"}:
        return "\ufffd"
    shown = picture(code)
    if shown is None:
        return character
    return "\ufffd" if shown else " " * cell_len(character)


def _capped(text: str) -> str:
    """Without the marks that would pile up in a cell."""
    excess = set(excess_marks(text))
    return "".join(character for index, character in enumerate(text) if index not in excess) if excess else text


@lru_cache(maxsize=4096)
def certain(text: str) -> bool:
    """Whether every terminal gives this cell's text the width that we give it. They disagree about emoji and what is joined."""
    if len(text) == 1:
        if ord(text) >= 0x10000 or 0x2600 <= ord(text) < 0x27C0 or category(text) in {"Cn", "Co"}:
            return False
        # of what is wide and comes before the scripts of East Asia all is drawn as emoji, somewhere
        return ord(text) >= 0x2E80 or cell_len(text) == 1
    return certain(text[0]) and cell_len(text[0]) > 0 and all(map(combining, text[1:]))
