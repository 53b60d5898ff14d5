"""Server-sent events in front of httpx-sse: bytes in any form the standard allows in, bytes in one plain form out.

The standard is WHATWG HTML 9.2.6 ("Interpreting an event stream"). What leaves here has no byte order mark, LF for every line
end, no comments, no unknown fields, no `retry`, and only whole events that hold data; what httpx-sse makes of such a stream
is what the standard asks for.
"""

from tokenfall.errors import WireError

MEBIBYTE = 1024 * 1024
LINE_LIMIT = 8 * MEBIBYTE
"""Bytes of one line: an image in base64 fits, an endless line ends."""
EVENT_LIMIT = 16 * MEBIBYTE
"""Bytes of one event's data lines together."""
RETRY_DIGITS = 100
"""A longer `retry` is ignored: no wait is that long, and int() is quadratic and bounded."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
COLON = ord(":")
LF = ord("\n")


class SSENormaliser:
    """One per response. `feed` takes bytes as they come and returns the events that they complete.

    An event leaves with the byte that ends its blank line, also when that is a CR whose LF may follow. An event that the
    stream's end cuts off never leaves. What one `feed` returns is a stream by itself: it needs no ID told before. Invalid UTF-8
    passes through, to be replaced where the bytes are decoded.
    Work and memory are linear in the bytes fed. Raises WireError at the limits.

    `comments` counts comment lines, `retry` is the last legal value in milliseconds.
    """

    def __init__(self) -> None:
        self.comments = 0
        self.retry: int | None = None
        self._head: bytes | None = b""
        """What may be the beginning of a byte order mark; None once that is settled."""
        self._after_cr = False
        self._line = bytearray()
        self._event = b""
        self._data: list[bytes] = []
        self._size = 0
        self._id = b""
        self._committed_id = b""
        self._told_id = b""

    @property
    def last_event_id(self) -> str:
        return self._committed_id.decode("utf-8", "replace")

    def feed(self, chunk: bytes) -> bytes:
        self._told_id = b""
        if self._head is not None:
            chunk = self._without_mark(self._head + chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == LF:
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        out: list[bytes] = []
        for part in lines:
            line = part
            if self._line:
                self._line += part
                line = bytes(self._line)
                self._line.clear()
            _check(len(line), LINE_LIMIT, "A line")
            self._take(line, out)
        self._line += rest
        _check(len(self._line), LINE_LIMIT, "A line")
        return b"".join(out)

    def _without_mark(self, head: bytes) -> bytes:
        if len(head) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(BYTE_ORDER_MARK)

    def _take(self, line: bytes, out: list[bytes]) -> None:
        if not line:
            self._dispatch(out)
        elif line[0] == COLON:
            self.comments += 1
        else:
            name, _, value = line.partition(b":")
            self._field(name, value.removeprefix(b" "), len(line))

    def _field(self, name: bytes, value: bytes, length: int) -> None:
        match name:
            case b"data":
                self._size += length + 1
                _check(self._size, EVENT_LIMIT, "An event")
                self._data.append(value)
            case b"event":
                self._event = value
            case b"id" if b"\0" not in value:
                self._id = value
            case b"retry" if value.isdigit() and len(value) <= RETRY_DIGITS:
                self.retry = int(value)
            case _:
                pass  # the standard ignores fields that it does not name

    def _dispatch(self, out: list[bytes]) -> None:
        self._committed_id = self._id
        if self._data:
            if self._event:
                out += (b"event: ", self._event, b"\n")
            if self._id != self._told_id:
                out += (b"id: ", self._id, b"\n")
                self._told_id = self._id
            for value in self._data:
                out += (b"data: ", value, b"\n")
            out.append(b"\n")
        self._event = b""
        self._data = []
        self._size = 0


def _check(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise WireError(f"{what} of the event stream is longer than the limit of {limit // MEBIBYTE} MiB.")
