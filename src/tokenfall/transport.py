"""The one room that speaks HTTP: a request out, stamped frames in, every failure in the house's own tree.

httpx costs start-up time, so nothing here imports it before `Transport.warm` or the first use.
"""

import asyncio
import json
import math
import re
import ssl
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from socket import gaierror
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

from tokenfall import __version__
from tokenfall.config import HEADER_NAME, Deadlines, Endpoint, is_loopback
from tokenfall.errors import NetworkError, ServiceError, TokenfallError, UserError, WireError
from tokenfall.events import Opened, Phases
from tokenfall.wire import WIRES, Frame, Framing
from tokenfall.wire.faults import fault_message, one_line
from tokenfall.wire.ndjson import LineSplitter
from tokenfall.wire.sse import EVENT_LIMIT, SSENormaliser

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


Arrival = Opened | Frame

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read; its message is at the beginning or nowhere."""
BODY_LIMIT = EVENT_LIMIT
"""Bytes of a whole reply or of a list of models."""
SLEPT = 1.0
"""Seconds that a deadline's timer may be late. Later than that the process was stopped (Ctrl-Z), which no server answers for."""

READ_AHEAD = 256
"""Arrivals kept for a reader that is slower than the socket, before the socket waits too."""
KEEP_ALIVE = 60.0
"""Seconds that an idle connection is kept, so that the next question is spared the handshakes; most servers close earlier."""

KEY = re.compile(r"[\x21-\x7e]+")
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")  # RFC 9110, section 5.5, without obs-text

LISTENS = "Start the server, or check host and port of the base URL."
TRY_LATER = "Try again in a moment."


# --- framing ---


class _Text:
    """As much of a response as httpx-sse asks for."""

    headers = {"content-type": "text/event-stream"}

    def __init__(self, text: str) -> None:
        self._text = text

    def iter_text(self) -> Iterator[str]:
        yield self._text


async def frames(
    chunks: AsyncIterator[tuple[float, bytes]], normaliser: SSENormaliser | None = None
) -> AsyncGenerator[Frame, None]:
    """Server-sent events out of stamped chunks, live or recorded. Raises WireError at the normaliser's limits."""
    from httpx_sse import EventSource

    plain = normaliser or SSENormaliser()
    async for at, chunk in chunks:
        if events := plain.feed(chunk):
            # these are whole, so a source of their own can read them: at each token that is a tenth of what one for all chunks costs
            source = EventSource(cast("httpx.Response", _Text(events.decode("utf-8", "replace"))))
            for event in source.iter_sse():
                yield Frame(event.event, event.data, event.id, at)


async def lines(chunks: AsyncIterator[tuple[float, bytes]]) -> AsyncGenerator[Frame, None]:
    """The lines of newline-delimited JSON out of stamped chunks. Raises WireError at the limit of a line."""
    splitter = LineSplitter()
    at = 0.0
    async for at, chunk in chunks:
        for line in splitter.feed(chunk):
            yield Frame("message", line, "", at)
    if rest := splitter.rest():
        yield Frame("message", rest, "", at)


Frames = Callable[[AsyncIterator[tuple[float, bytes]]], AsyncGenerator[Frame, None]]

FRAMINGS: Mapping[Framing, Frames] = {"sse": frames, "ndjson": lines}


async def _stamped(response: "httpx.Response") -> AsyncGenerator[tuple[float, bytes], None]:
    async for chunk in response.aiter_bytes():
        yield time.monotonic(), chunk


# --- one exchange on a task of its own ---


class _Pipe(Generic[T]):
    """From the task that reads the socket to the one that iterates."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._now = asyncio.get_running_loop().time
        self._due = math.inf
        self._alarm: asyncio.TimerHandle | None = None

    async def put(self, item: T) -> None:
        while len(self._items) >= READ_AHEAD:
            self._room.clear()
            await self._room.wait()
        self._items.append(item)
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()
        if self._alarm is not None:
            self._alarm.cancel()

    async def get(self, due: float) -> T | None:
        """None at the end. Raises TimeoutError when nothing has come by `due`, a time of the loop."""
        while not self._items:
            if self._ended:
                return None
            if self._now() >= due:
                raise TimeoutError
            self._set_alarm(due)
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._items.popleft()

    def _set_alarm(self, due: float) -> None:
        """One alarm does for many tokens: it is set again only when it rings before the time that is due by then."""
        self._due = due
        if self._alarm is not None and self._alarm.when() > due:
            self._alarm.cancel()
            self._alarm = None
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_at(due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._now() >= self._due:
            self._news.set()
        else:
            self._set_alarm(self._due)


Put = Callable[[T], Awaitable[None]]

_exchanges: set[asyncio.Task[None]] = set()
"""The loop itself keeps only weak references to tasks."""


@asynccontextmanager
async def _exchange(work: Callable[[Put[T]], Awaitable[None]]) -> AsyncGenerator[Callable[[float], Awaitable[T | None]], None]:
    """Runs `work` on a task of its own and gives the `get` of what it puts; leaving ends it.

    httpcore shields its closing of sockets from anyio's cancel scopes and not from asyncio's cancel: a second cancel, or one
    that meets a connection being closed, would leave the socket open. So nobody cancels this task but its scope, once, and
    whoever waits for its end may be cancelled as often as they like.
    """
    import anyio

    pipe: _Pipe[T] = _Pipe()
    scope = anyio.CancelScope()

    async def run() -> None:
        with scope:
            await work(pipe.put)

    task = asyncio.create_task(run())
    _exchanges.add(task)
    task.add_done_callback(_exchanges.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it is raised by get, or by nobody
    task.add_done_callback(lambda _: pipe.end())

    async def get(due: float) -> T | None:
        item = await pipe.get(due)
        if item is None:
            task.result()
        return item

    try:
        yield get
    finally:
        scope.cancel()
        await asyncio.wait({task})


# --- the transport ---


@dataclass(frozen=True, slots=True)
class _Clients:
    """Those that know certificates. `direct` never uses a proxy; `routed` goes where the environment says, or says why it can't."""

    direct: "httpx.AsyncClient | UserError"
    routed: "httpx.AsyncClient | UserError"


class Transport:
    """The HTTP clients of the program; one is made, and closed at the end. Every request is its caller's to close."""

    def __init__(self, deadlines: Deadlines | None = None) -> None:
        self._deadlines = deadlines or Deadlines()
        self._plain: httpx.AsyncClient | None = None
        self._clients: _Clients | None = None
        self._making = threading.Lock()

    def warm(self) -> None:
        """Makes the clients and loads the certificates: over 100 ms of blocking, for a thread at start-up.

        May be called again and from several threads.
        """
        self._make_plain()
        self._make_all()

    def _make_plain(self) -> "httpx.AsyncClient":
        """For plain HTTP on this machine, which waits for no certificates."""
        with self._making:
            if self._plain is None:
                self._plain = _new_client(self._deadlines, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), proxies=False)
                rehearsal = threading.Thread(target=asyncio.run, args=(_rehearse(),))  # a thread with a loop can't run another
                rehearsal.start()
                rehearsal.join()
            return self._plain

    def _make_all(self) -> _Clients:
        with self._making:
            if self._clients is None:
                self._clients = _make_clients(self._deadlines)
            return self._clients

    async def close(self) -> None:
        """Closes idle connections; streams are closed by those who iterate them."""
        clients = [self._plain, *((self._clients.direct, self._clients.routed) if self._clients else ())]
        self._plain = self._clients = None
        for client in clients:
            if client is not None and not isinstance(client, UserError):
                await client.aclose()

    async def stream(self, endpoint: Endpoint, body: Mapping[str, object]) -> AsyncGenerator[Arrival, None]:
        """Posts the body and yields `Opened`, then the frames of the reply; a reply that came whole is one frame.

        Closing the generator, or cancelling the task that iterates it, closes the socket at once.
        Raises UserError, NetworkError, ServiceError or WireError.
        """
        client = await self._client(endpoint)
        request = _request(client, "POST", endpoint, WIRES[endpoint.wire].path(str(body.get("model") or endpoint.model)), body)
        limits = self._deadlines
        asked = body.get("model")
        now = asyncio.get_running_loop().time
        limit, late = limits.first_event, f"sent nothing for {limits.first_event:g} seconds"
        due = now() + limit
        work = partial(_reply, client, request, _Asked(endpoint, asked if isinstance(asked, str) else ""), limits)
        async with _exchange(work) as get:
            while True:
                try:
                    arrival = await get(due)
                except TimeoutError:
                    if now() - due > SLEPT:
                        due = now() + limit
                        continue
                    raise NetworkError(f"{who(endpoint)} {late}; the connection was closed.", TRY_LATER) from None
                if arrival is None:
                    return
                yield arrival
                if isinstance(arrival, Frame):
                    limit, late = limits.between_events, f"stalled: no token came for {limits.between_events:g} seconds"
                    due = now() + limit

    async def list_models(self, endpoint: Endpoint) -> list[str]:
        """The names that the server lists, in its order. Raises as `stream` does."""
        client = await self._client(endpoint)
        wire = WIRES[endpoint.wire]
        request = _request(client, "GET", endpoint, wire.models_path, None)
        work = partial(_listing, client, request, _Asked(endpoint, ""), self._deadlines)
        async with _exchange(work) as get:
            try:
                text = await get(asyncio.get_running_loop().time() + self._deadlines.connect + self._deadlines.body)
            except TimeoutError:
                raise NetworkError(f"{who(endpoint)} did not answer with its models in time.", TRY_LATER) from None
        return wire.models(_parsed(text or "", endpoint))

    async def _client(self, endpoint: Endpoint) -> "httpx.AsyncClient":
        direct = _is_direct(endpoint)
        if direct and endpoint.base_url.lower().startswith("http:"):
            return self._plain if self._plain is not None else await asyncio.to_thread(self._make_plain)
        clients = self._clients if self._clients is not None else await asyncio.to_thread(self._make_all)
        client = clients.direct if direct else clients.routed
        if isinstance(client, UserError):
            raise client
        return client


async def _rehearse() -> None:
    """Frames a recorded event under a cancel scope: anyio imports for 100 ms when it first runs, and the first question shouldn't pay."""
    import anyio.lowlevel
    import anyio.streams.tls

    async def recorded() -> AsyncGenerator[tuple[float, bytes], None]:
        await anyio.lowlevel.checkpoint()
        yield 0.0, b"data: [DONE]\n\n"

    with anyio.CancelScope():
        async for _ in frames(recorded()):
            pass


def _make_clients(deadlines: Deadlines) -> _Clients:
    import httpx

    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        advice = "Check SSL_CERT_FILE and SSL_CERT_DIR in the environment."
        problem = UserError(f"The certificates of this machine can't be read: {error}.", advice)
        return _Clients(problem, problem)
    direct = _new_client(deadlines, context, proxies=False)
    try:
        return _Clients(direct, _new_client(deadlines, context, proxies=True))
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        advice = "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY."
        return _Clients(direct, UserError(f"The proxy that the environment names can't be used: {one_line(str(error))}", advice))


def _new_client(deadlines: Deadlines, context: ssl.SSLContext, *, proxies: bool) -> "httpx.AsyncClient":
    import httpx

    return httpx.AsyncClient(
        verify=context,
        trust_env=proxies,
        timeout=httpx.Timeout(None, connect=deadlines.connect),
        limits=httpx.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE),
        follow_redirects=False,
    )


def _is_direct(endpoint: Endpoint) -> bool:
    """Whether no proxy may come between. Raises UserError where the base URL is none."""
    try:
        host, _ = urlsplit(endpoint.base_url).hostname or "", urlsplit(endpoint.base_url).port
        if any(character.isspace() for character in host):
            raise ValueError(host)
        return is_loopback(endpoint.base_url)
    except ValueError:
        raise _FAILURES["InvalidURL"](endpoint) from None


# --- the request ---


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom a request asks, and for which model; what its errors name."""

    endpoint: Endpoint
    model: str


def _request(
    client: "httpx.AsyncClient", method: str, endpoint: Endpoint, path: str, body: Mapping[str, object] | None
) -> "httpx.Request":
    content = None if body is None else json.dumps(body).encode("ascii")
    with _translated(endpoint):
        return client.build_request(method, _url(endpoint.base_url, path), content=content, headers=_headers(endpoint))


def _url(base: str, path: str) -> str:
    parts = urlsplit(base)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def _headers(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Checked here, because httpx and h11 quote a bad value, which may be the key, in their exceptions."""
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",  # compressors hold tokens back
        "user-agent": f"tokenfall/{__version__}",
    }
    if key := _key(endpoint):
        if not KEY.fullmatch(key):
            raise _uncarried("key", endpoint)
        headers["authorization"] = f"Bearer {key}"
    for name, value in endpoint.headers:
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise _uncarried(f"header {name!a}", endpoint)
        headers[name.lower()] = value
    return list(headers.items())


class _Closable(Protocol):
    async def aclose(self) -> None: ...


def _key(endpoint: Endpoint) -> str:
    return endpoint.api_key.reveal() if endpoint.api_key is not None else ""


def _uncarried(what: str, endpoint: Endpoint) -> UserError:
    return UserError(f"The {what} of {endpoint.name} holds characters that HTTP can't carry.", "Check it for spaces and line ends.")


async def _send(client: "httpx.AsyncClient", request: "httpx.Request") -> "httpx.Response":
    """The response with its headers, or nothing left open: anyio drops a socket unclosed when its TLS handshake is cancelled."""
    import anyio

    opened: list[_Closable] = []

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            opened.append(info["return_value"])

    request.extensions["trace"] = trace
    try:
        return await client.send(request, stream=True)
    except BaseException:
        with anyio.CancelScope(shield=True):
            for stream in opened:
                await stream.aclose()
        raise


# --- the reply ---


async def _reply(
    client: "httpx.AsyncClient", request: "httpx.Request", asked: _Asked, deadlines: Deadlines, put: Put[Arrival]
) -> None:
    async with _answer(client, request, asked, deadlines) as response:
        at = time.monotonic()
        await put(Opened(at, Phases(headers=at)))
        kind = _content_type(response)
        if kind == "text/event-stream":
            await _put_frames(response, asked.endpoint, put)
        elif _is_json(kind):
            text = await _text(response, BODY_LIMIT)
            _parsed(text, asked.endpoint)
            await put(Frame("message", text, "", time.monotonic()))
        else:
            raise _not_a_reply(asked.endpoint, kind, "a stream")


async def _put_frames(response: "httpx.Response", endpoint: Endpoint, put: Put[Arrival]) -> None:
    try:
        async with aclosing(_stamped(response)) as chunks, aclosing(frames(chunks)) as events:
            async for frame in events:
                await put(frame)
    except WireError as error:
        raise WireError(f"{who(endpoint)}: {error.message}", error.advice) from error


async def _listing(
    client: "httpx.AsyncClient", request: "httpx.Request", asked: _Asked, deadlines: Deadlines, put: Put[str]
) -> None:
    async with _answer(client, request, asked, deadlines) as response:
        kind = _content_type(response)
        if kind == "text/html":
            raise _not_a_reply(asked.endpoint, kind, "a list of models")
        await put(await _text(response, BODY_LIMIT))


@asynccontextmanager
async def _answer(
    client: "httpx.AsyncClient", request: "httpx.Request", asked: _Asked, deadlines: Deadlines
) -> AsyncGenerator["httpx.Response", None]:
    """A response of the 200s, open; closed on leaving, whatever happens. Anything else is raised."""
    import anyio

    with _translated(asked.endpoint):
        response = await _send(client, request)
        try:
            if response.status_code >= 300:
                said = ""
                with anyio.move_on_after(deadlines.body):
                    said = _said(await _text(response, ERROR_BODY_LIMIT), _content_type(response))
                raise _refusal(asked, response, said)
            yield response
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()


async def _text(response: "httpx.Response", limit: int) -> str:
    """The body up to the limit, in bytes; what is beyond is not read."""
    body = bytearray()
    async with aclosing(_stamped(response)) as chunks:
        async for _, chunk in chunks:
            body += chunk
            if len(body) >= limit:
                break
    return body[:limit].decode("utf-8", "replace")


def _content_type(response: "httpx.Response") -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def _parsed(text: str, endpoint: Endpoint) -> object:
    """The JSON of a body. Raises WireError where it isn't any and ServiceError where it reports an error."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise WireError(f"{who(endpoint)} answered with text that is not JSON: {hidden(text[:200], endpoint)!a}") from None
    said = fault_message(value)
    if said is not None:
        raise ServiceError(sentence(f"{who(endpoint)} answered with an error", said, endpoint), TRY_LATER, status=200)
    return value


# --- errors ---


def who(endpoint: Endpoint) -> str:
    """How sentences name an endpoint."""
    return f"{endpoint.name} ({_origin(endpoint)})"


def _origin(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def hidden(text: str, endpoint: Endpoint) -> str:
    """Without the key, which some services repeat when they refuse it."""
    key = _key(endpoint)
    return text.replace(key, "[key]") if key else text


def sentence(what: str, said: str, endpoint: Endpoint) -> str:
    """`what` happened, and what the service `said` of it, without the key."""
    if not said:
        return f"{what}."
    return f"{what}: {hidden(said, endpoint)}" + ("" if said[-1] in ".!?…" else ".")


def _said(body: str, kind: str) -> str:
    """The service's own words in an error's body: its message, or the text where it is plain."""
    try:
        return fault_message(json.loads(body)) or ""
    except (ValueError, RecursionError):
        return "" if kind == "text/html" else one_line(body)


_REFUSALS: Mapping[int, tuple[str, str]] = {
    400: ("did not accept the request", "Check the model's name and what it can take."),
    401: ("did not accept the key", "Check the key of this endpoint."),
    402: ("wants to be paid first", "Check the account at the service."),
    403: ("refused access", "Check the key of this endpoint, and what it is allowed to use."),
    404: ("knows no such model or path", "Check the model's name and the base URL; many end in /v1."),
    408: ("gave up waiting", TRY_LATER),
    413: ("found the request too large", "Start a new conversation or send less."),
    422: ("did not accept the request", "Check the model's name and what it can take."),
    429: ("is asked too often, or the account's limit is reached", "Wait before you send again."),
    503: ("is not ready", TRY_LATER),
    529: ("is overloaded", TRY_LATER),
}


def _refusal(asked: _Asked, response: "httpx.Response", said: str) -> ServiceError:
    status, endpoint = response.status_code, asked.endpoint
    if status < 400:
        target = hidden(one_line(str(response.headers.get("location", "")))[:200], endpoint) or "an address that it does not name"
        return ServiceError(
            f"{who(endpoint)} wants to send the request to {target}; redirects are not followed, because the key would go along.",
            "If that address is right, make it the base URL.",
            status=status,
        )
    what, advice = _REFUSALS.get(status) or (("refused the request", "") if status < 500 else ("failed", TRY_LATER))
    if status == 401 and not _key(endpoint):
        what, advice = "wants a key", "Name the variable that holds it with --api-key-env."
        if endpoint.api_key_env:
            advice = f"Set {endpoint.api_key_env} in the environment."
    if status == 404 and asked.model:
        what += f" (asked for the model {one_line(asked.model)[:100]})"
    wait = _retry_after(str(response.headers.get("retry-after", "")))
    if wait:
        advice = f"Wait {math.ceil(wait)} seconds before you send again."
    return ServiceError(sentence(f"{who(endpoint)} {what} (HTTP {status})", said, endpoint), advice, status=status, retry_after=wait)


def _retry_after(value: str) -> float | None:
    """Seconds; RFC 9110, section 10.2.3: a number or a date. Some services send fractions."""
    try:
        wait = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        wait = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(wait, 0.0) if math.isfinite(wait) else None


def _not_a_reply(endpoint: Endpoint, kind: str, wanted: str) -> WireError:
    what = "a web page" if kind == "text/html" else one_line(kind)[:100] or "something that it does not name"
    return WireError(f"{who(endpoint)} answered with {what}, not {wanted}: check the base URL.", "Many end in /v1.")


@contextmanager
def _translated(endpoint: Endpoint) -> Iterator[None]:
    """The border: httpx's exceptions become the house's, and the wire's errors get the endpoint's name."""
    import httpx

    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _translation(error, endpoint) from error


def _translation(error: Exception, endpoint: Endpoint) -> TokenfallError:
    names = [ancestor.__name__ for ancestor in type(error).__mro__]
    if "ConnectError" in names:
        for cause in _causes(error):
            for kind, translate in _CAUSES:
                if isinstance(cause, kind):
                    return translate(endpoint, cause)
    for name in names:
        if name in _FAILURES:
            return _FAILURES[name](endpoint)
    return NetworkError(f"The connection to {who(endpoint)} failed ({type(error).__name__}).", TRY_LATER)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What lies under an exception, groups opened: of several addresses tried, each has its own."""
    todo: list[BaseException | None] = [error]
    while todo:
        found = todo.pop()
        if found is not None:
            yield found
            todo += (found.__cause__ or found.__context__, *(found.exceptions if isinstance(found, BaseExceptionGroup) else ()))


def _refused(endpoint: Endpoint, _: BaseException) -> TokenfallError:
    return NetworkError(f"Nothing listens at {_origin(endpoint)} (endpoint {endpoint.name}).", LISTENS)


def _unknown_host(endpoint: Endpoint, _: BaseException) -> TokenfallError:
    host = urlsplit(endpoint.base_url).hostname
    return NetworkError(
        f"The host {host} of {endpoint.name} is not known.", "Check the spelling of the base URL, and whether this machine is on-line."
    )


def _untrusted(endpoint: Endpoint, error: BaseException) -> TokenfallError:
    why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
    return NetworkError(
        sentence(f"The certificate of {who(endpoint)} can't be trusted", one_line(why), endpoint),
        "For a private authority, name its file in SSL_CERT_FILE.",
    )


def _no_tls(endpoint: Endpoint, error: BaseException) -> TokenfallError:
    why = error.reason if isinstance(error, ssl.SSLError) else ""
    return NetworkError(
        sentence(f"No TLS connection could be made to {who(endpoint)}", (why or "").replace("_", " ").lower(), endpoint),
        "If the server speaks plain HTTP, the base URL begins with http://.",
    )


_CAUSES: tuple[tuple[type[BaseException], Callable[[Endpoint, BaseException], TokenfallError]], ...] = (
    (ssl.SSLCertVerificationError, _untrusted),
    (ssl.SSLError, _no_tls),
    (gaierror, _unknown_host),
    (ConnectionRefusedError, _refused),
)
"""Causes that tell more than the ConnectError that came of them."""

_FAILURES: Mapping[str, Callable[[Endpoint], TokenfallError]] = {
    "ConnectTimeout": lambda e: NetworkError(f"{who(e)} did not take the connection in time.", LISTENS),
    "ConnectError": lambda e: NetworkError(f"No connection could be made to {who(e)}.", LISTENS),
    "ProxyError": lambda e: NetworkError(f"The proxy refused to connect to {who(e)}.", "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY."),
    "ReadError": lambda e: NetworkError(f"The connection to {who(e)} broke off.", "Send the question again."),
    "WriteError": lambda e: NetworkError(f"The connection to {who(e)} broke off.", "Send the question again."),
    "RemoteProtocolError": lambda e: NetworkError(f"{who(e)} broke off before its answer was whole.", "Send the question again."),
    "DecodingError": lambda e: WireError(f"{who(e)} sent compressed bytes that can't be read."),
    "InvalidURL": lambda e: UserError(f"The base URL of {e.name} is not a URL.", "It looks like https://example.com/v1."),
    "UnsupportedProtocol": lambda e: UserError(f"The base URL of {e.name} is not http or https.", "It looks like https://example.com/v1."),
}
"""By the names of httpx's exceptions, which is imported late."""
