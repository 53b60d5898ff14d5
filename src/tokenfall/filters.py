"""Text in, text out, in chunks: made inert for display, and reasoning taken out of it.

What is shown for a code point is decided code point by code point, never over whole escape sequences: a sequence can be
split by a chunk's edge or spelled in a way that nobody thought of, a code point can't.

    newline, tab                        stay (or become a space where only one line is shown)
    CR LF                               one newline; a CR alone is shown as a picture
    C0 controls, DEL                    their pictures, U+2400 to U+2421
    C1 controls                         <9B>
    bidi embeddings, overrides,
    isolates; U+2028, U+2029; tags;
    annotation and other format codes   <202E>: they can lie about what is written, so they are seen
    zero-width space, word joiner, BOM,
    soft hyphen, direction marks,
    blank fillers                       dropped: harmless where they are meant, invisible where they are not
    lone surrogates, noncharacters      U+FFFD; halves of a pair that two chunks cut apart are joined first
    combining marks, variation
    selectors, skin tones, joiners      at most 8 to a cluster; what a joiner connects is one cluster
    joiners after ASCII                 dropped; tags after a black flag (England, Scotland, Wales) too
    a mark with nothing to sit on       on a dotted circle
"""

import re
from bisect import bisect_right
from functools import lru_cache
from unicodedata import category

from rich.cells import cell_len

from tokenfall.events import ReasoningDelta, TextDelta, whole_text

MARKS = 8
"""Marks a cluster may carry. No writing system needs more; Unicode's stream-safe text form allows 30."""

_SEEN = (
    (0x80, 0x9F), (0x2028, 0x202E), (0x2065, 0x2069), (0xFFF0, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD),
    (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE00FF), (0xE01F0, 0xE0FFF),
)
_DROPPED = (
    (0xAD, 0xAD), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180E, 0x180E), (0x200B, 0x200B),
    (0x200E, 0x200F), (0x2060, 0x2064), (0x206A, 0x206F), (0x3164, 0x3164), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
)
_REPLACED = ((0xD800, 0xDFFF), (0xFDD0, 0xFDEF))
_RANGES = sorted(
    [(low, high, "seen") for low, high in _SEEN]
    + [(low, high, "dropped") for low, high in _DROPPED]
    + [(low, high, "replaced") for low, high in _REPLACED]
)
_STARTS = [low for low, _, _ in _RANGES]


def picture(code: int) -> str | None:
    """What is shown instead of a code point: a picture, "" for nothing, None when the code point may stand as it is.

    Newline, tab and marks are None here; CR is not.
    """
    if 0x20 <= code < 0x7F or code in {0x09, 0x0A}:
        return None
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code & 0xFFFE == 0xFFFE:
        return "\ufffd"
    index = bisect_right(_STARTS, code) - 1
    if index < 0 or code > _RANGES[index][1]:
        return None
    return {"seen": f"<{code:02X}>", "dropped": "", "replaced": "\ufffd"}[_RANGES[index][2]]


class _Pictures(dict[int, str | int]):
    """A table for `str.translate` that fills itself as code points are met, within bounds."""

    def __missing__(self, code: int) -> str | int:
        shown = picture(code)
        entry = code if shown is None else shown
        if len(self) < 20_000:
            self[code] = entry
        return entry


_PICTURES = _Pictures()
_UNPRINTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HELD_BACK = re.compile("[\r\ud800-\udbff]\\Z")

# Blocks that hold characters without a cell of their own, and what else clusters depend on: skin tones, tags and what is
# dropped. A text without any of these needs no state. Generous: `_is_mark` tells the letters in these blocks apart.
_CLUSTERED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0711-\u074a\u07a6-\u07b0"
    "\u07eb-\u07fd\u0816-\u082d\u0859-\u085b\u0890-\u0fff\u102b-\u109d\u115f-\u11ff\u135d-\u135f\u1712-\u1734"
    "\u1752-\u1773\u17b4-\u17dd\u180b-\u180f\u1885-\u18a9\u1920-\u193b\u1a17-\u1a7f\u1ab0-\u1c37\u1cd0-\u1cf9\u1dc0-\u1dff"
    "\u200b-\u200f\u2060-\u206f\u20d0-\u20f0\u2cef-\u2cf1\u2d7f\u2de0-\u2dff\u302a-\u302f\u3099\u309a\u3164\ua66f-\ua69f"
    "\ua6f0\ua6f1\ua802-\uabed\ud7b0-\ud7ff\ufb1e\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\uffa0\u00ad\u061c"
    "\U000101fd-\U00016fff\U0001bc9d\U0001bc9e\U0001cf00-\U0001e94a\U0001f3fb-\U0001f3ff"
    "\U000e0020-\U000e007f\U000e0100-\U000e01ef]"
)
_JOINER, _NON_JOINER = "\u200d", "\u200c"
_BLACK_FLAG = "\U0001f3f4"


@lru_cache(maxsize=8192)
def _is_mark(character: str) -> bool:
    return (
        not character.isascii()
        and picture(ord(character)) is None
        and (category(character) in {"Mn", "Me", "Mc"} or cell_len(character) == 0)
    )


def excess_marks(text: str) -> list[int]:
    """Where in `text` marks stand beyond the eighth of an unbroken run of marks."""
    if not _CLUSTERED.search(text):
        return []
    places: list[int] = []
    run = 0
    for index, character in enumerate(text):
        run = run + 1 if _is_mark(character) else 0
        if run > MARKS:
            places.append(index)
    return places


class Visible:
    """Makes a stream of chunks inert: for every cutting, what `feed` and the last `flush` return joins to the same text."""

    def __init__(self) -> None:
        self._held = ""
        self._base = ""
        self._marks = 0
        self._joined = False

    def feed(self, text: str) -> str:
        text = self._held + text
        self._held = ""
        if text.isascii() and not self._joined and not _UNPRINTED.search(text):
            if text:
                self._base, self._marks = text[-1], 0
            return text
        if held := _HELD_BACK.search(text):
            self._held = held[0]
            text = text[: held.start()]
        return self._shown(text)

    def flush(self) -> str:
        """The end of the text: what was held back for a chunk that doesn't come."""
        text, self._held = self._held, ""
        shown = self._shown(text)
        self._base, self._marks, self._joined = "", 0, False
        return shown

    def _shown(self, text: str) -> str:
        text = text.replace("\r\n", "\n")
        if _SURROGATE.search(text):
            text = whole_text(text)
        if self._joined or _CLUSTERED.search(text):
            return "".join(map(self._clustered, text))
        if text:
            self._base, self._marks = text[-1], 0
        return text.translate(_PICTURES)

    def _clustered(self, character: str) -> str:
        """One code point as it is shown where it stands."""
        if _is_mark(character):
            return self._marked(character)
        shown = _PICTURES[ord(character)]
        if shown == "" or (self._base == _BLACK_FLAG and 0xE0020 <= ord(character) <= 0xE007F):
            return ""
        if not self._joined:
            self._marks = 0
        self._base, self._joined = character, False
        return shown if isinstance(shown, str) else character

    def _marked(self, mark: str) -> str:
        joiner = mark in {_JOINER, _NON_JOINER}
        floating = self._base in {"", "\n", "\t"}
        if self._marks == MARKS or (joiner and self._base.isascii()):
            return ""
        self._marks += 1
        self._joined = mark == _JOINER
        if floating:
            self._base = "\u25cc"
            return self._base + mark
        return mark


def visible(text: str, *, newlines: bool = True) -> str:
    """A whole text made inert: a title, a name, an error. Without `newlines` line breaks and tabs become spaces."""
    whole = Visible()
    shown = whole.feed(text) + whole.flush()
    return shown if newlines else shown.replace("\n", " ").replace("\t", " ")


THINK_TAGS = {"<think>": "</think>", "<thinking>": "</thinking>"}
"""What models put round their reasoning where the server doesn't take it out: DeepSeek R1, Qwen 3 and their like."""


class ThinkTags:
    """Splits a reply's text into reasoning and answer. Tags count at the very beginning only: an answer may speak of them, and
    a reply whose first tag closes what a server's template has opened can't be told from one that does.

    White space around a reasoning belongs to neither. Held back is what may still become a tag, 11 characters at most beside
    the white space before it.
    """

    def __init__(self) -> None:
        self._held = ""
        self._close = ""
        """What ends the reasoning; "" outside of it."""
        self._begun = False
        self._after = False
        """The reasoning has ended, and the answer's first word has not come."""

    def feed(self, text: str) -> list[TextDelta | ReasoningDelta]:
        text, self._held = self._held + text, ""
        if self._close:
            return self._inside(text)
        if self._begun:
            return self._answer(text)
        word = text.lstrip()
        tag = next((tag for tag in THINK_TAGS if word.startswith(tag)), None)
        if tag is None and any(tag.startswith(word) for tag in THINK_TAGS):
            self._held = text
            return []
        self._begun = True
        if tag is None:
            return [TextDelta(text)]
        self._close = THINK_TAGS[tag]
        # also when nothing stands behind the tag: a token has come
        return [ReasoningDelta(""), *self._inside(word.removeprefix(tag))]

    def _inside(self, text: str) -> list[TextDelta | ReasoningDelta]:
        thought, close, rest = text.partition(self._close)
        if not close:
            kept = next((size for size in range(len(self._close) - 1, 0, -1) if text.endswith(self._close[:size])), 0)
            thought, self._held = text[: len(text) - kept], text[len(text) - kept :]
        else:
            self._close, self._after = "", True
        return [*([ReasoningDelta(thought)] if thought else []), *(self._answer(rest) if close else [])]

    def _answer(self, text: str) -> list[TextDelta | ReasoningDelta]:
        text = text.lstrip() if self._after else text
        self._after = self._after and not text
        return [TextDelta(text)] if text else []

    def flush(self) -> list[TextDelta | ReasoningDelta]:
        """The end of the text: what was held back for a tag that doesn't come."""
        text, self._held = self._held, ""
        if not text:
            return []
        return [ReasoningDelta(text) if self._close else TextDelta(text)]
