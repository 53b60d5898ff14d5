from collections.abc import Iterator

from tokenfall.markdown.lines import Line, Run
from tokenfall.ui.selection import Span, Spot, cut, extract
from tokenfall.ui.stack import Stack

LINES = [
    Line((Run("• "),), (Run("one two"),)),
    Line((Run("  "),), (Run("three"),), joint=" "),
    Line((), (Run("end"),)),
]


class Laid:
    """An entry whose lines are given."""

    source = ""

    def height(self, width: int) -> int:
        return len(LINES)

    def estimate(self, width: int) -> int:
        return 1

    def laying(self, width: int) -> Iterator[None]:
        yield from ()

    def line(self, width: int, y: int) -> Line:
        return LINES[y]

    def forget(self) -> None:
        pass


def taken(*cells: int) -> str:
    """Of two entries with these lines; the second one's are counted on."""
    stack = Stack()
    stack.add(Laid(), Laid())
    y0, x0, y1, x1 = cells
    return extract(Span(Spot(*divmod(y0, len(LINES)), x0), Spot(*divmod(y1, len(LINES)), x1)), stack)


def test_wraps_and_decoration_are_not_copied() -> None:
    assert taken(0, 0, 2, 2) == "one two three\nend"


def test_partial_lines_and_either_direction() -> None:
    assert taken(0, 6, 1, 4) == "two thr"
    assert taken(1, 4, 0, 6) == "two thr"


def test_both_ends_are_selected() -> None:
    assert taken(2, 0, 2, 0) == "e"


def test_a_selection_goes_from_one_entry_into_the_next() -> None:
    assert taken(2, 1, 4, 3) == "nd\none two th"


def test_wide_characters_and_clusters_stay_whole() -> None:
    assert cut("日本語", 0, 3) == "日本"
    assert cut("a👩‍💻b", 1, 2) == "👩‍💻"
    assert cut("e\u0301f", 0, 1) == "e\u0301"
