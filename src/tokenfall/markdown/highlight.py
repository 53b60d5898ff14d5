"""Source code to coloured lines. A lexer is used only where the info string names it; none is ever guessed."""

from collections.abc import Iterator
from functools import cache

from pygments.lexer import Lexer  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import Token, _TokenType  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

from tokenfall.markdown.lines import Run, Style

TAB = 4
LONGEST = 400_000
"""Characters of a block above which it stays plain: lexing it would be felt."""
LONGEST_LINE = 5_000
"""A longer line is data, not code to be read; regular expressions take long on it."""

PLAIN_CODE = Style("code_block")

_ROLES: tuple[tuple[_TokenType, str], ...] = (
    (Token.Comment, "comment"),
    (Token.Keyword.Type, "type"),
    (Token.Keyword, "keyword"),
    (Token.Operator.Word, "keyword"),
    (Token.Operator, "operator"),
    (Token.Punctuation, "punctuation"),
    (Token.Literal.String, "string"),
    (Token.Literal.Number, "number"),
    (Token.Literal, "string"),
    (Token.Name.Builtin, "builtin"),
    (Token.Name.Function, "function"),
    (Token.Name.Class, "type"),
    (Token.Name.Namespace, "type"),
    (Token.Name.Exception, "type"),
    (Token.Name.Decorator, "attribute"),
    (Token.Name.Tag, "tag"),
    (Token.Name.Attribute, "attribute"),
    (Token.Name, "name"),
    (Token.Generic.Inserted, "added"),
    (Token.Generic.Deleted, "removed"),
    (Token.Generic.Heading, "keyword"),
    (Token.Generic.Subheading, "keyword"),
    (Token.Error, "error"),
)


@cache
def _style(token: _TokenType) -> Style:
    return Style(next((role for kind, role in _ROLES if token in kind), "code_block"))


@cache
def lexer(info: str) -> Lexer | None:
    """The lexer that a fence's info string names by its first word, or None. Loading one takes up to some 100 ms."""
    words = info.replace("{", " ").replace("}", " ").replace(",", " ").split()
    if not words:
        return None
    try:
        return get_lexer_by_name(words[0].lstrip(".").lower())
    except ClassNotFound:
        return None


def code_lines(info: str, text: str) -> list[list[Run]]:
    """The lines of a whole block, tabs expanded."""
    lines = text.removesuffix("\n").split("\n")
    known = lexer(info) if len(text) <= LONGEST and max(map(len, lines)) <= LONGEST_LINE else None
    if known is None:
        return [plain_line(line) for line in lines]
    tokens = ((token, value) for _, token, value in known.get_tokens_unprocessed(text))
    return list(split_lines(tokens))[: len(lines)]


def plain_line(line: str) -> list[Run]:
    line = line.expandtabs(TAB)
    return [Run(line, PLAIN_CODE)] if line else []


def split_lines(tokens: Iterator[tuple[_TokenType, str]]) -> Iterator[list[Run]]:
    """Lines of runs; the last, without newline, always comes, and may be empty."""
    line: list[Run] = []
    column = 0
    for token, value in tokens:
        style = _style(token)
        for number, part in enumerate(value.split("\n")):
            if number:
                yield line
                line, column = [], 0
            if part:
                shown = _expand(part, column) if "\t" in part else part
                column += len(shown)
                if line and line[-1].style is style:
                    line[-1] = Run(line[-1].text + shown, style)
                else:
                    line.append(Run(shown, style))
    yield line


def _expand(text: str, column: int) -> str:
    """Tabs to the stops of a line of which `column` characters stand already."""
    return (" " * (column % TAB) + text).expandtabs(TAB)[column % TAB :]
