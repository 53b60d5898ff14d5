"""What a file, options and the environment come to."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.config.reading import GROQ, LAB, WHOLE, settings

from tokenfall import config
from tokenfall.config import Endpoint, FileConfig, Folders, Options, Settings
from tokenfall.errors import UserError

# ── folders ─────────────────────────────────────────────────────────────────


def test_folders_can_be_named() -> None:
    named = config.folders({"TOKENFALL_CONFIG": "/c", "TOKENFALL_DATA": "/d"})
    assert named == Folders(Path("/c"), Path("/d"), Path("/d/state"))


def test_folders_are_the_platforms() -> None:
    found = config.folders({"TOKENFALL_CONFIG": ""})
    assert found.config.name == found.data.name == "tokenfall"
    assert found.state != found.data


def test_a_folder_is_absolute_whatever_comes_later() -> None:
    assert config.folders({"TOKENFALL_CONFIG": "here"}).config == Path.cwd() / "here"


# ── which model ─────────────────────────────────────────────────────────────


def test_nothing_configured_is_the_embedded_model(where: Folders) -> None:
    assert replace(settings(where), presets=()) == Settings(where, None, None, (), "", None, None, "", True, {})


def test_the_file_decides_when_no_option_does(where: Folders) -> None:
    found = settings(where, None, WHOLE, GROQ_API_KEY="k-1")
    assert found.endpoint is not None
    assert (found.endpoint.name, found.endpoint.model) == ("groq", "llama-3")
    assert found.endpoint.api_key is not None
    assert found.endpoint.api_key.reveal() == "k-1"
    assert (found.system, found.max_tokens, found.temperature, found.theme) == ("Be brief.", 300, 1.0, "light")


def test_options_win_over_the_file(where: Folders) -> None:
    found = settings(where, Options("lab", system="", max_tokens=5, temperature=0.0, theme="dark"), WHOLE)
    assert found.endpoint == LAB
    assert (found.system, found.max_tokens, found.temperature, found.theme) == ("", 5, 0.0, "dark")


@pytest.mark.parametrize(
    ("model", "name", "chosen"),
    [
        ("lab", "lab", "qwen"),
        ("lab/phi", "lab", "phi"),
        ("lab/org/phi", "lab", "org/phi"),
        ("lab/", "lab", "qwen"),
        ("phi", "groq", "phi"),  # a bare name goes to the endpoint of the file's `model`
        (None, "groq", "llama-3"),
    ],
)
def test_the_model_option(where: Folders, model: str | None, name: str, chosen: str) -> None:
    endpoint = settings(where, Options(model), WHOLE, GROQ_API_KEY="k").endpoint
    assert endpoint is not None
    assert (endpoint.name, endpoint.model) == (name, chosen)


def test_a_bare_name_goes_to_the_files_endpoint_and_else_to_the_first(where: Folders) -> None:
    rows = '[endpoints.b]\nbase_url = "http://127.0.0.1:1"\n[endpoints.a]\nbase_url = "http://127.0.0.1:2"'
    for model, name in (('model = "a"\n', "a"), ('model = "local"\n', "b"), ("", "b")):
        found = settings(where, Options("phi"), model + rows).endpoint
        assert found is not None
        assert (found.name, found.model) == (name, "phi")


def test_the_first_endpoint_answers_when_the_file_names_no_model(where: Folders) -> None:
    text = '[endpoints.b]\nbase_url = "http://127.0.0.1:1"\n[endpoints.a]\nbase_url = "http://127.0.0.1:2"'
    found = settings(where, None, text).endpoint
    assert found == Endpoint("b", "openai-chat", "http://127.0.0.1:1")


@pytest.mark.parametrize(("model", "own"), [("local", True), ("local/smollm2", False)])
def test_the_embedded_model_by_name(where: Folders, model: str, own: bool) -> None:
    found = settings(where, Options(model), WHOLE)
    assert found.endpoint is None
    assert found.model_file == (where.config / "models/own.gguf" if own else None)


def test_a_model_file_of_the_users_own(where: Folders) -> None:
    found = settings(where, Options(model_file=Path("x.gguf")), WHOLE)
    assert (found.endpoint, found.model_file) == (None, Path("x.gguf"))
    found = settings(where, None, 'model_file = "y.gguf"\n[endpoints.a]\nbase_url = "http://127.0.0.1:2"')
    assert (found.endpoint, found.model_file) == (None, where.config / "y.gguf")


def test_a_base_url_alone_is_enough(where: Folders) -> None:
    found = settings(where, Options(base_url="http://127.0.0.1:8080/v1//"), WHOLE)
    assert found.endpoint == Endpoint("127.0.0.1:8080", "openai-chat", "http://127.0.0.1:8080/v1")
    assert [endpoint.name for endpoint in found.endpoints] == ["groq", "lab"]


def test_beside_a_base_url_the_model_is_taken_whole(where: Folders) -> None:
    found = settings(where, Options("lab/phi", base_url="https://x.test", api_key_env="K"), WHOLE, K=" k-2\n").endpoint
    assert found is not None
    assert found.model == "lab/phi"
    assert found.api_key is not None
    assert found.api_key.reveal() == "k-2"


def test_a_key_of_another_variable_for_a_configured_endpoint(where: Folders) -> None:
    found = settings(where, Options("lab", api_key_env="K"), WHOLE, K="k-3").endpoint
    assert found is not None
    assert found.api_key is not None
    assert found.api_key.reveal() == "k-3"


def test_an_endpoint_that_is_not_used_needs_no_key(where: Folders) -> None:
    found = settings(where, Options("local"), WHOLE)
    assert found.endpoints == (GROQ, LAB)
    with pytest.raises(UserError, match="variable GROQ_API_KEY, which is not set"):
        config.choose("groq", found.endpoints, found.endpoint)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options("nobody"), "There is no endpoint 'nobody'. Endpoints are local. Services that need only their key: openai, "),
        (Options(""), "There is no endpoint ''."),
        (Options("locla"), "Did you mean 'local'?"),
        (Options("local/x"), "There is no embedded model 'x'."),
        (Options(base_url=""), "--base-url: Expected a URL such as"),
        (Options(base_url="localhost:8080"), "--base-url: Expected a URL such as"),
        (Options(base_url="http://"), "Expected a URL"),
        (Options(base_url="http://[::1"), "This is not a URL"),
        (Options(base_url="http://x:99999"), "This is not a URL"),
        (Options(base_url="http://x/v1?a=b"), "ends before ? and #"),
        (Options(base_url="http://x/ v1"), "no spaces or control characters"),
        (Options(base_url="http://x/\x1b]52"), "no spaces or control characters"),
        (Options(base_url="https://x.test", api_key_env="UNSET"), "UNSET, which is not set or holds no key. Set it with: export UNSET="),
        (Options(base_url="https://x.test", api_key_env="ODD"), "holds no key"),
        (Options(base_url="https://x.test", api_key_env="EMPTY"), "holds no key"),
        (Options(base_url="http://x.test", api_key_env="K"), "A key would travel unencrypted to x.test; use https"),
        (Options(base_url="http://192.168.1.5:8080", api_key_env="K"), "A key would travel unencrypted"),
        (Options(base_url="http://localhost.test", api_key_env="K"), "A key would travel unencrypted"),
        (Options(base_url="https://x.test", model_file=Path("x")), "Give one of them."),
        (Options("lab", model_file=Path("x")), "Give one of them."),
        (Options(wire="openai-chat"), "--wire and --api-key-env are for a server"),
        (Options("local", api_key_env="K"), "--wire and --api-key-env are for a server"),
    ],
)
def test_options_that_cannot_be_served(where: Folders, options: Options, said: str) -> None:
    with pytest.raises(UserError) as error:
        settings(where, options, "", K="k", EMPTY="", ODD="two\nlines")
    assert said in str(error.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "a.localhost", "LOCALHOST:80"])
def test_a_key_may_go_to_this_machine_unencrypted(where: Folders, host: str) -> None:
    assert settings(where, Options(base_url=f"http://{host}/v1", api_key_env="K"), "", K="k").endpoint


@pytest.mark.parametrize("host", ["192.168.1.5:8080", "x.test"])
def test_a_key_may_go_further_by_an_option_only(where: Folders, host: str) -> None:
    asked = Options(base_url=f"http://{host}/v1", api_key_env="K")
    with pytest.raises(UserError, match=f"unencrypted to {host}; use https, or send no key, or allow it with --insecure-http"):
        settings(where, asked, K="k")
    found = settings(where, replace(asked, insecure_http=True), K="k").endpoint
    assert found is not None
    assert found.insecure_http


def test_without_a_key_http_may_leave_the_machine(where: Folders) -> None:
    assert settings(where, Options(base_url="http://192.168.1.5:8080/v1")).endpoint


# ── keys stay secret ────────────────────────────────────────────────────────


def test_a_key_is_in_no_repr_and_no_message(where: Folders) -> None:
    text = '[endpoints.x]\nbase_url = "https://x.test"\napi_key_env = "K"\nheaders = { X-Own = "canary-2" }\n'
    found = settings(where, None, text, K="canary-1")
    assert found.endpoint is not None
    assert found.endpoint.api_key is not None
    assert "canary" not in f"{found!r} {found.endpoint.api_key} {found.endpoint.api_key!r}"
    for wrong in (Options(base_url="https://user:canary-3@x.test/v1"), Options(base_url="https://x.test", api_key_env="K")):
        with pytest.raises(UserError) as error:
            settings(where, wrong, "", K="canary 4")
        assert "canary" not in str(error.value)


def test_the_real_environment_will_do(where: Folders) -> None:
    assert config.settings(Options(), FileConfig(), os.environ, where).endpoint is None
