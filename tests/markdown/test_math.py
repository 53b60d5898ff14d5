"""Formulas: where they stand, what they look like, and that nothing else becomes one."""

import subprocess
import sys
import time
from itertools import pairwise
from random import Random

import pytest
from tests.markdown.shown import begun, cuts, lines, picture, whole

from tokenfall.markdown.document import Document
from tokenfall.markdown.formulas import CLOSERS, DISPLAY, LONGEST_INLINE, MOST_LINES
from tokenfall.markdown.lines import Run, Style
from tokenfall.markdown.tex import LONGEST, shown

HANG = 10.0
"""Seconds; what is measured takes far less than a tenth of it."""

UNICODE = {
    r"x^2 + y_{n+1}": "x² + yₙ₊₁",
    r"a_{\pi+1} + x_\alpha y": "a_(π+1) + x_α y",
    r"e^{-x^2} + 10^{-3} + e^{\frac12 x}": "e^(−x²) + 10⁻³ + e^((1/2)x)",
    r"\frac{a}{b} + \frac{a+b}{c+d}": "a/b + (a+b)/(c+d)",
    r"\frac{1}{2a} \cdot \frac{2a}{b}": "1/(2a) · 2a/b",
    r"\frac{n(n+1)}{2} \frac{dy}{dx} \frac{\partial f}{\partial x}": "n(n+1)/2 dy/dx ∂f/∂x",
    r"\frac{\frac{a}{b}}{c} + \left(\frac ab\right)^2": "(a/b)/c + (a/b)²",
    r"\sqrt{x+1} + \sqrt2 x + \sqrt[3]{8} + \sqrt[n]{x}": "√(x+1) + √2 x + ∛8 + ⁿ√x",
    r"\alpha\Gamma \in \mathbb{R}^n \subseteq \mathbb R": "αΓ ∈ ℝⁿ ⊆ ℝ",
    r"\sum_{i=1}^{n} i \to \infty": "∑ᵢ₌₁ⁿ i → ∞",
    r"\int_0^1 x\,dx + \int_{-\infty}^{\infty}": "∫₀¹ x dx + ∫_(−∞)^∞",
    r"\lim_{x \to 0} \frac{\sin x}{x}": "lim_(x→0) sin x/x",
    r"a \leq b \neq c \not\in D \not= e": "a ≤ b ≠ c ∉ D ≠ e",
    r"-x = -1 \pm 2, y": "−x = −1 ± 2, y",
    r"1{,}000 \text{ if } f'(x) := 50%": "1,000 if f′(x) := 50%",
    r"P(A \mid B) = \frac{P(B)}{P(A)}": "P(A ∣ B) = P(B)/P(A)",
    r"\hat{x} \vec v \overline{AB} \dot y": "x\u0302v\u20d7A\u0305B\u0305\u1e8f",
    r"\binom{n}{k} + n!": "(n choose k) + n!",
    r"\boxed{42}": "[42]",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": "(1 2; 3 4)",
    r"a &= b \\ &= c": "a = b; = c",
    r"\arg\max_x \norm{x} \operatorname{softmax}(z)": "arg maxₓ ‖x‖ softmax(z)",
    r"90^\circ A^\top x^*": "90°Aᵀx*",
    r"T_{\text{max}} + T_{\text{cold}}": "Tₘₐₓ + T_(cold)",
    "π ≤ 日本": "π ≤ 日本",
    r"A \setminus B \cup C": "A ∖ B ∪ C",
    "a &lt; b &amp;= c": "a < b = c",
}


@pytest.mark.parametrize("source", UNICODE)
def test_latex_shows_as_unicode(source: str) -> None:
    found = shown(source)
    assert found is not None
    assert found.text == UNICODE[source]


DISPLAYED = {
    "a fraction": ("$$\n\\frac{a}{b}\n= c\n$$", "  a/b = c"),
    "a matrix": (r"\[A = \begin{bmatrix} 1 & 2 \\ 3 & -4 \end{bmatrix}^T x\]", "  A = ⎡1  2 ⎤ᵀx\n      ⎣3  −4⎦"),
    "wide characters": (r"$$\begin{pmatrix} 日本 & 1 \\ a & b \end{pmatrix}$$", "  ⎛日本  1⎞\n  ⎝ a    b⎠"),
    "a higher one": (r"$$\begin{pmatrix} a \\ b \\ c \end{pmatrix}$$", "  ⎛a⎞\n  ⎜b⎟\n  ⎝c⎠"),
    "cases": (
        r"$$f(x) = \begin{cases} x & \text{if } x > 0 \\ -x & x < 0 \\ 0 & \text{otherwise} \end{cases}$$",
        "         ⎧x   if x > 0\n  f(x) = ⎨−x  x < 0\n         ⎩0   otherwise",
    ),
    "aligned lines": (
        "$$\n\\begin{aligned}\na + b &= c \\\\\n&\\le d\n\\end{aligned}\n$$",
        "  a + b = c\n        ≤ d",
    ),
    "lines": (r"\[ a = b \\ c \]", "  a = b\n  c"),
    "an environment": ("a\n\\begin{align*}\na_1 &= b \\\\\n&= c*d*e\n\\end{align*}\nb", "a\n\n  a₁ = b\n     = c * d * e\n\nb"),
    "a box": (r"$$\boxed{x = 2}$$", "  ┌───────┐\n  │ x = 2 │\n  └───────┘"),
    "punctuation stays with it": ("so $$x$$, and", "so\n  x,\nand"),
    "lines that look like other blocks": ("a\n\\[\n- a\n= b\n=\n+ c\n1. d\n\\]", "a\n\n  −a = b = +c1.d"),
    "in a list": ("- a:\n  \\[\n  x\n  \\]\n- b", "• a:\n    x\n• b"),
    "in a quote": ("> $$\n> x\n> $$\n> y", "▎   x\n▎\n▎ y"),
    "after and before text": ("a:\n$$\nx\n$$\nb", "a:\n\n  x\n\nb"),
}


@pytest.mark.parametrize("name", DISPLAYED)
def test_formulas_on_lines_of_their_own(name: str) -> None:
    source, expected = DISPLAYED[name]
    assert [line.rstrip() for line in picture(whole(source)).split("\n")] == expected.split("\n")


def test_a_formula_wraps_where_it_has_no_room() -> None:
    found = lines(whole(r"$$\begin{pmatrix}aaa&bbb\\ccc&ddd\end{pmatrix}$$"), 10)
    assert [(line.text, line.joint) for line in found] == [("(aaa", None), ("bbb; ccc", " "), ("ddd)", " ")]
    assert {line.prefix for line in found} == {(Run("  "),)}


TEXT = {
    "prices": "It is $5 and $10, or US$5-$6, $20-$30 each, 5$ in all, $1.50/$2",
    "shell": "echo $HOME and $PATH, $HOME/bin:$PATH, PID is $$ and `$a` $b",
    "words between": "one $a word and$ another",
    "a space inside": "$ a$ and $a $",
    "digits after": "$a$1",
    "letters before": "A$b$ and 4$c$",
    "nothing": "$$ $$$ $$$$ and $",
    "a backtick inside": "$5 or `a$b`",
    "an unclosed one": "$x_1 and so on",
    "another environment": "\\begin{itemize} a \\end{itemize}",
}


@pytest.mark.parametrize("name", TEXT)
def test_text_with_dollars_stays(name: str) -> None:
    text = TEXT[name]
    assert picture(whole(text), 200) == text.replace("`", "")
    assert all(run.style.role != "math" for line in lines(whole(text), 200) for run in line.runs)


def test_escaped_dollars_and_brackets_are_text() -> None:
    assert picture(whole(r"as in \[1\] and \[12, 13\] \[sic\] \[...\]"), 80) == "as in [1] and [12, 13] [sic] [...]"
    assert picture(whole(r"\[1\] and"), 80) == "[1] and"
    assert picture(whole("a\n\\[b](c)\nd")) == "a [b](c) d"
    assert picture(whole(r"\$x\$ \\$y$ \(\) \[\] \[a](b)"), 80) == r"$x$ \y () [] [a](b)"


def test_code_is_not_touched() -> None:
    for source in ("`$x^2$`", "``\\(x\\)``"):
        assert picture(whole(source)) == source.strip("`")
    for info in ("", "math", "latex"):
        assert picture(whole(f"```{info}\n$$\nx^2\n$$\n```")) == "  $$\n  x^2\n  $$"
    assert picture(whole("    $$x^2$$")) == "  $$x^2$$"


def test_marks_in_formulas_are_no_emphasis() -> None:
    math = Style("math")
    assert lines(whole(r"a $b_1 * c_2$ *d* \(e * f * g\)"), 80)[0].runs == (
        *(Run("a "), Run("b₁ * c₂", math), Run(" "), Run("d", Style(italic=True)), Run(" "), Run("e * f * g", math)),
    )


def test_formulas_take_the_style_around_them() -> None:
    assert lines(whole("**$x$**"), 80)[0].runs == (Run("x", Style("math", bold=True)),)
    assert lines(whole("[$x$](http://x.example)"), 80)[0].runs == (Run("x", Style("math", href="http://x.example")),)


def test_formulas_stand_in_cells_headings_links_and_words() -> None:
    assert picture(whole("|a|b|\n|-|-|\n|$x^2$|so $$\\sum_i x$$|")) == "a  │ b\n───┼────────\nx² │ so ∑ᵢ x"
    assert picture(whole("# Of $x^2$")) == "Of x²"
    assert picture(whole("![$x^2$](u)")) == "[image: x²]"
    assert picture(whole("the $n$th, 其中$x$是 the $2\\times2$")) == "the nth, 其中x是 the 2 × 2"


UNSHOWABLE = {
    "unknown": r"\ce{H_2O}",
    "half": r"x^",
    "unbalanced": r"\left( x",
    "defined": r"\def\a{x}\a",
    "control characters": r"\unicode{x1b}]52;c;x",
    "direction marks": r"a\unicode{x202e}b",
}


@pytest.mark.parametrize("name", UNSHOWABLE)
def test_what_can_not_be_shown_is_shown_as_its_source(name: str) -> None:
    source = UNSHOWABLE[name]
    assert picture(whole(f"a ${source}$ b"), 80) == f"a ${source}$ b"
    assert picture(whole(f"\\[\n{source}\n\\]"), 80) == f"  \\[\n  {source}\n  \\]"


HOSTILE = {
    "open braces": "{" * 10_000,
    "nested braces": "{" * 900 + "x" + "}" * 900,
    "fractions": r"\frac" * 400,
    "nested fractions": r"\frac{" * 250 + "1" + "}{2}" * 250,
    "nested scripts": "x^{" * 400 + "x" + "}" * 400,
    "nested roots": r"\sqrt" * 399 + "x",
    "brackets": r"\left(" * 120 + "x" + r"\right)" * 120,
    "accents": r"\hat{" * 30 + "x" + "}" * 30,
    "environments": r"\begin{matrix}" * 60 + r"\end{matrix}" * 60,
    "macros": "".join(rf"\newcommand{{\{a}}}{{\{b}\{b}}}" for a, b in pairwise("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) + r"\A",
    "too long": "x+" * 1_000 + "x",
    "endless": "x^2+" * 5_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_formulas_end_as_their_source(name: str) -> None:
    begin = time.monotonic()
    assert shown(HOSTILE[name]) is None
    for text in (f"${HOSTILE[name]}$ a", f"$$\n{HOSTILE[name]}\n$$\n\nb", f"\\({HOSTILE[name]}"):
        document = whole(text)
        assert document.height(60) > 0
        assert all(line.width <= 60 for line in lines(document, 60))
    assert time.monotonic() - begin < HANG


PIECES = (
    *(r"\frac", r"\sqrt", "{", "}", "^", "_", "x", "1", r"\left(", r"\right)", r"\right.", r"\begin{matrix}", r"\end{matrix}", "&", r"\\"),
    *(r"\begin{aligned}", r"\end{aligned}", r"\text{a b}", r"\mathbb", r"\hat", r"\underbrace", r"\sum", r"\limits", r"\not", r"\over"),
    *(r"\genfrac", r"\sideset", r"\root", r"\boxed", r"\phantom", r"\hspace", r"\operatorname", r"\substack", r"\xrightarrow", r"\binom"),
    *(r"\displaystyle", r"\tag", r"\norm", r"\pmod", r"\unicode", r"\cases", r"\overset", *"'=%#~[]-|é中😀"),
)


def test_nothing_that_looks_like_latex_raises() -> None:
    random = Random(1)
    for _ in range(1_000):
        shown("".join(random.choices(PIECES, k=random.choice((3, 5, 9, 30)))))


def test_an_opener_alone_takes_no_more_than_so_many_lines() -> None:
    source = "$$\n" + "a\n" * MOST_LINES + "- b\n"
    assert picture(whole(source), 80).endswith("\n\n• b")
    assert picture(whole("$$\na\n\n- b\n$$")).startswith("$$ a\n\n• b")
    assert picture(whole("- $$\n  a\nb")) == "• $$ a\n\nb"


def test_a_formula_on_its_own_is_final_with_its_last_line() -> None:
    assert begun("$$\nx\n$$\n").stable(40) == 1
    assert begun("$$\nx\n").stable(40) == 0


def test_no_formula_is_cut_in_a_long_paragraph() -> None:
    for size in range(20, 60):
        found = picture(whole((("word " * size)[:-1] + r" $x^2 + y$ \(a + b + c\) and $$c + d$$ ") * 20), 100)
        assert "$" not in found
        assert "(" not in found
    assert "$" not in picture(whole(("$" + "x + " * 90 + "y$ word ") * 10), 100)


def test_long_text_between_delimiters_is_no_formula() -> None:
    for opener, closer in list(CLOSERS.items())[:-1]:
        longest = LONGEST if opener in DISPLAY else LONGEST_INLINE
        for size, known in ((longest, True), (longest + 1, False)):
            body = ("x+" * size)[:size]
            roles = {run.style.role for line in lines(whole(opener + body + closer), 80) for run in line.runs}
            assert (roles == {"math"}) is known


MEANWHILE = {
    "a bracket": (r"so \(x^2 + *a* b", "so x^2 + *a* b"),
    "dollars with a sign": (r"so $x_1 * y", "so $x_1 * y"),
    "a price": ("it is $5 and **bo", "it is $5 and bo"),
    "a variable": ("in $HOME **bo", "in $HOME bo"),
    "a link": ("[$x_1 *b*](u) `c` and", "$x_1 b c and"),
    "a bare dollar": ("it is $", "it is"),
    "a bare bracket": (r"so \(", "so"),
    "a bare square bracket": (r"so \[", "so"),
    "closed": ("so $x^2$", "so x²"),
    "lines": ("$$\n\\frac{a}", r"  \frac{a}"),
    "lines of which the last is only a mark": ("a\n$$", "a"),
    "lines that might be other blocks": ("\\[\n- a\n= b", "  - a\n  = b"),
    "the name of an environment": ("a\n\\begin{ali", "a"),
    "an environment": ("\\begin{align}\na_1", "  \\begin{align}\n  a_1"),
    "emphasis around": (r"so **b \(x^2", "so b x^2"),
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_unfinished_formulas(name: str) -> None:
    source, expected = MEANWHILE[name]
    assert picture(begun(source)) == expected


def test_the_tail_stays_short_beside_dollars() -> None:
    for unit in ("it costs $5 more than $x$ and ", "$a ", "\\(a ", "$$a ", "$$\na\n", "\\[\na\n\\]\n", "$x_1$ and "):
        document = Document()
        longest = 0
        for piece in cuts(unit * (10_000 // len(unit)), Random(4), longest=400):
            document.append(piece)
            longest = max(longest, len(document._tail.text))
        assert longest < 4_000, unit


def test_the_parser_of_formulas_is_loaded_with_the_first_formula() -> None:
    program = (
        "import sys\nfrom tokenfall.markdown.document import Document\n"
        "document = Document()\ndocument.append('a *b* $5')\ndocument.height(80)\nassert 'latex2mathml' not in sys.modules\n"
        "document.append(' and $x$ ')\ndocument.height(80)\nassert 'latex2mathml' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
