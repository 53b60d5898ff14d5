"""Pastes, cut out of what the terminal sends before anything in them can be taken for a key.

Bracketed paste: xterm's ctlseqs, "Bracketed Paste Mode". All between the two marks is text, whatever it looks like; what follows
the first mark of the end was typed, by the protocol's own definition.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

BEGIN, END = b"\x1b[200~", b"\x1b[201~"


@dataclass(frozen=True, slots=True)
class Typed:
    """Keys, and what the terminal reports."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pasted:
    data: bytes


class Pastes:
    """Takes bytes as they come. What may be the beginning of a mark is held back until more comes, or until it is `given_up`;
    a mark that comes torn all the same still begins a paste."""

    def __init__(self) -> None:
        self.held = b""
        self._given_up = b""
        self._paste: bytearray | None = None

    def feed(self, data: bytes) -> Iterator[Typed | Pasted]:
        while data:
            data = yield from self._typed(data) if self._paste is None else self._pasted(self._paste, data)

    def given_up(self) -> bytes:
        """What was held back, because nothing follows it: it was typed."""
        typed, self.held = self.held, b""
        self._given_up += typed
        return typed

    # both give what is left of the data

    def _typed(self, data: bytes) -> Generator[Typed | Pasted, None, bytes]:
        text, self.held = self.held + data, b""
        torn, self._given_up = self._given_up, b""
        whole = torn + text
        if torn and (BEGIN.startswith(whole) or whole.startswith(BEGIN)):
            begins = whole.startswith(BEGIN)
            typed, rest = b"", whole[len(BEGIN) :]
        else:
            typed, mark, rest = text.partition(BEGIN)
            begins, torn = bool(mark), b""
        if begins:
            self._paste = bytearray()
        elif torn:
            self.held, self._given_up = text, torn
        else:
            self.held = _beginning(typed)
            typed = typed.removesuffix(self.held)
        if typed:
            yield Typed(typed)
        return rest

    def _pasted(self, paste: bytearray, data: bytes) -> Generator[Typed | Pasted, None, bytes]:
        before = len(paste)
        paste += data
        end = paste.find(END, max(before - len(END), 0))
        if end < 0:
            return b""
        self._paste = None
        yield Pasted(bytes(paste[:end]))
        return bytes(paste[end + len(END) :])


def _beginning(text: bytes) -> bytes:
    """What of the end of a text may be the beginning of a paste's first mark."""
    at = text.rfind(BEGIN[:1], -len(BEGIN))
    return text[at:] if at >= 0 and BEGIN.startswith(text[at:]) else b""
