"""What every wire needs to read a frame and to write a message; `wire` is the name that errors tell."""

import base64
import json
from collections.abc import Container, Mapping

from tokenfall.errors import WireError
from tokenfall.events import whole_text
from tokenfall.messages import Message
from tokenfall.wire.frames import Frame

QUOTED = 200
"""Characters of an unreadable event that its error shows."""


def event_object(wire: str, frame: Frame, known: Container[str] = ()) -> dict[str, object]:
    """The JSON object that a frame holds. Raises WireError where an event of a type that is `known`, or of none, holds no object;
    any other is {}, and an `error` in plain words {"error": WORDS}."""
    try:
        value = json.loads(frame.data)
    except (ValueError, RecursionError):
        why = "is not JSON"
    else:
        if isinstance(value, dict):
            return value
        why = "is not an object"
    if frame.event == "error":
        return {"error": frame.data}
    if frame.event == "message" or frame.event in known:
        raise unreadable(wire, frame, why)
    return {}


def unreadable(wire: str, frame: Frame, why: str) -> WireError:
    return WireError(f"{wire}: an event of type {frame.event[:50]!a} {why}: {frame.data[:QUOTED]!a}")


class Reader:
    """Reads the fields of one frame's objects, each of the type that the wire says. Null is as good as absent; anything else of
    another type raises WireError."""

    __slots__ = ("_frame", "_wire")

    def __init__(self, wire: str, frame: Frame) -> None:
        self._wire = wire
        self._frame = frame

    def unreadable(self, why: str) -> WireError:
        return unreadable(self._wire, self._frame, why)

    def wrong(self, name: str, wanted: str) -> WireError:
        return self.unreadable(f"has a field {name!r} that is not {wanted}")

    def json(self, value: object) -> str:
        """The text of what was read as JSON. Raises WireError where it is nested too deeply to be written."""
        try:
            return json.dumps(value, ensure_ascii=False)
        except RecursionError:
            raise self.unreadable("is nested too deeply") from None

    def text(self, holder: Mapping[str, object], name: str) -> str:
        value = holder.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(name, "text")
        return value

    def mapping(self, holder: Mapping[str, object], name: str) -> dict[str, object]:
        value = holder.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return value

    def mappings(self, holder: Mapping[str, object], name: str) -> list[dict[str, object]]:
        values = holder.get(name)
        if values is None:
            return []
        if not isinstance(values, list):
            raise self.wrong(name, "a list of objects")
        for value in values:
            if not isinstance(value, dict):
                raise self.wrong(name, "a list of objects")
        return values


def count(value: object) -> int | None:
    """A number of tokens; None for what can't be one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def text_of(message: Message) -> str:
    """The message's text, fit to be sent."""
    return whole_text(message.text)


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def data_url(media_type: str, data: bytes) -> str:
    """RFC 2397."""
    return f"data:{media_type};base64,{base64_text(data)}"
