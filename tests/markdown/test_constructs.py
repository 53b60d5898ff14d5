"""What each construct looks like."""

import pytest
from tests.markdown.shown import begun, lines, picture, whole

from tokenfall.markdown import inline
from tokenfall.markdown.document import Document
from tokenfall.markdown.lines import PLAIN, Line, Run, Style


def runs(text: str, width: int = 40) -> list[Run]:
    return [run for line in lines(whole(text), width) for run in line.runs]


PICTURES = {
    "paragraphs wrap at words": ("one two three four\n\nfive", 9, "one two\nthree\nfour\n\nfive"),
    "long words break": ("a abcdefghij b", 4, "a ab\ncdef\nghij\nb"),
    "soft breaks are spaces, hard ones lines": ("a\nb  \nc\\\nd", 40, "a b\nc\nd"),
    "wide text breaks anywhere but before closing marks": ("日本語、テキスト", 6, "日本\n語、テ\nキスト"),
    "headings": ("# A *b*\ntext\n## C\n\nD\n---", 40, "A b\n\ntext\n\nC\n\nD"),
    "rules": ("a\n\n***\nb", 5, "a\n\n─────\n\nb"),
    "bullets by level": ("- a\n  - b\n    - c\n- d", 40, "• a\n  ◦ b\n    ▪ c\n• d"),
    "numbers": ("9. a\n1. b\n\n99) c\n1) d", 40, " 9. a\n10. b\n\n99) c\n100) d"),
    "gaps in lists are where the source has them": ("- a\n- b\n\n  c\n\n- d\n- e", 40, "• a\n• b\n\n  c\n\n• d\n• e"),
    "tasks": ("- [ ] a\n- [x] b\n1. [ ] c", 40, "☐ a\n☑ b\n\n 1. ☐ c"),
    "an empty quote": (">\n\na", 40, "▎ \n\na"),
    "an empty item": ("-\n- a", 40, "• \n• a"),
    "items wrap under their text": ("- aaaa bbbbb\n- cc", 10, "• aaaa\n  bbbbb\n• cc"),
    "quotes": ("> a\n> b\n>\n> > c\n\nd", 40, "▎ a b\n▎ \n▎ ▎ c\n\nd"),
    "a quote in a list": ("- a\n  > b\n  > - c", 40, "• a\n  ▎ b\n  ▎ \n  ▎ ◦ c"),
    "fenced code": ("```\na\n\n\tb\n```", 40, "  a\n\n      b"),
    "code wraps with a mark": ("```\n0123456789\n```", 8, "  012345\n↪ 6789"),
    "an unclosed fence": ("~~~\na", 40, "  a"),
    "indented code": ("    a\n      b", 40, "  a\n    b"),
    "a list in a list item's own line": ("- 1. a\n  2. b", 40, "•  1. a\n   2. b"),
    "raw html stands as text": (
        "Vec<String> <br> <think>x</think>\n\n<div>\n*a*\n</div>",
        60,
        "Vec<String> <br> <think>x</think>\n\n<div> a </div>",
    ),
    "images": ("![a *b*](c.png) d", 40, "[image: a b] d"),
    "entities": ("&amp; &lt; &copy; &nope;", 40, "& < © &nope;"),
    "escapes": (r"\*a\* \\ \x", 40, r"*a* \ \x"),
    "tables": (
        "|a|bb|c|\n|-|-:|:-:|\n|x|1|mid|\n|long|22|m|",
        40,
        "a    │ bb │  c\n─────┼────┼────\nx    │  1 │ mid\nlong │ 22 │  m",
    ),
    "wide tables wrap their cells": (
        "|a|b|\n|-|-|\n|one two three|four five|",
        21,
        "a         │ b\n──────────┼──────────\none two   │ four five\nthree     │",
    ),
    "wider tables become records": (
        "|name|size|\n|-|-|\n|one two three|four five|\n|x|y|",
        14,
        "name: one two\nthree\nsize: four\nfive\n\nname: x\nsize: y",
    ),
    "deep quotes end as text": ("> " * 40 + "a", 200, "▎ " * 30 + "> " * 10 + "a"),
    "line separators are no line ends": ("a\u2028b\x0cc\x85d", 40, "a\u2028b\x0cc\x85d"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str) -> None:
    source, width, expected = PICTURES[name]
    assert [line.rstrip() for line in picture(whole(source), width).split("\n")] == [line.rstrip() for line in expected.split("\n")]


def test_inline_styles() -> None:
    assert runs("a *b* **c *d*** ~~e~~ `f`") == [
        Run("a "),
        Run("b", Style(italic=True)),
        Run(" "),
        Run("c ", Style(bold=True)),
        Run("d", Style(bold=True, italic=True)),
        Run(" "),
        Run("e", Style(strike=True)),
        Run(" "),
        Run("f", Style("code")),
    ]


def test_emphasis_goes_on_over_many_lines() -> None:
    assert {run.style for run in runs(f"*{'word ' * 150}end*")} == {Style(italic=True)}


def test_links_carry_their_target() -> None:
    link = Style("link", href="http://x.example/a%20b")
    assert runs("[a **b**](<http://x.example/a b>)") == [Run("a ", link), Run("b", Style("link", bold=True, href=link.href))]
    assert runs("<http://x.example>") == [Run("http://x.example", Style("link", href="http://x.example"))]
    assert runs("[x](javascript:alert(1))") == [Run("[x](javascript:alert(1))")]


def test_headings_and_quotes_have_roles() -> None:
    assert runs("### a `b`") == [Run("a ", Style("h3", bold=True)), Run("b", Style("code", bold=True))]
    assert runs("> a") == [Run("a", Style("quote"))]


def test_a_fence_is_coloured_only_in_the_language_that_it_names() -> None:
    assert Run("def", Style("keyword")) in runs("```python\ndef f(): pass\n```")
    assert Run("def", Style("keyword")) in runs("``` {.py title=x}\ndef f(): pass\n```")
    for info in ("", "nosuchlanguage", "text"):
        assert {run.style.role for run in runs(f"```{info}\ndef f(): pass\n```")} <= {"code_block"}


def test_an_entity_brings_in_no_control_character() -> None:
    text = "".join(run.text for run in runs("a&#27;b&#10;c&#x202e;d&#xa0;e&zwj;f"))
    assert text == "a\ufffdb&#10;c&#x202e;d\xa0e&zwj;f"


def test_joints_tell_how_lines_were_cut() -> None:
    cut = lines(whole("one two 日本語日本 abcdefghijk\n\nnext"), 8)
    assert [(line.text, line.joint) for line in cut] == [
        ("one two", None),
        ("日本語日", " "),
        ("本 abcde", ""),
        ("fghijk", ""),
        ("", None),
        ("next", None),
    ]
    assert [(line.text, line.joint) for line in lines(whole("```\nabcdefghij\n```"), 10)] == [("abcdefgh", None), ("ij", "")]


def test_decoration_is_apart_from_content() -> None:
    first, second = lines(whole("> - aaaa\n>   bbbb"), 12)
    assert first == Line((Run("▎ ", Style("marker")), Run("• ", Style("marker"))), (Run("aaaa", Style("quote")),))
    assert second == Line((Run("▎ ", Style("marker")), Run("  ")), (Run("bbbb", Style("quote")),), joint=" ")


def test_combined_characters_stay_whole() -> None:
    family, flag, wave, accent = "👨‍👩‍👧‍👦", "🇯🇵", "👋🏽", "e\u0301"
    for width in range(1, 9):
        for line in lines(whole((family + flag + wave + accent) * 3), width):
            rest = line.text
            for cluster in (family, flag, wave, accent):
                rest = rest.replace(cluster, "")
            assert rest == ""


@pytest.mark.parametrize("source", [source for source, _, _ in PICTURES.values()])
def test_any_width_will_do(source: str) -> None:
    for width in range(1, 12):
        document = whole(source)
        assert all(line.width <= max(2, width) for line in lines(document, width))


def test_late_definitions_reach_back() -> None:
    document = begun("see [this] and [that][this]\n\n- [this]\n\nmore\n\n")
    before = picture(document)
    assert before.startswith("see [this] and [that][this]\n")
    document.append("[this]: http://x.example\n\nend\n")
    assert picture(document) == "see this and that\n\n• this\n\nmore\n\nend"


def test_a_definition_at_the_very_end_counts() -> None:
    document = begun("[a]\n\nb\n\n[a]: /u")
    document.finish()
    assert picture(document) == "a\n\nb"


MEANWHILE = {
    "emphasis": ("some **bold te", "some bold te"),
    "half a closing mark": ("some **bold*", "some bold"),
    "code": ("run `pip inst", "run pip inst"),
    "a link's target": ("see [docs](http://x.exa", "see docs"),
    "an image": ("![alt](x", "[image: alt]"),
    "a fence": ("```python\nx = 1\ny", "  x = 1\n  y"),
    "a heading's mark": ("a\n\n##", "a"),
    "a bullet": ("a\n\n-", "a"),
    "a number": ("a\n\n1.", "a"),
    "a task": ("- [x", ""),
    "a table's row": ("a\n\n|", "a"),
    "an underline": ("a\n--", "a"),
    "a fence's language": ("a\n\n```pyt", "a"),
    "a table's second row": ("|a|b|\n|--", "|a|b|"),
    "a product is no emphasis": ("2 * 3 ", "2 * 3"),
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_unfinished_markup(name: str) -> None:
    source, expected = MEANWHILE[name]
    assert picture(begun(source)) == expected


def test_what_is_held_back_shows_when_asked_for_and_at_the_end() -> None:
    document = begun("a\n\n1.")
    assert document.held
    version = document.version
    assert document.flush_held()
    assert document.version > version
    assert not document.held
    assert not document.flush_held()
    assert picture(document) == "a\n\n 1. "
    document.append("5 apples")
    assert picture(document) == "a\n\n1.5 apples"
    document = begun("a *")
    document.finish()
    assert picture(document) == "a *"


def test_nothing_at_all() -> None:
    document = Document()
    assert document.height(10) == 0
    assert document.stable(10) == 0
    document.append("")
    document.finish()
    document.finish()
    assert document.height(10) == 0
    assert document.code_blocks() == []
    with pytest.raises(IndexError):
        document.line(10, 0)
    with pytest.raises(ValueError, match="finished"):
        document.append("x")


def test_an_address_is_shown_as_it_was_written() -> None:
    assert picture(whole("<https://xn--pple-43d.com/%61>")) == "https://xn--pple-43d.com/%61"


def test_what_holds_no_mark_is_what_the_parser_would_make_of_it() -> None:
    """Every character that is taken for text without asking the parser is text to it, alone, doubled and around words."""
    for character in map(chr, range(32, 127)):
        contents = (f"a{character}b", f"{character}a{character} b", f"{character * 2}a{character * 2}", f"a {character}(b{character}")
        for content in (*contents, f"http:{character}//b"):
            if inline._NO_MARKUP.fullmatch(content):
                assert list(inline.atoms(content, {})) == inline._atoms(inline._parse(content, {}), PLAIN)
