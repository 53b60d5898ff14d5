"""Block structure: markdown source to a tree of blocks, as CommonMark 0.31 with tables, task lists and formulas has it.

Raw HTML is off and stands as text. The parser is line by line: only the last open block can change when lines follow,
which is what lets a growing text be closed from the top.
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from tokenfall.markdown.bare_links import with_bare_links
from tokenfall.markdown.formulas import Parsers

DEEPEST = 30
"""Levels of containers (a list counts two) below which all is a paragraph; the parser recurses."""

References = MutableMapping[str, dict[str, Any]]
"""Link definitions by normalised label, as markdown-it keeps them in `env["references"]`."""


@dataclass(frozen=True, slots=True)
class Block:
    """`line` and `end` (exclusive) count from the first line given to `parse`; a container's end may include blank lines.
    `gap` tells that the line above it is blank in the source."""

    line: int
    end: int
    gap: bool


@dataclass(frozen=True, slots=True)
class Heading(Block):
    level: int
    content: str


@dataclass(frozen=True, slots=True)
class Paragraph(Block):
    """`before` is what stands before it on its first line."""

    content: str
    before: str


@dataclass(frozen=True, slots=True)
class Rule(Block):
    pass


@dataclass(frozen=True, slots=True)
class Code(Block):
    """A fence, or an indented block (then `info` is ""). `text` ends with a newline unless the source ended in it.
    `unclosed` tells that more lines of it may come; an indented block has no other end."""

    info: str
    text: str
    fenced: bool
    unclosed: bool


@dataclass(frozen=True, slots=True)
class Table(Block):
    """`aligns` are "left", "center", "right" or "" by column; every row has as many cells as the head."""

    aligns: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Formula(Block):
    """A formula that stands apart, with its delimiters and whatever follows it on its last line. Not `closed`, its end did not
    come: then it is text like any other."""

    content: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Quote(Block):
    """`stub` is its first line up to where its content begins, then an empty heading: what to put before later lines to
    have them parsed inside it."""

    children: tuple["AnyBlock", ...]
    stub: str


@dataclass(frozen=True, slots=True)
class Item(Block):
    """`checked` is None where there is no task box; `stub` as in `Quote`."""

    children: tuple["AnyBlock", ...]
    stub: str
    checked: bool | None


@dataclass(frozen=True, slots=True)
class Bullets(Block):
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Numbers(Block):
    """`start` is the first item's number; `mark` what follows it, "." or ")"."""

    items: tuple[Item, ...]
    start: int
    mark: str


Leaf = Heading | Paragraph | Rule | Code | Table | Formula
AnyBlock = Leaf | Quote | Bullets | Numbers


Starts = dict[int, tuple[int, int, bool]]
"""By index of a block's first token: its line, where in the source it begins, whether it is indented code."""


def _note_start(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Not a rule: the parser asks its rules at every start of a block, and only then is known where a container's content begins."""
    starts: Starts = state.env["starts"]
    starts[len(state.tokens)] = start, state.bMarks[start] + state.tShift[start], state.is_code_block(start)
    return False


def _deep_paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Ends the recursion: below DEEPEST the lines up to a blank or an outer one are a paragraph (markdown-it would drop them)."""
    if silent or state.level < DEEPEST:
        return False
    line = start + 1
    while line < end and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        line += 1
    state.push("paragraph_open", "p", 1).map = [start, line]
    state.push("inline", "", 0).content = state.getLines(start, line, state.blkIndent, False).strip()
    state.push("paragraph_close", "p", -1)
    state.line = line
    return True


def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST + 10, "tasklists": True})
    md.enable(["table", "strikethrough"])
    md.block.ruler.before("table", "deep_paragraph", _deep_paragraph)
    md.block.ruler.before("deep_paragraph", "note_start", _note_start)
    return md


class _Inline(MarkdownIt):
    def normalizeLinkText(self, link: str) -> str:
        # as it was written: decoded, the punycode of another alphabet would look like a host that it isn't
        return link


def _inline_parser() -> MarkdownIt:
    return with_bare_links(_Inline("commonmark", {"html": False}).enable("strikethrough"))


BLOCKS = Parsers(_parser(), _parser())
INLINE = Parsers(_inline_parser(), _inline_parser())
"""For inline content; brackets nest to markdown-it's own limit of 20."""


def parse(source: str, references: References) -> tuple[AnyBlock, ...]:
    """The blocks of a text. Link definitions found on the way are put into `references`; the first of a label wins."""
    tokens: list[Token] = []
    starts: Starts = {}
    md = BLOCKS.of(source)
    md.block.parse(source.replace("\0", "\ufffd"), md, {"references": references, "starts": starts}, tokens)
    return _Tree(tokens, starts, source).blocks()


_CODE = {"fence", "code_block"}


class _Tree:
    """Folds markdown-it's flat tokens into blocks."""

    def __init__(self, tokens: list[Token], starts: Starts, source: str) -> None:
        self._tokens = tokens
        self._starts = starts
        self._source = source
        self._lines = source.split("\n")
        self._at = 0

    def blocks(self) -> tuple[AnyBlock, ...]:
        """Siblings up to the end of the tokens or to the closing token of their container, which is taken too."""
        found: list[AnyBlock] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.nesting < 0:
                break
            found.append(self._block(token))
        return tuple(found)

    def _block(self, token: Token) -> AnyBlock:
        place = self._place(token)
        match token.type:
            case "blockquote_open":
                stub = self._stub(place[0])
                return Quote(*place, self.blocks(), stub)
            case "bullet_list_open":
                return Bullets(*place, tuple(self._items()))
            case "ordered_list_open":
                start = token.attrs.get("start", 1)
                return Numbers(*place, tuple(self._items()), int(start), token.markup)
            case "table_open":
                return self._table(place)
            case _:
                return self._leaf(token, place)

    def _leaf(self, token: Token, place: tuple[int, int, bool]) -> AnyBlock:
        if token.type in _CODE:
            lines = token.content.removesuffix("\n").count("\n") + bool(token.content)
            fenced = token.type == "fence"
            return Code(*place, token.info.strip(), token.content, fenced, unclosed=not fenced or lines == place[1] - place[0] - 1)
        if token.type == "hr":
            return Rule(*place)
        if token.type == "formula":
            return Formula(*place, token.content, token.meta["closed"])
        content = self._tokens[self._at].content
        before = self._before(self._at - 1)
        self._at += 2
        return Paragraph(*place, content, before) if token.type == "paragraph_open" else Heading(*place, int(token.tag[1]), content)

    def _items(self) -> Iterator[Item]:
        while (token := self._tokens[self._at]).type == "list_item_open":
            self._at += 1
            place = self._place(token)
            stub = self._stub(place[0])
            checked = token.meta.get("checked")
            yield Item(*place, self.blocks(), stub, checked)
        self._at += 1

    def _table(self, place: tuple[int, int, bool]) -> Table:
        aligns: list[str] = []
        rows: list[list[str]] = []
        while (token := self._tokens[self._at]).type != "table_close":
            self._at += 1
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "th_open":
                aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
            elif token.type == "inline":
                rows[-1].append(token.content)
        self._at += 1
        head, *body = (tuple(row) for row in rows)
        return Table(*place, tuple(aligns), head, tuple(body))

    def _stub(self, line: int) -> str:
        """The container that opened just now, at this line."""
        start, _, code = self._starts.get(self._at, (-1, 0, False))
        if start != line:
            return self._lines[line].rstrip(" \t") + " #"
        before = self._before(self._at)
        return before.rstrip(" \t") + " #" if code else before + "#"

    def _before(self, token: int) -> str:
        """What stands on its first line before the block whose first token has this index."""
        offset = self._starts[token][1]
        return self._source[self._source.rfind("\n", 0, offset) + 1 : offset]

    def _place(self, token: Token) -> tuple[int, int, bool]:
        line, end = token.map or (0, 0)
        return line, end, line > 0 and is_blank(self._lines[line - 1])


def is_blank(line: str) -> bool:
    """Blank also inside a quote, where its marks remain."""
    return not line.strip(" \t>")
