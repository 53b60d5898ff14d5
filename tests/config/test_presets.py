"""Services that need no table, and tables that bear their names."""

from dataclasses import replace

import pytest
from tests.config.reading import EVERY_WIRE, SERVICES, load, settings

from tokenfall import config
from tokenfall.config import Endpoint, FileConfig, Folders, Options
from tokenfall.config.presets import PRESETS, Preset, Way, over, served
from tokenfall.config.urls import plain_key
from tokenfall.errors import UserError
from tokenfall.wire import WIRES

TWO_WAYS = Preset("two", (Way("own", "https://two.test"), Way("common", "https://two.test/v1")), ("TWO_KEY", "OTHER_KEY"))


def test_the_services() -> None:
    rows = served(EVERY_WIRE)
    assert tuple(rows) == SERVICES
    for row in rows.values():
        assert config.base_url(row.endpoint.base_url) == row.endpoint.base_url
        assert not plain_key(row.endpoint, "")
        assert bool(row.key_variables) is not config.is_loopback(row.endpoint.base_url)
    assert rows["openai"].endpoint == Endpoint(
        "openai", "openai-responses", "https://api.openai.com/v1", api_key_env="OPENAI_API_KEY"
    )


def test_a_service_without_its_wire_is_left_out() -> None:
    rows = served(["openai-chat"])
    assert tuple(rows) == tuple(name for name in SERVICES if name not in {"anthropic", "gemini"})
    assert (rows["openai"].endpoint.wire, rows["ollama"].endpoint.base_url) == ("openai-chat", "http://127.0.0.1:11434/v1")
    assert {preset.endpoint.wire for preset in PRESETS.values()} <= set(WIRES)


def test_only_the_key_is_needed(where: Folders) -> None:
    found = settings(where, Options("groq/llama-3"), GROQ_API_KEY="k-1").endpoint
    assert found is not None
    assert (found.name, found.base_url, found.model) == ("groq", "https://api.groq.com/openai/v1", "llama-3")
    assert found.api_key is not None
    assert found.api_key.reveal() == "k-1"
    with pytest.raises(UserError, match=r"from the variable GROQ_API_KEY, which is not set .*export GROQ_API_KEY="):
        settings(where, Options("groq/llama-3"))


def test_a_service_on_this_machine_needs_nothing(where: Folders) -> None:
    found = settings(where, Options("lmstudio")).endpoint
    assert found == Endpoint("lmstudio", "openai-chat", "http://127.0.0.1:1234/v1")


def test_a_key_in_the_environment_changes_no_default(where: Folders) -> None:
    found = settings(where, None, "", OPENAI_API_KEY="k", GROQ_API_KEY="k")
    assert found.endpoint is None
    assert found.known == found.endpoints == ()
    assert [endpoint.name for endpoint in found.presets if endpoint.api_key is not None] == ["openai", "groq"]


def test_the_file_may_name_one_as_its_model(where: Folders) -> None:
    found = settings(where, None, 'model = "groq/llama-3"', GROQ_API_KEY="k")
    assert found.endpoint is not None
    assert found.endpoint.name == "groq"
    assert found.known == (found.endpoint,)
    bare = settings(where, Options("phi"), 'model = "groq"', GROQ_API_KEY="k").endpoint
    assert bare is not None
    assert (bare.name, bare.model) == ("groq", "phi")


def test_a_misspelt_one_is_suggested(where: Folders) -> None:
    with pytest.raises(UserError, match="Did you mean 'mistral'"):
        settings(where, Options("mistrall/small"))


def test_choose_knows_both(where: Folders) -> None:
    found = settings(where, None, '[endpoints.groq]\nmodel = "own"', GROQ_API_KEY="k", XAI_API_KEY="k")
    assert [endpoint.name for endpoint in found.presets] == [name for name in PRESETS if name != "groq"]
    for text, model in (("groq", "own"), ("groq/other", "other"), ("xai/grok", "grok"), ("vllm", "")):
        chosen = config.choose(text, found.known, found.endpoint, found.presets)
        assert chosen is not None
        assert (chosen.name, chosen.model) == (text.partition("/")[0], model)
    with pytest.raises(UserError, match="DEEPSEEK_API_KEY, which is not set"):
        config.choose("deepseek/x", found.known, found.endpoint, found.presets)


# ── a table of the same name ────────────────────────────────────────────────


def test_a_table_overrides_field_by_field(where: Folders) -> None:
    text = '[endpoints.groq]\nmodel = "m"\nretries = 0\n[endpoints.xai]\napi_key_env = "OWN"\n[endpoints.vllm]\nbase_url = "http://10.0.0.5:8000/v1"'
    assert load(where, text) == FileConfig(
        endpoints=(
            Endpoint("groq", "openai-chat", "https://api.groq.com/openai/v1", "m", api_key_env="GROQ_API_KEY", retries=0),
            Endpoint("xai", "openai-chat", "https://api.x.ai/v1", api_key_env="OWN"),
            Endpoint("vllm", "openai-chat", "http://10.0.0.5:8000/v1"),
        )
    )


def test_a_table_may_say_that_no_key_is_sent(where: Folders) -> None:
    assert load(where, '[endpoints.groq]\napi_key_env = ""').endpoints[0].api_key_env == ""


@pytest.mark.parametrize(
    ("base_url", "keyed"),
    [
        ("https://api.groq.com/openai/v2", True),
        ("https://API.GROQ.COM:443/openai/v1", True),
        ("https://api.groq.com:444/openai/v1", False),
        ("http://api.groq.com/openai/v1", False),
        ("https://groq.com/openai/v1", False),
        ("http://127.0.0.1:8080/v1", False),
    ],
)
def test_the_key_of_a_service_goes_nowhere_else(where: Folders, base_url: str, keyed: bool) -> None:
    (found,) = load(where, f'[endpoints.groq]\nbase_url = "{base_url}"').endpoints
    assert found.api_key_env == ("GROQ_API_KEY" if keyed else "")


@pytest.mark.parametrize(
    ("wire", "base_url", "made"),
    [
        (None, None, ("own", "https://two.test")),
        ("common", None, ("common", "https://two.test/v1")),
        ("third", None, ("third", "https://two.test")),
        (None, "https://two.test/v1", ("common", "https://two.test/v1")),
        (None, "https://two.test/v2", ("own", "https://two.test/v2")),
        (None, "http://box:1/v1", ("common", "http://box:1/v1")),
        (None, "http://box:1", ("own", "http://box:1")),
        (None, "http://box:1/api/v1", ("common", "http://box:1/api/v1")),
        ("own", "http://box:1/v1", ("own", "http://box:1/v1")),
    ],
)
def test_wire_and_address_fit_each_other(wire: str | None, base_url: str | None, made: tuple[str, str]) -> None:
    endpoint = TWO_WAYS.overridden(wire, base_url)
    assert (endpoint.wire, endpoint.base_url) == made


def test_another_wire_by_option_finds_its_address() -> None:
    for preset in PRESETS.values():
        for way in preset.ways:
            spoken = over(preset.endpoint, way.wire)
            assert (spoken.wire, spoken.base_url) == (way.wire, way.base_url)
    moved = replace(PRESETS["ollama"].endpoint, base_url="http://box:1")
    assert over(moved, "openai-chat") == replace(moved, wire="openai-chat")


@pytest.mark.parametrize(
    ("env", "variable"),
    [
        ({}, "GEMINI_API_KEY"),
        ({"GOOGLE_API_KEY": "k"}, "GOOGLE_API_KEY"),
        ({"GOOGLE_API_KEY": "k", "GEMINI_API_KEY": " "}, "GOOGLE_API_KEY"),
        ({"GOOGLE_API_KEY": "k", "GEMINI_API_KEY": "k"}, "GEMINI_API_KEY"),
    ],
)
def test_a_key_that_goes_by_two_names(env: dict[str, str], variable: str) -> None:
    gemini = served(EVERY_WIRE)["gemini"]
    assert gemini.key_variable("GEMINI_API_KEY", env) == variable
    assert gemini.key_variable("OWN", env) == "OWN"
    assert gemini.key_variable("", env) == ""


def test_an_endpoint_of_another_name_reads_its_own_variable_only(where: Folders) -> None:
    text = '[endpoints.mine]\nbase_url = "https://x.test"\napi_key_env = "GEMINI_API_KEY"'
    with pytest.raises(UserError, match="variable GEMINI_API_KEY, which is not set"):
        settings(where, None, text, GOOGLE_API_KEY="k")
