"""TLS, and whose certificates are trusted. `localhost.pem` signs itself, for this machine only; its key is no secret."""

import ssl
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import truststore
from tests.byteserver import ByteServer, Send, openai_reply
from tests.transport.asking import at, collect, fault, texts

from tokenfall.errors import NetworkError, UserError
from tokenfall.events import Opened
from tokenfall.transport import Transport, clients

CERTIFICATE = Path(__file__).with_name("localhost.pem")


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def test_an_authority_of_one_s_own(transport: Transport, tls: ssl.SSLContext) -> None:
    async with ByteServer([Send(openai_reply(["a"]))], tls=tls) as server:
        got = await collect(transport, replace(at(server), ca_file=CERTIFICATE))
        again = await collect(transport, replace(at(server), ca_file=CERTIFICATE))
    assert texts(got) == texts(again) == "a"
    first, second = got[0], again[0]
    assert isinstance(first, Opened)
    assert isinstance(second, Opened)
    assert first.phases.connected is not None
    assert first.phases.tls is not None
    assert first.phases.connected <= first.phases.tls
    assert (second.phases.tls, second.phases.reused) == (None, True)


async def test_what_nobody_vouches_for(tls: ssl.SSLContext) -> None:
    async with ByteServer([Send(openai_reply(["a"]))], tls=tls) as server:
        _, error = await fault(at(server))
    assert isinstance(error, NetworkError)
    assert "can't be trusted: self-signed certificate" in error.message
    assert "ca_file" in error.advice
    assert not error.passing


async def test_a_name_that_is_not_the_certificate_s(tls: ssl.SSLContext) -> None:
    async with ByteServer([Send(openai_reply(["a"]))], tls=tls) as server:
        _, error = await fault(replace(at(server), base_url=f"https://localhost:{server.port}", ca_file=CERTIFICATE))
    assert isinstance(error, NetworkError)
    assert "Hostname mismatch" in error.message


async def test_the_environment_s_file_stands_for_the_system_s_store(
    monkeypatch: pytest.MonkeyPatch, transport: Transport, tls: ssl.SSLContext
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with ByteServer([Send(openai_reply(["a"]))], tls=tls) as server:
        assert texts(await collect(transport, at(server))) == "a"


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_an_authority_that_can_not_be_read(transport: Transport, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        endpoint = replace(at(server), base_url=f"https://127.0.0.1:{server.port}", ca_file=file)
        with pytest.raises(UserError, match=r"The certificates in .*ca\.pem can't be read: .*\."):
            await collect(transport, endpoint)


async def test_a_system_without_certificates_gets_those_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = ssl.DefaultVerifyPaths(None, str(tmp_path), "", "", "", "")  # type: ignore[arg-type]  # None where there is none
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    assert len(clients.trusting_the_system().get_ca_certs()) > 50


async def test_a_system_that_judges_itself(monkeypatch: pytest.MonkeyPatch, transport: Transport, tls: ssl.SSLContext) -> None:
    """As on macOS and Windows; here truststore asks OpenSSL, which knows nobody who vouches for the server."""
    monkeypatch.setattr(clients, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    assert isinstance(clients.trusting_the_system(), truststore.SSLContext)
    async with ByteServer([Send(openai_reply(["a"]))], tls=tls) as server:
        assert texts(await collect(transport, replace(at(server), ca_file=CERTIFICATE))) == "a"
        _, error = await fault(at(server))
    assert "can't be trusted" in error.message
