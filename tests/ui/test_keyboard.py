"""From a terminal's bytes to messages: keys as Textual has them, pastes as text."""

from collections.abc import Iterable

from textual import events
from textual.message import Message

from tokenfall.ui.keyboard import KEY_S, Keyboard


def told(messages: Iterable[Message]) -> list[str]:
    found = []
    for message in messages:
        match message:
            case events.Key():
                found.append(message.key)
            case events.Paste():
                found.append(f"paste {message.text}")
            case _:
                found.append(type(message).__name__)
    return found


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_keys_and_pastes_in_their_order() -> None:
    keyboard = Keyboard()
    sent = b"a\x1b[A\x1b[200~one\x1b[B\x1b\rtwo \xe2\x94\x80\xff\x1b[201~\r\x1b[2;2R\x1b[<64;5;5M"
    assert told(keyboard.feed(sent)) == ["a", "up", "paste one\x1b[B\x1b\rtwo ─\ufffd", "enter", "CursorPosition", "MouseScrollUp"]


def test_what_is_cut_in_the_middle_of_a_character() -> None:
    keyboard = Keyboard()
    assert told(message for byte in "é漢".encode() for message in keyboard.feed(bytes([byte]))) == ["é", "漢"]
    assert told(keyboard.feed(b"\xff")) == ["replacement_character"]


def test_escape_is_a_key_when_nothing_follows() -> None:
    clock = Clock()
    keyboard = Keyboard(clock)
    assert told(keyboard.feed(b"\x1b")) == []
    assert told(keyboard.tick()) == []
    clock.now = KEY_S
    assert told(keyboard.tick()) == ["escape"]
    assert told(keyboard.feed(b"[200~text\x1b[201~k")) == ["paste text", "k"]


def test_half_a_mark_waits_for_its_rest() -> None:
    clock = Clock()
    keyboard = Keyboard(clock)
    assert told(keyboard.feed(b"\x1b[20")) == []
    clock.now = KEY_S * 2
    assert told(keyboard.tick()) == []
    assert told(keyboard.feed(b"0~text\x1b[201~")) == ["paste text"]
    assert told(keyboard.feed(b"\x1b[20")) + told(keyboard.feed(b"~")) == ["f9"]


def test_numbers_that_are_none_end_nothing() -> None:
    keyboard = Keyboard()
    assert told(keyboard.feed(b"\x1b[99999999999;1;99999999999u")) == []
    assert told(keyboard.feed(b"k")) == ["k"]
