"""What becomes of a file that goes along with a question."""

import os
from pathlib import Path

import pytest

from tokenfall.attachments import MEDIA_LIMIT, TEXT_LIMIT, attached, part
from tokenfall.errors import UserError
from tokenfall.messages import File, Image, Text

PNG = b"\x89PNG\r\n\x1a\nrest"


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (PNG, Image("image/png", PNG, "x")),
        (b"\xff\xd8\xff\xe0rest", Image("image/jpeg", b"\xff\xd8\xff\xe0rest", "x")),
        (b"GIF89a..", Image("image/gif", b"GIF89a..", "x")),
        (b"RIFF\n\n\n\nWEBPVP8 ", Image("image/webp", b"RIFF\n\n\n\nWEBPVP8 ", "x")),
        (b"%PDF-1.7\n\0", File("application/pdf", b"%PDF-1.7\n\0", "x")),
        (b"one\ntwo\n", Text("x:\n\n```\none\ntwo\n```\n\n")),
        ("\ufeffé".encode(), Text("x:\n\n```\né\n```\n\n")),
        (b"a ```` b", Text("x:\n\n`````\na ```` b\n`````\n\n")),
        (b"", Text("x:\n\n```\n\n```\n\n")),
    ],
)
def test_the_bytes_say_what_it_is(data: bytes, wanted: object) -> None:
    assert part("x", data) == wanted


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x7fELF\0\0", "neither text nor a picture nor a PDF"),
        (b"caf\xe9", "not UTF-8 text: byte 0xe9 at 3"),
        (b"x" * (TEXT_LIMIT + 1), "1.0 MiB of text; at most 1"),
    ],
)
def test_what_no_model_takes(data: bytes, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        part("x", data)


def test_a_link_is_followed_to_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("words")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert attached(tmp_path / "link") == Text("link:\n\n```\nwords\n```\n\n")


@pytest.mark.parametrize("name", [".env", ".env.local", "id_ed25519", "server.pem", "Credentials.json", ".ssh/config"])
def test_what_looks_like_keys_is_not_sent(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("secret")
    (tmp_path / "innocent").symlink_to(path)
    for given in (path, tmp_path / "innocent"):
        with pytest.raises(UserError, match="with keys in it"):
            attached(given)


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, problem in (
        (tmp_path, "not a file"),
        (tmp_path / "pipe", "not a file"),
        (tmp_path / "none", "No such file"),
        (tmp_path / "loop", "can't be read"),
        (Path("/dev/zero"), "not a file"),
    ):
        with pytest.raises(UserError, match=problem):
            attached(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MEDIA_LIMIT * 2)
    with pytest.raises(UserError, match="has 40 MiB; at most 20"):
        attached(tmp_path / "large.png")
