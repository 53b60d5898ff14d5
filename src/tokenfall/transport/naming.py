"""How sentences name an endpoint, and how they tell what a service said: never with its key."""

from urllib.parse import urlsplit

from tokenfall.config import Endpoint

LISTENS = "Start the server, or check host and port of the base URL."
TRY_LATER = "Try again in a moment."


def who(endpoint: Endpoint) -> str:
    """How sentences name an endpoint."""
    return f"{endpoint.name} ({origin(endpoint)})"


def origin(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def hidden(text: str, endpoint: Endpoint) -> str:
    """Without the key, which some services repeat when they refuse it."""
    key = key_of(endpoint)
    return text.replace(key, "[key]") if key else text


def sentence(what: str, said: str, endpoint: Endpoint) -> str:
    """`what` happened, and what the service `said` of it, without the key."""
    if not said:
        return f"{what}."
    return f"{what}: {hidden(said, endpoint)}" + ("" if said[-1] in ".!?…" else ".")


def key_of(endpoint: Endpoint) -> str:
    return endpoint.api_key.reveal() if endpoint.api_key is not None else ""
