"""The HTTP clients of the program. httpx costs start-up time, so it is imported when the first of them is made."""

import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tokenfall.config import Deadlines, Endpoint, is_loopback
from tokenfall.errors import UserError
from tokenfall.transport.failures import FAILURES
from tokenfall.transport.framing import frames
from tokenfall.wire.faults import one_line

if TYPE_CHECKING:
    import httpx

KEEP_ALIVE = 60.0
"""Seconds that an idle connection is kept, so that the next question is spared the handshakes; most servers close earlier."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Those that know certificates. `direct` never uses a proxy; `routed` goes where the environment says, or says why it can't."""

    direct: "httpx.AsyncClient | UserError"
    routed: "httpx.AsyncClient | UserError"

async def rehearse() -> None:
    """Frames a recorded event under a cancel scope: anyio imports for 100 ms when it first runs, and the first question shouldn't pay."""
    import anyio.lowlevel
    import anyio.streams.tls

    async def recorded() -> AsyncGenerator[tuple[float, bytes], None]:
        await anyio.lowlevel.checkpoint()
        yield 0.0, b"data: [DONE]\n\n"

    with anyio.CancelScope():
        async for _ in frames(recorded()):
            pass


def make_clients(deadlines: Deadlines) -> Clients:
    import httpx

    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        advice = "Check SSL_CERT_FILE and SSL_CERT_DIR in the environment."
        problem = UserError(f"The certificates of this machine can't be read: {error}.", advice)
        return Clients(problem, problem)
    direct = new_client(deadlines, context, proxies=False)
    try:
        return Clients(direct, new_client(deadlines, context, proxies=True))
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        advice = "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY."
        return Clients(direct, UserError(f"The proxy that the environment names can't be used: {one_line(str(error))}", advice))


def new_client(deadlines: Deadlines, context: ssl.SSLContext, *, proxies: bool) -> "httpx.AsyncClient":
    import httpx

    return httpx.AsyncClient(
        verify=context,
        trust_env=proxies,
        timeout=httpx.Timeout(None, connect=deadlines.connect),
        limits=httpx.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE),
        follow_redirects=False,
    )


def is_direct(endpoint: Endpoint) -> bool:
    """Whether no proxy may come between. Raises UserError where the base URL is none."""
    try:
        host, _ = urlsplit(endpoint.base_url).hostname or "", urlsplit(endpoint.base_url).port
        if any(character.isspace() for character in host):
            raise ValueError(host)
        return is_loopback(endpoint.base_url)
    except ValueError:
        raise FAILURES["InvalidURL"](endpoint) from None
