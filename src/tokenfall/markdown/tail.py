"""The open end of a text: what later text can still change, and what leaves it when later text has come."""

import re
from collections import ChainMap, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from tokenfall.markdown.blocks import Code, Leaf, Paragraph, References, Table, is_blank, parse
from tokenfall.markdown.growth import CodeGrowth, GrowingLayout, Growth, ParagraphGrowth, Settled, TableGrowth
from tokenfall.markdown.inline import atoms, next_segment
from tokenfall.markdown.layout import QUOTE, Context, Layout
from tokenfall.markdown.lines import PLAIN, Line, Style
from tokenfall.markdown.path import Blocks, growing_leaf, leaf_at, longer, open_context, open_path
from tokenfall.markdown.pieces import Piece
from tokenfall.markdown.tables import HEADER

WIDTHS_KEPT = 2
LONG_LINE = 500
"""Characters of text without a newline after which its beginning is taken in."""
HEAVY = 8_000
"""Characters that could not be taken in (a heading or a cell of that length) from which they are laid out again only when an
eighth has been added."""
MANY_DEFINITIONS = 2_000
"""Characters of link definitions from which those that are settled are closed."""

_MARKER_ONLY = re.compile(
    r"[ \t>]*+(?:(?:[-+*]|\d{1,9}[.)])[ \t][ \t>]*+)*+"
    r"(?:#{1,6}|[-+*]|\d{1,9}[.)]?|\[[ xX]?\]?|`{3}[^`]*+|~{3}.*+|`++|~++|=++|[-*_ \t]++|[|:\- \t]*+"
    r"|\$\$?|\\(?:\[|begin(?:\{[a-z]*\*?\}?)?)?)[ \t]*+"
)
"""A line that may still become a heading, item, task, fence, underline, rule, table or formula: nothing on it is a word."""
_DEFINITION = re.compile(r"\[(?:\\.|[^\[\]\\])*(?:$|\]:)", re.DOTALL)
"""Content that may yet turn out to be a link definition."""
_PIPE = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Closed:
    """`laid` has the lines of the first piece by width, where its growth has them; `references` what all define."""

    pieces: list[Piece]
    laid: dict[int, list[Line]]
    references: References


@dataclass(frozen=True)
class _Look:
    """`text` of the tail as it was parsed, behind the stubs, as `lines` into `blocks`."""

    text: str
    lines: list[str]
    blocks: Blocks

    def offset(self, line: int) -> int:
        """Where in `text` a line begins."""
        return len(self.text) - self._begins[-1] + 1 + self._begins[line]

    @cached_property
    def _begins(self) -> list[int]:
        """Where each line begins, the stubs counted too, and where the one after the last would."""
        return list(accumulate((len(line) + 1 for line in self.lines), initial=0))


@dataclass(slots=True)
class _Laid:
    """What was shown last: which text at which width, the block that grows at its end, and the layout, which can go on there."""

    text: str
    width: int
    growing: Leaf
    layout: Layout
    settled: list[Line]


class Tail:
    """`text` is parsed at every look at it, so it is kept short: what of a long block is settled goes into its growth, and
    a stub takes its place."""

    def __init__(self) -> None:
        self.text = ""
        self.context = Context()
        self._growth: Growth | None = None
        self._taken: list[str] = []
        """The source that the growth has taken in."""
        self._settled: OrderedDict[int, Settled] = OrderedDict()
        self._look_at = LONG_LINE
        self._heavy: tuple[int, int, tuple[list[Line], list[Line]]] = (0, 0, ([], []))
        self._laid_last: _Laid | None = None

    def append(self, text: str, references: References) -> Closed | None:
        """Takes text in; gives what it closes.

        Only whole lines close, and the last block that they begin stays, with whatever stands before it and could still
        belong to it.
        """
        self.text += text
        if "\n" in text:
            self._laid_last = None
            return self._close(references)
        if len(self.text) > self._look_at and not self.holds():
            self._take_in(self._look(references, {}, _all), references)
            self._look_at = max(LONG_LINE, 2 * len(self.text))
        return None

    def end(self, references: References) -> Closed:
        """All that is left, closed by the end of the text."""
        defined: References = {}
        look = self._look(references, defined, _all)
        pieces, laid = self._cut(look, [block.line for block in look.blocks], len(look.lines), references)
        self._reset(Context())
        self.text = ""
        return Closed(pieces, laid, defined)

    def holds(self) -> bool:
        """The last line is only a marker so far."""
        last = self.text.rfind("\n") + 1
        return last < len(self.text) and _MARKER_ONLY.fullmatch(self.text, last) is not None

    def lines(self, width: int, references: References, *, hold: bool) -> tuple[list[Line], list[Line]]:
        """As it is to be shown now: lines that a look at the same width only adds to, and lines made anew.

        `hold` keeps back a last line that is only a marker so far.
        """
        if len(self.text) <= HEAVY:
            return self._laid_out(width, references, hold=hold)
        known_width, size, shown = self._heavy
        if known_width != width or not size <= len(self.text) < size * 9 / 8:
            shown = self._laid_out(width, references, hold=hold)
            self._heavy = width, len(self.text), shown
        return shown

    def _laid_out(self, width: int, references: References, *, hold: bool) -> tuple[list[Line], list[Line]]:
        last = self._laid_last
        if last is not None and last.width == width and (longer := self._longer(last)) is not None:
            last.growing, last.text = longer, self.text
            return last.settled, last.layout.again(longer)
        scratch: References = {}
        look = self._look(references, scratch, _whole_lines if hold and self.holds() else _all)
        known = ChainMap(scratch, references)
        growing = growing_leaf(look.blocks, len(look.lines) - 1)
        if self._growth is None:
            settled = Settled()
            layout = Layout(width, known, self.context, growing=growing)
        else:
            settled = self._settled_at(width)
            layout = GrowingLayout(width, known, self.context, self._growth, settled, growing=growing)
        fresh = layout.document(look.blocks)
        # a definition in the tail may still become another, and with it what follows it
        if growing is not None and not scratch and look.text == self.text:
            self._laid_last = _Laid(self.text, width, growing, layout, settled.lines)
        return settled.lines, fresh

    def _longer(self, last: _Laid) -> Leaf | None:
        more = self.text[len(last.text) :]
        return None if "\n" in more else longer(last.growing, last.text, more)

    def _settled_at(self, width: int) -> Settled:
        settled = self._settled.setdefault(width, Settled())
        self._settled.move_to_end(width)
        if len(self._settled) > WIDTHS_KEPT:
            self._settled.popitem(last=False)
        return settled

    def _look(self, references: References, defined: References, visible: Callable[[str], str]) -> _Look:
        """Parses; a growth whose block has become another kind is given up."""
        text = visible(self.text)
        source = self.context.source(self._growth.stub + text if self._growth else text)
        blocks = parse(source, ChainMap(defined, references))
        if self._growth is not None and not self._growth.fits(leaf_at(blocks, len(self.context.stubs))[0]):
            text = "".join(self._taken) + self.text
            self._reset(self.context)
            self.text = text
            defined.clear()
            return self._look(references, defined, visible)
        return _Look(text, source.split("\n"), blocks)

    def _close(self, references: References) -> Closed | None:
        defined: References = {}
        look = self._look(references, defined, _whole_lines)
        stubs = len(self.context.stubs)
        if not look.blocks:
            return self._close_definitions(look, defined, references)
        path, line = open_path(look.blocks, look.lines, stubs)
        if line <= stubs:
            self._take_in(look, references)
            return None
        pieces, laid = self._cut(look, [block.line for block in look.blocks], line, references)
        if defined:
            defined = {}
            for piece in pieces:
                parse(piece.context.source(piece.text), ChainMap(defined, references))
        self.text = self.text[look.offset(line) :]
        self._reset(open_context(path, line, look.lines, self.context, follows=self.context.follows or look.blocks[0].line < line))
        return Closed(pieces, laid, defined)

    def _close_definitions(self, look: _Look, defined: References, references: References) -> Closed | None:
        """No block yet, only link definitions: a blank line ends them. Of many, those above the last are ended by it: a title on
        a line of its own begins otherwise."""
        end = len(look.text)
        if look.lines[-2].strip(" \t"):
            end = look.text.rfind("\n[") + 1
            if len(look.text) < MANY_DEFINITIONS or not end:
                return None
            defined = {}
            if parse(look.text[:end], ChainMap(defined, references)):
                return None  # that line is one of a definition's title
        if not look.text[:end].strip():
            return None
        self.text = self.text[end:]
        return Closed([Piece(self.context, look.text[:end])], {}, defined)

    def _cut(self, look: _Look, starts: list[int], end: int, references: References) -> tuple[list[Piece], dict[int, list[Line]]]:
        """The text up to a line, in a piece for each block that starts above it."""
        stubs = len(self.context.stubs)
        boundaries = [line for line in starts if stubs < line < end]
        offsets = [look.offset(line) for line in boundaries] + [look.offset(end) if end < len(look.lines) else len(look.text)]
        laid = self._laid(look.text[: offsets[0]], references)
        pieces = [Piece(self.context, "".join(self._taken) + look.text[: offsets[0]])]
        for line, (start, stop) in zip(boundaries, pairwise(offsets), strict=True):
            pieces.append(Piece(Context(follows=self.context.follows or starts[0] < line), look.text[start:stop]))
        return pieces, laid

    def _laid(self, text: str, references: References) -> dict[int, list[Line]]:
        """The lines of what is taken in and `text` after it, by width. Only a growth whose lines are exact has them."""
        growth = self._growth
        if growth is None or not growth.exact:
            return {}
        known = ChainMap({}, references)
        blocks = parse(self.context.source(growth.stub + text), known)
        laid = {}
        for width, settled in self._settled.items():
            layout = GrowingLayout(width, known, self.context, growth, settled, growing=None)
            fresh = layout.document(blocks)
            laid[width] = settled.lines + fresh
        return laid

    def _reset(self, context: Context) -> None:
        self.context = context
        self._growth = None
        self._taken = []
        self._settled.clear()
        self._laid_last = None
        self._look_at = LONG_LINE
        self._heavy = 0, 0, ([], [])

    def _take_in(self, look: _Look, references: References) -> None:
        """Moves what is settled of the block at the top, if it is the one that grows."""
        leaf, quoted = leaf_at(look.blocks, len(self.context.stubs))
        if leaf is None or growing_leaf(look.blocks, len(look.lines) - 1) is not leaf:
            return
        style = QUOTE if quoted else PLAIN
        match leaf:
            case Paragraph() if isinstance(self._growth, ParagraphGrowth) or not _DEFINITION.match(leaf.content):
                self._take_segments(leaf, look, references, style)
            case Code(unclosed=True) if look.text.endswith("\n"):
                code = self._growth if isinstance(self._growth, CodeGrowth) else CodeGrowth(look.lines[leaf.line], leaf)
                last = len(look.lines) - 2
                whole = code.rest(leaf)
                taken = whole[: whole.rfind("\n", 0, -1) + 1] if is_blank(look.lines[last]) else whole
                if taken:
                    code.take(taken)
                    self._move(code, len(look.text) if taken == whole else look.offset(last))
            case Table(rows=rows) if rows and look.text.endswith("\n"):
                table = self._growth if isinstance(self._growth, TableGrowth) else _table_growth(leaf, look, references)
                table.take([[list(atoms(cell, references, style)) for cell in row] for row in rows])
                self._move(table, len(look.text))
            case _:
                pass

    def _take_segments(self, leaf: Paragraph, look: _Look, references: References, style: Style) -> None:
        known = isinstance(self._growth, ParagraphGrowth)
        growth = self._growth if isinstance(self._growth, ParagraphGrowth) else ParagraphGrowth(leaf.before, style)
        content = growth.rest(leaf) if known else leaf.content
        end = 0
        while (cut := next_segment(content, end, references, style)) is not None:
            end, segment = cut
            growth.take(segment)
        if not end:
            return
        line = leaf.end - 1 - content.count("\n", end)
        stop = content.find("\n", end)
        raw = look.lines[line] if stop >= 0 else look.lines[line].rstrip()
        begin = content.rfind("\n", 0, end) + 1
        head = content[begin:end].strip()
        if begin and not head:
            growth.pipes = 0
            self._move(growth, look.offset(line) - 1)
            return
        line_begins = not known or begin > 0 or look.text.startswith("\n")
        pipes = len(_PIPE.findall(head)) - (line_begins and head.startswith("|"))
        growth.pipes = pipes if line_begins else growth.pipes + pipes
        self._move(growth, look.offset(line) + len(raw) - ((stop if stop >= 0 else len(content)) - end))

    def _move(self, growth: Growth, size: int) -> None:
        """The growth has taken in the first `size` characters."""
        self._growth = growth
        self._laid_last = None
        self._heavy = 0, 0, ([], [])
        self._taken.append(self.text[:size])
        self.text = self.text[size:]


def _all(text: str) -> str:
    return text


def _whole_lines(text: str) -> str:
    return text[: text.rfind("\n") + 1]


def _table_growth(table: Table, look: _Look, references: References) -> TableGrowth:
    stub = "\n".join((*look.lines[table.line : table.line + 2], ""))
    return TableGrowth(stub, [list(atoms(cell, references, HEADER)) for cell in table.head], table.aligns)
