"""A key is where it must be, in the header of a request, and nowhere else: also where a service that refuses it repeats it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.byteserver import ByteServer, Script, Send, json_response, openai_chunk, response, sse_event, sse_response
from tests.cli.running import Outcome, Program
from tests.hostile.chatting import COLUMNS, LINES, Chat
from tests.test_chat import program, serving

HALVES = "sk-Qanary7f3a9c51", "Zeb0e2d84Wkey64af"
"""A line may be broken, and a frame begin, within the whole."""
KEY = "".join(HALVES)
VARIABLE = "TF_CANARY"
SAID = f"Incorrect API key provided: {KEY}"
REFUSALS: list[Script] = [
    [Send(json_response({"error": {"message": f"{SAID} as JSON", "code": KEY}}, "401 Unauthorized"))],
    [Send(response("401 Unauthorized", f"{SAID} as text".encode(), kind="text/plain", headers=[("WWW-Authenticate", KEY)]))],
    [Send(response("302 Found", headers=[("Location", f"http://elsewhere.test/?key={KEY}")]))],
    [Send(sse_response(openai_chunk("begun "), sse_event(json.dumps({"error": {"message": f"{SAID} in a stream"}})), last=True))],
]
SEEN = "as JSON", "as text", "elsewhere", "in a stream"


def in_a_variable(folder: Path) -> str:
    return f'api_key_env = "{VARIABLE}"'


def in_a_file(folder: Path) -> str:
    return f'api_key_file = "{written(folder)}"'


def from_a_command(folder: Path) -> str:
    return f'api_key_command = ["cat", "{written(folder)}"]'


def written(folder: Path) -> Path:
    path = folder / "secret"
    path.touch(0o600)
    path.write_text(f"{KEY}\n")
    return path


Kept = Callable[[Path], str]
"""Where the key is, as the endpoint's table tells it."""
everywhere = pytest.mark.parametrize("kept", [in_a_variable, in_a_file, from_a_command])


def configure(folder: Path, url: str, kept: Kept) -> dict[str, str]:
    """What the environment holds of it."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "config.toml").write_text(f'[endpoints.vault]\nbase_url = "{url}"\nmodel = "m"\n{kept(folder)}\n')
    return {VARIABLE: KEY} if kept is in_a_variable else {}


def assert_nowhere(folder: Path, *shown: str | bytes) -> None:
    """Neither in what was shown nor in the program's own folders."""
    files = [path for path in (folder / "data").rglob("*") if path.is_file()]
    texts = {f"shown {number}": text.encode() if isinstance(text, str) else text for number, text in enumerate(shown)}
    texts |= {str(path): path.read_bytes() for path in files}
    hits = [where for where, text in texts.items() if any(half.encode() in text for half in HALVES)]
    assert not hits


def assert_sent(server: ByteServer, count: int) -> None:
    """Else a key that never left would pass."""
    assert [exchange.headers.get("authorization") for exchange in server.exchanges] == [f"Bearer {KEY}"] * count


@everywhere
def test_in_a_chat(tmp_path: Path, kept: Kept) -> None:
    with serving(*REFUSALS) as server:
        env = configure(tmp_path, server.url, kept)
        with program(tmp_path, "--debug", columns=COLUMNS, lines=LINES, **env) as screen:
            screen.wait_for(r"^ ready │")
            chat = Chat(screen, server)
            for seen in SEEN:
                chat.ask(seen)
            text = chat.pages()
            assert text.count("[key]") >= len(SEEN)
            chat.leave()
            raw = screen.raw
        assert_sent(server, len(SEEN))
    assert_nowhere(tmp_path, raw, text)
    assert list((tmp_path / "data").rglob("*")), "there is something to search"


async def run(folder: Path, env: dict[str, str], *arguments: str) -> Outcome:
    return await Program(folder).run(*arguments, stdin=b"", TOKENFALL_CONFIG=str(folder / "config"), **env)


@everywhere
async def test_in_a_list_of_models(tmp_path: Path, kept: Kept) -> None:
    """Refused, and given with the key as a name, which is kept for a day."""
    listed = json_response({"data": [{"id": "m"}, {"id": KEY}]})
    async with ByteServer(REFUSALS[0], [Send(listed)]) as server:
        env = configure(tmp_path, server.url, kept)
        told = [await run(tmp_path, env, "--debug", "models", "vault", "--json") for _ in range(2)]
        assert_sent(server, len(told))
    assert [done.code for done in told] == [1, 0]
    assert "[key]" in json.loads(told[0].stdout)["endpoints"][0]["problem"]
    assert json.loads(told[1].stdout)["endpoints"][0]["models"] == ["m", "[key]"]
    assert await asyncio.to_thread((tmp_path / "data" / "models.json").is_file)
    assert_nowhere(tmp_path, *(text for done in told for text in (done.stdout, done.stderr)))


@everywhere
async def test_in_one_answer(tmp_path: Path, kept: Kept) -> None:
    """Refused, and broken off in the middle."""
    async with ByteServer(REFUSALS[0], REFUSALS[-1]) as server:
        env = configure(tmp_path, server.url, kept)
        told = [await run(tmp_path, env, "ask", "--json", "--debug", "--stats", "q") for _ in range(2)]
        assert_sent(server, len(told))
    for done, seen in zip(told, (SEEN[0], SEEN[-1]), strict=True):
        assert done.code == 1
        assert seen in json.loads(done.stdout.splitlines()[-1])["error"]
        assert "Traceback" in done.stderr
    assert_nowhere(tmp_path, *(text for done in told for text in (done.stdout, done.stderr)))
