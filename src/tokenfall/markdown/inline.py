"""Inline structure: the content of a paragraph, heading or cell to styled runs.

Long content is parsed in segments, so that its cost is linear and a growing paragraph parses only its end. A segment
ends at white space where nothing is open (emphasis, code span, bracket, formula); after the longest size it ends anyway, so an
inline construct spans 2,048 characters at most. The cuts depend only on what stands before them, so growing text is cut as whole text is.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from tokenfall.markdown.blocks import INLINE, References
from tokenfall.markdown.formulas import CLOSERS, DISPLAY
from tokenfall.markdown.lines import HARD_BREAK, PLAIN, Atom, Display, Run, Style, inert
from tokenfall.markdown.tex import shown

SEGMENT_SIZES = (256, 1024, 2048)
REACH = 400
"""Characters over which markup that is still open is closed for display; older openers are likely literal."""


def atoms(content: str, references: References, base: Style = PLAIN, *, growing: bool = False) -> Iterator[Atom]:
    """The runs of content; of `growing` content the end is shown as `open_atoms` has it."""
    start = 0
    while (cut := next_segment(content, start, references, base)) is not None:
        start, segment = cut
        yield from segment
    rest = content[start:]
    if _NO_MARKUP.fullmatch(rest):
        yield from _unmarked(rest, base)
    else:
        yield from open_atoms(rest, references, base) if growing else _atoms(_parse(rest, references), base)


_NO_MARKUP = re.compile(r"[^\n\\`*_~\[\]<&$:]*+(?::(?!//)[^\n\\`*_~\[\]<&$:]*+)*+")
"""Without a character that any rule of inline markup begins with: most text."""


def _unmarked(content: str, base: Style) -> list[Atom]:
    return [Run(content.replace("\t", " "), base)] if content else []


def next_segment(content: str, start: int, references: References, base: Style = PLAIN) -> tuple[int, list[Atom]] | None:
    """The segment from `start` (its end and runs), or None when the rest is too short to end one."""
    for size in SEGMENT_SIZES:
        limit = start + size
        if len(content) <= limit:
            return None
        end = _gap_before(content, start, limit)
        if size == SEGMENT_SIZES[-1]:
            end = end if end > start else _cluster_before(content, start, limit)
        elif end <= start:
            continue
        if _NO_MARKUP.fullmatch(content, start, end):
            return end, _unmarked(content[start:end], base)
        state = _parse(content[start:end], references)
        if (before := _gap_before(content, start, start + state.env.get("open", 0))) > start:
            end, state = before, _parse(content[start:before], references)
        if size == SEGMENT_SIZES[-1] or _all_closed(state):
            return end, _atoms(state, base)
    return None


def open_atoms(content: str, references: References, base: Style = PLAIN) -> list[Atom]:
    """The runs of the end of content that is still being written: what is open is closed for display, and half-written
    markup at its very end waits."""
    content = _HALF_LINK.sub("]()", _HALF_MARKUP.sub("", content))
    state = _parse(content, references, shown=len(content))
    closers = _closers(state)
    return _atoms(_parse(content + closers, references, shown=len(content)) if closers else state, base)


_HALF_MARKUP = re.compile(r"(?:(?:[*_~`]+|(?<!\\)!?\[|\\|&#?\w{0,10}|</?[A-Za-z][\w+.:/@?=%-]*)|(?<=\])\()$")
_HALF_LINK = re.compile(r"\]\([^()\n`]*$")
_BACKTICKS = re.compile("`+")


def _gap_before(content: str, start: int, limit: int) -> int:
    """The last position up to `limit` that follows a space or newline and begins a word; `start` if there is none."""
    end = limit
    while end > start:
        end = max(content.rfind(" ", start, end), content.rfind("\n", start, end)) + 1
        if end <= start:
            return start
        if content[end] not in " \t\n":
            return end
        end -= 1
    return start


def _cluster_before(content: str, start: int, limit: int) -> int:
    """A position up to 64 before `limit` that splits no combined character, else `limit`."""
    for end in range(limit, max(limit - 64, start + 1), -1):
        after = content[end]
        if not unicodedata.combining(after) and after not in "\u200d\ufe0f" and content[end - 1] not in "\u200d\\":
            return end
    return limit


def _parse(content: str, references: References, **env: int) -> StateInline:
    """`env` is what the rule for formulas reads."""
    md = INLINE.of(content)
    state = StateInline(content, md, {"references": references, **env}, [])
    md.inline.tokenize(state)
    for rule in md.inline.ruler2.getRules(""):
        rule(state)
    return state


def _open_delimiters(delimiters: Sequence[Delimiter]) -> list[Delimiter]:
    """Openers that a later closer could still match."""
    found = []
    at = 0
    while at < len(delimiters):
        delimiter = delimiters[at]
        if delimiter.end >= 0:
            at = delimiter.end
        elif delimiter.open:
            found.append(delimiter)
        at += 1
    return found


def _all_closed(state: StateInline) -> bool:
    if "open" in state.env or _open_delimiters(state.delimiters):
        return False
    depth = 0
    for token in state.tokens:
        if token.type == "text":
            if "`" in token.content:
                return False
            for bracket in re.findall(r"[\[\]]", token.content):
                depth = depth + 1 if bracket == "[" else max(0, depth - 1)
    return depth == 0


def _closers(state: StateInline) -> str:
    """What to append so that open code, else open emphasis near the end, is closed."""
    near = state.src[-REACH:]
    for token in state.tokens:
        if token.type == "text" and (ticks := _BACKTICKS.search(token.content)) and ticks[0] + token.content[ticks.end() :] in near:
            return ticks[0] if not state.src.endswith("`") else ""
    if state.src[-1:].isspace():
        return ""
    opened = _open_delimiters(state.delimiters)
    marks = "".join(chr(delimiter.marker) * (2 if delimiter.marker == _TILDE else 1) for delimiter in reversed(opened[-8:]))
    return marks if opened and marks[-1] in near else ""


_TILDE = ord("~")


def _atoms(state: StateInline, base: Style) -> list[Atom]:
    found: list[Atom] = []
    styles = [base]
    for token in state.tokens:
        style = styles[-1]
        if token.nesting > 0:
            styles.append(_nested(style, token))
        elif token.nesting < 0:
            styles.pop()
        elif token.type == "hardbreak":
            found.append(HARD_BREAK)
        elif token.type == "formula" and token.markup in DISPLAY:
            found.append(_display(token, style))
        elif text := _text(token):
            found.append(Run(text, _own(style, token)))
    return found


def _nested(style: Style, token: Token) -> Style:
    match token.type:
        case "strong_open":
            return replace(style, bold=True)
        case "em_open":
            return replace(style, italic=True)
        case "s_open":
            return replace(style, strike=True)
        case "link_open":
            return replace(style, role="link", href=str(token.attrs.get("href", "")))
        case _:
            return style


_ROLES = {"code_inline": "code", "formula": "math"}


def _own(style: Style, token: Token) -> Style:
    if token.type in _ROLES:
        return replace(style, role=_ROLES[token.type])
    if token.type == "image":
        return replace(style, role="image", href=style.href or str(token.attrs.get("src", "")))
    return style


def _text(token: Token) -> str:
    match token.type:
        case "softbreak":
            return " "
        case "image":
            return f"[image: {_alt(token)}]"
        case "formula":
            return _formula(token)
        case "text_special" if token.info == "entity" and not inert(token.content):
            return token.markup
        case _:
            return token.content.replace("\t", " ").replace("\n", " ")


def _alt(token: Token) -> str:
    return "".join(_alt(child) if child.type == "image" else _text(child) for child in token.children or ())


def _formula(token: Token) -> str:
    """In one line; as its source where it is not whole yet or can't be shown otherwise."""
    if token.meta["closed"] and (found := shown(token.content)):
        return found.text + token.info
    return " ".join(_source(token).split()) + token.info


def _display(token: Token, style: Style) -> Display:
    if token.meta["closed"] and (found := shown(token.content)):
        *lines, last = found.lines
    else:
        *lines, last = [line.strip() for line in _source(token).replace("\t", " ").split("\n") if line.strip()] or [""]
    last += token.info
    return Display((*lines, last) if last else (), _formula(token), replace(style, role="math"))


def _source(token: Token) -> str:
    """Of what is not whole yet without an opener that can't mean anything else, because the formula won't have it either."""
    if token.meta["closed"]:
        return token.markup + token.content + CLOSERS[token.markup]
    return token.markup + token.content if token.markup == "$" and token.content else token.content
