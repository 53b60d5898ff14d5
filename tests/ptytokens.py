"""What a program has sent to its terminal, token by token. Whatever it is not meant to send is foreign.

Sequences are named as in ECMA-48 and in xterm's ctlseqs; kitty's keyboard protocol is
https://sw.kovidgoyal.net/kitty/keyboard-protocol/, hyperlinks are
https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

SHOWN = 24
"""Characters of something foreign that are told: itself and what follows it."""

MARKS = 8
"""Code points without a cell of their own that may follow one another."""

FARTHEST = 999
"""No row or column of a terminal in a test is beyond this."""

ATTRIBUTES = frozenset({0, 1, 2, 3, 4, 7, 9, 22, 23, 24, 27, 29})
"""SGR parameters for attributes, on and off: nothing blinks or is hidden."""
COLOURS = frozenset({*range(30, 38), 39, *range(40, 48), 49, *range(90, 98), *range(100, 108)})

MODES: dict[int, str] = {
    7: "h", 25: "h", 1000: "l", 1002: "l", 1004: "l", 1006: "l", 1049: "l", 2004: "l", 2026: "l",
}  # fmt: skip
"""Private modes that may be set and reset, and how each is left: wrapping and the cursor are on in a terminal at rest."""

# Of the format characters (Cf) only joiners and the signs that stand before Arabic and Syriac numbers are text.
_FORMAT_ALLOWED = frozenset("\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
_FILLERS = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0\u180e")


@dataclass(frozen=True, slots=True)
class Token:
    """`place` counts bytes from the beginning of what was sent. The data of a foreign one is what it begins with."""

    kind: Literal["text", "control", "sequence", "foreign"]
    place: int
    data: str

    def __str__(self) -> str:
        return f"at byte {self.place}: {self.data!a}"


def _any(_: re.Match[str]) -> bool:
    return True


def _is_sgr(found: re.Match[str]) -> bool:
    numbers = [int(number or 0) for number in found[1].split(";")]
    at = 0
    while at < len(numbers):
        match numbers[at : at + 2]:
            case [38 | 48, 5]:
                wanted = 1
            case [38 | 48, 2]:
                wanted = 3
            case [number, *_] if number in ATTRIBUTES or number in COLOURS:
                at += 1
                continue
            case _:
                return False
        parts = numbers[at + 2 : at + 2 + wanted]
        if len(parts) < wanted or max(parts) > 255:
            return False
        at += 2 + wanted
    return True


def _is_within(found: re.Match[str]) -> bool:
    return all(1 <= int(number) <= FARTHEST for number in found.groups() if number)


def _is_region(found: re.Match[str]) -> bool:
    return _is_within(found) and int(found[1]) < int(found[2])


def _is_mode(found: re.Match[str]) -> bool:
    return int(found[1]) in MODES


_Sequences = tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...]

_DRAWING: _Sequences = (
    (re.compile(r"\x1b\[((?:\d{0,3};)*\d{0,3})m"), _is_sgr),
    (re.compile(r"\x1b\[(\d{1,3})(?:;(\d{1,3}))?H"), _is_within),
    (re.compile(r"\x1b\[(\d{1,3})?[CD]"), _is_within),
    (re.compile(r"\x1b\[K"), _any),
    (re.compile(r"\x1b\[(\d{1,3});(\d{1,3})r"), _is_region),
    (re.compile(r"\x1b\[r"), _any),
    (re.compile(r"\x1bM"), _any),
    (re.compile(r"\x1b\]8;;(?:https?://[\x21-\x7e]{1,2000})?\x1b\\"), _any),
    (re.compile(r"\x1b\[\?2026[hl]"), _any),
)
_SEQUENCES: _Sequences = (
    *_DRAWING,
    (re.compile(r"\x1b\[\?(\d{1,4})[hl]"), _is_mode),
    (re.compile(r"\x1b\[>25u|\x1b\[<u"), _any),
    (re.compile(r"\x1b\[6n|\x1b\[\?2026\$p"), _any),
)
_INLINE: _Sequences = (
    (re.compile(r"\x1b\[(\d{1,3})?[ABLM]"), _is_within),
    (re.compile(r"\x1b\[J"), _any),
)
_COPY = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)(?:\x1b\\|\x07)")
_CONTROLS = frozenset("\r\n\b")
_TEXT = re.compile(r"[^\x00-\x1f\x7f]+")
_PAIRED = re.compile(r"\x1b\[\?(1049|2026)([hl])")
"""What is never set twice, nor reset when it is not set: another screen within it, or an update within an update, is not ours."""


@dataclass(slots=True)
class Allowed:
    """`copied` are the texts that the user has copied, the only ones that may reach the clipboard; `bell` tells that the user
    did something that rings it; with `drawing` only what draws frames is allowed: no question, and no mode but that of
    synchronised updates; with `inline` also what draws below a scrollback, relative to the cursor."""

    copied: Collection[str] = ()
    bell: bool = False
    drawing: bool = False
    inline: bool = False
    _on: set[str] = field(default_factory=set)

    def token(self, text: str, at: int, place: int) -> Token:
        if found := _TEXT.match(text, at):
            inert = _inert(text, at, found.end())
            return Token("text", place, text[at:inert]) if inert > at else Token("foreign", place, text[at : at + SHOWN])
        if text[at] in _CONTROLS or (self.bell and text[at] == "\x07"):
            return Token("control", place, text[at])
        for pattern, fits in (*(_DRAWING if self.drawing else _SEQUENCES), *(_INLINE if self.inline else ())):
            if (found := pattern.match(text, at)) and fits(found) and self._in_turn(found[0]):
                return Token("sequence", place, found[0])
        if (found := _COPY.match(text, at)) and _decoded(found[1]) in self.copied:
            return Token("sequence", place, found[0])
        return Token("foreign", place, text[at : at + SHOWN])

    def _in_turn(self, sequence: str) -> bool:
        paired = _PAIRED.fullmatch(sequence)
        if paired is None:
            return True
        mode, sets = paired[1], paired[2] == "h"
        if sets is (mode in self._on):
            return False
        self._on ^= {mode}
        return True


def tokens(raw: bytes, allowed: Allowed | None = None) -> Iterator[Token]:
    """All of `raw`, from the first byte that the program sent. After something foreign the next character is tried."""
    allowed = allowed or Allowed()
    text = raw.decode("utf-8", "surrogateescape")  # a byte that is no UTF-8 becomes a surrogate, and is foreign as such
    at = place = 0
    while at < len(text):
        token = allowed.token(text, at, place)
        yield token
        length = 1 if token.kind == "foreign" else len(token.data)
        place += len(text[at : at + length].encode("utf-8", "surrogateescape"))
        at += length


def foreign(raw: bytes, allowed: Allowed | None = None) -> list[str]:
    """What is none of the text and sequences that the program is meant to send, with its place."""
    return [str(token) for token in tokens(raw, allowed) if token.kind == "foreign"]


def _decoded(carried: str) -> str | None:
    try:
        return base64.b64decode(carried, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _inert(text: str, start: int, end: int) -> int:
    """Up to where, from `start`, there is text that can't act, lie about what is written, or pile up in a cell."""
    if text.isascii():
        return end
    marks = next((back for back in range(MARKS + 1) if start <= back or not _has_no_cell(text[start - back - 1])), MARKS + 1)
    for index in range(start, end):
        if _acts(text[index]):
            return index
        marks = marks + 1 if _has_no_cell(text[index]) else 0
        if marks > MARKS:
            return index
    return end


@lru_cache(maxsize=100_000)
def _acts(character: str) -> bool:
    code = ord(character)
    match unicodedata.category(character):
        case "Cc" | "Cs" | "Zl" | "Zp":
            return True
        case "Cf":
            return character not in _FORMAT_ALLOWED
        case "Cn":  # noncharacters, and what is reserved for format characters
            return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF or 0xFFF0 <= code <= 0xFFFB or code >> 12 == 0xE0
        case _:
            return character in _FILLERS


@lru_cache(maxsize=100_000)
def _has_no_cell(character: str) -> bool:
    return character in "\u200c\u200d" or unicodedata.category(character) in {"Mn", "Me"}


_MODE = re.compile(r"\x1b\[\?(\d+)([hl])")


def left_on(raw: bytes) -> set[str]:
    """What of the terminal is not as it was before the first of these bytes: private modes by number, "keyboard", "margins",
    "pen", "link"."""
    changed: dict[str, bool] = {}
    for token in tokens(raw):
        if token.kind != "sequence":
            continue
        data = token.data
        if mode := _MODE.fullmatch(data):
            changed[f"mode {mode[1]}"] = mode[2] != MODES[int(mode[1])]
        elif data.endswith("u"):
            changed["keyboard"] = ">" in data
        elif data.endswith("r"):
            changed["margins"] = data != "\x1b[r"
        elif data.endswith("m"):
            changed["pen"] = data != "\x1b[m"
        elif data.startswith("\x1b]8;"):
            changed["link"] = data != "\x1b]8;;\x1b\\"
    return {what for what, is_changed in changed.items() if is_changed}
