"""Pastes are cut out of what the terminal sends, however it comes in."""

import random
from collections.abc import Iterable

import pytest

from tokenfall.terminal.pastes import BEGIN, END, Pasted, Pastes, Typed

CASES: list[tuple[bytes, list[Typed | Pasted]]] = [
    (b"abc", [Typed(b"abc")]),
    (BEGIN + b"text" + END, [Pasted(b"text")]),
    (b"a" + BEGIN + b"one\rtwo" + END + b"b\x1b[A", [Typed(b"a"), Pasted(b"one\rtwo"), Typed(b"b\x1b[A")]),
    (BEGIN + END + BEGIN + b"x" + END, [Pasted(b""), Pasted(b"x")]),
    (BEGIN + b"\x1b[A\x1b\x1b[20\x03\x1b[2J" + BEGIN + b"\x9b\xff" + END, [Pasted(b"\x1b[A\x1b\x1b[20\x03\x1b[2J" + BEGIN + b"\x9b\xff")]),
    (BEGIN + b"x" + END + b"\r" + END + b"y", [Pasted(b"x"), Typed(b"\r" + END + b"y")]),
    (b"\x1b\x1b[200" + BEGIN + b"\x1b[201" + END + b"\x1b[20~", [Typed(b"\x1b\x1b[200"), Pasted(b"\x1b[201"), Typed(b"\x1b[20~")]),
    (b"\x1b[2;5~\x1b[20~\x1b[200;1u", [Typed(b"\x1b[2;5~\x1b[20~\x1b[200;1u")]),
]


def joined(pieces: Iterable[Typed | Pasted]) -> list[Typed | Pasted]:
    found: list[Typed | Pasted] = []
    for piece in pieces:
        if isinstance(piece, Typed) and found and isinstance(found[-1], Typed):
            found[-1] = Typed(found[-1].data + piece.data)
        else:
            found.append(piece)
    return found


def fed(*chunks: bytes) -> list[Typed | Pasted]:
    pastes = Pastes()
    found = [piece for chunk in chunks for piece in pastes.feed(chunk)]
    return joined([*found, *([Typed(rest)] if (rest := pastes.given_up()) else [])])


@pytest.mark.parametrize(("sent", "wanted"), CASES)
def test_in_any_pieces(sent: bytes, wanted: list[Typed | Pasted]) -> None:
    assert fed(sent) == wanted
    assert fed(*(bytes([byte]) for byte in sent)) == wanted
    for at in range(len(sent)):
        assert fed(sent[:at], sent[at:]) == wanted
    rng = random.Random(sent)
    for _ in range(30):
        places = sorted(rng.choices(range(len(sent) + 1), k=3))
        assert fed(*(sent[start:stop] for start, stop in zip([0, *places], [*places, len(sent)], strict=True))) == wanted


def test_what_may_begin_a_mark_waits() -> None:
    pastes = Pastes()
    assert list(pastes.feed(b"a\x1b")) == [Typed(b"a")]
    assert pastes.held == b"\x1b"
    assert pastes.given_up() == b"\x1b"
    assert list(pastes.feed(b"b")) == [Typed(b"b")]
    assert pastes.held == b""


@pytest.mark.parametrize("at", range(1, len(BEGIN)))
def test_a_torn_mark_still_begins_a_paste(at: int) -> None:
    """What of it came first has been given up as a key; what follows is text all the same."""
    pastes = Pastes()
    assert list(pastes.feed(BEGIN[:at])) == []
    assert pastes.given_up() == BEGIN[:at]
    rest = BEGIN[at:] + b"rm -rf\r" + END + b"k"
    assert [piece for byte in rest for piece in pastes.feed(bytes([byte]))] == [Pasted(b"rm -rf\r"), Typed(b"k")]


def test_what_is_given_up_begins_nothing_else() -> None:
    pastes = Pastes()
    list(pastes.feed(b"\x1b[2"))
    pastes.given_up()
    assert joined(pastes.feed(b"0x" + BEGIN + b"p" + END)) == [Typed(b"0x"), Pasted(b"p")]
    list(pastes.feed(b"\x1b"))
    pastes.given_up()
    assert joined(pastes.feed(b"\x1b[200~p" + END)) == [Pasted(b"p")]


def test_a_long_paste_costs_what_its_length_is() -> None:
    pastes = Pastes()
    list(pastes.feed(BEGIN))
    chunk = b"\x1b[201" * 600
    for _ in range(3000):
        assert list(pastes.feed(chunk)) == []
    assert [len(piece.data) for piece in pastes.feed(END)] == [3000 * len(chunk)]
