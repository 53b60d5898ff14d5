import pytest

from tokenfall.terminal.links import host, open_link, opener


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://example.org/path", "example.org"),
        ("http://Example.org:8080/", "example.org:8080"),
        ("https://user:secret@example.org", "example.org"),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("https://[bad", ""),
        ("https://example.org:99999999/", ""),
        ("https://", ""),
    ],
)
def test_the_host_is_told_as_it_is_looked_up(address: str, said: str) -> None:
    assert host(address) == said


@pytest.mark.parametrize(
    ("env", "platform", "command"),
    [
        ({"DISPLAY": ":0"}, "linux", ["/bin/xdg-open"]),
        ({"WAYLAND_DISPLAY": "w"}, "linux", ["/bin/xdg-open"]),
        ({}, "linux", []),
        ({"WSL_DISTRO_NAME": "d"}, "linux", ["/bin/wslview"]),
        ({}, "darwin", ["/bin/open"]),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "1"}, "linux", []),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", []),
    ],
)
def test_a_window_is_opened_only_where_the_reader_sits(env: dict[str, str], platform: str, command: list[str]) -> None:
    assert opener(env, lambda name: f"/bin/{name}", platform) == command


def test_an_opener_that_is_not_installed_is_none() -> None:
    assert opener({"DISPLAY": ":0"}, lambda _: None, "linux") == []


def test_only_the_web_is_opened() -> None:
    assert "Only http" in open_link("file:///etc/passwd", ["false"])
    assert open_link("https://example.org/x", ["true"]) == "Opened example.org."
    assert "can't be run" in open_link("https://example.org/x", ["/nosuch/opener"])
