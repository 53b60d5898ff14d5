"""What layout makes of markdown: lines of styled runs. Nothing here knows a widget, a theme or a terminal."""

import unicodedata
from dataclasses import dataclass, field

from rich.cells import cell_len

HELD_S = 0.1
"""How long a marker alone on its line (`-`, `#`, `1.`) may stay unshown while it may still become something else."""


@dataclass(frozen=True, slots=True)
class Style:
    """What a run is, not how it looks; a theme gives `role` its colours.

    Roles: text, h1 ... h6, code (inline), code_block, quote, rule, marker (bullets, numbers, quote bars, wrap marks),
    link, html (raw HTML shown as text), border and header (of tables), image, math, and for highlighted code:
    keyword, name, function, type, string, number, comment, operator, punctuation, builtin, tag, attribute, added,
    removed, error.
    """

    role: str = "text"
    bold: bool = False
    italic: bool = False
    strike: bool = False
    href: str = ""


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one style, without newlines and tabs."""

    text: str
    style: Style = PLAIN


@dataclass(frozen=True, slots=True)
class HardBreak:
    """The source asks for a new line."""


HARD_BREAK = HardBreak()


@dataclass(frozen=True, slots=True)
class Display:
    """A formula on lines of its own; `text` is the same in one line, for where they have no room."""

    lines: tuple[str, ...]
    text: str
    style: Style


Atom = Run | HardBreak | Display
"""What is wrapped into lines."""


@dataclass(slots=True, eq=False)
class CodeText:
    """A code block as the model wrote it; one object for all its lines. It grows while the block does: what is settled is in
    `taken`, what follows it in `rest`."""

    info: str
    rest: str
    taken: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.taken) + self.rest


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen.

    `prefix` is decoration (indents, bullets, quote bars) and is not copied; `runs` is content.
    `joint` is None on a line that begins where the source begins a line; otherwise the line continues the one above
    because the view was too narrow, and `joint` is what stood at the wrap ("" or white space).
    `code` is the code block that it belongs to.
    """

    prefix: tuple[Run, ...] = ()
    runs: tuple[Run, ...] = ()
    joint: str | None = None
    code: CodeText | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)

    @property
    def width(self) -> int:
        """Cells, decoration included."""
        return sum(cell_len(run.text) for run in (*self.prefix, *self.runs))


BLANK = Line()


def inert(text: str) -> bool:
    """No control, format, separator or unassigned character: what is written by a name may not bring in what text itself could not."""
    return not any(unicodedata.category(character) in _ACTIVE for character in text)


_ACTIVE = {"Cc", "Cf", "Zl", "Zp", "Cs", "Cn", "Co"}
