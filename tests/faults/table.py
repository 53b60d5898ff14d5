"""What a server can do wrong, and what each must come to; written once, said in the words of each wire."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.byteserver import Close, Hold, Reset, Script, Send, Sleep, Step, Wait, chunked, json_response, response
from tests.faults.dialects import Dialect

from tokenfall.config import Deadlines
from tokenfall.events import Faulted
from tokenfall.messages import EndState
from tokenfall.wire import WIRES, Frame

SOON = 0.3
"""Seconds; a deadline that is waited for."""
MANY = 3
"""The first sending and two more."""

Said = Callable[[Dialect], bytes]


@dataclass(frozen=True, slots=True)
class Fault:
    """`scripts` are what the server does to each request, the last to all that follow; they are given the event that is set when the
    first text has been read. The turn is to end in `state` with exactly `text`, after `requests`; its error says `says`, "" where
    there is none to be. `greets` has the script played before the server has heard anything."""

    name: str
    scripts: Callable[[Dialect, asyncio.Event], Sequence[Script]]
    state: EndState | Callable[[Dialect], EndState] = "failed"
    text: str = ""
    requests: int | Callable[[Dialect], int] = 1
    says: str = ""
    deadlines: Deadlines = field(default=Deadlines(connect=20, first_event=60, between_events=60, body=20))
    greets: bool = False
    fits: Callable[[Dialect], bool] = lambda _: True


def head(dialect: Dialect, *lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {dialect.kind}", *lines, "", ""]).encode()


def in_chunks(dialect: Dialect, *pieces: bytes, last: bool = False) -> bytes:
    return head(dialect, "Transfer-Encoding: chunked") + chunked(*pieces, last=last)


def good(dialect: Dialect, *texts: str) -> bytes:
    return in_chunks(dialect, dialect.reply(*(texts or ("ab", "c"))), last=True)


def always(answer: Callable[[Dialect], bytes], *then: Step) -> Callable[[Dialect, asyncio.Event], Sequence[Script]]:
    return lambda dialect, _: [[Send(answer(dialect)), *then]]


def once(answer: Callable[[Dialect], bytes], *then: Step) -> Callable[[Dialect, asyncio.Event], Sequence[Script]]:
    """And a good reply to all that follow."""
    return lambda dialect, _: [[Send(answer(dialect)), *then], [Send(good(dialect))]]


def streamed(said: Said, *then: Step, last: bool = False) -> Callable[[Dialect, asyncio.Event], Sequence[Script]]:
    return always(lambda dialect: in_chunks(dialect, said(dialect), last=last), *then)


def when_read(said: Said, *then: Step) -> Callable[[Dialect, asyncio.Event], Sequence[Script]]:
    """A RST throws away what was not read yet, so it waits."""
    return lambda dialect, read: [[Send(in_chunks(dialect, said(dialect))), Wait(read), *then]]


def whole(body: Said, kind: str = "application/json") -> Callable[[Dialect, asyncio.Event], Sequence[Script]]:
    return always(lambda dialect: response("200 OK", body(dialect), kind=kind))


def ab(dialect: Dialect) -> bytes:
    return dialect.said("a", "b")


def status(line: str, *headers: tuple[str, str]) -> Said:
    return lambda dialect: json_response(dialect.error, line, headers)


def passes(dialect: Dialect) -> int:
    """How often a request is sent that is answered with `overloaded`: the wire knows whether that passes."""
    data = dialect.overloaded.decode().strip()
    event = "message"
    for each in data.splitlines():
        name, _, value = each.partition(": ")
        event, data = (value, data) if name == "event" else (event, value) if name == "data" else (event, data)
    decoded = WIRES[dialect.wire].decoder().decode(Frame(event, data, "", 0.0))
    return MANY if any(isinstance(each, Faulted) and each.passing for each in decoded) else 1


def ended_by_mark(dialect: Dialect) -> EndState:
    return "complete" if dialect.done else "cut_off"


def squeezed(dialect: Dialect) -> bytes:
    """gzip that shows all of `ab` and ends in the middle."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(ab(dialect)) + packer.flush(zlib.Z_SYNC_FLUSH) + packer.compress(dialect.finish)


def drip(piece: bytes, pause: float = 0.03) -> list[Step]:
    return [Send(chunked(piece)), Sleep(pause)] * 2000


SLOW_START = Deadlines(first_event=SOON)
SLOW_STREAM = Deadlines(first_event=60, between_events=SOON)
IS_SSE: Callable[[Dialect], bool] = lambda dialect: dialect.framing == "sse"  # noqa: E731 - it stands in a table
HAS_WHOLE: Callable[[Dialect], bool] = lambda dialect: dialect.whole is not None  # noqa: E731

CONNECTIONS = (
    Fault("closed when it is taken", lambda *_: [[Close()]], requests=MANY, says="It was tried 3 times", greets=True),
    Fault("reset when it is taken", lambda *_: [[Reset()]], requests=MANY, says="It was tried 3 times", greets=True),
    Fault("closed before an answer", lambda *_: [[Close()]], requests=MANY, says="broke off"),
    Fault("reset before an answer", lambda *_: [[Reset()]], requests=MANY, says="broke off"),
    Fault("closed in the headers", always(lambda _: b"HTTP/1.1 200 OK\r\nContent-Ty", Close()), requests=MANY, says="broke off"),
    Fault("closed once", lambda d, _: [[Close()], [Send(good(d))]], "complete", "abc", 2),
    Fault("closed twice", lambda d, _: [[Close()], [Reset()], [Send(good(d))]], "complete", "abc", 3),
    Fault("closed three times", lambda d, _: [[Close()], [Close()], [Close()], [Send(good(d))]], requests=MANY, says="tried 3 times"),
    Fault("another protocol", always(lambda _: b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Close()), says="not HTTP"),
    Fault("a status line without a status", always(lambda _: b"HTTP/1.1 fine\r\n\r\n", Close()), says="not HTTP"),
    Fault("a page without headers", always(lambda _: b"<html><body>hello</body></html>\r\n\r\n", Close()), says="not HTTP"),
    Fault("a TLS alert", always(lambda _: b"\x15\x03\x03\x00\x02\x02\x46\r\n\r\n", Close()), says="not HTTP"),
    Fault("an endless header", always(lambda _: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, Hold()), says="not HTTP"),
    Fault("two lengths", always(lambda d: head(d, "Content-Length: 5", "Content-Length: 7") + b"hello"), says="not HTTP"),
)

STATUSES = (
    *(
        Fault(f"status {line[:3]}", always(status(line)), says=f"(HTTP {line[:3]}): Its own words.")
        for line in (
            *("400 Bad", "401 Unauthorized", "402 Pay", "403 Forbidden", "404 Not Found", "405 No", "407 Proxy", "409 Conflict"),
            *("410 Gone", "413 Large", "418 Teapot", "422 No", "451 No", "501 No", "505 No"),
        )
    ),
    *(
        Fault(f"status {line[:3]}", always(status(line)), requests=MANY, says=f"(HTTP {line[:3]}): Its own words. It was tried 3 times.")
        for line in ("408 Late", "429 Slow", "500 No", "502 Bad", "503 Busy", "504 Late", "529 Overloaded")
    ),
    Fault("a status that passes", once(status("503 Busy")), "complete", "abc", 2),
    Fault("one failure, then a refusal", lambda d, _: [[Send(status("500 No")(d))], [Send(status("400 Bad")(d))]], requests=2,
          says="(HTTP 400): Its own words. It was tried 2 times."),
    Fault("Retry-After that is soon", once(status("429 Slow", ("Retry-After", "0.02"))), "complete", "abc", 2),
    Fault("Retry-After in milliseconds", once(status("429 Slow", ("retry-after-ms", "20"))), "complete", "abc", 2),
    Fault("Retry-After in the past", once(status("503 Busy", ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"))), "complete", "abc", 2),
    Fault("Retry-After that is none", once(status("503 Busy", ("Retry-After", "soon"))), "complete", "abc", 2),
    Fault("Retry-After over a minute", once(status("429 Slow", ("Retry-After", "61"))), says="Wait 61 seconds"),
    Fault("Retry-After in far future", once(status("503 Busy", ("Retry-After", "Wed, 21 Oct 2099 07:28:00 GMT"))), says="Wait "),
    *(
        Fault(f"redirect {line[:3]}", always(lambda _, line=line: response(line, headers=[("Location", "http://127.0.0.1:1/x")])),  # type: ignore[misc]
              says="wants to send the request to http://127.0.0.1:1/x; redirects are not followed")
        for line in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent")
    ),
    Fault("an error whose body breaks", always(lambda _: b"HTTP/1.1 400 Bad\r\nContent-Length: 50\r\n\r\n{", Close()), says="(HTTP 400)."),
    Fault("an error whose body never comes", always(lambda _: b"HTTP/1.1 400 Bad\r\nContent-Length: 50\r\n\r\n{", Hold()),
          says="(HTTP 400).", deadlines=Deadlines(body=SOON)),
    Fault("an error in HTML", always(lambda _: response("403 Forbidden", b"<h1>no</h1>", kind="text/html")), says="(HTTP 403)."),
)  # fmt: skip

BODIES = (
    Fault("no content", always(lambda _: b"HTTP/1.1 204 No Content\r\n\r\n"), says="an empty body"),
    Fault("an empty stream", always(lambda d: head(d, "Content-Length: 0")), says="without a word"),
    Fault("empty JSON", whole(lambda _: b""), says="an empty body"),
    Fault("a page", whole(lambda _: b"<html>hello</html>", "text/html; charset=utf-8"), says="a web page"),
    Fault("plain text", whole(lambda _: b"hello", "text/plain"), says="text/plain"),
    Fault("a type of nothing", whole(ab, ""), says="does not name"),
    Fault("an error with a good status", whole(lambda d: json.dumps(d.error).encode()), says="answered with an error: Its own words."),
    Fault("JSON that is half", whole(lambda _: b'{"choices": ['), says="JSON"),
    Fault("a whole reply", whole(lambda d: json.dumps(d.whole and d.whole("abc")).encode()), "complete", "abc", fits=HAS_WHOLE),
    Fault("gzip that is none", always(lambda d: head(d, "Content-Encoding: gzip", "Content-Length: 5") + b"hello"), says="compressed"),
    Fault("gzip that ends early", always(lambda d: head(d, "Content-Encoding: gzip", "Transfer-Encoding: chunked")
          + chunked(squeezed(d), last=True)), "cut_off", "ab", says="before the reply was finished"),
    Fault("gzip that is whole", always(lambda d: response("200 OK", gzip.compress(d.reply("abc")), kind=d.kind,
          headers=[("Content-Encoding", "gzip")])), "complete", "abc"),
    Fault("another charset is named", always(lambda d: head(d, "Connection: close").replace(d.kind.encode(), d.kind.encode()
          + b"; charset=windows-1252") + d.reply("é…"), Close()), "complete", "é…"),
    Fault("an older HTTP", always(lambda d: (head(d) + d.reply("abc")).replace(b"HTTP/1.1", b"HTTP/1.0", 1), Close()), "complete", "abc"),
    Fault("something before the answer", always(lambda d: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + good(d)), "complete", "abc"),
    Fault("a length too short", always(lambda d: head(d, f"Content-Length: {len(ab(d))}") + d.reply("a", "b"), Hold()), "cut_off", "ab",
          says="before the reply was finished"),
    Fault("a length too long", always(lambda d: head(d, "Content-Length: 99999") + ab(d), Close()), "cut_off", "ab", says="broke off"),
    Fault("a length too long of a whole reply", always(lambda d: head(d, "Content-Length: 99999") + d.reply("abc"), Close()),
          "complete", "abc"),
)  # fmt: skip

STREAMS = (
    Fault("an error before any text", streamed(lambda d: d.start + d.fault, last=True), says="answered with an error: It broke within"),
    Fault("an error that passes", lambda d, _: [[Send(in_chunks(d, d.start + d.overloaded, last=True))]], requests=passes,
          says="answered with an error"),
    Fault("an error after text", streamed(lambda d: ab(d) + d.fault, last=True), "cut_off", "ab",
          says="broke the reply off: It broke within"),
    Fault("an error that passes after text", streamed(lambda d: ab(d) + d.overloaded, last=True), "cut_off", "ab",
          says="broke the reply off"),
    Fault("text after an error", streamed(lambda d: ab(d) + d.fault + d.text("never") + d.finish + d.done, last=True), "cut_off", "ab",
          says="It broke within"),
    Fault("cut between events", streamed(ab, Close()), "cut_off", "ab", says="broke off"),
    Fault("cut in an event", streamed(lambda d: ab(d) + d.text("never")[:-9], Close()), "cut_off", "ab", says="broke off"),
    Fault("cut before an event's end", streamed(lambda d: ab(d) + d.text("never")[:-1], last=True),
          lambda d: "cut_off", "ab", says="before the reply was finished", fits=IS_SSE),
    Fault("cut in a character", streamed(lambda d: ab(d) + d.half + "é".encode()[:1], Close()), "cut_off", "ab", says="broke off"),
    Fault("cut in a chunk's head", always(lambda d: in_chunks(d, ab(d)) + b"5", Close()), "cut_off", "ab", says="broke off"),
    Fault("cut in a chunk", always(lambda d: in_chunks(d, ab(d)) + b"ff\r\n" + d.half, Close()), "cut_off", "ab", says="broke off"),
    Fault("a chunk of no length", always(lambda d: in_chunks(d, ab(d)) + b"zz\r\n\r\n", Hold()), "cut_off", "ab", says="not HTTP"),
    Fault("cut without a length", always(lambda d: head(d, "Connection: close") + ab(d), Close()), "cut_off", "ab",
          says="before the reply"),
    Fault("reset after text", when_read(ab, Reset()), "cut_off", "ab", says="broke off"),
    Fault("reset after the finish", when_read(lambda d: ab(d) + d.finish, Reset()), "complete", "ab"),
    Fault("cut after headers", streamed(lambda _: b"", Close()), requests=MANY, says="broke off"),
    Fault("cut before a token", streamed(lambda d: d.start + d.comment, Close()), requests=MANY, says="broke off"),
    Fault("cut once before a token", once(lambda d: in_chunks(d, d.start + d.comment), Close()), "complete", "abc", 2),
    Fault("ended without text", streamed(lambda d: d.start, last=True), says="without a word"),
    Fault("ended without a finish", streamed(ab, last=True), "cut_off", "ab", says="before the reply was finished"),
    Fault("no finish, but an end mark", streamed(lambda d: ab(d) + d.done, last=True), ended_by_mark, "ab"),
    Fault("a finish, but no end mark", streamed(lambda d: ab(d) + d.finish, last=True), "complete", "ab"),
    Fault("a finish, and cut", streamed(lambda d: ab(d) + d.finish, Close()), "complete", "ab"),
    Fault("a finish, and nothing more", streamed(lambda d: ab(d) + d.finish, Hold()), "complete", "ab", deadlines=SLOW_STREAM),
    Fault("an end mark on an open connection", streamed(lambda d: d.reply("a", "b"), Hold()), "complete", "ab"),
    Fault("text after the end mark", streamed(lambda d: d.reply("a", "b") + d.text("never"), last=True), "complete", "ab",
          fits=lambda d: bool(d.done)),
    Fault("a finish without text", streamed(lambda d: d.start + d.finish + d.done, last=True), "complete", ""),
    Fault("an event that is no JSON", streamed(lambda d: ab(d) + d.event("{not json"), Hold()), "cut_off", "ab", says="JSON"),
    Fault("only an event that is no JSON", streamed(lambda d: d.event("{not json"), Hold()), says="JSON"),
    Fault("an event that is no object", streamed(lambda d: ab(d) + d.event('"text"'), Hold()), "cut_off", "ab", says="object"),
    Fault("JSON too deep", streamed(lambda d: ab(d) + d.event("[" * 100_000), Hold()), "cut_off", "ab", says="JSON"),
    Fault("an endless line", streamed(lambda d: ab(d) + d.half + b"x" * (9 << 20), Hold()), "cut_off", "ab", says="8 MiB"),
    Fault("surrogates in two events", streamed(lambda d: d.reply("\ud83d", "\ude00"), last=True), "complete", "😀"),
    Fault("a lone surrogate", streamed(lambda d: d.reply("a\ud83d", "b"), last=True), "complete", "a\ufffdb"),
    Fault("bytes that are no UTF-8", streamed(lambda d: d.reply("aXb").replace(b"X", b"\xff"), last=True), "complete", "a\ufffdb"),
    Fault("other line ends", streamed(lambda d: d.reply("a", "b").replace(b"\n", b"\r\n"), last=True), "complete", "ab"),
    Fault("a byte order mark", streamed(lambda d: b"\xef\xbb\xbf" + d.reply("a", "b"), last=True), "complete", "ab", fits=IS_SSE),
    Fault("an event of another kind", streamed(lambda d: d.said("a") + b"event: heartbeat\ndata: {}\n\n" + d.text("b") + d.finish + d.done,
          last=True), "complete", "ab", fits=IS_SSE),
    Fault("comments between", streamed(lambda d: d.said("a") + d.comment * 3 + d.text("b") + d.comment + d.finish + d.done, last=True),
          "complete", "ab"),
    Fault("byte by byte", always(lambda d: in_chunks(d, *(bytes([byte]) for byte in d.reply("a", "b")), last=True)), "complete", "ab"),
)  # fmt: skip

STALLS = (
    Fault("nothing at all", lambda *_: [[Hold()]], says="sent no token for 0.3 seconds", deadlines=SLOW_START),
    Fault("headers and no more", streamed(lambda _: b"", Hold()), says="sent no token", deadlines=SLOW_START),
    Fault("comments only", lambda d, _: [[Send(in_chunks(d)), *drip(d.comment)]], says="sent no token", deadlines=SLOW_START),
    Fault("a start and no more", streamed(lambda d: d.start, Hold()), says="sent no token", deadlines=SLOW_START),
    Fault("starts for ever", lambda d, _: [[Send(in_chunks(d)), *drip(d.start)]], says="sent no token", deadlines=SLOW_START),
    Fault("half an event for ever", lambda d, _: [[Send(in_chunks(d, d.half)), *drip(b"x")]], says="sent no token", deadlines=SLOW_START),
    Fault("a stall after text", streamed(ab, Hold()), "cut_off", "ab", says="no token came for 0.3 seconds", deadlines=SLOW_STREAM),
    Fault("comments after text", lambda d, _: [[Send(in_chunks(d, ab(d))), *drip(d.comment)]], "cut_off", "ab", says="stalled",
          deadlines=SLOW_STREAM),
    Fault("single bytes after text", lambda d, _: [[Send(in_chunks(d, ab(d), d.half)), *drip(b"x")]], "cut_off", "ab", says="stalled",
          deadlines=SLOW_STREAM),
    Fault("a reply without end", streamed(ab, Hold()), "cut_off", "ab", says="still at it after 0.3 seconds",
          deadlines=Deadlines(first_event=60, between_events=60, whole=SOON)),
)  # fmt: skip

GROUPS = (CONNECTIONS, STATUSES, BODIES, STREAMS, STALLS)
FAULTS = tuple(fault for group in GROUPS for fault in group)
