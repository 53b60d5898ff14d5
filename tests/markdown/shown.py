"""Lines as text, and documents fed in pieces."""

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random

from tokenfall.markdown.blocks import References, parse
from tokenfall.markdown.document import Document
from tokenfall.markdown.layout import Context, Layout
from tokenfall.markdown.lines import Line

DATA = Path(__file__).parent.parent / "data"
EXAMPLES: list[str] = [example["markdown"] for example in json.loads((DATA / "commonmark.json").read_text())]


def whole(text: str) -> Document:
    document = Document()
    document.append(text)
    document.finish()
    return document


def laid(text: str, width: int) -> list[Line]:
    """The lines of one parse and one layout of a text, past everything that closes, grows or caches."""
    references: References = {}
    blocks = parse(text, references)
    return Layout(width, references, Context()).document(blocks)


def begun(text: str) -> Document:
    document = Document()
    document.append(text)
    return document


def lines(document: Document, width: int) -> list[Line]:
    return list(document.lines(width))


def picture(document: Document, width: int = 40) -> str:
    """The screen as text, decoration included."""
    return "\n".join(shown(line) for line in lines(document, width))


def shown(line: Line) -> str:
    return "".join(run.text for run in (*line.prefix, *line.runs))


def cuts(text: str, random: Random, longest: int = 12) -> Iterable[str]:
    at = 0
    while at < len(text):
        size = random.choice((1, 2, 3, 4, 7, longest))
        yield text[at : at + size]
        at += size


def streamed(text: str, random: Random, widths: tuple[int, ...], *, looks: float = 0.3) -> Document:
    """Fed in random pieces and looked at meanwhile, as a screen would."""
    document = Document()
    for piece in cuts(text, random):
        document.append(piece)
        if random.random() < looks:
            width = random.choice(widths)
            height = document.height(width)
            for y in range(max(0, height - 3), height):
                document.line(width, y)
    document.finish()
    return document
