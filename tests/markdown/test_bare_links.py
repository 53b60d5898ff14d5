"""Addresses that stand in the text as they are become links."""

import time
from random import Random

import pytest
from tests.markdown.shown import begun, cuts, lines, picture, whole
from tests.markdown.test_exact import check

from tokenfall.markdown import inline
from tokenfall.markdown.document import Document


def links(document: Document, width: int = 200) -> list[tuple[str, str]]:
    """The text and the target of each."""
    found = [run for line in lines(document, width) for run in line.runs if run.style.href]
    return [(run.text, run.style.href) for run in found]


# the examples 624 and 626-629 of GitHub Flavored Markdown 0.29, section 6.9, with a scheme where they have none
@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("Visit https://commonmark.org/help for more information.", ["https://commonmark.org/help"]),
        ("Visit https://commonmark.org.", ["https://commonmark.org"]),
        ("Visit https://commonmark.org/a.b.", ["https://commonmark.org/a.b"]),
        ("http://www.google.com/search?q=Markup+(business)", ["http://www.google.com/search?q=Markup+(business)"]),
        ("http://www.google.com/search?q=Markup+(business)))", ["http://www.google.com/search?q=Markup+(business)"]),
        ("(http://www.google.com/search?q=Markup+(business))", ["http://www.google.com/search?q=Markup+(business)"]),
        ("(http://www.google.com/search?q=Markup+(business)", ["http://www.google.com/search?q=Markup+(business)"]),
        ("http://www.google.com/search?q=(business))+ok", ["http://www.google.com/search?q=(business))+ok"]),
        ("http://www.google.com/search?q=commonmark&hl=en", ["http://www.google.com/search?q=commonmark&hl=en"]),
        ("http://www.google.com/search?q=commonmark&hl;", ["http://www.google.com/search?q=commonmark"]),
        ("http://commonmark.org/he<lp", ["http://commonmark.org/he"]),
        ("(Visit https://encrypted.google.com/search?q=Markup+(business))", ["https://encrypted.google.com/search?q=Markup+(business)"]),
    ],
)
def test_the_examples_of_the_extension(source: str, found: list[str]) -> None:
    assert links(whole(source)) == [(address, address) for address in found]
    assert picture(whole(source), 200) == source


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("**https://a.example** and _https://b.example/x_, ~~https://c.example~~.", ["https://a.example", "https://b.example/x", "https://c.example"]),
        ("https://a.example/__main__.html and *more*", ["https://a.example/__main__.html"]),
        ("see:https://a.example/?x=1;y=2; 'https://b.example'", ["https://a.example/?x=1;y=2", "https://b.example"]),
        ("HTTPS://a.example Http://b.example", ["HTTPS://a.example", "Http://b.example"]),
        ("http://localhost:8080/v1, http://[::1]:8080 and http://127.0.0.1", ["http://localhost:8080/v1", "http://[::1]:8080", "http://127.0.0.1"]),
        ('{"url":"https://a.example","x":1} <a href="https://b.example">', ["https://a.example", "https://b.example"]),
        ("[https://a.example][none] [https://b.example] https://c.example/?x[]=1", ["https://a.example", "https://b.example", "https://c.example/?x[]=1"]),
        ("请见https://a.example/路径。谢谢（https://b.example）“https://c.example”", ["https://a.example/路径", "https://b.example", "https://c.example"]),
        ("git+https://a.example/x.git", ["https://a.example/x.git"]),
        ("- https://a.example\n> https://b.example\n# https://c.example", ["https://a.example", "https://b.example", "https://c.example"]),
        ("|a|\n|-|\n|https://a.example/x|", ["https://a.example/x"]),
        ("https://a.example\\\nhttps://b.example", ["https://a.example", "https://b.example"]),
        ("https://a.example;;;&lt;&gt;;", ["https://a.example"]),
        ("https://user:secret@a.example/x", ["https://user:secret@a.example/x"]),
    ],
)
def test_an_address_ends_where_the_sentence_goes_on(source: str, found: list[str]) -> None:
    assert [text for text, _ in links(whole(source))] == found


@pytest.mark.parametrize(
    "source",
    [
        "`https://a.example`",
        "``x https://a.example``",
        "```\nhttps://a.example\n```",
        "    https://a.example",
        "ftp://a.example www.a.example a://b file:///etc/passwd javascript://a.example/%0a",
        "xhttps://a.example 1http://a.example",
        "https:// https://. http://<x> http://-a http:/a.example https:a.example",
        "http://a_b.example http://a.b_ http://_",
        "http\\://a.example https:\\//a.example",
        "$x=1 https://a.example$",
    ],
)
def test_other_text_is_no_link(source: str) -> None:
    assert links(whole(source)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("[https://a.example/x](https://b.example)", [("https://a.example/x", "https://b.example")]),
        ("[at https://a.example **x**](https://b.example)", [("at https://a.example ", "https://b.example"), ("x", "https://b.example")]),
        ("[https://a.example]\n\n[https://a.example]: https://b.example", [("https://a.example", "https://b.example")]),
        ("<https://a.example/x.>", [("https://a.example/x.", "https://a.example/x.")]),
        ("![https://a.example](https://b.example)", [("[image: https://a.example]", "https://b.example")]),
    ],
)
def test_a_link_keeps_its_own_target(source: str, found: list[tuple[str, str]]) -> None:
    assert links(whole(source)) == found


def test_an_address_leads_where_it_says() -> None:
    assert links(whole("https://bücher.example/ä?q=a%20b")) == [
        ("https://bücher.example/ä?q=a%20b", "https://xn--bcher-kva.example/%C3%A4?q=a%20b")
    ]


def test_a_link_over_two_lines_is_one() -> None:
    assert links(whole("https://a.example/long/path"), 12) == [
        ("https://a.ex", "https://a.example/long/path"),
        ("ample/long/p", "https://a.example/long/path"),
        ("ath", "https://a.example/long/path"),
    ]


TEXT = (
    "Read https://docs.python.org/3/library/__main__.html#a (or https://en.wikipedia.org/wiki/Foo_(bar)), **http://a.example/**,\n"
    "*https://b.example/c_d_e*; `https://not.example` and [https://c.example](https://d.example) then https://e.example/?x=1&amp;y. "
)


@pytest.mark.parametrize("seed", range(3))
def test_an_address_in_pieces_ends_the_same(seed: int) -> None:
    random = Random(seed)
    for text in (TEXT, TEXT.replace("\n", " ") * 20, "> - " + TEXT.replace("\n", " ") * 5, "|a|b|\n|-|-|\n" + f"|{TEXT[:90]}|x|\n" * 5):
        check(text, random)
        document = Document()
        for piece in cuts(text, random, longest=30):
            document.append(piece)
            if random.random() < 0.2:
                assert lines(document, 40) == lines(begun(document.source), 40)


def test_no_letter_shows_and_goes_while_an_address_is_written() -> None:
    document = Document()
    before = ""
    for character in "See (https://en.example/wiki/Foo_(bar)), and":
        document.append(character)
        now = picture(document, 200)
        assert now.startswith(before.rstrip("(_"))
        before = now


@pytest.mark.parametrize(("content", "asked"), [("note: a/b // c:d :/", False), ("so: http://a.example", True)])
def test_only_text_with_an_address_is_given_to_the_parser(content: str, asked: bool) -> None:
    assert (inline._NO_MARKUP.fullmatch(content) is None) is asked


@pytest.mark.parametrize("part", ["http://", "http://a", "https://a.b/(", ")", "&a;", ";", "https://a_", "http://[", "[http://a", "://", "http://a&b"])
def test_no_text_of_addresses_takes_long(part: str) -> None:
    start = time.perf_counter()
    links(whole("x http://a" + part * (20_000 // len(part))))
    assert time.perf_counter() - start < 20
