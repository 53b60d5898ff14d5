"""What is known of models, and what their replies cost."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.config.reading import SERVICES, load, settings

from tokenfall.config import Cost, Folders, Model, Options, Sampling, cost
from tokenfall.config.presets import PRESETS, service_at
from tokenfall.config.prices import FRESH_DAYS, rows, well_known
from tokenfall.errors import ConfigError
from tokenfall.events import Usage

TODAY = date(2026, 11, 28)
ROW = Model("x/m", price_input=2.0, price_output=10.0, price_cached=0.5, price_limit=100_000, taken=TODAY)


# ── cost ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("usage", "row", "expected"),
    [
        (Usage(1000, 500), ROW, Cost(0.007, True)),
        (Usage(1000, 500, cached_tokens=800), ROW, Cost(0.0058, True)),
        (Usage(1000, 500, cached_tokens=800), replace(ROW, price_cached=None), Cost(0.007, False)),
        (Usage(1000, 500, cached_tokens=0), replace(ROW, price_cached=None), Cost(0.007, True)),
        (Usage(1000, 500, cached_tokens=5000), ROW, Cost(0.0055, True)),
        (Usage(1000, 500, reasoning_tokens=400), ROW, Cost(0.007, True)),
        (Usage(100_001, 0), ROW, Cost(0.200002, False)),
        (Usage(100_001, 0), replace(ROW, price_limit=None), Cost(0.200002, True)),
        (Usage(0, 0), ROW, Cost(0.0, True)),
        (Usage(1000, 500), replace(ROW, price_input=0.0, price_output=0.0), Cost(0.0, True)),
        (Usage(1000, 500), replace(ROW, taken=None), Cost(0.007, True)),
        (Usage(1000, 500), replace(ROW, taken=TODAY - timedelta(days=FRESH_DAYS)), Cost(0.007, True)),
        (Usage(1000, 500), replace(ROW, taken=TODAY - timedelta(days=FRESH_DAYS + 1)), Cost(0.007, False)),
        (Usage(1000), ROW, None),
        (Usage(None, 500), ROW, None),
        (Usage(1000, 500), Model("x/m", context=5), None),
        (Usage(1000, 500), None, None),
    ],
)
def test_what_a_reply_costs(usage: Usage, row: Model | None, expected: Cost | None) -> None:
    found = cost(usage, row, TODAY)
    if found is None or expected is None:
        assert found is expected
    else:
        assert found.amount == pytest.approx(expected.amount)
        assert found.exact is expected.exact


# ── the table ───────────────────────────────────────────────────────────────


def test_the_rows_are_honest() -> None:
    listed = list(rows())
    assert len({row.name for row in listed}) == len(listed)
    for row in listed:
        assert row.name.partition("/")[0] in SERVICES
        assert row.context is not None
        if row.price_input is None:
            assert (row.price_output, row.price_cached, row.taken) == (None, None, None)
            continue
        assert row.price_cached is not None
        assert row.price_output is not None
        assert 0 < row.price_cached < row.price_input < row.price_output
        assert row.taken is not None
        assert date(2026, 1, 1) < row.taken <= date.today()


def test_old_prices_of_the_table_are_never_exact() -> None:
    late = max(row.taken for row in rows() if row.taken is not None) + timedelta(days=FRESH_DAYS + 1)
    costs = [cost(Usage(1, 1), row, late) for row in rows()]
    assert {found.exact for found in costs if found is not None} == {False}


@pytest.mark.parametrize(
    ("service", "model", "known"),
    [
        ("anthropic", "claude-haiku-4-5", "anthropic/claude-haiku-4-5"),
        ("anthropic", "claude-haiku-4-5-20251001", "anthropic/claude-haiku-4-5"),
        ("openai", "gpt-4.1-mini-2025-04-14", "openai/gpt-4.1-mini"),
        ("gemini", "models/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("openai", "gpt-4.1-mini-tuned", None),
        ("openrouter", "gpt-4.1-mini", None),
        ("", "gpt-4.1-mini", None),
    ],
)
def test_models_by_name(service: str, model: str, known: str | None) -> None:
    found = well_known(service, model)
    assert (found and found.name) == known


def test_a_service_is_known_by_its_address() -> None:
    assert service_at("https://API.openai.com/v2") == "openai"
    assert service_at("https://openai.com/v1") == service_at("http://api.openai.com/v1") == ""
    assert all(service_at(preset.endpoint.base_url) == name for name, preset in PRESETS.items())


# ── the file ────────────────────────────────────────────────────────────────

MODELS = """\
max_tokens = 900
temperature = 1.5

[models."groq/llama"]
context = 131072
max_tokens = 300
temperature = 0
price_input = 0
price_output = 0.8
price_cached = 0.1

[models."openai/gpt-4o-mini"]
context = 64000

[models."openai/gpt-5"]
price_input = 1
price_output = 2

[models."local/smollm2"]
max_tokens = 50
"""


def test_rows_of_the_file(where: Folders) -> None:
    llama = Model("groq/llama", 131_072, 300, 0.0, 0.0, 0.8, 0.1)
    assert load(where, MODELS).models[0] == llama
    found = settings(where, None, MODELS)
    assert found.model_row("groq", "llama") == llama
    assert found.model_row("groq", "other") is None
    assert found.model_row("local", "smollm2") == Model("local/smollm2", max_tokens=50)
    assert found.model_row("nobody", "x") is None


def test_the_file_goes_before_the_table(where: Folders) -> None:
    found = settings(where, None, MODELS)
    common = well_known("openai", "gpt-4o-mini")
    assert common is not None
    assert found.model_row("openai", "gpt-4o-mini") == replace(common, context=64_000)
    own = found.model_row("openai", "gpt-5")
    assert own == Model("openai/gpt-5", 400_000, price_input=1.0, price_output=2.0)


def test_prices_are_those_of_the_address(where: Folders) -> None:
    text = '[endpoints.openai]\nbase_url = "http://127.0.0.1:8080/v1"\n[endpoints.work]\nbase_url = "https://api.openai.com/v1"'
    found = settings(where, None, text)
    assert found.model_row("openai", "gpt-5") is None
    assert found.model_row("work", "gpt-5") == well_known("openai", "gpt-5")
    asked = settings(where, Options("gpt-5", base_url="https://api.openai.com/v1"))
    assert asked.model_row("api.openai.com", "gpt-5") == well_known("openai", "gpt-5")


@pytest.mark.parametrize(
    ("options", "endpoint", "model", "expected"),
    [
        (Options(), "groq", "llama", Sampling(300, 0.0)),
        (Options(), "groq", "other", Sampling(900, 1.5)),
        (Options(), "local", "smollm2", Sampling(50, 1.5)),
        (Options(max_tokens=7, temperature=0.0), "groq", "llama", Sampling(7, 0.0)),
        (Options(temperature=0.5), "groq", "llama", Sampling(300, 0.5)),
    ],
)
def test_the_nearest_word_on_sampling_counts(where: Folders, options: Options, endpoint: str, model: str, expected: Sampling) -> None:
    assert settings(where, options, MODELS).sampling(endpoint, model) == expected


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("models = 1", 1, "models must be a table, [models]."),
        ("[models.gpt]\ncontext = 1", 1, "'gpt' is not the name of a model at an endpoint. Expected [models.\"ENDPOINT/NAME\"]."),
        ('[models."groq/"]', 1, "'groq/' is not the name of a model"),
        ('\n[models."grok/x"]', 2, "There is no endpoint 'grok'. Did you mean 'groq'?"),
        ('[models."xyzzy/x"]', 1, "There is no endpoint 'xyzzy'. Give it a table, [endpoints.NAME]."),
        ('[models]\n"groq/x" = 1', 2, 'models."groq/x" must be a table, [models."groq/x"].'),
        ('[models."groq/x"]\ncontext = 0', 2, 'models."groq/x".context must be a whole number, 1 or more.'),
        ('[models."groq/x"]\nmax_tokens = "a"', 2, 'models."groq/x".max_tokens must be a whole number'),
        ('[models."groq/x"]\nprice_input = -1\nprice_output = 1', 2, 'models."groq/x".price_input must be a number, 0 or more.'),
        ('[models."groq/x"]\ncontext = 1\nprice_cached = 1', 3, '[models."groq/x"] says a price, but not both price_input and'),
        ('[models."groq/x"]\nprice_output = 1', 2, "but not both"),
        ('[models."groq/x"]\nprice = 1', 2, "'price' is not a setting of [models.\"groq/x\"]. Did you mean"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(where: Folders, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(where, text)
    assert str(error.value).startswith(f"{where.config_file}, line {line}: ")
    assert said in str(error.value)
