"""How sentences name an endpoint, and how they tell what a service said: never with its key."""

from urllib.parse import urlsplit

from tokenfall.config import Endpoint
from tokenfall.config.urls import is_secret

LISTENS = "Start the server, or check host and port of the base URL."
TRY_LATER = "Try again in a moment."


def who(endpoint: Endpoint) -> str:
    """How sentences name an endpoint."""
    return f"{endpoint.name} ({origin(endpoint)})"


def origin(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


BEGINNING = 8
"""So many characters of a key, or a quarter of a longer one, tell nothing of the rest."""


def hidden(text: str, endpoint: Endpoint) -> str:
    """Without the key and the headers that hold one, which some services repeat when they refuse it; also not a beginning of it, where
    the text was cut."""
    for secret in (key_of(endpoint), *(value for name, value in endpoint.headers if is_secret(name))):
        if secret:
            text = _without(secret, text)
    return text


def _without(key: str, text: str) -> str:
    least = min(len(key), max(BEGINNING, len(key) // 4))
    shown = 0
    pieces: list[str] = []
    while (at := text.find(key[:least], shown)) >= 0:
        length = least
        while length < len(key) and text[at + length : at + length + 1] == key[length]:
            length += 1
        pieces += (text[shown:at], "[key]")
        shown = at + length
    return "".join((*pieces, text[shown:]))


def sentence(what: str, said: str, endpoint: Endpoint) -> str:
    """`what` happened, and what the service `said` of it, without the key."""
    if not said:
        return f"{what}."
    return f"{what}: {hidden(said, endpoint)}" + ("" if said[-1] in ".!?…" else ".")


def key_of(endpoint: Endpoint) -> str:
    return endpoint.api_key.reveal() if endpoint.api_key is not None else ""
