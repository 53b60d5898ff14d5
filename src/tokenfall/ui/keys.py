"""Keys as a person reads them, and which action each can be moved from."""

from collections.abc import Iterable, Mapping, Sequence

from textual.binding import Binding, BindingType

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


def key_rows(groups: Groups, keymap: Mapping[str, str]) -> list[KeyRow]:
    """Every binding with the keys that it has now."""
    rows: list[KeyRow] = []
    for heading, binding in named(groups):
        keys = keymap.get(binding.id or "", binding.key)
        does = f"{binding.description} ({binding.id})" if binding.id else binding.description
        rows.append(KeyRow(readable(keys), does, heading))
    return rows


def unknown_actions(groups: Groups, keymap: Mapping[str, str]) -> list[str]:
    """What the configuration moves that isn't there."""
    known = {binding.id for _, binding in named(groups)}
    return sorted(action for action in keymap if action not in known)
