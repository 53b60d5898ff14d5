"""Links: where one leads, and how it is opened."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

SCHEMES = ("http://", "https://")
"""The only schemes that are ever opened or made a hyperlink; others may start programs on the reader's machine."""

PATIENCE_S = 3.0
"""How long an opener is waited for. It hands the address on and ends, or is the browser itself and stays."""


def of_the_web(address: str) -> bool:
    return address[:8].lower().startswith(SCHEMES)


def host(address: str) -> str:
    """The host that a link leads to, in punycode where it is not ASCII; "" when it is no link of the web."""
    if not of_the_web(address):
        return ""
    try:
        parts = urlsplit(address)
        name = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        return (name if name.isascii() else name.encode("idna").decode()) + port
    except ValueError:
        return ""


def opener(env: Mapping[str, str], which: Callable[[str], str | None] = shutil.which, platform: str = sys.platform) -> list[str]:
    """The command that shows an address in a window of the reader's machine; [] where there is none, as over SSH."""
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        return []
    if platform == "darwin":
        names = ["open"]
    else:
        names = (["wslview"] if env.get("WSL_DISTRO_NAME") else []) + (
            ["xdg-open"] if env.get("DISPLAY") or env.get("WAYLAND_DISPLAY") else []
        )
    found = next(filter(None, map(which, names)), None)
    return [found] if found else []


def open_link(address: str, command: list[str]) -> str:
    """Opens it; a sentence about what was done or why not. May take some seconds: call it off the event loop."""
    if not host(address):
        return "Only http and https links are opened."
    name = os.path.basename(command[0])
    try:
        opening = subprocess.Popen(
            [*command, address], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        return f"{name} can't be run: {error.strerror}."
    with suppress(subprocess.TimeoutExpired):
        if code := opening.wait(PATIENCE_S):
            return f"{name} did not open {host(address)}: it ended with {code}."
    return f"Opened {host(address)}."
