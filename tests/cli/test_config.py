"""`tokenfall config`: where the file is, what holds, whether it is right, and a first one."""

import re
import tomllib
from pathlib import Path

import pytest
from tests.cli.running import Program

from tokenfall import config
from tokenfall.cli.config import check, init, show
from tokenfall.config import FileConfig, Folders, Options
from tokenfall.config.endpoints import ENDPOINT_KEYS
from tokenfall.config.file import FILE_KEYS, MODEL_KEYS
from tokenfall.errors import ConfigError, UserError


@pytest.fixture
def where(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "settings", tmp_path / "data", tmp_path / "state")


def written(where: Folders, text: str) -> Folders:
    where.config.mkdir(exist_ok=True)
    where.config_file.write_text(text)
    return where


def line(shown: str, name: str) -> str:
    (found,) = [row for row in shown.splitlines() if row.split(" ")[0] == name]
    return found.partition(" ")[2].strip()


# ── the verb ────────────────────────────────────────────────────────────────


async def test_the_verb(tmp_path: Path) -> None:
    program = Program(tmp_path)
    path = f"{tmp_path}/config.toml"
    assert (await program.run("config", "path")).stdout == f"{path}\n"
    assert (await program.run("config", "check")).stdout == f"There is no {path}, and none is needed.\n"
    assert (await program.run("config", "init")).stdout == f"{path} is written. Every setting in it is a comment yet.\n"
    again = await program.run("config", "init")
    assert (again.code, again.stdout) == (2, "")
    assert again.stderr == f"tokenfall: {path} is there already, and stays as it is.\nMove it away to get a new one.\n"
    assert (await program.run("config", "check")).stdout == f"{path} is fine.\n"
    program.configure("theme = 1")
    wrong = await program.run("config", "check")
    assert (wrong.code, wrong.stdout, wrong.stderr) == (2, "", f"tokenfall: {path}, line 1: theme must be a theme's name.\n")


async def test_show_obeys_the_options(tmp_path: Path) -> None:
    done = await Program(tmp_path).run("-m", "groq/llama", "--theme", "light", "config", "show", GROQ_API_KEY="canary")
    assert (done.code, done.stderr) == (0, "")
    assert line(done.stdout, "model") == "groq/llama"
    assert line(done.stdout, "theme") == "light"
    assert line(done.stdout, "groq") == "https://api.groq.com/openai/v1  key: $GROQ_API_KEY, set"
    assert "canary" not in done.stdout


async def test_without_more_it_tells_what_there_is(tmp_path: Path) -> None:
    done = await Program(tmp_path).run("config")
    assert done.code == 0
    assert done.stdout.startswith("Usage: tokenfall config")


# ── show ────────────────────────────────────────────────────────────────────


def test_what_holds_without_a_file(where: Folders) -> None:
    shown = show(Options(), {}, where)
    assert line(shown, "file") == f"{where.config_file}, which is not there"
    assert line(shown, "model") == "local/smollm2"
    assert line(shown, "max_tokens") == "left to the service"
    assert line(shown, "openai") == "https://api.openai.com/v1  key: $OPENAI_API_KEY, not set"
    assert line(shown, "llamacpp") == "http://127.0.0.1:8080/v1  key: none"


WHOLE = """\
model = "groq"
system = "Be\\u001b[31m \\"brief\\".\\u009b"
max_tokens = 300
temperature = 0.5
mouse = false
[keys]
"prompt.search_history" = "ctrl+r, f5"
[endpoints.groq]
model = "llama"
headers = { X-Title = "canary-1" }
extra_body = { secret = "canary-2" }
proxy = "http://me:canary-3@proxy.test:3128"
retries = 0
insecure_http = true
[endpoints.groq.deadlines]
warn = 2.5
[models."groq/llama"]
context = 131072
price_input = 0.25
price_output = 1
"""


def test_what_a_file_says_is_told_without_what_is_secret(where: Folders) -> None:
    shown = show(Options(), {"GROQ_API_KEY": "canary-4"}, written(where, WHOLE))
    assert "canary" not in shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    listed = dict(row.split(maxsplit=1) for row in shown.splitlines() if " " in row and "Without" not in row and "key:" not in row)
    assert listed == {
        "file": str(where.config_file),
        "model": "llama",
        "system": '"Be\\u001b[31m \\"brief\\".<9B>"',
        "max_tokens": "300",
        "temperature": "0.5",
        "theme": "by the terminal's background",
        "mouse": "false",
        "repaint": "changes",
        "follow": "end",
        "reduced_motion": "false",
        "keys.prompt.search_history": "ctrl+r,f5",
        "base_url": "https://api.groq.com/openai/v1",
        "wire": "openai-chat",
        "key": "$GROQ_API_KEY, set",
        "headers": "X-Title",
        "extra_body": "secret",
        "proxy": "http://...@proxy.test:3128",
        "retries": "0",
        "insecure_http": "true",
        "warn": "2.5 s",
        "context": "131072",
        "price_input": "0.25 USD per million",
        "price_output": "1 USD per million",
    }
    assert "model           groq/llama\n" in shown
    assert '[endpoints.groq]\n' in shown
    assert '[models."groq/llama"]\n' in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("api_key_env = 'OWN'", "$OWN, not set"),
        ("api_key_env = ''", "none"),
        ("api_key_command = 'echo canary'", "by the command echo, asked when the key is first needed"),
        ("api_key_command = ['pass', 'canary']", "by the command pass, asked when the key is first needed"),
        ("api_key_keyring = 'groq/me'", "groq/me in the system keyring, "),
        ("api_key_file = 'closed'", "in FOLDER/closed, there"),
        ("api_key_file = 'open'", "The key for groq is the first line of FOLDER/open, which is open to others than you."),
        ("api_key_file = 'none'", "FOLDER/none, which can't be read: No such file or directory."),
    ],
)
def test_where_a_key_is_and_whether_it_is_there(where: Folders, text: str, said: str) -> None:
    written(where, f"[endpoints.groq]\n{text}\n[endpoints.last]\nbase_url = 'https://x.test'\nca_file = 'none.pem'")
    for name, mode in (("closed", 0o600), ("open", 0o644)):
        (where.config / name).write_text("canary")
        (where.config / name).chmod(mode)
    shown = show(Options(), {}, where)
    assert said.replace("FOLDER", str(where.config)) in shown
    assert line(shown, "ca_file") == f"{where.config}/none.pem, which is not there"
    assert "canary" not in shown


def test_what_is_missing_for_the_model_does_not_hide_the_rest(where: Folders) -> None:
    written(where, 'model = "groq/llama"\nmax_tokens = 7')
    shown = show(Options(), {}, where)
    assert line(shown, "model").startswith("none yet: The key for groq is read from the variable GROQ_API_KEY, which is not set")
    assert line(shown, "max_tokens") == "7"
    assert line(show(Options("nobody/x"), {}, where), "model").startswith("none yet: There is no endpoint 'nobody'.")
    asked = Options("m", base_url="http://x.test", wire="openai-chat", api_key_env="K", max_tokens=8)
    shown = show(asked, {"K": "canary"}, where)
    assert line(shown, "model").startswith("none yet: A key would travel unencrypted")
    assert line(shown, "max_tokens") == "8"


@pytest.mark.parametrize(
    ("options", "model"),
    [
        (Options(base_url="http://127.0.0.1:8080/v1"), "127.0.0.1:8080, the first model that it lists"),
        (Options("m", base_url="http://127.0.0.1:8080/v1"), "127.0.0.1:8080/m"),
        (Options(model_file=Path("/models/own.gguf")), "local/own.gguf"),
    ],
)
def test_which_model_answers(where: Folders, options: Options, model: str) -> None:
    assert line(show(options, {}, where), "model") == model


# ── check and init ──────────────────────────────────────────────────────────


def test_a_file_that_is_wrong(where: Folders) -> None:
    for act in (check, lambda there: show(Options(), {}, there)):
        with pytest.raises(ConfigError, match="line 1: 'modle' is not a setting"):
            act(written(where, "modle = 1"))


def test_a_first_file_says_nothing_and_explains_everything(where: Folders) -> None:
    init(where)
    assert config.load(where) == FileConfig()
    text = where.config_file.read_text()
    assert {row[0] for row in text.splitlines() if row} == {"#"}
    made = re.sub(r"^#(?! )", "", text, flags=re.MULTILINE)
    found = config.load(written(where, made))
    assert [endpoint.name for endpoint in found.endpoints] == ["box", "first", "second", "third", "fourth"]
    values = tomllib.loads(made)
    assert set(values) == set(FILE_KEYS)
    assert {key for table in values["endpoints"].values() for key in table} == set(ENDPOINT_KEYS)
    assert set(values["models"]["box/qwen3-8b"]) == set(MODEL_KEYS)


def test_what_it_shows_of_a_setting_is_the_default_where_there_is_one(where: Folders) -> None:
    text = re.sub(r"^#(?! )", "", config.default_file(), flags=re.MULTILINE)
    found = config.load(written(where, text))
    usual = FileConfig()
    assert (found.mouse, found.repaint, found.follow, found.reduced_motion) == (
        usual.mouse, usual.repaint, usual.follow, usual.reduced_motion
    )
    box, plain = found.endpoints[0], config.Endpoint("box", "openai-chat", "http://127.0.0.1:8080/v1")
    assert (box.deadlines, box.retries, box.insecure_http) == (plain.deadlines, plain.retries, plain.insecure_http)


def test_a_file_is_never_overwritten(where: Folders) -> None:
    written(where, "theme = 'light'")
    with pytest.raises(UserError, match="is there already, and stays as it is"):
        init(where)
    assert where.config_file.read_text() == "theme = 'light'"


def test_a_file_that_cannot_be_written(where: Folders) -> None:
    where.config.write_text("")
    with pytest.raises(UserError, match=r"config\.toml can't be written: "):
        init(where)
