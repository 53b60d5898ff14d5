"""Which client a request takes: what it trusts, and whom it goes through."""

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.byteserver import ByteServer, Hold, Send, openai_reply, response
from tests.transport.asking import at, collect, texts

from tokenfall.config import Endpoint, is_loopback
from tokenfall.errors import NetworkError, ServiceError, UserError
from tokenfall.transport import Transport
from tokenfall.transport.clients import DEFAULT_WAY, PLAIN_WAY, Clients, way_to


def test_the_module_alone_imports_no_http() -> None:
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


async def test_the_endpoint_s_proxy_is_taken_also_to_this_machine(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    async with ByteServer([Send(openai_reply(["direct"]))]) as server, ByteServer([Send(openai_reply(["proxied"]))]) as proxy:
        through = replace(at(server), proxy=proxy.url)
        assert texts(await collect(transport, through)) == "proxied"
        assert proxy.exchanges[0].path == f"{server.url}/v1/chat/completions"
        assert texts(await collect(transport, replace(through, base_url="http://model.invalid/v1"))) == "proxied"
        assert server.accepted == 0


async def test_no_proxy_at_all(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ByteServer([Send(openai_reply(["proxied"]))]) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        for url in ("http://model.invalid/v1", "https://model.invalid/v1"):
            with pytest.raises(NetworkError, match=r"model\.invalid"):
                await collect(transport, replace(at(proxy), base_url=url, proxy="none"))
        assert proxy.accepted == 0


@pytest.mark.parametrize("url", ["http://model.invalid/v1", "https://model.invalid/v1"])
async def test_a_proxy_that_is_not_there_is_named(transport: Transport, url: str) -> None:
    endpoint = Endpoint("house", "openai-chat", url, proxy="http://user:secret@127.0.0.1:9")
    with pytest.raises(NetworkError, match=r"The proxy 127\.0\.0\.1:9 of house \(https?://model.invalid\) can't be reached") as caught:
        await collect(transport, endpoint)
    assert caught.value.passing
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [("https://model.invalid/v1", "The proxy refused to connect to house"), ("http://model.invalid/v1", "a proxy that wants a name")],
)
async def test_a_proxy_that_refuses(transport: Transport, url: str, says: str) -> None:
    async with ByteServer([Send(response("407 Proxy Authentication Required"))]) as proxy:
        with pytest.raises((NetworkError, ServiceError), match=says):
            await collect(transport, replace(at(proxy), base_url=url, proxy=proxy.url))
        await transport.close()
        await proxy.quiet()


async def test_a_cancel_while_a_proxy_is_asked_closes_the_socket(transport: Transport) -> None:
    async with ByteServer([Hold()]) as proxy:
        endpoint = replace(at(proxy), base_url="https://model.invalid/v1", proxy=proxy.url)
        task = asyncio.create_task(collect(transport, endpoint))
        assert (await proxy.exchange()).method == "CONNECT"
        task.cancel()
        await asyncio.wait({task})
        await proxy.quiet()


@pytest.mark.parametrize("proxy", ["gopher://user:secret@proxy.invalid", "http://user:secret@proxy:port", "socks5://user:secret@h:1"])
async def test_a_proxy_that_is_none(transport: Transport, proxy: str) -> None:
    with pytest.raises(UserError, match="proxy") as caught:
        await collect(transport, Endpoint("house", "openai-chat", "https://model.invalid", proxy=proxy))
    assert "secret" not in str(caught.value)


def test_one_client_for_each_way() -> None:
    near, far = Endpoint("n", "openai-chat", "http://127.0.0.1:1"), Endpoint("f", "openai-chat", "https://a.example")
    file = Path("ca.pem")
    assert way_to(near) == way_to(replace(near, ca_file=file)) == PLAIN_WAY
    assert way_to(replace(far, base_url="http://b.example", proxy="none")) == PLAIN_WAY
    assert way_to(far) == way_to(replace(far, base_url="http://b.example")) == DEFAULT_WAY
    ways = {way_to(replace(far, proxy=proxy, ca_file=ca)) for proxy in ("", "none", "http://p:1") for ca in (None, file)}
    assert len(ways) == 6
    clients = Clients()
    assert clients.make(PLAIN_WAY) is clients.make(PLAIN_WAY)
    assert clients.make(DEFAULT_WAY) is not clients.make(PLAIN_WAY)


def test_nothing_of_tls_is_loaded_for_a_server_on_this_machine() -> None:
    code = (
        "import ssl\n"
        "from tokenfall.transport.clients import Clients, PLAIN_WAY\n"
        "ssl.create_default_context = ssl.SSLContext.load_verify_locations = None\n"
        "Clients().make(PLAIN_WAY)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
