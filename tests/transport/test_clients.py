"""Which client a request takes: what it trusts, and whom it goes through."""

import asyncio
import threading
from dataclasses import replace

import pytest
from tests.byteserver import (
    ByteServer,
    Send,
    openai_reply,
)
from tests.transport.asking import at, collect, texts

from tokenfall.config import Endpoint, is_loopback
from tokenfall.errors import UserError
from tokenfall.transport import Transport


def test_the_module_alone_imports_no_http() -> None:
    import subprocess
    import sys

    code = "import sys, tokenfall.transport; tokenfall.transport.Transport(); print('httpx' in sys.modules, 'anyio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


async def test_warm_from_many_threads_and_inside_a_loop() -> None:
    transport = Transport()
    threads = [threading.Thread(target=transport.warm) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    transport.warm()
    async with ByteServer([Send(openai_reply(["a"]))]) as server:
        assert texts(await collect(transport, at(server))) == "a"
    await transport.close()
    await transport.close()


async def test_loopback_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ByteServer([Send(openai_reply(["direct"]))]) as server, ByteServer([Send(openai_reply(["proxied"]))]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        transport = Transport()
        try:
            for host in ("127.0.0.1", "localhost"):
                near = replace(at(server), base_url=f"http://{host}:{server.port}/v1")
                assert texts(await collect(transport, near)) == "direct"
            far = replace(at(server), base_url="http://model.invalid/v1")
            assert texts(await collect(transport, far)) == "proxied"
            assert proxy.exchanges[0].path == "http://model.invalid/v1/chat/completions"
        finally:
            await transport.close()


@pytest.mark.parametrize(
    ("host", "near"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("[::1]", True), ("localhost", True), ("LOCALHOST", True), ("m.localhost", True),
     ("0.0.0.0", True), ("10.0.0.1", False), ("localhost.example.com", False), ("127.0.0.1.example.com", False)],
)  # fmt: skip
def test_what_loopback_is(host: str, near: bool) -> None:
    assert is_loopback(f"http://{host}:80/v1") is near


async def test_a_proxy_that_can_not_be_used_spares_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy.invalid")
    transport = Transport()
    async with ByteServer([Send(openai_reply(["near"]))]) as server:
        assert texts(await collect(transport, at(server))) == "near"
        with pytest.raises(UserError, match="proxy that the environment names"):
            await collect(transport, replace(at(server), base_url="http://model.invalid"))
    await transport.close()


async def test_certificates_that_can_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
    with pytest.raises(UserError, match="certificates"):
        await collect(Transport(), Endpoint("far", "openai-chat", "https://model.invalid"))
