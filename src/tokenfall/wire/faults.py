"""The words of a service that reports an error as JSON, in the shapes that are met."""

import re
from collections.abc import Mapping

from tokenfall.events import whole_text

MESSAGE_LIMIT = 500
"""Characters of a service's own message that are shown; some send whole stack traces."""

NAMELESS = "the service ended the reply with an error that it does not name"

KINDS = ("code", "type", "status", "error_type")
"""Where an error says of what kind it is, in the services' references: a word or an HTTP status."""

LASTING = re.compile("quota|billing|credit|balance|payment", re.IGNORECASE)
"""An account that is used up is no better in a minute, though OpenAI says so with 429."""

PASSING = re.compile(
    "overload|rate.?limit|too.?many.?requests|exhausted|slow.?down|capacity|unavailable|busy"
    "|server.?error|internal|api_error|time.?out|timed.out|deadline",
    re.IGNORECASE,
)
"""Words of OpenAI (`rate_limit_exceeded`, `server_error`, `slow_down`), Anthropic (`overloaded_error`, `api_error`), Gemini
(`RESOURCE_EXHAUSTED`, `UNAVAILABLE`, `INTERNAL`, `DEADLINE_EXCEEDED`), Mistral (`service_tier_capacity_exceeded`) and vLLM
(`InternalServerError`)."""


def fault_message(value: object) -> str | None:
    """The message of a decoded JSON body, cut and on one line; None when the body reports no error.

    Shapes: {"error": {"message": ...}} (OpenAI and most), {"error": "..."} (Ollama), {"object": "error", "message": ...}
    (vLLM), {"message": ...} (Mistral), {"detail": ...} (FastAPI), and a list that holds one of them (Gemini).
    """
    match value:
        case {"error": error} | [{"error": error}, *_] if error:
            return one_line(_words(error))
        case {"choices": _}:
            return None
        case {"message": str(message)} | {"detail": message} if message:
            return one_line(_words(message))
        case {"object": "error"}:
            return one_line(_words(value))
        case _:
            return None


def passing(value: object) -> bool:
    """Whether the error that a decoded JSON body reports, in one of the same shapes, is the service's trouble and not the request's: it
    may be gone when the request is sent again."""
    match value:
        case {"error": error} | [{"error": error}, *_] if error:
            return _passes(error)
        case _:
            return _passes(value)


def _passes(error: object) -> bool:
    match error:
        case str():
            kinds: list[object] = [error[:MESSAGE_LIMIT]]
        case Mapping():
            kinds = [error.get(name) for name in KINDS]
        case _:
            kinds = []
    words = " ".join(kind for kind in kinds if isinstance(kind, str))
    statuses = [status for kind in kinds if (status := _status(kind))]
    if LASTING.search(words):
        return False
    if statuses:
        return any(_is_passing(status) for status in statuses)
    return PASSING.search(words) is not None


def _status(kind: object) -> int | None:
    """An HTTP status of the 400s or 500s, as a number or in digits."""
    if isinstance(kind, str) and re.fullmatch("[45][0-9]{2}", kind):
        return int(kind)
    return kind if isinstance(kind, int) and 400 <= kind < 600 else None


def _is_passing(status: int) -> bool:
    """RFC 9110, section 15, RFC 6585 and RFC 8470; 501 and 505 are answers to the request itself."""
    return status in (408, 425, 429) or (status >= 500 and status not in (501, 505))


def one_line(text: str) -> str:
    text = " ".join(whole_text(text[: 4 * MESSAGE_LIMIT]).split())
    return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + "…"


def _words(error: object) -> str:
    match error:
        case str():
            return error
        case {"message": str(message)} if message:
            return message
        case [{"msg": str(message)}, *_]:
            return message
        case Mapping():
            plain = {key: item for key, item in error.items() if isinstance(item, str | int | float)}
            return ", ".join(f"{key}: {item}" for key, item in plain.items()) or "no reason given"
        case _:
            return "no reason given"
