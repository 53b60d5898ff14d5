"""The characters of formulas: what kind of symbol each is, and which have raised and lowered forms."""

import re
import unicodedata
from enum import Enum, auto


class Kind(Enum):
    """TeX's kinds of symbols: ordinary, operators with a name or a large sign, binary operators, relations, brackets,
    punctuation, fractions; and signs (+ and − without a left operand), explicit spaces and line breaks."""

    ORD = auto()
    OP = auto()
    BIN = auto()
    REL = auto()
    OPEN = auto()
    CLOSE = auto()
    PUNCT = auto()
    INNER = auto()
    SIGN = auto()
    SPACE = auto()
    BREAK = auto()


_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile("mod|[-+−±∓×÷·*∗∘∙∖∧∨∩∪⊎⊓⊔⊕-⊙⊞-⊡⋆⋄∔∸≀⊲⊳⋉-⋌⋎⋏⋒⋓⨿]"), Kind.BIN),
    (re.compile("[=<>:≔≕∈-∍∝∣∥∦∴-∷∼-≏≑-⊍⊏-⊒⊢-⊱⊶-⊹⋈⋍⋐⋑⋔-⋭⟂\u2190-\u21ff\u27f0-\u27ff\u2900-\u297f⩽⩾⪅-⪚⪯⪰]"), Kind.REL),
    (re.compile("[∏∐∑∫-∳⋀-⋃⨀-⨌]|[^\\W\\d_]{2,}.*", re.DOTALL), Kind.OP),
    (re.compile("[,;]"), Kind.PUNCT),
    (re.compile("[(\\[{⌈⌊⟦⟨⟪]"), Kind.OPEN),
    (re.compile("[)\\]}⌉⌋⟧⟩⟫]"), Kind.CLOSE),
)


def kind_of(text: str) -> Kind:
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(text)), Kind.ORD)


PLAINER = str.maketrans("⋅⟶⟵⟷⟹⟸⟺⟼∗⧵", "·→←↔⇒⇐⇔↦*∖")
"""Symbols that few fonts have, or that are drawn wider than a cell, by like ones."""

_FROM = "0123456789+−-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθιφχ′″‴∘*†‡⊤ "
_UP = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᶥᵠᵡ′″‴°*†‡ᵀ "
SUPERSCRIPTS = dict(zip(_FROM, _UP, strict=True))
SUBSCRIPTS = dict(zip("0123456789+−-=()aehijklmnoprstuvxβγρφχ′ ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ′ ", strict=True))


def in_script(text: str, table: dict[str, str]) -> str | None:
    """The text raised or lowered, or None if a character of it has no such form."""
    small = [table.get(character) for character in text]
    return "".join(filter(None, small)) if all(small) else None


ACCENTS = {
    "mover": {
        "^": "\u0302", "~": "\u0303", "˜": "\u0303", "¯": "\u0304", "‾": "\u0305", "―": "\u0305", "→": "\u20d7", "˙": "\u0307",
        "¨": "\u0308", "⃛": "\u20db", "ˇ": "\u030c", "´": "\u0301", "`": "\u0300", "˘": "\u0306", "˚": "\u030a",
    },
    "munder": {"_": "\u0332", "―": "\u0332", "‾": "\u0332"},
}
"""Combining marks by the tag of the element and the sign that stands above or below."""

BRACES = frozenset("⏞⏟⎴⎵⏜⏝")
NEGATION = "⧸"


def negated(text: str) -> str:
    return unicodedata.normalize("NFC", text[:1] + "\u0338") + text[1:]
