"""Lines of JSON, cut in every way."""

import pytest
from tests.wire.chunks import bytewise, cut, framed

from tokenfall.errors import WireError
from tokenfall.transport import lines
from tokenfall.wire.ndjson import LineSplitter
from tokenfall.wire.sse import LINE_LIMIT, MEBIBYTE

DATA = '{"a": "x\u2028y\u0085z"}\r\n\n  \n{"b": 1}\n{"c": "é"}'.encode()
WANTED = ['{"a": "x\u2028y\u0085z"}', '{"b": 1}', '{"c": "é"}']


async def read(chunks: list[bytes]) -> list[str]:
    frames, _ = await framed(chunks, lines)
    return [frame.data for frame in frames]


async def test_lines_at_every_cut() -> None:
    assert await read(bytewise(DATA)) == WANTED
    for place in range(1, len(DATA)):
        assert await read(cut(DATA, [place])) == WANTED


async def test_a_line_is_there_with_its_last_byte() -> None:
    _, there = await framed([b'{"a": 1}', b"\n", b'{"b"'], lines)
    assert there == [0, 1, 1]


@pytest.mark.parametrize("end", ['{"d": 1', '"d', "{", "[" * 100_000])
async def test_a_last_line_that_broke_off_is_none(end: str) -> None:
    assert await read([DATA + b"\n" + end.encode()]) == WANTED


def test_a_line_without_end_is_an_error_at_its_limit() -> None:
    splitter = LineSplitter()
    for _ in range(LINE_LIMIT // MEBIBYTE):
        assert splitter.feed(b"x" * MEBIBYTE) == []
    with pytest.raises(WireError, match="longer than the limit of 8 MiB"):
        splitter.feed(b"x")
