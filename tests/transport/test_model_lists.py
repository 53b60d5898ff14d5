"""The list of models."""

from dataclasses import replace

import pytest
from tests.byteserver import (
    ByteServer,
    Hold,
    Send,
    json_response,
    response,
)
from tests.transport.asking import CANARY, SHORT, at

from tokenfall.config import Deadlines
from tokenfall.errors import NetworkError, ServiceError, TokenfallError, WireError
from tokenfall.transport import Transport


async def test_models(transport: Transport) -> None:
    async with ByteServer([Send(json_response({"object": "list", "data": [{"id": "b"}, {"id": "a"}]}))]) as server:
        assert await transport.list_models(at(server)) == ["b", "a"]
        asked = await server.exchange()
    assert (asked.method, asked.path, asked.body) == ("GET", "/v1/models", b"")
    assert asked.headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("answer", "kind", "part"),
    [
        (response("200 OK", b"<html>", kind="text/html"), WireError, "answered with a web page, not a list of models"),
        (response("200 OK", b"{half"), WireError, "not JSON"),
        (json_response({"models": 7}), WireError, "not a list of models"),
        (json_response({"error": "no"}), ServiceError, "no."),
        (json_response({"error": {"message": "bad key"}}, "401 Unauthorized"), ServiceError, "bad key."),
        (json_response({}, "404 Not Found"), ServiceError, "HTTP 404"),
    ],
)
async def test_models_that_are_none(transport: Transport, answer: bytes, kind: type[TokenfallError], part: str) -> None:
    async with ByteServer([Send(answer)]) as server:
        with pytest.raises(kind) as caught:
            await transport.list_models(at(server))
    assert part in caught.value.message


async def test_models_that_do_not_come(transport: Transport) -> None:
    async with ByteServer([Hold()]) as server:
        with pytest.raises(NetworkError, match="in time"):
            await transport.list_models(replace(at(server), deadlines=Deadlines(connect=SHORT, body=SHORT)))
        await server.quiet()
