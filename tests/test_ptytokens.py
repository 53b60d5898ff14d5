"""The tokeniser of what a program sends: strict enough to be believed."""

import json
from pathlib import Path

import pytest
from tests.ptytokens import Allowed, foreign, left_on, tokens

HOSTILE = json.loads((Path(__file__).parent / "data" / "hostile.json").read_text())["terminal"]

OURS = (
    b"\x1b[?1049h\x1b[?1000h\x1b[?25l\x1b[>25u\x1b[?2004h\x1b[?7l\x1b[6n\x1b[?2026$p"
    b"\x1b[2;23r\x1b[23H\n\n\x1b[r\x1b[?2026h\x1b[1Hplain \x1b[1;38;2;1;20;255;48;5;17mtext\x1b[22;39;49m\x1b[3;4H\x1b[5C\x1b[D\b\r\n"
    b"\x1bM\x1b[K\x1b]8;;https://example.org/x?y=1\x1b\\link\x1b]8;;\x1b\\\x1b[m\x1b[?2026l"
    + "漢字 e\u0301 👩\u200d💻 \u0600 ␛ ▎".encode()
)
AWAY = b"\x1b[m\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[<u\x1b[?1049l\x1b[?25h"


def test_what_the_program_sends_is_not_foreign() -> None:
    assert foreign(OURS + AWAY) == []
    assert b"".join(token.data.encode() for token in tokens(OURS + AWAY)) == OURS + AWAY


def test_places_count_bytes() -> None:
    assert [(token.place, token.data) for token in tokens("漢\r\x1b[2Jx".encode()) if token.kind != "text"] == [(3, "\r"), (4, "\x1b[2Jx")]
    assert foreign("漢字\x07".encode()) == [r"at byte 6: '\x07'"]


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - {"cr", "dsr_query", "decset_2026"}))
def test_what_attacks_a_terminal_is_foreign(name: str) -> None:
    assert foreign(OURS + HOSTILE[name]["text"].encode() + AWAY)


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - {"cr", "decset_2026"}))
def test_frames_hold_nothing_but_drawing(name: str) -> None:
    assert foreign(b"\x1b[1mx" + HOSTILE[name]["text"].encode(), Allowed(drawing=True))


@pytest.mark.parametrize(
    "sent",
    [
        b"\x1b", b"\x1b[", b"\x1b[m\x1b", b"\x1b[38;5;256m", b"\x1b[38;5m", b"\x1b[38;2;1;2m", b"\x1b[6m", b"\x1b[10m",
        b"\x1b[99m", b"\x1b[4:3m",
        b"\x1b[H", b"\x1b[0;1H", b"\x1b[1;1000H", b"\x1b[2K", b"\x1b[J", b"\x1b[5;5r", b"\x1b[9;2r", b"\x1b[2A", b"\x1b[99999C",
        b"\x1b[?12h", b"\x1b[?25$p", b"\x1b[5n", b"\x1b[c", b"\x1b[21t", b"\x1b[>1u", b"\x1b[?u", b"\x1b[?2026l", b"\x1b[?1049l",
        b"\x1b[?2026h\x1b[?2026h", b"\x1b]8;;file:///etc/passwd\x1b\\", b"\x1b]8;id=1;https://a\x1b\\", b"\x1b]8;;http://a b\x1b\\",
        "\x1b]8;;https://é.example\x1b\\".encode(), b"\x1b]8;;https://a\x07", b"\x1b]22;text\x07", b"\x1b[?2048h", b"\x1b[?1003h",
        b"\x1b]52;c;AAAA\x1b\\", b"\x1bc", b"\x1b7", b"\x1b(0", b"\x1bP+q\x1b\\", b"\x07",
        b"\x00", b"\x0b", b"\x0c", b"\x0e", b"\t", b"\x7f",
        b"\xc2\x9b31m", b"\x9b31m", b"\xff", b"\xc0\x9b", b"\xe0\x80\x9b", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe6\xbc",
        "\u202e".encode(), "\u2066".encode(), "\u200b".encode(), "\u200f".encode(), "\u2028".encode(), "\ufeff".encode(), "\xad".encode(),
        "\U000e0041".encode(), "\ufffe".encode(), "\U0001fffe".encode(), "\u3164".encode(), ("a" + "\u0301" * 9).encode(),
    ],
)  # fmt: skip
def test_whatever_is_not_allowed_is_foreign(sent: bytes) -> None:
    assert foreign(sent)
    assert foreign("text é ".encode() + sent + b" more")


def test_a_flood_of_marks_is_one_also_where_tokens_meet() -> None:
    assert foreign(("a" + "\u0301" * 8 + "b" + "\u0301" * 8).encode()) == []
    assert len(foreign(("a" + "\u0301" * 20).encode())) == 12


def test_only_what_was_copied_may_reach_the_clipboard() -> None:
    sent = b"\x1b]52;c;aGVsbG8=\x1b\\"
    assert foreign(sent)
    assert foreign(sent, Allowed(copied=["hullo"]))
    assert foreign(sent, Allowed(copied=["hello"])) == []


def test_what_is_left_on_is_told() -> None:
    assert left_on(OURS) == {"mode 1049", "mode 1000", "mode 25", "mode 2004", "mode 7", "keyboard"}
    assert left_on(OURS + AWAY) == set()
    assert left_on(b"\x1b[1m\x1b[2;3r\x1b]8;;http://a\x1b\\") == {"pen", "margins", "link"}
