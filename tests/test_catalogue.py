"""What endpoints offer: who is asked, what is kept of it, and what is shown when they don't answer."""

import asyncio
import json
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.byteserver import CEILING, ByteServer, Hold, Send, json_response, response

from tokenfall import config
from tokenfall.catalogue import FILE, FRESH_S, KEPT_S, Listed, Offer, asked, keep, lists, offers
from tokenfall.config import Endpoint, FileConfig, Folders, Options, Secret, Settings
from tokenfall.config.presets import PRESETS
from tokenfall.config.rows import KeyCommand
from tokenfall.transport import Transport

CANARY = "sk-canary-7f3a"
FAR = Endpoint("far", "openai-chat", "https://far.test/v1", api_key=Secret(CANARY))
NEAR = ("ollama", "lmstudio", "llamacpp", "vllm")
PLACE = ("far", "https://far.test/v1")


def listing(*names: str) -> bytes:
    return json_response({"data": [{"id": name} for name in names]})


def configured(folder: Path, *endpoints: Endpoint, options: Options | None = None, env: Mapping[str, str] | None = None) -> Settings:
    where = Folders(folder, folder / "data", folder / "state")
    return config.settings(options or Options(model="local"), FileConfig(endpoints=endpoints), env or {}, where)


def alone(folder: Path, *endpoints: Endpoint) -> Settings:
    """Without presets."""
    return replace(configured(folder), endpoints=endpoints, presets=())


class Answers(Transport):
    """Plain answers instead of a network: names, or what is raised; `asked` are those who were."""

    def __init__(self, **answers: list[str] | Exception) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[Endpoint] = []

    async def list_models(self, endpoint: Endpoint) -> list[str]:
        self.asked.append(endpoint)
        answer = self.answers[endpoint.name]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.close()


async def offered(settings: Settings, transport: Transport, *only: Endpoint, refresh: bool = False) -> dict[str, Offer]:
    found = [offer async for offer in offers(settings, transport, only or None, refresh=refresh, near_seconds=CEILING)]
    assert len({offer.endpoint.name for offer in found}) == len(found)
    return {offer.endpoint.name: offer for offer in found}


# ── who is asked ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("endpoints", "env", "names"),
    [
        ((), {}, NEAR),
        ((), {"GROQ_API_KEY": "k", "GOOGLE_API_KEY": "k"}, ("gemini", "groq", *NEAR)),
        ((), {"GROQ_API_KEY": " "}, NEAR),
        ((FAR,), {}, ("far", *NEAR)),
        ((replace(FAR, name="groq", api_key_env="MY"),), {"GROQ_API_KEY": "k"}, ("groq", *NEAR)),
        ((Endpoint("box", "openai-chat", "http://127.0.0.1:8080/v1"),), {}, ("box", "ollama", "lmstudio", "vllm")),
        ((Endpoint("ollama", "ollama", "http://10.0.0.1:11434"),), {}, NEAR),
    ],
)
def test_who_is_asked(tmp_path: Path, endpoints: tuple[Endpoint, ...], env: Mapping[str, str], names: tuple[str, ...]) -> None:
    assert tuple(each.name for each in asked(configured(tmp_path, *endpoints, env=env))) == names


def test_the_endpoint_of_the_options_is_asked(tmp_path: Path) -> None:
    settings = configured(tmp_path, FAR, options=Options(base_url="http://127.0.0.1:8000/v1"))
    assert [each.name for each in asked(settings)] == ["far", "127.0.0.1:8000", "ollama", "lmstudio", "llamacpp"]


# ── what they answer ────────────────────────────────────────────────────────


async def test_all_at_once_and_each_as_it_comes(tmp_path: Path, transport: Transport) -> None:
    async with ByteServer([Hold()]) as slow, ByteServer([Send(listing("b", "a", "b"))]) as quick:
        mute, good = Endpoint("mute", "openai-chat", slow.url), Endpoint("good", "openai-chat", quick.url)
        before = time.time()
        found = offers(alone(tmp_path, mute, good), transport)
        async with asyncio.timeout(CEILING):
            first = await anext(found)
        assert (first.endpoint, first.models, first.answers, first.problem) == (good, ("b", "a"), True, "")
        assert first.fetched_at is not None
        assert before <= first.fetched_at <= time.time()
        await slow.exchange()
        await found.aclose()
        await slow.quiet()
    assert list(lists(tmp_path / "data" / FILE)) == [("good", quick.url)], "what came before it was closed is kept"


async def test_servers_on_this_machine_are_found_and_others_not_missed(tmp_path: Path, transport: Transport) -> None:
    async with ByteServer([Send(json_response({"models": [{"name": "qwen3:8b"}]}))]) as server, ByteServer([Send(WEB)]) as web:
        settings = moved(configured(tmp_path), ollama=server.url, lmstudio=web.url)
        found = await offered(settings, transport)
        assert {name: offer.models for name, offer in found.items()} == {"ollama": ("qwen3:8b",)}
        named = await offered(settings, transport, *settings.presets)
    assert "a web page, not a list of models" in named["lmstudio"].problem
    assert "Nothing listens at http://127.0.0.1:1" in named["vllm"].problem


async def test_a_server_on_this_machine_that_says_nothing_is_not_waited_for(tmp_path: Path, transport: Transport) -> None:
    async with ByteServer([Hold()]) as mute:
        settings = moved(configured(tmp_path), ollama=mute.url)
        async with asyncio.timeout(CEILING):
            assert [offer async for offer in offers(settings, transport, near_seconds=0.1)] == []
        await mute.quiet()


WEB = response("200 OK", b"<html>", kind="text/html")


def moved(settings: Settings, **urls: str) -> Settings:
    """The presets of this machine at these addresses, or where nobody listens, and no others."""
    near = [replace(each, base_url=urls.get(each.name, "http://127.0.0.1:1")) for each in settings.presets if each.name in NEAR]
    return replace(settings, presets=tuple(near))


async def test_a_problem_is_told_of_who_is_configured(tmp_path: Path, transport: Transport) -> None:
    async with ByteServer([Send(json_response({"error": {"message": f"Wrong key {CANARY}"}}, "401 Unauthorized"))]) as server:
        keyless = Endpoint("keyless", "openai-chat", server.url, api_key_env="TF_UNSET")
        wrong = Endpoint("wrong", "openai-chat", server.url, api_key=Secret(CANARY))
        gone = Endpoint("gone", "openai-chat", "http://127.0.0.1:1")
        found = await offered(alone(tmp_path, keyless, wrong, gone), transport)
        assert [exchange.headers["authorization"] for exchange in server.exchanges] == [f"Bearer {CANARY}"]
    assert not any(offer.answers or offer.models or offer.fetched_at for offer in found.values())
    assert "TF_UNSET, which is not set" in found["keyless"].problem
    assert "401" in found["wrong"].problem
    assert CANARY not in found["wrong"].problem
    assert "Nothing listens at" in found["gone"].problem
    assert not (tmp_path / "data").exists()


# ── keys ────────────────────────────────────────────────────────────────────


async def test_a_key_that_a_command_prints_is_sent_and_not_kept(tmp_path: Path, transport: Transport) -> None:
    """Also when the service repeats it as the name of a model."""
    async with ByteServer([Send(listing("m", f"echo-{CANARY}"))]) as server:
        vault = Endpoint("vault", "openai-chat", server.url, api_key_from=KeyCommand("echo", ("echo", CANARY)))
        found = await offered(alone(tmp_path, vault), transport)
        assert server.exchanges[0].headers["authorization"] == f"Bearer {CANARY}"
    assert found["vault"].models == ("m", "echo-[key]")
    assert found["vault"].endpoint is vault
    kept = (tmp_path / "data" / FILE).read_text()
    assert '"m"' in kept
    assert CANARY not in kept


async def test_no_command_runs_for_a_list_that_is_kept(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    vault = replace(FAR, api_key=None, api_key_from=KeyCommand("touch", ("touch", str(mark))))
    keep(tmp_path / "data" / FILE, {PLACE: Listed(("m",), time.time())})
    assert (await offered(alone(tmp_path, vault), Answers()))["far"].models == ("m",)
    assert not mark.exists()
    refused = await offered(alone(tmp_path, vault), Answers(), refresh=True)
    assert mark.exists()
    assert refused["far"].models == ("m",)
    assert "nothing there can be a key" in refused["far"].problem


# ── what is kept ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("age", "refresh", "asks"),
    [(0, False, False), (FRESH_S - 60, False, False), (FRESH_S + 60, False, True), (-7200, False, True), (0, True, True)],
)
async def test_a_list_lasts_a_day(tmp_path: Path, age: float, refresh: bool, asks: bool) -> None:
    keep(tmp_path / "data" / FILE, {PLACE: Listed(("old",), time.time() - age)})
    transport = Answers(far=["new"])
    found = (await offered(alone(tmp_path, FAR), transport, refresh=refresh))["far"]
    assert (found.models, found.answers) == (("new",) if asks else ("old",), True)
    assert len(transport.asked) == asks
    assert lists(tmp_path / "data" / FILE)[PLACE].models == found.models


async def test_another_address_is_another_list(tmp_path: Path) -> None:
    keep(tmp_path / "data" / FILE, {PLACE: Listed(("old",), time.time())})
    moved = replace(FAR, base_url="https://moved.test/v1")
    assert (await offered(alone(tmp_path, moved), Answers(far=["new"])))["far"].models == ("new",)
    assert set(lists(tmp_path / "data" / FILE)) == {PLACE, ("far", moved.base_url)}


async def test_what_cannot_be_had_is_shown_as_it_was(tmp_path: Path, transport: Transport) -> None:
    """Servers on this machine are asked each time, because they come and go."""
    at, here = time.time() - 60, Endpoint("here", "openai-chat", "http://127.0.0.1:1")
    keep(tmp_path / "data" / FILE, {("here", here.base_url): Listed(("old",), at)})
    found = (await offered(alone(tmp_path, here), transport))["here"]
    assert (found.models, found.answers, found.fetched_at) == (("old",), False, at)
    assert "Nothing listens" in found.problem


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_it_is_the_owners_and_whole(tmp_path: Path) -> None:
    shelf = tmp_path / "data" / FILE
    keep(shelf, {PLACE: Listed(("é\ud800\x1b", "b"), 1e9 + KEPT_S)})
    now = time.time()
    keep(shelf, {("b", "u"): Listed(("é\ud800\x1b", "b"), now)})
    keep(shelf, {("c", "u"): Listed((), now), ("d", "u"): Listed(("x" * 2**21,), now)})
    assert lists(shelf) == {("b", "u"): Listed(("é\ud800\x1b", "b"), now), ("c", "u"): Listed((), now)}, "old and endless lists are not"
    assert stat.S_IMODE(shelf.stat().st_mode) == 0o600
    assert stat.S_IMODE(shelf.parent.stat().st_mode) == 0o700
    assert files(shelf.parent) == [FILE]


WRITER = """
import sys, time
from pathlib import Path
from tokenfall.catalogue import Listed, keep
for number in range(60):
    keep(Path(sys.argv[1]), {(sys.argv[2], str(number)): Listed(("m" * 5000,), time.time())})
"""


async def test_two_programs_may_write_at_once(tmp_path: Path) -> None:
    """A list may be lost between them, but the file is whole at any moment."""
    shelf = tmp_path / FILE
    keep(shelf, {PLACE: Listed(("m",), time.time())})
    writers = [await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(shelf), name) for name in "ab"]
    while any(writer.returncode is None for writer in writers):
        json.loads(shelf.read_bytes())
        await asyncio.sleep(0.005)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert PLACE in lists(shelf)
    assert {("a", "59"), ("b", "59")} & set(lists(shelf))
    assert files(tmp_path) == [FILE]


GOOD = {"endpoint": "far", "base_url": "https://far.test/v1", "models": ["m"], "fetched_at": 1}


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (b"", 0),
        (b"\xff\xfe\0", 0),
        (b"[" * 100_000, 0),
        (b'{"far": 1}', 0),
        (b"7", 0),
        (json.dumps([GOOD])[:-9].encode(), 0),
        (json.dumps([1, None, [], {}, GOOD]).encode(), 1),
        *((json.dumps([GOOD | wrong]).encode(), 0) for wrong in (
            {"endpoint": 1}, {"base_url": None}, {"models": "m"}, {"models": ["m", 2]}, {"fetched_at": "now"}, {"fetched_at": -1},
            {"fetched_at": float("nan")}, {"fetched_at": float("inf")}, {"fetched_at": 10**400},
        )),
    ],
)  # fmt: skip
async def test_a_file_that_is_something_else_is_ignored(tmp_path: Path, content: bytes, left: int) -> None:
    shelf = tmp_path / "data" / FILE
    shelf.parent.mkdir()
    shelf.write_bytes(content)
    assert len(lists(shelf)) == left
    assert (await offered(alone(tmp_path, FAR), Answers(far=["new"])))["far"].models == ("new",)
    assert lists(shelf)[PLACE].models == ("new",)


def as_a_file(data: Path) -> None:
    data.write_text("")


def as_a_folder(data: Path) -> None:
    (data / FILE / "in it").mkdir(parents=True)


@pytest.mark.parametrize("make", [as_a_file, as_a_folder])
async def test_without_a_place_for_it_all_is_asked(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "data")
    assert (await offered(alone(tmp_path, FAR), Answers(far=["new"])))["far"].models == ("new",)
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]


def test_presets_of_this_machine_need_no_key() -> None:
    assert tuple(name for name, preset in PRESETS.items() if not preset.key_variables) == NEAR
