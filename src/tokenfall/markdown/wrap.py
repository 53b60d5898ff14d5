"""Runs to lines of a width in cells."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rich.cells import cell_len, split_graphemes

from tokenfall.markdown.lines import Atom, Display, HardBreak, Run, Style

LONGEST_CLUSTER = 32
"""Code points that may share one cell; more start a new cluster, so that no cell grows without bound."""
INDENT = 2
"""Cells before code and formulas that stand apart, where LEAST_CONTENT are left."""
LEAST_CONTENT = 8
"""Cells left for content when nested decoration would fill a narrow view."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Content of one line; `joint` as in `Line`; `indent` is how many cells of nothing stand before it."""

    runs: tuple[Run, ...]
    joint: str | None
    indent: int = 0


_PIECES = re.compile(r" +|[^ ]+")


class Wrapper:
    """Greedy word wrap that can be fed bit by bit: lines in `lines` are final, what follows them is still open."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[Wrapped] = []
        self._runs: list[Run] = []
        self._used = 0
        self._joint: str | None = None
        self._space: Run | None = None
        self._word: list[tuple[str, Style, int]] = []
        self._word_width = 0

    def copy(self) -> "Wrapper":
        """Goes on from here on its own, with no lines yet."""
        other = Wrapper(self.width)
        other._runs, other._used, other._joint, other._space = list(self._runs), self._used, self._joint, self._space
        other._word, other._word_width = list(self._word), self._word_width
        return other

    def feed(self, atoms: Iterable[Atom]) -> None:
        for atom in atoms:
            if not isinstance(atom, Run):
                self._place_word()
                self._space = None
                if isinstance(atom, HardBreak) or self._runs:
                    self._end_line(None)
                if isinstance(atom, Display):
                    self._set_apart(atom)
            elif " " in atom.text and "  " not in atom.text and _NARROW.fullmatch(atom.text):
                self._take_words(atom.text, atom.style)
            else:
                for piece in _PIECES.findall(atom.text):
                    self._take(piece, atom.style)

    def _set_apart(self, display: Display) -> None:
        """On lines of its own: as they are if they fit, else as text."""
        indent = INDENT if self.width >= LEAST_CONTENT else 0
        if all(cell_len(line) <= self.width - indent for line in display.lines):
            self.lines.extend(Wrapped((Run(line, display.style),), None, indent) for line in display.lines)
        else:
            inner = Wrapper(self.width - indent)
            inner.feed((Run(display.text, display.style),))
            self.lines.extend(replace(line, indent=indent) for line in inner.finish())

    def finish(self) -> list[Wrapped]:
        """Ends the last line, if anything stands on it, and gives them all."""
        self._place_word()
        if self._runs:
            self._end_line(None)
        return self.lines

    def _take(self, piece: str, style: Style) -> None:
        if piece[0] == " ":
            self._place_word()
            if self._space is None:
                self._space = Run(piece, style)
            else:
                self._space = Run(self._space.text + piece, self._space.style)
            return
        if _NARROW.fullmatch(piece):
            self._extend(piece, style, len(piece))
            return
        for text, width, breaks in _clusters(piece):
            if breaks:
                self._place_word()
            self._extend(text, style, width)

    def _take_words(self, text: str, style: Style) -> None:
        """Narrow text with single spaces, most text: as `_take` of each word, but by the line."""
        first, _, rest = text.partition(" ")
        if first:
            self._take(first, style)
        self._take(" ", style)
        inner, space, last = rest.rpartition(" ")
        if space:
            self._place_words(inner, style)
            self._take(" ", style)
        if last:
            self._take(last, style)

    def _place_words(self, words: str, style: Style) -> None:
        """Words before which a space waits and after which another space comes."""
        at = 0
        while at < len(words):
            space = self._space
            before = 0 if space is None or not self._runs else len(space.text)
            room = self.width - self._used - before
            end = len(words) if len(words) - at <= room else words.rfind(" ", at, max(at, at + room + 1))
            if end < 0:
                end = words.find(" ", at)
                self._take(words[at:] if end < 0 else words[at:end], style)
                self._place_word()
                end = len(words) if end < 0 else end
            else:
                self._space = None
                if space is not None and before:
                    self._put(space.text, space.style, before)
                self._put(words[at:end], style, end - at)
            if end < len(words):
                self._space = Run(" ", style)
            at = end + 1

    def _extend(self, text: str, style: Style, width: int) -> None:
        self._word.append((text, style, width))
        self._word_width += width
        if self._word_width > 4 * self.width + 64:
            self._break_word()

    def _place_word(self) -> None:
        if not self._word:
            return
        self._make_room()
        if self._word_width > self.width:
            self._break_word()
        for text, style, width in self._word:
            self._put(text, style, width)
        self._word.clear()
        self._word_width = 0

    def _make_room(self) -> None:
        """Sets the space before the word, or starts a new line in its stead."""
        space = self._space
        self._space = None
        before = cell_len(space.text) if space is not None and self._runs else 0
        if self._runs and self._used + before + self._word_width > self.width and self._word_width <= self.width:
            self._end_line(space.text if space is not None else "")
        elif space is not None and before:
            if self._used + before >= self.width:
                self._end_line(space.text)
            else:
                self._put(space.text, space.style, before)

    def _break_word(self) -> None:
        """Puts a word that is too long: narrow stretches at the edge, else by combined characters."""
        self._make_room()
        pending, self._word, self._word_width = self._word, [], 0
        for text, style, width in pending:
            if _NARROW.fullmatch(text):
                self._fill(text, style)
                continue
            if self._runs and self._used + width > self.width:
                self._end_line("")
            self._put(text, style, width)

    def _fill(self, text: str, style: Style) -> None:
        while len(text) > (room := self.width - self._used):
            if room > 0:
                self._put(text[:room], style, room)
                text = text[room:]
            self._end_line("")
        self._put(text, style, len(text))

    def _put(self, text: str, style: Style, width: int) -> None:
        last = self._runs[-1] if self._runs else None
        if last is not None and (last.style is style or last.style == style):
            self._runs[-1] = Run(last.text + text, style)
        else:
            self._runs.append(Run(text, style))
        self._used += width

    def _end_line(self, joint: str | None) -> None:
        """`joint` belongs to the line that begins here."""
        self.lines.append(Wrapped(tuple(self._runs), self._joint))
        self._runs.clear()
        self._used = 0
        self._joint = joint


_NARROW = re.compile("[ -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u2010-\u2027\u2030-\u205e\u2500-\u25fc]*")
_CLOSING = frozenset("、。，．・：；？！゛゜ヽヾゝゞ々ー」』）】〕〉》｝］’”…‥ぁぃぅぇぉっゃゅょァィゥェォッャュョ")
_OPENING = frozenset("「『（【〔〈《｛［‘“")


def _clusters(piece: str) -> Iterator[tuple[str, int, bool]]:
    """A word's combined characters with their cells, and whether a line may begin at each (beside wide ones).

    Narrow stretches come whole where that is known to be harmless.
    """
    if piece.isascii():
        yield from ((character, 1, False) for character in piece)
        return
    before = ""
    for text, width in _joined(piece):
        wide = width > 1 or (before != "" and cell_len(before) > 1)
        yield text, width, wide and before != "" and text[0] not in _CLOSING and before[0] not in _OPENING
        before = text


def _joined(piece: str) -> Iterator[tuple[str, int]]:
    """Combined characters: flags and skin tones stay with what they belong to, overlong ones are cut."""
    text, width = "", 0
    for start, end, cells in split_graphemes(piece)[0]:
        part = piece[start:end]
        if text and len(text) < LONGEST_CLUSTER and (_is_flag(text, part) or "\U0001f3fb" <= part[0] <= "\U0001f3ff"):
            text, width = text + part, width + cells
            continue
        if text:
            yield text, width
        text, width = part, cells
        while len(text) > LONGEST_CLUSTER:
            yield text[:LONGEST_CLUSTER], width
            text, width = text[LONGEST_CLUSTER:], 1
    if text:
        yield text, width


def _is_flag(text: str, part: str) -> bool:
    return len(text) == 1 and "\U0001f1e6" <= text <= "\U0001f1ff" and "\U0001f1e6" <= part[0] <= "\U0001f1ff"


def chop(runs: Iterable[Run], width: int) -> list[tuple[Run, ...]]:
    """Code: lines broken at the edge, wherever that is. At least one line."""
    lines: list[list[Run]] = [[]]
    used = 0
    for run in runs:
        text = run.text
        if _NARROW.fullmatch(text):
            while used + len(text) > width:
                lines[-1].append(Run(text[: width - used], run.style))
                text = text[width - used :]
                lines.append([])
                used = 0
            if text:
                lines[-1].append(Run(text, run.style))
                used += len(text)
            continue
        start = at = 0
        for cluster, cells, _ in _clusters(text):
            if used and used + cells > width:
                lines[-1].append(Run(text[start:at], run.style))
                lines.append([])
                start, used = at, 0
            at += len(cluster)
            used += cells
        lines[-1].append(Run(text[start:], run.style))
    return [tuple(run for run in line if run.text) for line in lines]
