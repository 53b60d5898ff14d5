"""Text that is not markdown, as lines; whole or growing. No widget in here."""

from rich.cells import cell_len, set_cell_size

from tokenfall.filters import MARKS
from tokenfall.markdown.lines import Line, Run, Style
from tokenfall.markdown.wrap import Wrapped, Wrapper, chop

TAB = 4

LONGEST_WORD = 2_000
"""Characters without a space after which a growing text is wrapped though its next character may belong to the last."""


def wrap_plain(text: str, style: Style, width: int) -> list[Line]:
    """Wrapped at words; a line that continues hangs under its indent. Tabs are four cells."""
    lines: list[Line] = []
    for source in text.expandtabs(TAB).split("\n"):
        words = source.lstrip(" ")
        indent = len(source) - len(words)
        if indent > width // 2:
            broken = chop([Run(source, style)], width)
            lines += [Line((), runs, "" if number else None) for number, runs in enumerate(broken)]
            continue
        wrapper = Wrapper(width - indent)
        wrapper.feed([Run(words, style)])
        space = (Run(" " * indent, style),) if indent else ()
        for number, wrapped in enumerate(wrapper.finish()):
            lines.append(Line(space, wrapped.runs, wrapped.joint) if number else Line((), (*space, *wrapped.runs)))
        if not words:
            lines.append(Line((), space))
    return lines


def estimate_plain(text: str, width: int) -> int:
    """About how many lines a text takes."""
    return len(text) // width + text.count("\n") + 1


class WrappedText:
    """Wrapped at words behind `indent`. Only the line that is being written is wrapped again. Blank lines at its beginning and
    end are not shown."""

    def __init__(self, style: Style, indent: Run) -> None:
        self.source = ""
        self._style = style
        self._indent = indent
        self._width = -1
        self._closed: list[Line] = []
        self._growing: list[Line] = []
        self._open = Wrapper(1)
        self._word = ""
        self._newlines = 0

    def append(self, text: str) -> None:
        text = text if self.source else text.lstrip("\n")
        self.source += text
        if self._width > 0:
            self._wrap(text)

    def forget(self) -> None:
        self._width = -1
        self._closed, self._growing = [], []

    def height(self, width: int) -> int:
        self._lay(width)
        return len(self._closed) + len(self._growing)

    def stable(self, width: int) -> int:
        """How many lines, from the top, no longer change."""
        self._lay(width)
        return len(self._closed)

    def line(self, width: int, y: int) -> Line:
        self._lay(width)
        return self._closed[y] if y < len(self._closed) else self._growing[y - len(self._closed)]

    def _lay(self, width: int) -> None:
        if width != self._width:
            self._width, self._closed, self._open = width, [], self._wrapper(width)
            self._word, self._newlines = "", 0
            self._wrap(self.source)

    def _wrapper(self, width: int) -> Wrapper:
        return Wrapper(max(1, width - len(self._indent.text)))

    def _wrap(self, text: str) -> None:
        for number, piece in enumerate(text.split("\n")):
            self._newlines += bool(number)
            if not piece:
                continue
            # line ends wait for what follows them, so that none stand at the end
            if self._newlines:
                self._closed += map(self._line, self._ended() or [Wrapped((), None)])
                self._closed += [self._line(Wrapped((), None))] * (self._newlines - 1)
                self._open, self._word, self._newlines = self._wrapper(self._width), "", 0
            self._feed(piece)
        self._growing = list(map(self._line, self._ended()))

    def _feed(self, piece: str) -> None:
        """Whole words only: where a word may be broken depends on what follows in it."""
        words, space, word = (self._word + piece.replace("\t", " " * TAB)).rpartition(" ")
        if len(word) > LONGEST_WORD:
            words, space, word = words + space + word[:-MARKS], "", word[-MARKS:]
        self._open.feed([Run(words + space, self._style)] if words + space else [])
        self._word = word
        self._closed += map(self._line, self._open.lines)
        self._open.lines.clear()

    def _ended(self) -> list[Wrapped]:
        """The lines of the source line that is being written, but for those that are closed."""
        last = self._open.copy()
        last.feed([Run(self._word, self._style)] if self._word else [])
        return last.finish()

    def _line(self, wrapped: Wrapped) -> Line:
        return Line((self._indent,), wrapped.runs, wrapped.joint)


class SourceText:
    """Character by character, broken where the view ends."""

    def __init__(self, style: Style, text: str, width: int) -> None:
        self.width = width
        self._style = style
        self._closed: list[Line] = []
        self._open = Line()
        self.append(text)

    def append(self, text: str) -> None:
        joint = self._open.joint
        for number, source in enumerate((self._open.text + text).split("\n")):
            if number:
                self._closed.append(self._open)
                joint = None
            *full, last = chop([Run(source.replace("\t", " " * TAB), self._style)], self.width)
            for runs in full:
                self._closed.append(Line((), runs, joint))
                joint = ""
            self._open = Line((), last, joint)

    @property
    def height(self) -> int:
        return len(self._closed) + 1

    @property
    def stable(self) -> int:
        return len(self._closed)

    def line(self, y: int) -> Line:
        return self._closed[y] if y < len(self._closed) else self._open


def fit(text: str, width: int) -> str:
    """Text cut to `width` cells, with an ellipsis where something was cut off."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""
