"""The border: httpx's exceptions become the house's, by a table."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from socket import EAI_AGAIN, gaierror
from urllib.parse import urlsplit

from tokenfall.config import Endpoint
from tokenfall.errors import NetworkError, TokenfallError, UserError, WireError
from tokenfall.transport.naming import LISTENS, TRY_LATER, origin, sentence, who
from tokenfall.wire.faults import one_line


@contextmanager
def translated(endpoint: Endpoint) -> Iterator[None]:
    """The border: httpx's exceptions become the house's, and the wire's errors get the endpoint's name."""
    import httpx

    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _translation(error, endpoint) from error


CLOSED = ("Server disconnected", "peer closed connection", "peer unexpectedly closed connection")
"""How httpcore and h11 begin to tell of a connection that was closed too early; what else they find is not HTTP."""


def _translation(error: Exception, endpoint: Endpoint) -> TokenfallError:
    names = [ancestor.__name__ for ancestor in type(error).__mro__]
    if "ConnectError" in names:
        for cause in _causes(error):
            for kind, translate in _CAUSES:
                if isinstance(cause, kind):
                    return translate(endpoint, cause)
    if "RemoteProtocolError" in names and str(error).startswith(CLOSED):
        return NetworkError(f"{who(endpoint)} broke off before its answer was whole.", "Send the question again.", passing=True)
    for name in names:
        if name in FAILURES:
            return FAILURES[name](endpoint)
    return NetworkError(f"The connection to {who(endpoint)} failed ({type(error).__name__}).", TRY_LATER, passing=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What lies under an exception, groups opened: of several addresses tried, each has its own."""
    todo: list[BaseException | None] = [error]
    while todo:
        found = todo.pop()
        if found is not None:
            yield found
            todo += (found.__cause__ or found.__context__, *(found.exceptions if isinstance(found, BaseExceptionGroup) else ()))


def _refused(endpoint: Endpoint, _: BaseException) -> TokenfallError:
    return NetworkError(f"Nothing listens at {origin(endpoint)} (endpoint {endpoint.name}).", LISTENS, passing=True)


def _unknown_host(endpoint: Endpoint, error: BaseException) -> TokenfallError:
    host = urlsplit(endpoint.base_url).hostname
    return NetworkError(
        f"The host {host} of {endpoint.name} is not known.",
        "Check the spelling of the base URL, and whether this machine is on-line.",
        passing=isinstance(error, OSError) and error.errno == EAI_AGAIN,
    )


def _untrusted(endpoint: Endpoint, error: BaseException) -> TokenfallError:
    why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
    return NetworkError(
        sentence(f"The certificate of {who(endpoint)} can't be trusted", one_line(why), endpoint),
        "For a private authority, name its file as the endpoint's ca_file.",
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

FAILURES: Mapping[str, Callable[[Endpoint], TokenfallError]] = {
    "ConnectTimeout": lambda e: NetworkError(f"{who(e)} did not take the connection in time.", LISTENS, passing=True),
    "ConnectError": lambda e: NetworkError(f"No connection could be made to {who(e)}.", LISTENS, passing=True),
    "ProxyError": lambda e: NetworkError(f"The proxy refused to connect to {who(e)}.", "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY."),
    "ReadError": lambda e: NetworkError(f"The connection to {who(e)} broke off.", "Send the question again.", passing=True),
    "WriteError": lambda e: NetworkError(f"The connection to {who(e)} broke off.", "Send the question again.", passing=True),
    "RemoteProtocolError": lambda e: WireError(f"{who(e)} answered with bytes that are not HTTP.", "Check host and port of the base URL."),
    "DecodingError": lambda e: WireError(f"{who(e)} sent compressed bytes that can't be read."),
    "InvalidURL": lambda e: UserError(f"The base URL of {e.name} is not a URL.", "It looks like https://example.com/v1."),
    "UnsupportedProtocol": lambda e: UserError(f"The base URL of {e.name} is not http or https.", "It looks like https://example.com/v1."),
}
"""By the names of httpx's exceptions, which is imported late."""
