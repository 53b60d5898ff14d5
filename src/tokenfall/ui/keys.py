"""Keys as a person reads them, and which action each can be moved from."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType
from textual.keys import Keys

if TYPE_CHECKING:
    from tokenfall.ui.help import KeyRow

NAMES: Mapping[str, str] = {
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "underscore": "_",
    "slash": "/",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}

MODIFIERS = {"ctrl", "alt", "shift", "super", "meta", "hyper"}
KEY_NAMES = {key.value.rpartition("+")[2] for key in Keys} | {*NAMES, "question_mark", "full_stop", "comma", "colon", "minus"}

Groups = Sequence[tuple[str, Sequence[BindingType]]]
"""Headings of the help screen, and the bindings under each."""


def readable(keys: str) -> str:
    """`ctrl+c,f1` becomes `Ctrl-C, F1`."""
    return ", ".join(_readable_key(key.strip()) for key in keys.split(","))


def _readable_key(key: str) -> str:
    *modifiers, last = key.split("+")
    last = NAMES.get(last, last)
    if len(last) > 1:
        last = last[0].upper() + last[1:]
    elif modifiers:
        last = last.upper()
    return "-".join([*(modifier.capitalize() for modifier in modifiers), last])


def named(groups: Groups) -> Iterable[tuple[str, Binding]]:
    for heading, bindings in groups:
        for binding in bindings:
            assert isinstance(binding, Binding), "bindings are written in full here"
            yield heading, binding


def key_rows(groups: Groups, keymap: Mapping[str, str]) -> "list[KeyRow]":
    """Every binding with the keys that it has now."""
    from tokenfall.ui.help import KeyRow

    return [KeyRow(readable(keymap.get(binding.id or "", binding.key)), binding.description, heading) for heading, binding in named(groups)]


def misplaced(groups: Groups, keymap: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the configured keys, a sentence each."""
    known = {binding.id: binding for _, binding in named(groups) if binding.id}
    for action, keys in keymap.items():
        if action not in known:
            near = difflib.get_close_matches(action, known, n=1)
            yield f"There is no action {action!r}. " + (f"Did you mean {near[0]!r}?" if near else f"Actions are {', '.join(known)}.")
        for key in keys.split(","):
            if not is_key(key.strip()):
                yield f"{key.strip()!r}, which {action} is to have, is no key."


def is_key(name: str) -> bool:
    *modifiers, last = name.split("+")
    return bool(last) and set(modifiers) <= MODIFIERS and (len(last) == 1 or last in KEY_NAMES)
