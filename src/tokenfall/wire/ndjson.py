"""Newline-delimited JSON: one JSON text a line (ndjson.org, "NDJSON specification", section 3)."""

import json

from tokenfall.errors import WireError
from tokenfall.wire.sse import LINE_LIMIT, MEBIBYTE


class LineSplitter:
    """One per response. `feed` takes bytes as they come and returns the lines that they complete, empty ones left out.

    Only LF and CR LF end a line: what Unicode calls a line end may stand inside JSON. Work and memory are linear in the bytes fed.
    Raises WireError at the limit of a line.
    """

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, chunk: bytes) -> list[str]:
        *whole, rest = chunk.split(b"\n")
        found = []
        for part in whole:
            line = part
            if self._line:
                self._line += part
                line = bytes(self._line)
                self._line.clear()
            _check(len(line))
            if text := _text(line):
                found.append(text)
        self._line += rest
        _check(len(self._line))
        return found

    def rest(self) -> str:
        """The last line, which may lack its end; "" where the stream broke off in the middle of it."""
        text = _text(bytes(self._line))
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return ""
        return text


def _text(line: bytes) -> str:
    return line.strip(b" \t\r").decode("utf-8", "replace")


def _check(size: int) -> None:
    if size > LINE_LIMIT:
        raise WireError(f"A line of the stream is longer than the limit of {LINE_LIMIT // MEBIBYTE} MiB.")
