"""Services that answer with something else than a reply."""

from dataclasses import replace

import pytest
from tests.byteserver import (
    SSE_HEAD,
    ByteServer,
    Close,
    Hold,
    Send,
    chunked,
    json_response,
    openai_reply,
    response,
)
from tests.transport.asking import CANARY, SHORT, at, fault, refusal

from tokenfall.config import Deadlines
from tokenfall.errors import ServiceError, WireError
from tokenfall.wire import Frame


@pytest.mark.parametrize(
    ("status", "body", "parts"),
    [
        ("400 Bad Request", {"error": {"message": "max_tokens is too large", "type": "x"}}, ["HTTP 400", "max_tokens is too large."]),
        ("401 Unauthorized", {"error": {"message": f"Incorrect API key provided: {CANARY}."}}, ["key", "HTTP 401", "Incorrect", "[key]"]),
        ("403 Forbidden", {"detail": "Not allowed"}, ["refused access", "Not allowed."]),
        ("404 Not Found", {"error": {"message": "The model `x` does not exist"}}, ["asked-model", "The model `x` does not exist."]),
        ("404 Not Found", {"detail": "Not Found"}, ["HTTP 404", "Not Found."]),
        ("422 Unprocessable Entity", {"detail": [{"loc": ["body"], "msg": "field required"}]}, ["field required."]),
        ("500 Internal Server Error", {"error": "CUDA out of memory"}, ["failed (HTTP 500)", "CUDA out of memory."]),
        ("503 Service Unavailable", {"error": {"code": 503, "message": "Loading model"}}, ["not ready", "Loading model."]),
        ("529 Overloaded", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ["overloaded", "HTTP 529"]),
        ("418 I'm a teapot", {}, ["refused the request (HTTP 418)."]),
        ("500 Internal Server Error", {"message": "flat\n\tand   wrapped"}, ["flat and wrapped."]),
        ("500 Internal Server Error", [{"error": {"message": "in a list"}}], ["in a list."]),
    ],
)
async def test_a_status_is_a_sentence(status: str, body: object, parts: list[str]) -> None:
    error = await refusal(json_response(body, status))
    assert error.status == int(status[:3])
    assert [part for part in parts if part not in error.message] == []
    assert error.message.endswith((".", "…"))


async def test_no_key_at_all_is_said() -> None:
    async with ByteServer([Send(json_response({}, "401 Unauthorized"))]) as server:
        _, error = await fault(replace(at(server), api_key=None))
        _, named = await fault(replace(at(server), api_key=None, api_key_env="HOUSE_KEY"))
    assert "wants a key" in error.message
    assert "--api-key-env" in error.advice
    assert "HOUSE_KEY" in named.advice


@pytest.mark.parametrize(
    ("value", "wait"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("nan", None), ("soon", None), ("inf", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
     ("1e999", None)],
)  # fmt: skip
async def test_retry_after(value: str, wait: float | None) -> None:
    error = await refusal(json_response({"error": {"message": "Slow down"}}, "429 Too Many Requests", [("Retry-After", value)]))
    assert (error.status, error.retry_after) == (429, wait)
    if wait:
        assert "Wait" in error.advice


async def test_a_long_message_is_cut() -> None:
    error = await refusal(json_response({"error": {"message": "x" * 5000}}, "500 Oops"))
    assert "x" * 500 + "…" in error.message
    assert "x" * 501 not in error.message


async def test_an_error_page_is_not_quoted() -> None:
    error = await refusal(response("502 Bad Gateway", b"<html>502</html>", kind="text/html"))
    assert "<" not in error.message


async def test_plain_words_are_quoted() -> None:
    error = await refusal(response("500 Oops", b"upstream gone\n", kind="text/plain"))
    assert error.message.endswith("upstream gone.")


async def test_an_endless_error_body_ends() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with ByteServer([Send(head), Send(chunked(b"word " * 20_000)), Hold()]) as server:
        _, error = await fault(at(server))
        assert isinstance(error, ServiceError)
        await server.quiet()


async def test_an_error_body_that_never_comes_is_not_waited_for() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf"
    async with ByteServer([Send(head), Hold()]) as server:
        _, error = await fault(at(server), Deadlines(body=SHORT))
        assert isinstance(error, ServiceError)
        await server.quiet()


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect", "308 Permanent Redirect"])
async def test_redirects_are_refused_and_named(status: str) -> None:
    async with ByteServer([Send(openai_reply(["a"]))]) as other:
        error = await refusal(response(status, headers=[("Location", other.url + "/v1")]))
        assert other.accepted == 0
    assert other.url + "/v1" in error.message


# --- answers that are no stream ---


async def test_a_web_page() -> None:
    async with ByteServer([Send(response("200 OK", b"<html>hi</html>", kind="text/html; charset=utf-8"))]) as server:
        _, error = await fault(at(server))
    assert isinstance(error, WireError)
    assert "answered with a web page, not a stream: check the base URL" in error.message


@pytest.mark.parametrize(("kind", "named"), [("text/plain", "text/plain"), ("image/png", "image/png"), ("", "does not name")])
async def test_something_else(kind: str, named: str) -> None:
    async with ByteServer([Send(response("200 OK", b"hello", kind=kind))]) as server:
        _, error = await fault(at(server))
    assert isinstance(error, WireError)
    assert named in error.message


@pytest.mark.parametrize(("body", "part"), [(b"{half", "not JSON"), (b"[" * 50_000, "not JSON"), (b"", "an empty body")])
async def test_json_that_is_none(body: bytes, part: str) -> None:
    async with ByteServer([Send(response("200 OK", body))]) as server:
        got, error = await fault(at(server))
    assert isinstance(error, WireError)
    assert part in error.message
    assert not any(isinstance(arrival, Frame) for arrival in got)


async def test_an_endless_line_is_named() -> None:
    block = chunked(b"x" * 65536) * 16
    async with ByteServer([Send(SSE_HEAD), *[Send(block)] * 9, Hold()]) as server:
        _, error = await fault(at(server))
        assert isinstance(error, WireError)
        assert "house" in error.message
        assert "8 MiB" in error.message
        await server.quiet()


@pytest.mark.parametrize(
    ("answer", "part"),
    [(b"SSH-2.0-OpenSSH_9.6\r\n", "broke off"), (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "not HTTP"), (b"HTTP/1.1 abc\r\n\r\n", "not HTTP")],
)
async def test_bytes_that_are_not_http(answer: bytes, part: str) -> None:
    async with ByteServer([Send(answer), Close()]) as server:
        _, error = await fault(at(server))
    assert part in error.message


async def test_gzip_that_is_none() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!"
    async with ByteServer([Send(head)]) as server:
        _, error = await fault(at(server))
    assert isinstance(error, WireError)
    assert "compressed" in error.message
