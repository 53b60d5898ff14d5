"""MathML, as made of LaTeX, to characters: in one line, or in several where there are matrices and lines.

Spaces stand where TeX sets them, by the kinds of neighbours (The TeXbook, chapter 18); inside scripts, roots and fractions
there are none.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from tokenfall.markdown import mathbox
from tokenfall.markdown.mathbox import Box
from tokenfall.markdown.mathchars import (
    ACCENTS,
    BRACES,
    NEGATION,
    PLAINER,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    Kind,
    in_script,
    kind_of,
    negated,
)


class Unshowable(Exception):
    """The formula has something for which there are no characters."""


@dataclass(frozen=True, slots=True)
class Item:
    """`loose` tells when it needs parentheses to stand beside others: 0 never, 1 as a factor (it is a product), 2 always (it
    is a sum or a fraction). `bare` tells that a letter or digit after it would seem to belong to its last part."""

    box: Box
    kind: Kind = Kind.ORD
    loose: int = 0
    bare: bool = False

    @property
    def text(self) -> str:
        return self.box.lines[0]


@dataclass(frozen=True, slots=True)
class Mode:
    """`tight` leaves out spaces around operators, `flat` keeps all on one line."""

    tight: bool = False
    flat: bool = True


INNER = Mode(tight=True)


def formula(math: Element, *, flat: bool) -> tuple[str, ...]:
    """The lines of a formula; one if it is `flat`. Raises Unshowable."""
    rows: list[list[Item]] = [[]]
    for item in _items(math[0], Mode(flat=flat)):
        if item.kind is Kind.BREAK:
            rows.append([])
        else:
            rows[-1].append(item)
    boxes = [_joined(row, Mode(flat=flat)).box for row in rows if row]
    return ("; ".join(box.lines[0] for box in boxes),) if flat else tuple(line for box in boxes for line in box.lines)


def _items(elements: Iterable[Element], mode: Mode) -> list[Item]:
    found: list[Item] = []
    for element in elements:
        show = _TAGS.get(element.tag)
        if show is None:
            raise Unshowable(element.tag)
        for item in show(element, mode):
            if found and found[-1].box.lines == (NEGATION,):
                found[-1] = replace(item, box=Box((negated(item.text),)))
            else:
                found.append(item)
    return found


def _row(elements: Iterable[Element], mode: Mode) -> Item:
    return _joined(_items(elements, mode), mode)


def _joined(items: Sequence[Item], mode: Mode) -> Item:
    """Several items as one."""
    items = _stretched(_tightened(_signed(items), mode))
    if len(items) == 1:
        return items[0]
    boxes: list[Box] = []
    for number, item in enumerate(items):
        if number and (gap := _gap(items[number - 1], item, mode)):
            boxes.append(Box((" " * gap,)))
        boxes.append(item.box)
    return Item(mathbox.beside(boxes), Kind.ORD, _looseness(items), bool(items) and items[-1].bare)


_OPERANDS = {Kind.ORD, Kind.CLOSE, Kind.INNER}


def _signed(items: Iterable[Item]) -> list[Item]:
    """Operators without a left operand are signs; those without a right one, symbols. A colon before "=" is part of it."""
    found: list[Item] = []
    last: Kind | None = None
    for item in items:
        if found and found[-1].text == ":" and item.text == "=":
            found[-1] = Item(Box((":=",)), Kind.REL)
            continue
        kind = Kind.SIGN if item.kind is Kind.BIN and last not in _OPERANDS else item.kind
        found.append(replace(item, kind=Kind.SPACE if kind is Kind.BREAK else kind))
        last = last if kind in (Kind.SPACE, Kind.BREAK) else kind
    if found and found[-1].kind in (Kind.BIN, Kind.SIGN):
        found[-1] = replace(found[-1], kind=Kind.ORD)
    return found


def _tightened(items: list[Item], mode: Mode) -> list[Item]:
    """Where there are no spaces, fractions among factors are in parentheses."""
    if not mode.tight:
        return items
    found = []
    for number, item in enumerate(items):
        before = items[number - 1].kind if number else None
        after = items[number + 1].kind if number + 1 < len(items) else None
        factor = item.kind is Kind.INNER and (before in _OPERANDS or after in (Kind.ORD, Kind.OP, Kind.OPEN, Kind.INNER))
        found.append(Item(Box((f"({item.text})",))) if factor else item)
    return found


def _stretched(items: list[Item]) -> list[Item]:
    """Brackets beside what is higher than a line are as high."""
    found = list(items)
    for number, item in enumerate(items):
        if item.text in mathbox.STRETCHABLE and len(item.box.lines) == 1:
            beside = (items[number + 1 : number + 2] if item.kind is not Kind.CLOSE else []) or items[max(0, number - 1) : number]
            if beside and len(beside[0].box.lines) > 1:
                found[number] = replace(item, box=mathbox.stretched(item.text, beside[0].box))
    return found


_RIGHT_OF_REL = {Kind.ORD, Kind.OP, Kind.OPEN, Kind.INNER, Kind.SIGN}
_LEFT_OF_REL = {Kind.ORD, Kind.OP, Kind.CLOSE, Kind.INNER, Kind.PUNCT}
_SPREAD = {Kind.ORD, Kind.OP, Kind.INNER}


def _gap(left: Item, right: Item, mode: Mode) -> int:
    """Spaces between two items."""
    pair = (left.kind, right.kind)
    if Kind.SPACE in pair or not left.text or left.text.endswith(" ") or right.text.startswith(" "):
        return int(not left.text and right.kind in (Kind.REL, Kind.BIN) and not mode.tight)
    if left.kind in (Kind.REL, Kind.BIN):
        return int(right.kind in _RIGHT_OF_REL and (not mode.tight or left.text.isalpha()))
    if right.kind in (Kind.REL, Kind.BIN):
        return int(left.kind in _LEFT_OF_REL and (not mode.tight or right.text.isalpha()))
    if left.kind is Kind.PUNCT:
        return int(right.kind is not Kind.CLOSE and not mode.tight)
    if left.kind is Kind.OP:
        return int(right.kind in _SPREAD or right.kind is Kind.SIGN)
    if right.kind is Kind.OP:
        return int(left.kind in (Kind.ORD, Kind.CLOSE, Kind.INNER))
    if Kind.INNER in pair:
        return int(left.kind in (Kind.ORD, Kind.CLOSE, Kind.INNER) and right.kind in (Kind.ORD, Kind.OPEN, Kind.INNER))
    return int(left.bare and right.text[:1].isalnum())


def _looseness(items: Sequence[Item]) -> int:
    if not items or _enclosed(items):
        return 0
    depth = 0
    for item in items:
        depth += (item.kind is Kind.OPEN) - (item.kind is Kind.CLOSE)
        if depth <= 0 and item.kind in (Kind.BIN, Kind.REL, Kind.PUNCT, Kind.SPACE):
            return 2
    return 1


def _enclosed(items: Sequence[Item]) -> bool:
    """One pair of brackets or bars around all, or a letter and brackets after it that look like a function's."""
    if len(items) > 2 and items[0].kind in (Kind.ORD, Kind.OP) and items[1].kind is Kind.OPEN:
        return _enclosed(items[1:]) and not any(item.kind is Kind.BIN for item in items)
    if len(items) > 1 and items[0].text == items[-1].text and items[0].text in ("|", "‖"):
        return all(item.text != items[0].text for item in items[1:-1])
    depth = 0
    for number, item in enumerate(items):
        depth += (item.kind is Kind.OPEN) - (item.kind is Kind.CLOSE)
        if depth <= 0:
            return depth == 0 and number == len(items) - 1 and number > 0
    return False


def _parenthesised(item: Item, least: int) -> str:
    """Its text, in parentheses if it is at least so loose."""
    return f"({item.text})" if item.loose >= least else item.text


# one function a tag


def _text_of(element: Element) -> str:
    source = element.text or ""
    text = html.unescape(source)
    if (text.startswith("\\") and len(text) > 1) or (source and not text):
        raise Unshowable(source)  # an unknown command, or a character that may not be written so
    return re.sub(r"\s", " ", text.translate(PLAINER))


def _children(element: Element, least: int) -> list[Element]:
    """Malformed LaTeX gives trees that lack some."""
    children = list(element)
    if len(children) < least:
        raise Unshowable(element.tag)
    return children


def _symbol(element: Element, mode: Mode) -> list[Item]:
    text = _text_of(element)
    if len(element):
        return [replace(_row(element, mode), kind=Kind.OP)]
    if not text and element.tag == "mo":
        return []
    if element.tag == "mn" or not text:
        return [Item(Box((text,)))]
    return [Item(Box((text,)), kind_of(text))]


def _words(element: Element, _: Mode) -> list[Item]:
    text = _text_of(element).replace("$", "")
    return [Item(Box((text,)), Kind.SPACE if text.isspace() else Kind.ORD, 2 if " " in text.strip() else 0)] if text else []


def _space(element: Element, mode: Mode) -> list[Item]:
    if element.get("linebreak") == "newline":
        return [Item(Box((" ",)), Kind.BREAK)]
    size = re.fullmatch(r"(-?[\d.]+)em", element.get("width", ""))
    width = float(size[1]) if size else 0.0
    if width <= 0:
        return []
    return [Item(Box((" " * (min(int(2 * width), 8) or 1),)), Kind.SPACE)]


def _group(element: Element, mode: Mode) -> list[Item]:
    """Braces make one symbol of what is in them; what stands between \\left and \\right does not."""
    if any(child.get("fence") for child in element):
        return _items(element, mode)
    item = _row(element, mode)
    return [item if item.kind in (Kind.OP, Kind.INNER) else replace(item, kind=Kind.ORD)]


def _through(element: Element, mode: Mode) -> list[Item]:
    """What only changes size or colour."""
    text = [Item(Box((_text_of(element),)))] if element.text else []
    return text + _items(element, mode)


def _phantom(element: Element, mode: Mode) -> list[Item]:
    return [Item(Box((" " * _row(element, INNER).box.width,)), Kind.SPACE)]


def _sub(element: Element, mode: Mode) -> list[Item]:
    return _scripts(element, mode, 1, None)


def _sup(element: Element, mode: Mode) -> list[Item]:
    return _scripts(element, mode, None, 1)


def _both(element: Element, mode: Mode) -> list[Item]:
    return _scripts(element, mode, 2, 1)


def _accented(element: Element, mode: Mode) -> list[Item]:
    *base, mark = _children(element, 2)
    sign = _text_of(mark) if mark.tag == "mo" else ""
    if sign in BRACES:
        return _items(base, mode)
    if accent := ACCENTS[element.tag].get(sign):
        item = _row(base, INNER)
        if all(map(unicodedata.combining, item.text[-2:])) and item.text:
            raise Unshowable(item.text)  # no reader tells three marks apart
        letters = re.sub(r"(?<=\w)", accent, item.text) if sign in "―→" else item.text + accent
        return [Item(Box((unicodedata.normalize("NFC", letters),)), Kind.ORD, item.loose)]
    return _sub(element, mode) if element.tag == "munder" else _sup(element, mode)


def _scripts(element: Element, mode: Mode, sub: int | None, sup: int | None) -> list[Item]:
    """`sub` and `sup` count from the last child; what stands before them is the base, in some trees more than one element."""
    count = max(sub or 0, sup or 0)
    children = _children(element, count)
    base = _items(children[:-count], mode)
    below, bare = _script(children[-sub], SUBSCRIPTS, "_") if sub else ("", False)
    above, bare = _script(children[-sup], SUPERSCRIPTS, "^") if sup else ("", bare)
    if any(len(item.box.lines) > 1 for item in base):
        whole = _joined(base, mode)
        return [replace(whole, box=mathbox.with_scripts(whole.box, below, above), loose=0)]
    *before, last = base or [Item(Box(("",)))]
    text = last.text if last.kind is Kind.OP else _parenthesised(last, 2)
    kind = Kind.ORD if last.kind is Kind.INNER else last.kind
    return [*before, Item(Box((text + below + above,)), kind, min(last.loose, 1), bare)]


def _script(element: Element, table: dict[str, str], mark: str) -> tuple[str, bool]:
    """The text of a script, and whether its end is `bare`."""
    item = _row([element], INNER)
    small = in_script(item.text, table)
    if small is not None:
        return small, False
    if len(item.text) == 1:
        return mark + item.text, True
    return f"{mark}({item.text})", False


def _fraction(element: Element, _: Mode) -> list[Item]:
    above, below = (_row([child], INNER) for child in _children(element, 2)[:2])
    if element.get("linethickness") == "0":
        return [Item(Box((f"{above.text} choose {below.text}",)), Kind.ORD, 2)]
    differential = re.match(r"[d∂]\w|[d∂]\S?[⁰¹²³⁴-⁹ⁿ]", below.text)
    denominator = _parenthesised(below, 2 if differential else 1)
    return [Item(Box((f"{_parenthesised(above, 2)}/{denominator}",)), Kind.INNER, 2)]


def _root(element: Element, _: Mode) -> list[Item]:
    children = list(element)
    content, index = (children[:1], _row(children[1:], INNER).text) if element.tag == "mroot" else (children, "")
    sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(index)
    if sign is None:
        small = in_script(index, SUPERSCRIPTS)
        sign = f"{small}√" if small is not None else f"√[{index}]"
    item = _row(content, INNER)
    return [Item(Box((sign + _parenthesised(item, 1),)), bare=item.loose < 1)]


def _enclosure(element: Element, mode: Mode) -> list[Item]:
    if "box" not in element.get("notation", ""):
        return _items(element, mode)
    item = _row(element, mode)
    return [Item(Box((f"[{item.text}]",)) if mode.flat else mathbox.framed(item.box))]


def _table(element: Element, mode: Mode) -> list[Item]:
    """Columns that are aligned at a sign (`columnspacing` begins with 0) touch in pairs."""
    touching = element.get("columnspacing", "").startswith("0em")
    cells = [[_row(cell, Mode(flat=mode.flat)).box for cell in row] for row in element]
    cells = [row for row in cells if any(box.width for box in row)]
    if not cells:
        return []
    if mode.flat:
        joint = "" if touching else "  " if element.find("mtr/mtd[@columnalign='left']") is not None else " "
        return [Item(Box(("; ".join(joint.join(box.lines[0] for box in row).strip() for row in cells),)), Kind.ORD, 2)]
    aligns = [[cell.get("columnalign", "center") for cell in row] for row in element]
    longest = max(aligns, key=len, default=[])
    return [Item(mathbox.grid(cells, longest, touching=touching), Kind.ORD, 2)]


_TAGS: dict[str, Callable[[Element, Mode], list[Item]]] = {
    "mi": _symbol, "mn": _symbol, "mo": _symbol, "mtext": _words, "mspace": _space,
    "mrow": _group, "mstyle": _through, "mpadded": _through, "mphantom": _phantom,
    "msub": _sub, "msup": _sup, "msubsup": _both, "munder": _accented, "mover": _accented, "munderover": _both,
    "mfrac": _fraction, "msqrt": _root, "mroot": _root, "menclose": _enclosure, "mtable": _table,
}
