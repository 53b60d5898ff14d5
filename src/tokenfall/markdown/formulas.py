"""Where formulas stand in markdown, as rules of the parser.

`\\(...\\)` and `$...$` are part of the text, `\\[...\\]`, `$$...$$` and environments stand apart from it. None holds a backtick or spans a
blank line. Dollars are as in pandoc's extension tex_math_dollars: `$` opens before what is no space and closes after what is
no space, if no digit follows. And since replies speak of prices and shell variables too, no letter or digit stands
before the opening one, no letter after the closing one (but for endings: `$n$th`), and no two words in a row between.
"""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from tokenfall.markdown.tex import LONGEST

LONGEST_INLINE = 600
"""Characters between delimiters within the text, from which on they belong to something else."""
MOST_LINES = 60
"""Lines of a formula that stands apart; more are none, so that an opener without its end takes no more than that."""

CLOSERS = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]", "": ""}
DISPLAY = frozenset(("$$", "\\[", ""))

_PAIRS = r"(?:[^\\`]|\\[^()\[\]`])"
_PATTERNS = {
    "$": re.compile(rf"\$((?:[^\\`$]|\\[^`]){{0,{LONGEST_INLINE}}}+)(?:(\$)|\\?\Z)?"),
    "$$": re.compile(rf"\$\$((?:[^\\`$]|\\[^`]|\$(?!\$)){{0,{LONGEST}}}+)(?:(\$\$)(?!\$)|\\?\Z)?"),
    "\\(": re.compile(rf"\\\(({_PAIRS}{{0,{LONGEST_INLINE}}}+)(?:(\\\))|\\?\Z)?"),
    "\\[": re.compile(rf"\\\[({_PAIRS}{{0,{LONGEST}}}+)(?:(\\\])|\\?\Z)?"),
    "": re.compile(
        r"(\\begin\{((?:align|alignat|eqnarray|equation|flalign|gather|multline)\*?)\}"
        rf"(?:[^\\`]|\\(?!end\{{\2\}})[^`]){{0,{LONGEST}}}+)(?:\\?\Z|(\\end\{{\2\}}))?"
    ),
}
"""By opener: what is between, and the closer or the end of the text. What fits neither is no formula. An environment is its own
opener and closer."""

_ENDED = re.compile(r"(?:th|st|nd|rd|s)?(?![0-9A-Za-z])")
_WORD = r"[A-Za-z]{2,}[,.;:]?\s+"
_PROSE = {
    "$": re.compile(rf"[\d.,]+\s+[A-Za-z]{{2}}|[^\\^_{{}}=]*?(?<![A-Za-z]){_WORD}[A-Za-z]{{2}}"),
    "$$": re.compile(rf"[^\\^_{{}}=]*?(?<![A-Za-z])(?:{_WORD}){{3}}[A-Za-z]{{2}}"),
}
"""Words in a row before anything that only formulas have, or one after a number; that stays so when more text comes."""
_LIKELY = re.compile(r"(?!.*(?<![\\A-Za-z])[A-Za-z]{2,}\s+[A-Za-z]{2})(?:.*[\\^_{=]|$)", re.DOTALL)
"""After one dollar: what shows as source while the other is awaited."""


@dataclass(frozen=True, slots=True)
class Formula:
    """`end` is the position after it; not `closed`, it goes on where the text ends."""

    opener: str
    body: str
    end: int
    closed: bool


def formula_at(text: str, at: int, end: int) -> Formula | None:
    """The formula that begins at a dollar or backslash, in text that is known up to `end`."""
    opener = text[at : at + 2]
    if opener not in CLOSERS:
        opener = "$" if opener[0] == "$" else ""
    if opener[:1] == "$" and not _opens(text, at, len(opener)):
        return None
    match = _PATTERNS[opener].match(text, at, end)
    if match is None:
        return None
    *_, closer = match.groups()
    body, closed = match[1] if opener else match[0], closer is not None
    if not (_fits(opener, body, text, match.end()) if closed else match.end() == end):
        return None
    if opener in _PROSE and _PROSE[opener].match(body):
        return None
    return Formula(opener, body, match.end(), closed)


def _opens(text: str, at: int, size: int) -> bool:
    before, after = text[at - 1 : at] if at else "", text[at + size : at + size + 1]
    if "$" in (before, after):
        return False
    return size == 2 or (not after.isspace() and (after == "\\" or not (before.isascii() and before.isalnum())))


_ESCAPED = re.compile(r"\W*|(?!\s)[\w .,:;…-]{2,}(?<!\s)|\d")
"""Not a formula between brackets with backslashes, but what stands in brackets that are just escaped: `\\[1\\]`, `\\[sic\\]`."""


def _fits(opener: str, body: str, text: str, end: int) -> bool:
    match opener:
        case "$":
            return bool(body) and not body[-1].isspace() and _ENDED.match(text, end) is not None
        case "$$":
            return bool(body.strip())
        case "\\[":
            return not _ESCAPED.fullmatch(body)
        case "\\(":
            return re.search(r"\w", body) is not None
        case _:
            return True


_PUNCTUATION = re.compile(r"[.,;:!?](?=\s|$)")


def _inline_formula(state: StateInline, silent: bool) -> bool:
    """`env["shown"]` is the length of text that is still being written: its end stands for the closer that may come. Sets
    `env["open"]` to the position of the first formula that could go on where the text ends."""
    src, pos, env = state.src, state.pos, state.env
    if src[pos] not in "$\\":
        return False
    end = min(state.posMax, env.get("shown", state.posMax))
    found = formula_at(src, pos, end)
    if found is None:
        return False
    if not found.closed:
        if end != env.get("shown", len(src)):
            return False
        env["open"] = min(pos, env.get("open", pos))
        if "shown" not in env or (found.opener == "$" and not _LIKELY.match(found.body)):
            return False
    after = _PUNCTUATION.match(src, found.end) if found.opener in DISPLAY and found.closed else None
    state.pos = found.end + bool(after)
    if not silent:
        token = state.push("formula", "", 0)
        token.content, token.markup, token.info = found.body, found.opener, after[0] if after else ""
        token.meta["closed"] = found.closed
    return True


_LABEL = re.compile(r"\\\[\S(?:[^\\\]]|\\[^\]])*+\]")
"""A bracket that closes without a backslash: more likely an escaped link."""


def _begins(line: str) -> Formula | None:
    """Of a line: a formula that stands apart, if nothing but punctuation follows it. That it is none can already be seen
    when the line is not yet whole, so that text before it is never cut where it matters."""
    found = formula_at(line, 0, len(line))
    if found is None or found.opener not in DISPLAY or (found.opener == "\\[" and _LABEL.match(line)):
        return None
    return found if not found.closed or re.fullmatch(r"[.,;:!?]?\s*", line[found.end :]) else None


def _block_formula(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lines from one that begins with an opener to the one with the closer are not looked at for other blocks."""
    at = state.bMarks[start] + state.tShift[start]
    if state.src[at : at + 1] not in ("$", "\\") or state.is_code_block(start):
        return False
    text = state.src[at : state.eMarks[start]]
    found = _begins(text)
    if found is None or silent:
        return found is not None
    line = start + 1
    while not found.closed and line < min(end, start + MOST_LINES) and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        longer = f"{text}\n{state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]}"
        more = formula_at(longer, 0, len(longer))
        if more is None:
            break
        found, text, line = more, longer, line + 1
    state.line = line
    token = state.push("formula", "", 0)
    token.content, token.map = text.rstrip(), [start, line]
    token.meta["closed"] = found.closed
    return True


class Parsers:
    """Two that are alike, but that one sees formulas; a text in which there can be none does not pay for the search.

    Formulas are tokens "formula": `markup` is the opener, `content` what is between (of a block all, with the delimiters),
    `info` punctuation that belongs behind it, and `meta["closed"]` tells whether it has its end.
    """

    def __init__(self, without: MarkdownIt, seeing: MarkdownIt) -> None:
        seeing.block.ruler.before("table", "formula", _block_formula, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        seeing.inline.ruler.before("escape", "formula", _inline_formula)
        self._without, self._seeing = without, seeing

    def of(self, text: str) -> MarkdownIt:
        return self._seeing if "$" in text or "\\" in text else self._without
