"""LaTeX formulas to characters. The parser is loaded when the first formula comes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from tokenfall.markdown.lines import inert

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST = 2_000
"""Characters of a formula; a longer one is no formula."""
DEEPEST = 60
"""Levels of the parsed tree; more are refused long before the recursion through it ends the stack."""


@dataclass(frozen=True, slots=True)
class Shown:
    """`text` is the formula in one line, `lines` the same where there is room; lines hold no control characters."""

    text: str
    lines: tuple[str, ...]


@lru_cache(1024)
def shown(source: str) -> Shown | None:
    """What is between the delimiters, in characters; None for what can't be shown so."""
    from tokenfall.markdown.mathml import Unshowable, formula

    if len(source) > LONGEST or _DEFINING.search(source):
        return None
    for pattern, new in _PLAINER:
        source = pattern.sub(new, source)
    if "&" in source and "\\begin" not in source:
        source = rf"\begin{{split}}{source}\end{{split}}"
    convert, failures = _converter()
    try:
        math = convert(source)
    except failures:
        return None
    if _depth(math) > DEEPEST:
        return None
    try:
        lines = tuple(line.rstrip() for line in formula(math, flat=False))
        text = lines[0] if len(lines) == 1 else formula(math, flat=True)[0]
    except Unshowable:
        return None
    found = Shown(text.strip(), lines)
    return found if found.text and inert("".join((found.text, *lines))) else None


_DEFINING = re.compile(r"\\(?:def|let|newcommand|renewcommand|providecommand|newenvironment|DeclareMathOperator|verb)(?![a-zA-Z])")
"""Macros can be made to grow without end."""

_PLAINER: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("&lt;"), "<"),
    (re.compile("&gt;"), ">"),
    (re.compile("&amp;"), "&"),
    (re.compile(r"(?<!\\)((?:\\\\)*)%"), r"\1\\%"),  # models mean a percent sign, not a comment
    (re.compile(r"\\(?:label|vspace)\s*\{[^{}]*\}|\\(?:nonumber|notag|nolimits|allowbreak|centering|hfill)(?![a-zA-Z])"), ""),
    (re.compile(r"\\tag\*?\s*\{([^{}]*)\}"), r"\\qquad\\text{(\1)}"),
    (re.compile(r"(\\math(?:bb|bf|cal|frak|scr))\s*([A-Za-z])(?![A-Za-z])"), r"\1{\2}"),
    (re.compile(r"\\(begin|end)\s*\{(?:align|aligned|alignat|alignedat|eqnarray|flalign)\*?\}"), r"\\\1{split}"),
    (re.compile(r"\\(begin|end)\s*\{(?:gather|gathered|multline)\*?\}"), r"\\\1{matrix}"),
    (re.compile(r"\\(begin|end)\s*\{[dr]cases\*?\}"), r"\\\1{cases}"),
)
"""What the parser does not know or takes otherwise, by what it does."""

_MACROS: dict[str, tuple[list[str], int]] = {
    **{rf"\{name}": ([rf"\operatorname{{{name}}}"], 0) for name in ("arg", "sgn", "tr", "rank")},
    r"\abs": (["|", "#", "1", "|"], 1),
    r"\norm": ([r"\lVert", "#", "1", r"\rVert"], 1),
    r"\dag": ([r"\dagger"], 0),
    r"\ddag": ([r"\ddagger"], 0),
    r"\ensuremath": (["{", "#", "1", "}"], 1),
}
"""By name: the tokens of the body, and how many arguments it takes."""


@cache
def _converter() -> tuple[Callable[[str], "Element"], tuple[type[Exception], ...]]:
    """The parser, and what it raises on what it can't read: errors of its own without a common base, and whatever its code
    meets that expects well-formed LaTeX."""
    from latex2mathml import exceptions
    from latex2mathml.converter import Converter

    own = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    def convert(source: str) -> "Element":
        converter = Converter()
        converter.macros = dict(_MACROS)
        return converter.convert_to_element(source)

    return convert, (*own, ArithmeticError, AttributeError, LookupError, RuntimeError, StopIteration, TypeError, ValueError)


def _depth(root: "Element") -> int:
    deepest, level = 0, [root]
    while level:
        deepest, level = deepest + 1, [child for element in level for child in element]
    return deepest
