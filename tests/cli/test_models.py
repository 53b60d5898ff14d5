"""`tokenfall models` as a person and a script use it. No service is asked, nor what happens to run on this machine."""

import json
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from tests.byteserver import ByteServer, Hold, Send, json_response
from tests.cli.running import Outcome, Program, outcome
from tests.test_chat import EMBEDDED

from tokenfall.catalogue import FILE, Listed, keep
from tokenfall.config.presets import PRESETS

KEYLESS = {variable: "" for preset in PRESETS.values() for variable in preset.key_variables}
NOBODY = "http://127.0.0.1:1"
NEAR = [name for name, preset in PRESETS.items() if not preset.key_variables]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def listing(*names: str) -> bytes:
    return json_response({"data": [{"id": name} for name in names]})


def table(name: str, url: str, *lines: str) -> str:
    return "\n".join([f"[endpoints.{name}]", f'base_url = "{url}"', *lines, ""])


async def models(program: Program, *arguments: str) -> Outcome:
    return await program.run("models", *arguments, stdin=b"", **KEYLESS)


async def test_a_line_for_each_model_of_those_named(program: Program) -> None:
    async with ByteServer([Send(listing("b", "org/a"))]) as server:
        program.configure(table("other", NOBODY) + table("box", server.url))
        done = await models(program, "box")
    assert done == Outcome(0, "box/b\nbox/org/a\n", "")


@EMBEDDED
async def test_all_of_them_the_embedded_one_first(program: Program) -> None:
    """A default endpoint without its key is told like any other that doesn't answer."""
    async with ByteServer([Send(listing("m"))]) as server:
        keyless = table("keyless", NOBODY, 'api_key_env = "TF_UNSET"')
        program.configure(keyless + table("box", server.url) + "".join(table(name, NOBODY) for name in NEAR))
        done = await models(program)
    assert (done.code, done.stdout) == (0, "local/smollm2\nbox/m\n")
    told = done.stderr.splitlines()
    assert len(told) == 1 + len(NEAR)
    assert told[0].startswith("tokenfall: The key for keyless is read from the variable TF_UNSET, which is not set")
    assert told[1].startswith(f"tokenfall: Nothing listens at {NOBODY} (endpoint ollama).")


async def test_figures_where_they_are_known(program: Program) -> None:
    rows = '[models."box/b"]\ncontext = 32768\n[models."box/long-name"]\ncontext = 1000\nprice_input = 0.5\nprice_output = 2\n'
    async with ByteServer([Send(listing("b", "long-name", "c"))]) as server:
        program.configure(table("box", server.url) + rows)
        done = await models(program, "box")
    assert done.stdout.splitlines() == ["box/b          32,768 tokens", "box/long-name  1,000 tokens, $0.5 in, $2 out per million", "box/c"]


async def test_as_json(program: Program) -> None:
    """Names can be given back, and nothing in them acts."""
    names = ["m", "\x1b]52;c;x\x07\x9b2J\x7f", "\ud800"]
    async with ByteServer([Send(listing(*names))]) as server:
        program.configure(table("box", server.url) + table("gone", NOBODY))
        done = await models(program, "--json", "gone", "box", "box")
    assert done.code == 0
    assert done.stdout.isascii()
    assert not {"\x1b", "\x07", "\x7f"} & set(done.stdout)
    gone, box = json.loads(done.stdout)["endpoints"]
    assert box["models"][:2] == names[:2]
    assert {**box, "models": []} == {
        "name": "box", "wire": "openai-chat", "base_url": server.url, "answers": True, "problem": "", "models": [],
    }  # fmt: skip
    assert (gone["name"], gone["answers"], gone["models"]) == ("gone", False, [])
    assert gone["problem"].startswith(f"Nothing listens at {NOBODY}")
    assert done.stderr == f"tokenfall: {gone['problem']}\n"


@EMBEDDED
async def test_the_embedded_model_as_json(program: Program) -> None:
    done = await models(program, "local", "--json")
    row = {"name": "local", "wire": "openai-chat", "base_url": "", "answers": True, "problem": "", "models": ["smollm2"]}
    assert (done.code, json.loads(done.stdout), done.stderr) == (0, {"endpoints": [row]}, "")


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        (["gone"], 1, f"Nothing listens at {NOBODY} (endpoint gone)."),
        (["groq"], 1, "The key for groq is read from the variable GROQ_API_KEY, which is not set"),
        (["gone", "nobody"], 2, "There is no endpoint 'nobody'."),
    ],
)
async def test_where_none_answers(program: Program, names: list[str], code: int, said: str) -> None:
    program.configure(table("gone", NOBODY))
    done = await models(program, *names)
    assert (done.code, done.stdout) == (code, "")
    assert done.stderr.startswith(f"tokenfall: {said}")


async def test_what_a_service_says_is_inert(program: Program) -> None:
    refusal = json_response({"error": {"message": "no \x1b]0;t\x07"}}, "403 Forbidden")
    async with ByteServer([Send(listing("a\x1b[2J\nlocal/fake", "\u202eb"))]) as server, ByteServer([Send(refusal)]) as sour:
        program.configure(table("box", server.url) + table("sour", sour.url))
        done = await models(program, "box", "sour")
    assert done.code == 0
    assert len(done.stdout.splitlines()) == 2
    assert done.stdout.startswith("box/a␛[2J")
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr)
    assert "no ␛]0;t" in done.stderr


async def test_an_empty_list_is_told(program: Program) -> None:
    async with ByteServer([Send(listing())]) as server:
        program.configure(table("box", server.url))
        done = await models(program, "box")
    assert done == Outcome(0, "", f"tokenfall: box ({server.url}) lists no models.\n")


async def test_an_old_list_is_shown_with_its_age(program: Program) -> None:
    ages = {"a": (5, "less than a minute"), "b": (150, "2 min"), "c": (7300, "2 h"), "d": (260_000, "3 d")}
    keep(program.folder / "data" / FILE, {(name, NOBODY): Listed(("old",), time.time() - age) for name, (age, _) in ages.items()})
    program.configure("".join(table(name, NOBODY) for name in ages))
    done = await models(program, *ages)
    assert (done.code, done.stdout) == (1, "".join(f"{name}/old\n" for name in ages))
    for line, (_, age) in zip(done.stderr.splitlines(), ages.values(), strict=True):
        assert line.startswith(f"tokenfall: Nothing listens at {NOBODY}")
        assert line.endswith(f" Its list is {age} old.")


@pytest.mark.parametrize(("arguments", "shown"), [((), "far/kept\n"), (("--refresh",), "far/new\n")])
async def test_a_list_of_today_is_not_asked_for_again(program: Program, arguments: tuple[str, ...], shown: str) -> None:
    """The other machine is this one behind a proxy."""
    url = "http://far.test/v1"
    async with ByteServer([Send(listing("new"))]) as proxy:
        keep(program.folder / "data" / FILE, {("far", url): Listed(("kept",), time.time())})
        program.configure(table("far", url, f'proxy = "{proxy.url}"'))
        done = await models(program, "far", *arguments)
        assert proxy.accepted == len(arguments)
    assert done == Outcome(0, shown, "")


async def test_a_server_of_the_command_line(program: Program) -> None:
    async with ByteServer([Send(listing("m"))]) as server:
        done = await program.run("--base-url", server.url, "models", f"127.0.0.1:{server.port}", stdin=b"", **KEYLESS)
    assert done == Outcome(0, f"127.0.0.1:{server.port}/m\n", "")


async def test_ctrl_c_ends_it(program: Program) -> None:
    async with ByteServer([Hold()]) as server:
        program.configure(table("box", server.url))
        process = await program.start("models", "box", stdout=PIPE, **KEYLESS)
        await server.exchange()
        process.send_signal(2)
        assert await outcome(process) == Outcome(130, "", "")
        await server.quiet()
