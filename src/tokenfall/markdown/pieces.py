"""The closed part of a text: pieces that no later text can change, laid out when they are looked at."""

import re
from bisect import bisect_right
from collections import ChainMap, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from markdown_it.common.utils import normalizeReference

from tokenfall.markdown.blocks import References, parse
from tokenfall.markdown.layout import Context, Layout
from tokenfall.markdown.lines import Line

WIDTHS_KEPT = 2
LINES_KEPT = 1_500
"""Lines laid out per width; a piece that holds more alone is kept while it is the last one looked at."""


@dataclass(frozen=True, slots=True)
class Piece:
    context: Context
    text: str

    def lines(self, width: int, references: References) -> list[Line]:
        scratch = ChainMap({}, references)
        return Layout(width, scratch, self.context).document(parse(self.context.source(self.text), scratch))


class _View:
    """The pieces at one width: where each ends, and the lines of those looked at last."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.lines: OrderedDict[int, list[Line]] = OrderedDict()
        self._kept = 0

    def add(self, lines: list[Line]) -> None:
        self.keep(len(self.ends), lines)
        self.ends.append((self.ends[-1] if self.ends else 0) + len(lines))

    def keep(self, index: int, lines: list[Line]) -> None:
        self.lines[index] = lines
        self._kept += len(lines)
        while self._kept > LINES_KEPT and len(self.lines) > 1:
            self._kept -= len(self.lines.popitem(last=False)[1])

    def forget_from(self, index: int) -> None:
        del self.ends[index:]
        for number in [number for number in self.lines if number >= index]:
            self._kept -= len(self.lines.pop(number))


class Pieces:
    def __init__(self) -> None:
        self.references: References = {}
        self._pieces: list[Piece] = []
        self._views: OrderedDict[int, _View] = OrderedDict()
        self._width = 0
        """That of the last view."""
        self._users: defaultdict[str, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, pieces: Iterable[Piece], laid: Mapping[int, list[Line]]) -> None:
        """Closed text that follows; `laid` has the lines of the first piece at widths at which they are known."""
        for width, lines in laid.items():
            view = self._view(width)
            if len(view.ends) == len(self._pieces):
                view.add(lines)
        for piece in pieces:
            for label in set(_labels(piece.text)):
                self._users[label].append(len(self._pieces))
            self._pieces.append(piece)

    def define(self, references: References) -> bool:
        """Takes link definitions that are new; pieces that use one are laid out again, and then it is True."""
        again = False
        for label, definition in references.items():
            if label not in self.references:
                self.references[label] = definition
                if users := self._users.get(label):
                    again = True
                    for view in self._views.values():
                        view.forget_from(users[0])
        return again

    def height(self, width: int) -> int:
        for _ in self.laying(width):
            pass
        ends = self._view(width).ends
        return ends[-1] if ends else 0

    def laying(self, width: int) -> Iterator[None]:
        """What `height` does, piece by piece. Others may come in between."""
        while len((view := self._view(width)).ends) < len(self._pieces):
            view.add(self._pieces[len(view.ends)].lines(width, self.references))
            yield

    def line(self, width: int, y: int) -> Line:
        """Of a `y` below the height, which must have been asked for at this width."""
        view = self._view(width)
        index = bisect_right(view.ends, y)
        return self._kept(view, width, index)[y - (view.ends[index - 1] if index else 0)]

    def lines(self, width: int, index: int) -> list[Line]:
        """Those of one piece. The pieces before it need not have been laid out at this width."""
        view = self._view(width)
        if index > len(view.ends):
            return self._pieces[index].lines(width, self.references)
        if index == len(view.ends):
            view.add(self._pieces[index].lines(width, self.references))
        return self._kept(view, width, index)

    def _kept(self, view: _View, width: int, index: int) -> list[Line]:
        lines = view.lines.get(index)
        if lines is None:
            lines = self._pieces[index].lines(width, self.references)
            view.keep(index, lines)
        else:
            view.lines.move_to_end(index)
        return lines

    def _view(self, width: int) -> _View:
        if width == self._width:
            return self._views[width]
        self._width = width
        view = self._views.get(width)
        if view is None:
            view = self._views[width] = _View()
            if len(self._views) > WIDTHS_KEPT:
                self._views.popitem(last=False)
        else:
            self._views.move_to_end(width)
        return view


_LABEL = re.compile(r"\[((?:\\.|[^\[\]\\])+)\]", re.DOTALL)


def _labels(text: str) -> Iterator[str]:
    """What may be the label of a link definition, normalised as the parser does; inside containers line prefixes may remain."""
    if "[" not in text:
        return
    for match in _LABEL.finditer(text):
        yield normalizeReference(match[1])
        if "\n" in match[1]:
            yield normalizeReference(re.sub(r"\n[ \t>]*", "\n", match[1]))
