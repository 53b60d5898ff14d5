"""Every vector, whole, byte by byte and at every two-way split, through the framing that production uses."""

import base64
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from tests.wire.chunks import bytewise, cut, framed

from tokenfall.errors import WireError
from tokenfall.transport import frames
from tokenfall.wire import Frame
from tokenfall.wire.sse import EVENT_LIMIT, LINE_LIMIT, SSENormaliser

Event = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Vector:
    name: str
    chunks: tuple[bytes, ...]
    events: list[Event]
    available: list[int]
    last_event_id: str
    retry: int | None
    comments: int

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)


def load() -> list[Vector]:
    rows = json.loads((Path(__file__).parent.parent / "data" / "sse_vectors.json").read_text("utf-8"))["vectors"]
    return [
        Vector(
            row["name"],
            tuple(base64.b64decode(chunk) for chunk in row["chunks"]),
            [(event["event"], event["data"], event["id"]) for event in row["events"]],
            row["events_available_after_chunk"],
            row["last_event_id"],
            row["retry"],
            row["comments"],
        )
        for row in rows
    ]


VECTORS = load()
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)


def plain(frames: list[Frame]) -> list[Event]:
    return [(frame.event, frame.data, frame.id) for frame in frames]


def check_rest(vector: Vector, normaliser: SSENormaliser) -> None:
    assert (normaliser.last_event_id, normaliser.retry, normaliser.comments) == (vector.last_event_id, vector.retry, vector.comments)


def test_there_are_vectors() -> None:
    assert len(VECTORS) == 77
    assert any(vector.comments for vector in VECTORS)


@each_vector
async def test_chunks_as_given(vector: Vector) -> None:
    normaliser = SSENormaliser()
    got, available = await framed(vector.chunks, partial(frames, normaliser=normaliser))
    assert plain(got) == vector.events
    assert available == vector.available
    check_rest(vector, normaliser)


@each_vector
async def test_whole(vector: Vector) -> None:
    normaliser = SSENormaliser()
    got, available = await framed([vector.data], partial(frames, normaliser=normaliser))
    assert plain(got) == vector.events
    assert available == [len(vector.events)]
    check_rest(vector, normaliser)


@each_vector
async def test_byte_by_byte(vector: Vector) -> None:
    normaliser = SSENormaliser()
    got, available = await framed(bytewise(vector.data), partial(frames, normaliser=normaliser))
    assert plain(got) == vector.events
    check_rest(vector, normaliser)
    end = 0
    for chunk, due in zip(vector.chunks, vector.available, strict=True):
        end += len(chunk)
        assert available[end - 1] == due


@each_vector
async def test_every_two_way_split(vector: Vector) -> None:
    _, due = await framed(bytewise(vector.data))
    for place in range(1, len(vector.data)):
        normaliser = SSENormaliser()
        got, available = await framed(cut(vector.data, [place]), partial(frames, normaliser=normaliser))
        assert plain(got) == vector.events, place
        assert available == [due[place - 1], len(vector.events)], place
        check_rest(vector, normaliser)


async def test_a_frame_is_stamped_with_the_chunk_that_completed_it() -> None:
    frames, _ = await framed([b"data: a", b"\r\n\r", b"\ndata: b\n\nda", b"ta: c\n", b"\n"])
    assert [(frame.data, frame.at) for frame in frames] == [("a", 1.0), ("b", 2.0), ("c", 4.0)]


async def test_an_id_of_an_event_without_data_is_told_with_the_next() -> None:
    got, _ = await framed([b"id: 5\nevent: x\n\n", b"data: a\n\n"])
    assert plain(got) == [("message", "a", "5")]


async def test_an_id_is_committed_by_an_event_without_data() -> None:
    normaliser = SSENormaliser()
    await framed([b"id: 5\n\n"], partial(frames, normaliser=normaliser))
    assert normaliser.last_event_id == "5"


async def test_an_id_is_not_committed_by_an_event_that_is_cut_off() -> None:
    normaliser = SSENormaliser()
    await framed([b"id: 1\ndata: a\n\nid: 2\ndata: b\n"], partial(frames, normaliser=normaliser))
    assert normaliser.last_event_id == "1"


def test_a_retry_too_long_to_read_is_ignored() -> None:
    normaliser = SSENormaliser()
    normaliser.feed(b"retry: 7\nretry: " + b"9" * 100_000 + b"\n")
    assert normaliser.retry == 7


@pytest.mark.parametrize("size", [1, 100_003])
def test_a_line_ends_at_its_limit(size: int) -> None:
    """The limit itself passes, with or without the line end; one byte more is named."""
    line = b"data: ".ljust(LINE_LIMIT, b"x")
    normaliser = SSENormaliser()
    normaliser.feed(line[:-size])
    assert normaliser.feed(line[-size:]) == b""
    assert len(normaliser.feed(b"\n\n")) == LINE_LIMIT + 2
    normaliser.feed(line)
    with pytest.raises(WireError, match=r"line .* limit of 8 MiB"):
        normaliser.feed(b"x")
    with pytest.raises(WireError, match=r"line .* limit of 8 MiB"):
        SSENormaliser().feed(line + b"x\n")


def test_an_endless_line_takes_no_more_than_its_limit() -> None:
    normaliser = SSENormaliser()
    block = b"x" * 65536
    for _ in range(LINE_LIMIT // len(block)):
        normaliser.feed(block)
    with pytest.raises(WireError, match="line"):
        normaliser.feed(block)


def test_an_event_ends_at_its_limit() -> None:
    line = b"data: ".ljust(1024 * 1024 - 1, b"x") + b"\n"
    normaliser = SSENormaliser()
    for _ in range(EVENT_LIMIT // len(line)):
        normaliser.feed(line)
    with pytest.raises(WireError, match=r"event .* limit of 16 MiB"):
        normaliser.feed(b"data\n")


def test_events_do_not_add_up_to_the_limit() -> None:
    normaliser = SSENormaliser()
    line = b"data: ".ljust(4 * 1024 * 1024, b"x") + b"\n\n"
    assert sum(len(normaliser.feed(line)) for _ in range(6)) == 6 * len(line)


def test_comments_without_end_are_no_event() -> None:
    normaliser = SSENormaliser()
    block = b": keep-alive\n" * 100_000
    for _ in range(14):
        assert normaliser.feed(block) == b""
    assert normaliser.comments == 1_400_000


def test_a_long_line_byte_by_byte_is_linear() -> None:
    """Two million single bytes: quadratic work would take hours."""
    normaliser = SSENormaliser()
    for _ in range(2_000_000):
        normaliser.feed(b"x")
    assert normaliser.feed(b"\ndata: a\n\n") == b"data: a\n\n"
