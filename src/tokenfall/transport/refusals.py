"""A status that is no reply, as a sentence."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tokenfall.errors import ServiceError
from tokenfall.transport.naming import TRY_LATER, hidden, key_of, sentence, who
from tokenfall.transport.request import Asked
from tokenfall.wire.faults import fault_message, one_line

if TYPE_CHECKING:
    import httpx


def said_in(body: str, kind: str) -> str:
    """The service's own words in an error's body: its message, or the text where it is plain."""
    try:
        return fault_message(json.loads(body)) or ""
    except (ValueError, RecursionError):
        return "" if kind == "text/html" else one_line(body)


PASSING = frozenset({408, 429, 500, 502, 503, 504, 529})
"""What time may lift. Each says that the service does not work on the request."""

TOO_LONG = re.compile(r"context.{0,20}(length|size|window)|(maximum|too many).{0,20}tokens|prompt is too long", re.IGNORECASE)
"""What OpenAI, Anthropic, llama.cpp and vLLM say of a prompt that doesn't fit."""

_REFUSALS: Mapping[int, tuple[str, str]] = {
    400: ("did not accept the request", "Check the model's name and what it can take."),
    401: ("did not accept the key", "Check the key of this endpoint."),
    402: ("wants to be paid first", "Check the account at the service."),
    403: ("refused access", "Check the key of this endpoint, and what it is allowed to use."),
    404: ("knows no such model or path", "Check the model's name and the base URL; many end in /v1."),
    408: ("gave up waiting", TRY_LATER),
    407: ("is behind a proxy that wants a name and a password", "Give them in the proxy's URL."),
    413: ("found the request too large", "Start a new conversation or send less."),
    422: ("did not accept the request", "Check the model's name and what it can take."),
    429: ("is asked too often, or the account's limit is reached", "Wait before you send again."),
    502: ("could not be reached by its own gateway", TRY_LATER),
    503: ("is not ready", TRY_LATER),
    504: ("did not answer its own gateway in time", TRY_LATER),
    529: ("is overloaded", TRY_LATER),
}


def refusal(asked: Asked, response: "httpx.Response", said: str) -> ServiceError:
    status, endpoint = response.status_code, asked.endpoint
    if status < 400:
        target = hidden(one_line(str(response.headers.get("location", "")))[:200], endpoint) or "an address that it does not name"
        return ServiceError(
            f"{who(endpoint)} wants to send the request to {target}; redirects are not followed, because the key would go along.",
            "If that address is right, make it the base URL.",
            status=status,
        )
    what, advice = _REFUSALS.get(status) or (("refused the request", "") if status < 500 else ("failed", TRY_LATER))
    if status == 401 and not key_of(endpoint):
        what, advice = "wants a key", "Name the variable that holds it with --api-key-env."
        if endpoint.api_key_env:
            advice = f"Set {endpoint.api_key_env} in the environment."
    if status == 404 and asked.model:
        what += f" (asked for the model {one_line(asked.model)[:100]})"
    if status in (400, 413, 422) and TOO_LONG.search(said):
        advice = "It is more than the model can read at once: send less, or choose another model."
    wait = _retry_after(response.headers)
    if wait:
        advice = f"Wait {math.ceil(wait)} seconds before you send again."
    return ServiceError(
        sentence(f"{who(endpoint)} {what} (HTTP {status})", said, endpoint),
        advice,
        status=status,
        retry_after=wait,
        passing=status in PASSING,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; RFC 9110, section 10.2.3: a number or a date. Some services send fractions; `retry-after-ms` is OpenAI's."""
    value = headers.get("retry-after", "")
    try:
        exact = headers.get("retry-after-ms")
        wait = float(value) if exact is None else float(exact) / 1000
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        wait = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(wait, 0.0) if math.isfinite(wait) else None
