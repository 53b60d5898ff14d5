from tokenfall.markdown.highlight import COMMON, Highlighter, code_lines, lexer, load_common
from tokenfall.markdown.lines import Run

CODE = '''\
def f(a: int) -> str:
\t"""Text
    over lines."""
    return f"{a}"  # note

'''


def flat(lines: list[list[Run]]) -> list[str]:
    return ["".join(run.text for run in line) for line in lines]


def test_every_common_lexer_is_known() -> None:
    load_common()
    assert all(lexer(name) is not None for name in COMMON)


def test_no_character_is_lost_or_moved() -> None:
    for name in (*COMMON, "", "ruby", "html+jinja", "console"):
        assert flat(code_lines(name, CODE)) == CODE.expandtabs(4).removesuffix("\n").split("\n")
        assert flat(Highlighter(name).advance(CODE)) == CODE.expandtabs(4).removesuffix("\n").split("\n")


def test_state_is_kept_from_line_to_line() -> None:
    growing = Highlighter("python")
    lines = [line for source in CODE.splitlines(keepends=True) for line in growing.advance(source)]
    assert lines == code_lines("python", CODE)


def test_a_look_at_the_next_line_changes_nothing() -> None:
    growing = Highlighter("python")
    growing.advance('x = """\n')
    assert growing.peek("de") == growing.peek("de")
    assert [run.style.role for run in growing.peek('"""\ny')[0]] == ["string"]
    assert [run.style.role for line in growing.advance("def\n") for run in line] == ["string"]


def test_tabs_stop_at_columns_of_four() -> None:
    assert flat(code_lines("", "a\tb\n\tc\n")) == ["a   b", "    c"]
    assert flat(code_lines("python", "a =\tb\n")) == ["a = b"]
