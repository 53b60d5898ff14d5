from tests.markdown.shown import begun

from tokenfall.markdown.document import CodeBlock, code_blocks


def test_code_blocks_come_as_written_wherever_they_stand() -> None:
    source = (
        "```python title=x\nif a:\n\treturn  1 \n\n```\n\n1. item\n   ~~~\n   in list\n     deeper\n   ~~~\n\n"
        "> ```sh\n> ls *\n> ```\n\n    indented\n\n    more\n"
    )
    assert code_blocks(source) == [
        CodeBlock("python title=x", "if a:\n\treturn  1 \n\n"),
        CodeBlock("", "in list\n  deeper\n"),
        CodeBlock("sh", "ls *\n"),
        CodeBlock("", "indented\n\nmore\n"),
    ]


def test_an_unfinished_block_counts() -> None:
    document = begun("text\n\n```c\nint x;")
    assert document.code_blocks() == [CodeBlock("c", "int x;")]


def test_no_code() -> None:
    assert code_blocks("just `inline` text") == []
