"""What a decoder is given: one framed message of a response."""

from dataclasses import dataclass
from typing import Protocol

from tokenfall.events import StreamEvent


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event. `at` is when its last byte was read, in seconds on the monotonic clock."""

    event: str
    data: str
    id: str
    at: float


class Decoder(Protocol):
    """Turns the frames of one response into events; made anew for each response.

    `decode` returns the events that the frame completes, often one, sometimes none.
    It raises WireError when the frame is not of the wire's form.
    """

    def decode(self, frame: Frame) -> list[StreamEvent]: ...
