"""config.toml: what it comes to, and what a mistake is told as."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.config.reading import GROQ, LAB, WHOLE, load, settings

from tokenfall import config
from tokenfall.config import FileConfig, Folders, Options
from tokenfall.errors import ConfigError


def test_no_file_is_an_empty_one(where: Folders) -> None:
    assert config.load(where) == FileConfig()
    assert config.load(replace(where, config=where.config / "none")) == FileConfig()


def test_every_key(where: Folders) -> None:
    assert load(where, WHOLE) == FileConfig(
        model="groq/llama-3",
        model_file=where.config / "models/own.gguf",
        system="Be brief.",
        max_tokens=300,
        temperature=1.0,
        theme="light",
        mouse=False,
        keys={"stop": "ctrl+x", "send": "enter,f2"},
        endpoints=(GROQ, LAB),
    )


def test_a_home_folder_is_meant_by_its_sign(where: Folders) -> None:
    assert load(where, 'model_file = "~/m.gguf"').model_file == Path.home() / "m.gguf"


URL = 'base_url = "https://x.test/v1"\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("modle = 'x'", 1, "'modle' is not a setting. Did you mean 'model'?"),
        ("\n\n# a remark\nxyzzy = 1", 4, "Expected one of model, model_file"),
        ("theme = 'a'\r\nmax_tokens = 'many'\r\n", 2, "max_tokens must be a whole number, 1 or more."),
        ("max_tokens = 0", 1, "1 or more"),
        ("max_tokens = true", 1, "1 or more"),
        ("temperature = -0.5", 1, "temperature must be a number, 0 or more."),
        ("temperature = nan", 1, "0 or more"),
        ("mouse = 'no'", 1, "mouse must be true or false."),
        ("model = 3", 1, "ENDPOINT/NAME"),
        ('system = """\nmodel = 1\n"""\nmouse = 1', 4, "mouse must be"),
        ("theme = [\n 'a',\n 'b']", 1, "theme must be a theme's name."),
        ("keys = 'x'", 1, "keys must be a table, [keys]."),
        ("mouse = true\n[keys]\n\nstop = ['a']", 4, "keys.stop must be a key or several"),
        ("[keys]\nstop = ''", 2, "keys.stop must be"),
        ("[keys]\nstop = 'a,,b'", 2, "keys.stop must be"),
        ("[endpoints]\ngroq = 'x'", 2, "endpoints.groq must be a table, [endpoints.groq]."),
        ("\n[endpoints.x]\n", 2, "[endpoints.x] has no base_url."),
        (f"[endpoints.x]\n{URL}bas_url = 'y'", 3, "'bas_url' is not a setting of [endpoints.x]. Did you mean 'base_url'?"),
        (f"[endpoints.x]\n{URL}wire = 'openai-chatt'", 3, "There is no wire 'openai-chatt'. Did you mean 'openai-chat'?"),
        (f"[endpoints.x]\n{URL}wire = ''", 3, "Wires are openai-chat"),
        (f"[endpoints.x]\n{URL}api_key_env = 1", 3, "endpoints.x.api_key_env must be the name of a variable."),
        (f"[endpoints.x]\n{URL}[endpoints.x.headers]\nA = 1", 4, "endpoints.x.headers.A must be text in quotes."),
        (f"[endpoints.x]\n{URL}headers = {{ 'a b' = '' }}", 3, "can't be the name of a header"),
        (f"[endpoints.x]\n{URL}[endpoints.x.headers]\n\nA = \"a\\nb\"", 5, "The header A must be printable ASCII."),
        (f"[endpoints.local]\n{URL}", 1, "the embedded model has that name"),
        (f"[endpoints.'a/b']\n{URL}", 1, "'a/b' can't be an endpoint's name"),
        ("[endpoints.x]\nbase_url = 'ftp://x'", 2, "Expected a URL such as"),
        ("[endpoints.x]\nbase_url = 1", 2, "endpoints.x.base_url must be a URL"),
        ("[endpoints.x]\nbase_url = 'http://x.test/v1'\napi_key_env = 'K'", 2, "A key would travel unencrypted to x.test"),
        ("[endpoints.x]\nbase_url = 'http://x.test'\nheaders = { Authorization = 'b' }", 2, "A key would travel unencrypted"),
        (f"model = 'grok/x'\n[endpoints.groq]\n{URL}", 1, "There is no endpoint 'grok'. Did you mean 'groq'?"),
        ("\nmodel = 'x'", 2, "There is no endpoint 'x'. Endpoints are local."),
        ("model = 'local/big'", 1, "There is no embedded model 'big'."),
        ("theme 'a'", 1, "Expected '=' after a key"),
        ("theme = 'a'\ntheme = 'b'", 2, "Cannot overwrite a value"),
        ("a = 1\nb = [1,\n", 2, "Invalid value. TOML is expected: key = value, with text in quotes."),
        (b"theme = 'a'\n# caf\xe9", 2, "this is not UTF-8 text"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(where: Folders, text: str | bytes, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(where, text)
    assert str(error.value).startswith((f"{where.config_file}, line {line}:", f"{where.config_file}, line {line}, column "))
    assert said in str(error.value)


def test_a_deeply_nested_file_is_an_error(where: Folders) -> None:
    with pytest.raises(ConfigError, match="nested too deep"):
        load(where, "a = " + "[" * 100_000)


def test_a_file_that_cannot_be_read(where: Folders) -> None:
    where.config_file.mkdir()
    with pytest.raises(ConfigError, match=r"config.toml can't be read: Is a directory\."):
        config.load(where)


def test_a_file_where_the_folder_should_be(where: Folders) -> None:
    file = where.config / "file"
    file.touch()
    with pytest.raises(ConfigError, match="Not a directory"):
        config.load(replace(where, config=file))


def test_repaint_is_one_of_two_words(where: Folders) -> None:
    full = 'repaint = "full"'
    assert settings(where, text=full).repaint == "full"
    assert settings(where, Options(repaint="changes"), full).repaint == "changes"
    with pytest.raises(ConfigError, match=r'line 2: repaint must be "changes" or "full"\.'):
        load(where, 'mouse = false\nrepaint = "never"\n')


def test_what_is_followed_and_how_much_moves(where: Folders) -> None:
    assert (settings(where).follow, settings(where).reduced_motion) == ("end", False)
    asked = settings(where, text='follow = "start"\nreduced_motion = true\n')
    assert (asked.follow, asked.reduced_motion) == ("start", True)
    with pytest.raises(ConfigError, match=r'line 1: follow must be "end" or "start"\.'):
        load(where, 'follow = "top"\n')
