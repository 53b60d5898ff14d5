"""Streamed equals whole: for every text, chunking and width."""

import html
import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.markdown.shown import EXAMPLES, begun, cuts, laid, lines, picture, shown, streamed, whole

from tokenfall.markdown.document import Document
from tokenfall.markdown.lines import Line

WIDTHS = (80, 20, 3)
CHUNKINGS = 5
"""Ways in which each example of the specification comes in."""

ANSWER = """\
Here's how **server-sent events** work, _in short_:

1. The client sends a request with `Accept: text/event-stream`.
2. The server answers and keeps the connection open:

   ```python
   def events():
   \tfor number in range(3):
           yield f"data: {number}\\n\\n"  # one event, then an empty line
   ```

3. Each event is a few lines:
   - `data:` the payload
     - may repeat
     - is joined with newlines
   - `event:` its name

   and a blank line ends it.

| field | required | meaning |
|:------|:--------:|--------:|
| data  | yes | the **payload**, which may be long enough to be wrapped in its cell |
| id | no | see [the standard][sse] |

> **Note**
> A comment starts with a colon.
>
> > It keeps proxies awake.

- [x] simple
- [ ] binary

Setext heading
--------------

Euler: $e^{i\\pi} + 1 = 0$, and for $a \\ne 0$ the roots of \\(ax^2 + bx + c\\) are
\\[
x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}
\\]
which costs $5 to $10; `$HOME` stays.

1. Matrices:

   $$
   A
   = \\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}
   $$
2. Lines: $$\\begin{aligned} a &= b \\\\ &= c \\end{aligned}$$

$$
no end *at all*
- of this

日本語のテキストも折り返されます。絵文字👨‍👩‍👧‍👦と🇯🇵は分割されません。

~~~
unclosed? no
~~~

***

[sse]: https://html.spec.whatwg.org/multipage/server-sent-events.html "HTML"
"""

LONG = {
    "paragraph": "- " + "some *words* of `code` and a [link](http://x.example) or a_b " * 60,
    "paragraph that becomes a heading": "words **here** and there " * 80 + "\n===\nend",
    "paragraph whose last line becomes a table": "x | y\n" + "one | two\n" * 100 + "a | b\n--|--\n1|2\n",
    "one line that becomes the head of a table": "|" + "word " * 300 + "| b |\n|---|---|\n| c | d |\n",
    "one line that becomes the head of three columns": "|" + "word " * 150 + "| " + "more " * 300 + "| b |\n|---|---|---|\n|c|d|e|\n",
    "table that widens": "|a|b|\n|-|-|\n" + "".join(f"|{'x' * (n // 2)}|{n}|\n" for n in range(40)),
    "addresses": "see https://a.example/b_c_d(e)?f=g&h, **http://a.example:80/**; (and https://b.example/__c__) or `http://d` " * 40,
    "an address without an end": "so: https://a.example/" + "path_(to)/*x*/[it]/" * 300 + " end",
    "openers": "*a **b _c `d [e ~~f " * 120,
    "fence in a list": "1. x\n\n   ```python\n" + '   s = """\n   text\n   """\n\n' * 40 + "   ```\n   after\n2. y",
    "a long line of indented code": "    " + "code() " * 200 + "\n    more\n",
    "indented code": "    a\n\n\n    b\n" * 60 + "\n\nend",
    "fence left by its list": "- ```\n" + "  code\n" * 50 + "out\n",
    "table in a quote": "> |a|b|\n> |-|-:|\n" + "".join(f"> |{'x' * (n % 23)}|{n}|\n" for n in range(60)) + "\nend",
    "formulas in one paragraph": "where $x_1^2$ is \\(\\alpha * b\\) or $$\\frac{a}{b}$$ for $5 and $6 *or* so " * 40,
    "long formulas in one paragraph": ("word " * 45 + "\\[" + "x + \\frac{a}{b} " * 30 + "\\] ") * 8,
    "formulas on their own": "text:\n$$\nx\n= y\n$$\n\\[\n- a\n\\]\nand $a$.\n" * 30,
    "a formula without an end": "$$\n" + "a + b\n= c\n- d\n" * 60 + "\nend",
    "a formula without an end on one line": "\\[ " + "x + y " * 700 + "\n- a\n\\]\n",
    "line that begins with a formula": "$$x$$ " + "word **and** " * 100 + "\n\\[y\\] more\n\\[z\\]\nend",
    "nested list": "".join(f"1. item\n   - sub {n}\n\n     more\n" for n in range(40)),
    "quote of paragraphs": "> some text\n> goes on\n>\n" * 50,
    "many definitions": "[a] [q7]\n\n" + "".join(
        f"[q{n}]: /u{n}\n[a]:\n /x 'title\n[q{n}b]: /y of it'\n[w\n{n}]: /z\n" for n in range(120)
    ) + "\"no title\n[end]: /e\n===\n[q3]",
    "many definitions and then a title": "[q]: /u\n" * 600 + "'its\n\ntitle'\n[q]",
    "definitions": "[a] [b] [c]\n\n" + "text [a]\n\n" * 20 + "[a]: /a\n[b]:\n/b\n'title\nmore'\n[c]: /c\n'no\n\ntitle",
}


@pytest.mark.parametrize("number", range(0, len(EXAMPLES), 50))
def test_the_examples_of_the_specification(number: int) -> None:
    for index, example in enumerate(EXAMPLES[number : number + 50]):
        for chunking in range(CHUNKINGS):
            check(example, Random(f"{number + index}/{chunking}"))


@pytest.mark.parametrize(
    "text",
    [
        "  \n\naaa\n  \n\n# aaa\n\n  \n",
        "\n\n-   \n\n   - bar\n  foo\n   foo\n",
        "- ```\n\n- b\n",
        "+ ~~~*\n\n## x\n",
        "1. > \n\t## a\n* b\n",
        "-\n  foo\n-\n  ```\n  bar\n  ```\n-\n      baz\n",
        "[foo]: /url\n\"title\nabc\"\n\n[foo]\n",
        "> [foo]: /url\n> bar\n\n[foo]\n",
    ],
)
def test_texts_that_were_wrong_once(text: str) -> None:
    for seed in range(5):
        check(text, Random(seed))


def test_pairs_of_examples() -> None:
    random = Random(5)
    for _ in range(200):
        check("\n".join(random.choices(EXAMPLES, k=2)), random)


@pytest.mark.parametrize("seed", range(4))
def test_an_answer(seed: int) -> None:
    check(ANSWER, Random(seed), (100, 40, 17, 1))


@pytest.mark.parametrize("name", LONG)
def test_long_blocks(name: str) -> None:
    check(LONG[name], Random(name))


FRAGMENTS = [
    *("- ", "* ", "1. ", "2) ", "> ", "  ", "    ", "\t", "\n", "\n", "\n\n", "a", "b c", "**", "*", "_", "`", "```", "~~~", "# ", "[foo]"),
    *("[foo]: /u\n", '"t', "](x)", "![", "|", "|a|b|\n", "|-|-|\n", "---\n", "===\n", "\\", "&amp;", "<b>", "~~", "- [ ] ", "中文", "  \n"),
    *("$", "$", "$$", "$$\n", "$x_1$", "\\(", "\\)", "\\[", "\\]", "\\[\n", "\n\\]\n", "\\frac", "{a}", "= b\n", "\\\\", "^2", "5"),
    *("\\begin{align}", "\\end{align}", "https://a.b", "http://", "/c_d", "(", ")", ".", ";", ":"),
]
MARKUP = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(MARKUP, st.integers(0, 1 << 16))
def test_random_texts(text: str, seed: int) -> None:
    check(text, Random(seed))


def check(text: str, random: Random, widths: tuple[int, ...] = WIDTHS) -> None:
    at_once = whole(text)
    document = streamed(text, random, widths)
    for width in widths:
        found = lines(document, width)
        assert found == laid(text, width)
        assert found == lines(at_once, width)
        assert all(line.width <= max(width, 2) for line in found), "a line is wider than the view"
    assert document.source == text


# many definitions take effect when a number of them has come, which is a matter of the pieces
@pytest.mark.parametrize("name", [name for name in LONG if not name.startswith("many definitions")])
def test_what_is_shown_meanwhile_does_not_depend_on_the_pieces_either(name: str) -> None:
    random = Random(name)
    document = Document()
    for piece in cuts(LONG[name], random, longest=60):
        document.append(piece)
        if random.random() < 0.1:
            width = random.choice(WIDTHS)
            assert picture(document, width) == picture(begun(document.source), width)


WORDS = ["word", "the", "1.", "**bold**", "`code`", "a_b", "(b)", "it's", "-", "*", "_i_", "~~s~~", "&amp;", "<b>", "|", "\\", "日本"]
WORDS += ["`", "**", "https://a.b/c_d_", "(http://a.b/(c).),", "*http://a*"]
BEGINNINGS = ["", "", "- ", "1. ", "> ", "# ", "```\n", "    ", "| ", "- [x] "]


@pytest.mark.parametrize("seed", range(30))
def test_a_line_that_grows_shows_what_it_says_so_far(seed: int) -> None:
    random = Random(seed)
    paragraphs = [random.choice(BEGINNINGS) + " ".join(random.choices(WORDS, k=random.randint(1, 40))) for _ in range(4)]
    text = random.choice(["\n", "\n\n"]).join(paragraphs)
    document = Document()
    for piece in cuts(text, random, longest=5):
        document.append(piece)
        if random.random() < 0.7:
            assert lines(document, 40) == lines(begun(document.source), 40)


@pytest.mark.parametrize("line", ["- a", "# a", "> a", "1. a", "```", "***", "===", "---", "a"])
def test_a_line_that_has_only_begun_may_become_anything(line: str) -> None:
    document = begun("words\n  ")
    lines(document, 40)
    document.append(line)
    assert lines(document, 40) == lines(begun(document.source), 40)


@pytest.mark.parametrize("text", [ANSWER, *LONG.values()])
def test_stable_lines_stay(text: str) -> None:
    random = Random(1)
    document = Document()
    before: list[str] = []
    if "]: " in text:
        text = text[: text.index("]: ")]
    for piece in cuts(text, random, longest=40):
        document.append(piece)
        stable = [shown(document.line(20, y)) for y in range(document.stable(20))]
        assert stable[: len(before)] == before
        before = stable


@pytest.mark.parametrize("text", [ANSWER, *LONG.values(), "".join(EXAMPLES[::7])])
def test_lines_that_are_kept_are_as_they_were(text: str) -> None:
    random = Random(1)
    document = Document()
    before: list[Line] = []
    for piece in cuts(text, random, longest=40):
        document.append(piece)
        width = 20 if random.random() < 0.9 else 30
        kept = document.kept(width)
        now = lines(document, width)
        assert width == 30 or now[:kept] == before[:kept]
        before = now if width == 20 else []


def test_of_a_paragraph_only_the_line_that_grows_is_not_kept() -> None:
    document = begun("Some words that take more than a line")
    assert document.height(20) == 2
    document.append(" and")
    assert document.kept(20) == 1
    document.append(" more")
    assert (document.kept(20), document.height(20)) == (2, 3)


def test_no_word_of_the_examples_is_lost() -> None:
    reference = MarkdownIt("commonmark", {"html": False})
    for example in EXAMPLES:
        text = re.sub(r'<img [^>]*?alt="([^"]*)"[^>]*>', r" \1 ", reference.render(example))
        words = re.findall(r"\w+", html.unescape(re.sub(r"<[^>]*>", " ", text)))
        found = picture(whole(example), 400)
        assert [word for word in words if word not in found] == []


def test_a_word_once_shown_stays() -> None:
    document = Document()
    before: set[str] = set()
    for character in ANSWER[: ANSWER.index("[sse]: ")]:
        document.append(character)
        words = re.findall(r"\w{3,}", " ".join(shown(line) for line in document.lines(200)))
        gone = {word for word in before if not any(word in found for found in words)}
        assert gone <= {"python", "frac", "sqrt", "begin", "end", "pmatrix", "aligned"}
        before = set(words)


@pytest.mark.parametrize("name", LONG)
def test_pieces_and_the_open_end_are_the_lines(name: str) -> None:
    random = Random(name)
    document = Document()
    for piece in cuts(LONG[name], random, longest=200):
        document.append(piece)
        width = random.randint(3, 90)
        last = [*document.closed_lines(width, document.closed - 1)] if document.closed else []  # without those before it
        closed = [line for number in range(document.closed) for line in document.closed_lines(width, number)]
        height = document.height(width)
        assert [*closed, *document.open_lines(width, height + 1)] == lines(document, width)
        assert len(closed) == document.stable(width)
        assert closed[len(closed) - len(last) :] == last
        assert document.open_lines(width, 2) == lines(document, width)[len(closed) :][-2:]
