"""The words of a service that reports an error as JSON, in the shapes that are met."""

from collections.abc import Mapping

from tokenfall.events import whole_text

MESSAGE_LIMIT = 500
"""Characters of a service's own message that are shown; some send whole stack traces."""


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
