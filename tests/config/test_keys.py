"""Where keys are kept: a command, the keyring, a file; and what is said when there is none."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.config.reading import load, settings

from tokenfall import config
from tokenfall.config import Endpoint, Folders, Options, Secret
from tokenfall.config.keys import printed
from tokenfall.config.rows import KeyCommand, KeyFile, KeyringEntry, KeySource
from tokenfall.errors import ConfigError, UserError

URL = 'base_url = "https://x.test/v1"\n'


def shell(line: str) -> KeyCommand:
    return KeyCommand(line.split(maxsplit=1)[0], ("/bin/sh", "-c", line))


def with_key(source: KeySource) -> Endpoint:
    return Endpoint("x", "openai-chat", "https://x.test/v1", api_key_from=source)


def revealed(source: KeySource) -> str:
    key = config.resolved(with_key(source)).api_key
    assert key is not None
    return key.reveal()


def complaint(source: KeySource) -> str:
    with pytest.raises(UserError) as error:
        config.resolved(with_key(source))
    return str(error.value)


# ── the file ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("api_key_command = 'pass show x | head -1'", shell("pass show x | head -1")),
        ("api_key_command = ['pass', 'show', '']", KeyCommand("pass", ("pass", "show", ""))),
        ("api_key_keyring = 'x/me'", KeyringEntry("x", "me")),
        ("api_key_keyring = 'https://x.test/v1/me@x.test'", KeyringEntry("https://x.test/v1", "me@x.test")),
        ("api_key_file = '/run/secrets/x'", KeyFile(Path("/run/secrets/x"))),
        ("api_key_file = '~/x'\napi_key_env = ''", KeyFile(Path.home() / "x")),
    ],
)
def test_sources(where: Folders, text: str, source: KeySource) -> None:
    assert load(where, f"[endpoints.x]\n{URL}{text}").endpoints == (with_key(source),)


def test_a_file_beside_the_configuration(where: Folders) -> None:
    assert load(where, f"[endpoints.x]\n{URL}api_key_file = 'x.key'").endpoints == (with_key(KeyFile(where.config / "x.key")),)


def test_a_source_stands_for_the_usual_variable(where: Folders) -> None:
    (found,) = load(where, "[endpoints.groq]\napi_key_command = 'pass groq'").endpoints
    assert (found.api_key_env, found.api_key_from) == ("", shell("pass groq"))


def test_an_option_stands_for_the_source(where: Folders) -> None:
    found = settings(where, Options(api_key_env="K"), "[endpoints.groq]\napi_key_command = 'pass groq'", K="k-1").endpoint
    assert found is not None
    assert found.api_key_from is None
    assert found.api_key is not None


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("api_key_command = ''", 3, 'endpoints.x.api_key_command must be a command, such as "pass show name" or ["pass", "show", "name"].'),
        ("api_key_command = []", 3, "must be a command"),
        ("api_key_command = ['']", 3, "must be a command"),
        ("api_key_command = ['a', 1]", 3, "must be a command"),
        ('api_key_command = "a\\u0000"', 3, "must be a command"),
        ('api_key_command = ["a", "\\u0000"]', 3, "must be a command"),
        ("api_key_command = 1", 3, "must be a command"),
        ("api_key_keyring = 'x'", 3, 'endpoints.x.api_key_keyring must be "SERVICE/USER", as in the system keyring.'),
        ("api_key_keyring = '/x'", 3, "SERVICE/USER"),
        ("api_key_keyring = 'x/'", 3, "SERVICE/USER"),
        ("api_key_file = ''", 3, "endpoints.x.api_key_file must be the path of a file that only you can read."),
        ("api_key_env = 'K'\n\napi_key_file = 'x'", 5, "[endpoints.x] says twice where its key is, as api_key_env and as api_key_file."),
        ("api_key_file = 'x'\napi_key_command = ['x']", 4, "as api_key_file and as api_key_command. Keep one of them."),
    ],
)
def test_a_mistake_is_told_with_file_and_line(where: Folders, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(where, f"[endpoints.x]\n{URL}{text}")
    assert str(error.value).startswith(f"{where.config_file}, line {line}: ")
    assert said in str(error.value)


@pytest.mark.parametrize("text", ["api_key_command = 'x'", "api_key_keyring = 'x/y'", "api_key_file = 'x'"])
def test_no_such_key_travels_unencrypted(where: Folders, text: str) -> None:
    with pytest.raises(ConfigError, match=r"line 2: A key would travel unencrypted to x\.test"):
        load(where, f'[endpoints.x]\nbase_url = "http://x.test"\n{text}')


# ── a command ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (KeyCommand("printf", ("printf", "k-1\n")), "k-1"),
        (KeyCommand("printf", ("printf", r"k-1\r\nuser: me\n")), "k-1"),
        (shell("printf ' k-%s ' 1; echo; echo $HOME"), "k-1"),
        (shell("echo k-1; echo a warning >&2"), "k-1"),
        (shell("read nothing; echo k-1"), "k-1"),
    ],
)
def test_the_first_line_that_a_command_prints(command: KeyCommand, key: str) -> None:
    assert revealed(command) == key


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (KeyCommand("none-such", ("none-such",)), "command none-such prints, which can't be run: No such file or directory."),
        (shell("echo canary; echo It is; echo canary >&2; exit 3"), "the command echo prints, which ended with 3. Run it by hand"),
        (shell("exit 3"), "the command exit prints, which ended with 3. Run it by hand"),
        (shell("true canary"), "the command true prints, and nothing there can be a key."),
        (shell("echo the canary sings"), "nothing there can be a key. A key has no spaces."),
        (shell("printf 'caf\\303\\251'"), "nothing there can be a key"),
        (shell("printf '\\377'"), "nothing there can be a key"),
    ],
)
def test_a_command_that_gives_none(command: KeyCommand, said: str) -> None:
    told = complaint(command)
    assert told.startswith("The key for x is the first line that the command ")
    assert said in told
    assert "canary" not in f"{told}{command!r}"


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def until(true: Callable[[], bool]) -> None:
    hang = time.monotonic() + 20
    while not true():
        assert time.monotonic() < hang
        time.sleep(0.005)


def test_a_command_that_hangs_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    began = tmp_path / "pids"
    with pytest.raises(UserError, match=r"command sleep prints, which did not end within 0 s\. Run it by hand"):
        printed(shell(f"sleep 100 & echo $! $$ > {began}; wait"), 0.3, lambda: False)
    until(lambda: all(is_gone(int(pid)) for pid in began.read_text().split()))


def test_a_command_that_nobody_waits_for_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(UserError):
        config.resolved(with_key(shell("sleep 100")), lambda: True)
    assert time.monotonic() - begun < 20


# ── the keyring ─────────────────────────────────────────────────────────────

KEYRING = """\
from . import errors

def get_password(service, user):
    if service == "locked":
        raise errors.KeyringLocked("Failed to unlock\\nthe collection!")
    return {("https://x.test", "me"): "k-1"}.get((service, user))
"""


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of that name whose one entry is known."""
    package = tmp_path / "packages" / "keyring"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(KEYRING)
    (package / "errors.py").write_text("class KeyringError(Exception): ...\nclass KeyringLocked(KeyringError): ...\n")
    monkeypatch.syspath_prepend(package.parent)
    for name in ("keyring", "keyring.errors"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("keyring")
def test_an_entry_of_the_keyring() -> None:
    assert revealed(KeyringEntry("https://x.test", "me")) == "k-1"
    told = complaint(KeyringEntry("https://x.test", "you"))
    assert told.startswith("The key for x is in the system keyring, under https://x.test/you, and there is none.")
    assert told.endswith("Store it with: keyring set https://x.test you")
    assert "which can't be read: Failed to unlock the collection!" in complaint(KeyringEntry("locked", "me"))


def test_the_keyring_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert complaint(KeyringEntry("x", "me")).endswith('a package that is not installed. Install it with: pip install "tokenfall[keyring]"')


# ── a file ──────────────────────────────────────────────────────────────────


def file(path: Path, text: str, mode: int = 0o600) -> KeyFile:
    path.write_text(text)
    path.chmod(mode)
    return KeyFile(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_the_users_own(tmp_path: Path, mode: int) -> None:
    assert revealed(file(tmp_path / "key", " k-1\r\nsecond line\n", mode)) == "k-1"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o602, 0o610])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    told = complaint(file(tmp_path / "key", "canary", mode))
    assert told == (
        f"The key for x is the first line of {tmp_path}/key, which is open to others than you. Close it to them: chmod 600 {tmp_path}/key"
    )


def test_files_that_hold_none(tmp_path: Path) -> None:
    assert "/none, which can't be read: No such file or directory." in complaint(KeyFile(tmp_path / "none"))
    assert "which can't be read: Is a directory." in complaint(KeyFile(tmp_path))
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "which is not a file." in complaint(KeyFile(tmp_path / "pipe"))
    assert "and nothing there can be a key." in complaint(file(tmp_path / "empty", "\nk-1"))


# ── all of them ─────────────────────────────────────────────────────────────


def test_what_has_its_key_or_needs_none_is_left_alone() -> None:
    for endpoint in (Endpoint("x", "openai-chat", "https://x.test"), Endpoint("x", "openai-chat", "https://x.test", api_key=Secret("k"))):
        assert config.resolved(endpoint) is endpoint
    kept = Endpoint("x", "openai-chat", "https://x.test", api_key=Secret("k"), api_key_from=shell("exit 1"))
    assert config.resolved(kept) is kept
