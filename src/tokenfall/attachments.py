"""Files that go along with a question: text into its text, pictures and documents as parts of their own."""

import re
from pathlib import Path

from tokenfall.errors import UserError
from tokenfall.messages import File, Image, Part, Text

MEBIBYTE = 1024 * 1024
TEXT_LIMIT = 1 * MEBIBYTE
"""Bytes: a quarter of a million tokens, more than nearly every model reads."""
MEDIA_LIMIT = 20 * MEBIBYTE
"""Bytes; the services' own limits lie between 5 and 50 MB a request."""

_MAGIC: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-"), "application/pdf"),
)
"""How the media types that services take begin. A name can say anything; the bytes decide."""

_PRIVATE_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".kube", ".password-store"})
_PRIVATE_NAME = re.compile(
    r"\.env(\..*)?|\.netrc|\.pgpass|id_(rsa|dsa|ecdsa|ed25519)|.*\.(pem|key|p12|pfx|kdbx)|credentials(\.json)?", re.IGNORECASE
)


def attached(path: Path) -> Part:
    """The file as a part of a message. Raises UserError where it can't be read, isn't a plain file, is too large, is of no kind that
    a model takes, or looks like one that holds keys."""
    try:
        real = path.resolve(strict=True)
        if not real.is_file():
            raise UserError(f"{path} is not a file, so it can't be attached.")
        if _private(path) or _private(real):
            raise UserError(f"{path} looks like a file with keys in it, so it is not attached.", "To send it all the same, pipe it in.")
        size = real.stat().st_size
        if size > MEDIA_LIMIT:
            raise UserError(f"{path} has {size / MEBIBYTE:.0f} MiB; at most {MEDIA_LIMIT // MEBIBYTE} can be attached.")
        data = real.read_bytes()
    except (OSError, RuntimeError) as error:  # a loop of symbolic links was a RuntimeError before Python 3.13
        raise UserError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}.") from error
    return part(path.name, data)


def _private(path: Path) -> bool:
    return _PRIVATE_NAME.fullmatch(path.name) is not None or not _PRIVATE_FOLDERS.isdisjoint(path.absolute().parts)


def part(name: str, data: bytes) -> Part:
    """What the bytes of a file called `name` are to a model. Raises UserError as `attached` does."""
    for magic, media_type in _MAGIC:
        if magic.match(data):
            kind = Image if media_type.startswith("image/") else File
            return kind(media_type, data, name)
    if b"\0" in data:
        raise UserError(f"{name} is neither text nor a picture nor a PDF, so no model can take it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"{name} is not UTF-8 text: byte {data[error.start]:#04x} at {error.start}."
        raise UserError(problem, "Convert it, for example with: iconv -f LATIN1 -t UTF-8") from error
    if len(data) > TEXT_LIMIT:
        raise UserError(f"{name} has {len(data) / MEBIBYTE:.1f} MiB of text; at most {TEXT_LIMIT // MEBIBYTE} can be attached.")
    return Text(f"{name}:\n\n{fenced(text)}\n\n")


def fenced(text: str) -> str:
    """In a fence that nothing in it closes."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.rstrip(chr(10))}\n{fence}"
