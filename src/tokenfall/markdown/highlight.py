"""Source code to coloured lines. A lexer is used only where the info string names it; none is ever guessed."""

from collections.abc import Iterable, Iterator
from functools import cache

from pygments.lexer import Lexer, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound

from tokenfall.markdown.lines import Run, Style

TAB = 4
LONG_CODE = 30_000
"""Characters of a block from which it is coloured line by line also at the end: to lex it again would be felt."""
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


COMMON = (
    *("python", "bash", "json", "javascript", "typescript", "html", "css", "sql", "yaml", "toml", "rust", "go", "c", "cpp", "java"),
    "diff",
)


def load_common() -> None:
    """Loads the lexers that replies use most; for a thread, before the first fence comes."""
    for name in COMMON:
        lexer(name)


def code_lines(info: str, text: str) -> list[list[Run]]:
    """The lines of a finished block, tabs expanded."""
    lines = text.removesuffix("\n").split("\n")
    known = lexer(info)
    if known is None:
        return [plain_line(line) for line in lines]
    if len(text) > LONG_CODE or max(map(len, lines)) > LONGEST_LINE:
        return Highlighter(info).advance(text)
    tokens = ((token, value) for _, token, value in known.get_tokens_unprocessed(text))
    return list(split_lines(tokens))[: len(lines)]


def plain_line(line: str) -> list[Run]:
    line = line.expandtabs(TAB)
    return [Run(line, PLAIN_CODE)] if line else []


class Highlighter:
    """Colours a block that is still being written, from line to line.

    The lexer's state is kept at line boundaries, where the lexer allows it; else every line is lexed for itself. Both miss
    what needs to look further, so a finished block is lexed again as a whole.
    """

    def __init__(self, info: str) -> None:
        self._lexer = lexer(info)
        self._stack = ["root"]

    @property
    def plain(self) -> bool:
        return self._lexer is None

    def advance(self, text: str) -> list[list[Run]]:
        """The lines of text that ends with a newline; the next text follows it."""
        return [self._line(f"{line}\n", self._stack) for line in text.removesuffix("\n").split("\n")]

    def peek(self, text: str) -> list[list[Run]]:
        """The lines that follow, so far; the last may not be whole."""
        stack = list(self._stack)
        return [self._line(f"{line}\n", stack) for line in text.removesuffix("\n").split("\n")] if text else []

    def _line(self, line: str, stack: list[str]) -> list[Run]:
        if self._lexer is None or len(line) > LONGEST_LINE:
            return plain_line(line.removesuffix("\n"))
        if type(self._lexer).get_tokens_unprocessed is RegexLexer.get_tokens_unprocessed:
            return next(split_lines(_resumed(self._lexer, line, stack)))
        return next(split_lines((token, value) for _, token, value in self._lexer.get_tokens_unprocessed(line)))


def _resumed(lexer: RegexLexer, text: str, stack: list[str]) -> Iterator[tuple[_TokenType, str]]:
    """What RegexLexer does with its table of states, but with a stack of states that outlives the text."""
    at = 0
    while at < len(text):
        for match_at, action, change in lexer._tokens[stack[-1]]:
            if (match := match_at(text, at)) is None:
                continue
            if isinstance(action, _TokenType):
                yield action, match.group()
            elif action is not None:
                yield from ((token, value) for _, token, value in action(lexer, match))
            at = match.end()
            _change_state(stack, change)
            break
        else:
            if text[at] == "\n":
                stack[:] = ["root"]
            yield (Token.Text if text[at] == "\n" else Token.Error), text[at]
            at += 1


def _change_state(stack: list[str], change: int | str | tuple[str, ...] | None) -> None:
    """One transition of Pygments' rules: pop so many, or push states by name; the lowest state always stays."""
    if isinstance(change, int):
        del stack[max(1, len(stack) + change) :]
    elif change is not None:
        for state in (change,) if isinstance(change, str) else change:
            if state != "#pop":
                stack.append(stack[-1] if state == "#push" else state)
            elif len(stack) > 1:
                stack.pop()


def split_lines(tokens: Iterable[tuple[_TokenType, str]]) -> Iterator[list[Run]]:
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
