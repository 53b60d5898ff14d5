"""What can go wrong, sorted by who must act.

    TokenfallError
    ├── UserError        the user: an option, the configuration, a file, a missing package
    │   ├── ConfigError          config.toml or a theme file
    │   └── EmbeddedModelError   the model that runs on this machine can't start
    ├── ServiceError     the service: it answered, and the answer is a refusal
    ├── NetworkError     the network: nothing answered, or the connection broke
    └── WireError        the wire: the bytes are not what the protocol promises

Foreign exceptions are translated into these once, at the border where they enter.
"""


class TokenfallError(Exception):
    """`message` is one sentence: what happened, and to which endpoint or file. `advice` says what to do, or is empty.
    `passing` says that the same request may succeed when it is sent again, and that nobody works on the first."""

    passing = False

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".rstrip()


class UserError(TokenfallError):
    """The user can mend it; a one-shot verb exits with 2."""


class ConfigError(UserError):
    """A configuration or theme file that can't be read or holds what it must not; names file and line."""


class EmbeddedModelError(UserError):
    """The embedded model can't start: not installed, no such file, not enough memory."""


class ServiceError(TokenfallError):
    """The service answered with an error. `status` is the HTTP status, or None for an error inside a stream; `retry_after` are the
    seconds that the service wants to be left alone."""

    def __init__(
        self, message: str, advice: str = "", *, status: int | None = None, retry_after: float | None = None, passing: bool = False
    ) -> None:
        super().__init__(message, advice)
        self.status = status
        self.retry_after = retry_after
        self.passing = passing


class NetworkError(TokenfallError):
    """No answer, none in time, or a connection that broke before or during one."""

    def __init__(self, message: str, advice: str = "", *, passing: bool = False) -> None:
        super().__init__(message, advice)
        self.passing = passing


class WireError(TokenfallError):
    """Bytes that the wire's format forbids, or that pass its limits."""
