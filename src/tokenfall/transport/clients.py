"""The HTTP clients of the program, and whose certificates they trust. httpx costs start-up time, so nothing is made before it is needed."""

import asyncio
import ssl
import sys
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tokenfall.config import NO_PROXY, Endpoint, is_loopback
from tokenfall.errors import UserError
from tokenfall.transport.failures import FAILURES
from tokenfall.transport.framing import frames
from tokenfall.wire.faults import one_line

if TYPE_CHECKING:
    import httpx

KEEP_ALIVE = 60.0
"""Seconds that an idle connection is kept, so that the next question is spared the handshakes; most servers close earlier."""

@dataclass(frozen=True, slots=True)
class Way:
    """How an endpoint is reached. `proxy` and `ca_file` as in `Endpoint`; what is `plain` needs no certificates."""

    proxy: str
    ca_file: Path | None
    plain: bool = False


DEFAULT_WAY = Way("", None)
PLAIN_WAY = Way(NO_PROXY, None, plain=True)


class Clients:
    """One client for each way, made when it is first taken. Safe to use from several threads."""

    def __init__(self) -> None:
        self._made: dict[Way, httpx.AsyncClient] = {}
        self._contexts: dict[Path | None, ssl.SSLContext] = {}
        self._making = threading.Lock()

    def make(self, way: Way) -> "httpx.AsyncClient":
        """Blocks, the first time for over 100 ms. Raises UserError."""
        with self._making:
            if way not in self._made:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if way.plain else self._context(way.ca_file)
                self._made[way] = _client(context, way.proxy)
                if way.plain:
                    rehearsal = threading.Thread(target=asyncio.run, args=(_rehearse(),))  # a thread with a loop can't run another
                    rehearsal.start()
                    rehearsal.join()
            return self._made[way]

    async def take(self, endpoint: Endpoint) -> "httpx.AsyncClient":
        """Raises UserError where the base URL is none, the proxy can't be used or certificates can't be read."""
        way = way_to(endpoint)
        made = self._made.get(way)
        return made if made is not None else await asyncio.to_thread(self.make, way)

    async def close(self) -> None:
        made, self._made = self._made, {}
        for client in made.values():
            await client.aclose()

    def _context(self, ca_file: Path | None) -> ssl.SSLContext:
        if ca_file not in self._contexts:
            context = trusting_the_system()
            if ca_file is not None:
                try:
                    context.load_verify_locations(ca_file)
                except OSError as error:
                    problem = f"The certificates in {ca_file} can't be read: {one_line(str(error.strerror or error))}."
                    raise UserError(problem, "ca_file names certificates in PEM form.") from error
            self._contexts[ca_file] = context
        return self._contexts[ca_file]


def way_to(endpoint: Endpoint) -> Way:
    """This machine is reached without the environment's proxy. Raises UserError where the base URL is none."""
    near = _is_near(endpoint)
    if endpoint.proxy == NO_PROXY or (near and not endpoint.proxy):
        return PLAIN_WAY if endpoint.base_url.lower().startswith("http:") else Way(NO_PROXY, endpoint.ca_file)
    return Way(endpoint.proxy, endpoint.ca_file)


def _is_near(endpoint: Endpoint) -> bool:
    try:
        host, _ = urlsplit(endpoint.base_url).hostname or "", urlsplit(endpoint.base_url).port
        if any(character.isspace() for character in host):
            raise ValueError(host)
        return is_loopback(endpoint.base_url)
    except ValueError:
        raise FAILURES["InvalidURL"](endpoint) from None


def trusting_the_system() -> ssl.SSLContext:
    """What the system trusts, or in its place what SSL_CERT_FILE and SSL_CERT_DIR name.

    macOS and Windows judge certificates themselves, which truststore asks them to. Elsewhere the system's store is a file or folder
    that OpenSSL knows; truststore reads it again for each connection, which holds the event loop up for 45 ms, so it is read once
    here. A system without any gets the certificates that come with httpx.
    """
    import os

    import httpx

    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if file or folder:
            return ssl.create_default_context(cafile=file or None, capath=None if file else folder)
        if sys.platform == "darwin" or sys.platform == "win32":
            import truststore

            return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        known = ssl.get_default_verify_paths()
        if known.cafile or (known.capath and any(Path(known.capath).glob("*.0"))):
            return ssl.create_default_context()
        return httpx.create_ssl_context(trust_env=False)
    except OSError as error:
        advice = "Check SSL_CERT_FILE and SSL_CERT_DIR in the environment."
        raise UserError(f"The certificates of this machine can't be read: {error}.", advice) from error


def _client(context: ssl.SSLContext, proxy: str) -> "httpx.AsyncClient":
    import httpx

    try:
        return httpx.AsyncClient(
            verify=context,
            trust_env=not proxy,
            proxy=proxy if proxy not in {"", NO_PROXY} else None,
            timeout=None,  # each request brings its own
            limits=httpx.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE),
            follow_redirects=False,
        )
    except ImportError as error:
        raise UserError("A SOCKS proxy needs a package that is not installed.", 'Install it with: pip install "httpx[socks]"') from error
    except (ValueError, httpx.InvalidURL) as error:
        if proxy:
            problem = "The proxy that is configured can't be used: it is not a URL of a proxy."  # it may hold a password
            raise UserError(problem, 'It looks like "http://proxy.example:3128".') from error
        problem = f"The proxy that the environment names can't be used: {one_line(str(error))}"
        raise UserError(problem, "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY.") from error


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
