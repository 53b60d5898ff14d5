"""Which URLs are endpoints, and where a key may travel."""

from urllib.parse import urlsplit

from tokenfall.config.rows import Endpoint

_SECRET_WORDS = frozenset({"authorization", "auth", "cookie", "key", "apikey", "token", "secret", "password"})
"""In the names of headers, between hyphens."""


def base_url(text: str) -> str:
    """The URL without trailing slashes. Raises ValueError with a sentence that never repeats what may be a password."""
    if any(ord(char) <= 32 or ord(char) == 127 for char in text):
        raise ValueError("A base URL has no spaces or control characters.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"This is not a URL ({error}).") from error
    if "@" in parts.netloc:
        raise ValueError("A base URL holds no user name or password; name the variable with the key (api_key_env, --api-key-env).")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(f"Expected a URL such as http://127.0.0.1:8080/v1 or https://api.example.com/v1, not {text!r}.")
    if parts.query or parts.fragment:
        raise ValueError(f"A base URL ends before ? and #, so {text!r} is not one.")
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    import ipaddress

    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, section 6.3
    return address.is_loopback or address.is_unspecified


def origin(url: str) -> tuple[str, str, int | None]:
    """RFC 6454, section 4: scheme, host and port, of a URL that `base_url` has passed."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def plain_key(endpoint: Endpoint, allowance: str) -> str:
    """Why the endpoint's key must not travel, or "". `allowance` is how that could be allowed."""
    keyed = endpoint.api_key_env or endpoint.api_key_from or any(is_secret(name) for name, _ in endpoint.headers)
    plain = endpoint.base_url.lower().startswith("http:") and not is_loopback(endpoint.base_url)
    if not (keyed and plain) or endpoint.insecure_http:
        return ""
    host = urlsplit(endpoint.base_url).netloc
    return f"A key would travel unencrypted to {host}; use https, or send no key, or allow it with {allowance}."


def is_secret(header: str) -> bool:
    return not _SECRET_WORDS.isdisjoint(header.lower().split("-"))
