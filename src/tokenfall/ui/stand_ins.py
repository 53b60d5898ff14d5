"""What stands in the prompt's document for text that can't be shown as it is.

A text area breaks lines at every character that Unicode calls a line break, and draws what it holds. So a code point
that could act on the terminal is kept as one private code point that is drawn as a picture, and a long paste as a short
mark; `original` gives back exactly what was pasted or typed. One cell each, so the text area's own arithmetic holds.
"""

import re

from tokenfall.filters import excess_marks, picture

FOLDED_LINES = 20
FOLDED_CHARACTERS = 2_000
"""A paste that is longer than either becomes a mark."""

# Plane 16 is private use. Its own code points, should somebody paste them, get stand-ins like the rest.
_FIRST, _LAST = 0x100000, 0x107FFF
_FIRST_MARK, _LAST_MARK, _MARK_END = 0x108000, 0x10FFFC, "\U0010fffd"
_MARK = re.compile(f"[{chr(_FIRST_MARK)}-{chr(_LAST_MARK)}][^{_MARK_END}]*{_MARK_END}")
_STAND_IN = re.compile(f"{_MARK.pattern}|[{chr(_FIRST)}-{chr(_LAST)}]")
_OURS = re.compile("[\U00100000-\U0010ffff]")
_PLAIN = re.compile(r"[\x20-\x7e\n\t]*\Z")
_BRACKETS = {**dict.fromkeys(range(_FIRST_MARK, _LAST_MARK + 1), "["), ord(_MARK_END): "]"}


def unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _measured(text: str) -> str:
    lines = text.count("\n") + (not text.endswith("\n"))
    size = len(text.encode("utf-8", "replace"))
    amount = f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
    return f"{lines:,} line{'' if lines == 1 else 's'}, {amount}"


def _drawn(character: str) -> str:
    shown = picture(ord(character))
    if shown is None:
        return character if _OURS.match(character) else "·"
    return shown if len(shown) == 1 else "\ufffd" if shown else "·"


class StandIns:
    """The stand-ins of one draft."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._folded = 0
        self._originals: dict[str, str] = {}
        self._pictures: dict[int, str] = {}

    def document(self, text: str) -> str:
        """Text from outside as the document holds it. Line breaks must be newlines."""
        if _PLAIN.match(text):
            return text
        odd = {character for character in set(text) if picture(ord(character)) is not None or _OURS.match(character)}
        if len(self._of) + len(odd) >= _LAST - _FIRST:
            return self.mark(text)
        document = text.translate({ord(character): self._stand_in(character) for character in odd})
        excess = excess_marks(text)
        if not excess:
            return document
        characters = list(document)
        for index in excess:
            characters[index] = self._stand_in(text[index])
        return "".join(characters)

    def folded(self, text: str) -> str:
        """As `document`, with a mark for the whole where it is long."""
        if text.count("\n") >= FOLDED_LINES + (text.endswith("\n")) or len(text) > FOLDED_CHARACTERS:
            return self.mark(text)
        return self.document(text)

    def mark(self, text: str) -> str:
        self._folded += 1
        opening = chr(_FIRST_MARK + self._folded)
        self._originals[opening] = text
        return f"{opening}pasted {_measured(text)} #{self._folded}{_MARK_END}"

    def original(self, document: str) -> str:
        """What the document's text stands for."""
        return _STAND_IN.sub(lambda found: self._originals.get(found[0][0], found[0]), document)

    def drawn(self, line: str) -> str:
        """A line of the document as it is shown, code point for code point."""
        if not _OURS.search(line):
            return line
        return line.translate(_BRACKETS | self._pictures)

    @staticmethod
    def marks(line: str) -> list[tuple[int, int]]:
        """Where marks stand in a line of the document: (first column, one past the last)."""
        return [found.span() for found in _MARK.finditer(line)]

    def _stand_in(self, character: str) -> str:
        if character not in self._of:
            code = _FIRST + len(self._of)
            self._of[character] = chr(code)
            self._originals[chr(code)] = character
            self._pictures[code] = _drawn(character)
        return self._of[character]
