from tokenfall.markdown.lines import Line, Run
from tokenfall.ui.selection import Span, Spot, cut, extract

LINES = [
    Line((Run("• "),), (Run("one two"),)),
    Line((Run("  "),), (Run("three"),), joint=" "),
    Line((), (Run("end"),)),
]


def taken(*cells: int) -> str:
    y0, x0, y1, x1 = cells
    return extract(Span(Spot(y0, x0), Spot(y1, x1)), LINES.__getitem__, len(LINES))


def test_wraps_and_decoration_are_not_copied() -> None:
    assert taken(0, 0, 2, 2) == "one two three\nend"


def test_partial_lines_and_either_direction() -> None:
    assert taken(0, 6, 1, 4) == "two thr"
    assert taken(1, 4, 0, 6) == "two thr"


def test_both_ends_are_selected() -> None:
    assert taken(2, 0, 2, 0) == "e"


def test_wide_characters_and_clusters_stay_whole() -> None:
    assert cut("日本語", 0, 3) == "日本"
    assert cut("a👩‍💻b", 1, 2) == "👩‍💻"
    assert cut("e\u0301f", 0, 1) == "e\u0301"
