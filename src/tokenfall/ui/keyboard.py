"""From the bytes that a terminal sends to Textual's messages."""

import codecs
import time
from collections.abc import Callable, Iterator

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.message import Message

from tokenfall.terminal.pastes import Pasted, Pastes

KEY_S = constants.ESCAPE_DELAY
"""How long Esc, and Alt with [, may be the beginning of something longer."""

TORN_S = 1.0
"""How long more than that may be: no key is sent in pieces, so the line is slow."""


class Keyboard:
    """Textual's own parser takes pastes character by character, megabytes in seconds, and takes an Esc in one for the end of it;
    so it sees none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pastes = Pastes()
        self._parser = XTermParser()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._came_at = 0.0

    def feed(self, data: bytes) -> Iterator[Message]:
        self._came_at = self._clock()
        for piece in self._pastes.feed(data):
            if isinstance(piece, Pasted):
                yield events.Paste(piece.data.decode("utf-8", "replace"))
            else:
                yield from self._parsed(piece.data)

    def tick(self) -> Iterator[Message]:
        """What only the time that has passed since tells: that it was the key Esc."""
        held = self._pastes.held
        if held and self._clock() - self._came_at >= (KEY_S if len(held) < 3 else TORN_S):
            yield from self._parsed(self._pastes.given_up())
            if self._parser._timeout_time is not None:
                self._parser._timeout_time = 0.0  # it has waited here, and need not wait there once more
        yield from self._parser.tick()

    def _parsed(self, data: bytes) -> Iterator[Message]:
        if not (text := self._decode(data)):
            return  # no text would be the end of all for the parser
        try:
            yield from self._parser.feed(text)
        except (ValueError, OverflowError):
            # numbers in a report that are none, or code points that are none; after an exception it parses no more
            self._parser = XTermParser()
