"""Addresses that stand in the text as they are, `https://example.org/a`, as a rule of the parser.

As GitHub Flavored Markdown 0.29 section 6.9 ("Autolinks (extension)") has it, for http and https only, and with the names of
one part (`http://localhost:8080`) that GitHub takes too. An address also ends before a character that RFC 3986 allows in none
(quotes, backslashes, backticks, `>`), before a bracket without its other, and before punctuation of other scripts.
"""

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.rules_inline import StateInline

_SCHEME = re.compile(r"(?<![A-Za-z0-9])https?$", re.IGNORECASE)
_NONE = r"\s<>\"`\\\[\]‘-‟—…、。〈-】〔-〟！-／：-＠［-｀｛-･"
_ADDRESS = re.compile(rf"://(?:\[[0-9A-Fa-f:.]+\]|([^\W_][\w.-]*))(?:[^{_NONE}]|\[[^{_NONE}]*\])*+")
"""From the colon on; the group is the host, unless it is a number in brackets."""
_NAME = re.compile(r"[A-Za-z0-9]+")
"""Of an entity."""
_MARKS = "?!.,:;*_~'"

address_of = lru_cache(256)(normalizeLink)
"""Where a text leads. The end of a text is parsed at every token, and this would cost more than the rest of the rule."""


def bare_link_end(text: str, colon: int, end: int) -> int:
    """The position after an address whose scheme ends at a colon; the colon's own if there is none."""
    found = _ADDRESS.match(text, colon, end)
    if found is None or (found[1] and "_" in "".join(found[1].split(".")[-2:])):
        return colon
    return colon + _sentence_end(found[0])


def _sentence_end(address: str) -> int:
    """The position from which on it is punctuation of the sentence: marks, an entity, parentheses that opened before it."""
    end = len(address)
    surplus = address.count(")") - address.count("(")
    while True:
        last = address[end - 1]
        if last == ")" and surplus > 0:
            surplus -= 1
        elif last == ";" and _NAME.fullmatch(address, (ampersand := address.rfind("&", 0, end)) + 1, end - 1) and ampersand >= 0:
            end = ampersand + 1
        elif last not in _MARKS:
            return end
        end -= 1


def _bare_link(state: StateInline, silent: bool) -> bool:
    """Never `silent`: that is how the end of a link's text is looked for, which must not be taken for an address's."""
    src, colon = state.src, state.pos
    if src[colon] != ":" or silent or state.linkLevel or src[colon + 1 : colon + 3] != "//":
        return False
    scheme = _SCHEME.search(src[max(0, colon - len("xhttps")) : colon])
    if scheme is None or (end := bare_link_end(src, colon, state.posMax)) == colon:
        return False
    state.pending = state.pending[: -len(scheme[0])]
    address = src[colon - len(scheme[0]) : end]
    state.push("link_open", "a", 1).attrs = {"href": address_of(address)}
    state.push("text", "", 0).content = address
    state.push("link_close", "a", -1)
    state.pos = end
    return True


def with_bare_links(md: MarkdownIt) -> MarkdownIt:
    md.inline.ruler.after("text", "bare_link", _bare_link)
    return md
