"""Arguments, help, and mistakes as sentences with an exit code."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cli.running import Program
from tests.ptyscreen import PtyScreen, terminal_env

from tokenfall import __version__
from tokenfall.cli.program import run
from tokenfall.config import Settings


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


async def test_version(program: Program) -> None:
    for arguments in (["--version"], ["--debug", "--version"]):
        done = await program.run(*arguments)
        assert (done.code, done.stdout, done.stderr) == (0, f"tokenfall {__version__}\n", "")


async def test_version_imports_next_to_nothing(program: Program) -> None:
    check = "import sys; sys.argv = ['tokenfall', '--version']; from tokenfall.__main__ import main; main(); print(*sys.modules)"
    modules = await Program(program.folder, (sys.executable, "-c", check)).run()
    assert "tokenfall.__main__" in modules.stdout.split()
    assert not {"click", "textual", "rich", "httpx", "asyncio", "tomllib", "platformdirs"} & set(modules.stdout.split())


async def test_a_mistake_costs_no_screen_and_no_client(program: Program) -> None:
    check = "import sys; from tokenfall.cli.program import run; run(['--help'], print); print(*sys.modules)"
    modules = await Program(program.folder, (sys.executable, "-c", check)).run()
    assert "click" in modules.stdout.split()
    assert not {"textual", "httpx", "asyncio", "platformdirs"} & set(modules.stdout.split())


async def test_help_tells_what_there_is(program: Program) -> None:
    done = await program.run("--help")
    assert done.code == 0
    assert [line.split()[0] for line in done.stdout.split("Commands:\n")[1].splitlines() if line.startswith("  ")][:2] == ["ask", "chat"]
    options = "--model --base-url --wire --api-key-env --insecure-http --system --max-tokens --temperature --model-file"
    for option in [*options.split(), "--theme", "--debug", "--version"]:
        assert option in done.stdout
    assert "local/smollm2" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (await program.run("ask", "-h")).stdout.startswith("Usage: tokenfall ask [OPTIONS] [PROMPT]")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--modle", "x"], "'--model'"),  # the rest of the sentence is click's
        (["--modle", "x"], "\ntokenfall --help tells what there is.\n"),
        (["ask", "--nope"], "\ntokenfall ask --help tells what there is.\n"),
        (["asj"], "tokenfall: No such command 'asj'"),
        (["ask", "--max-tokens", "many", "x"], "'many' is not a valid integer range."),
        (["ask", "--max-tokens", "0", "x"], "0 is not in the range x>=1."),
        (["ask", "--temperature", "-1", "x"], "-1.0 is not in the range x>=0."),
        (["ask", "--wire", "morse", "x"], "'morse' is not one of 'openai-chat'"),
        (["ask", "--model-file", "/none.gguf", "x"], "File '/none.gguf' does not exist."),
        (["ask", "--base-url", "localhost", "x"], "tokenfall: --base-url: Expected a URL such as"),
        (["ask", "-m", "nobody/x", "y"], "tokenfall: There is no endpoint 'nobody'.\nEndpoints are local."),
        (["ask", "--base-url", "http://127.0.0.1:1", "--api-key-env", "TF_UNSET", "x"], "from the variable TF_UNSET, which is not set"),
        ([], "tokenfall: The chat needs a terminal, and standard input is none.\nFor pipes and scripts there is: tokenfall ask PROMPT\n"),
        (["chat"], "The chat needs a terminal"),
    ],
)
async def test_mistakes_end_with_2_and_a_sentence(program: Program, arguments: Sequence[str], said: str) -> None:
    done = await program.run(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("tokenfall: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2


async def test_a_bad_configuration_is_told_with_its_line(program: Program) -> None:
    path = program.configure("theme = 'dark'\nmax_tokens = 'many'\n")
    done = await program.run("ask", "hello")
    assert done.code == 2
    assert done.stderr == f"tokenfall: {path}, line 2: max_tokens must be a whole number, 1 or more.\n"


async def test_what_the_file_holds_is_inert_in_messages(program: Program) -> None:
    program.configure('"\\u001b]52;c;x\\u0007" = 1')
    done = await program.run("ask", "hello")
    assert done.code == 2
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr


# ── the chat verb, with a chat that only looks at its settings ───────────────


async def on_a_terminal(program: Program, body: str, *arguments: str, **env: str) -> tuple[int, str]:
    script = f"import sys\nfrom tokenfall.cli.program import run\ndef chat(settings):\n    {body}\nsys.exit(run(sys.argv[1:], chat))"
    with PtyScreen([sys.executable, "-c", script, *arguments], columns=120, lines=60, env=program.env(**terminal_env(**env))) as screen:
        return await asyncio.to_thread(screen.exit_status), screen.text()


@pytest.mark.parametrize("arguments", ["-m lab --theme light", "chat -m lab --theme light", "-m lab chat --theme light"])
async def test_no_verb_is_chat(program: Program, arguments: str) -> None:
    program.configure('[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"')
    code, text = await on_a_terminal(program, "print(settings.endpoint.name, settings.theme)", *arguments.split())
    assert (code, text.strip()) == (0, "lab light")


async def test_a_dumb_terminal_gets_a_sentence(program: Program) -> None:
    code, text = await on_a_terminal(program, "print('opened')", TERM="dumb")
    assert code == 2
    assert "TERM is dumb" in text
    assert "opened" not in text


@pytest.mark.parametrize(("arguments", "traced"), [((), False), (("--debug",), True)])
async def test_a_stack_trace_only_with_debug(program: Program, arguments: Sequence[str], traced: bool) -> None:
    code, text = await on_a_terminal(program, "1 / 0", *arguments)
    assert code == 1
    assert "This is a fault in tokenfall: ZeroDivisionError" in text
    assert ("Traceback" in text) is traced


async def test_a_failure_ends_with_1_and_an_inert_sentence(program: Program) -> None:
    body = "from tokenfall.errors import NetworkError; raise NetworkError('It \\x1b[31mbroke.')"
    code, text = await on_a_terminal(program, body)
    assert (code, text.strip()) == (1, "tokenfall: It ␛[31mbroke.")


async def test_ctrl_c_outside_of_everything_ends_with_130(program: Program) -> None:
    code, _ = await on_a_terminal(program, "raise KeyboardInterrupt")
    assert code == 130


def test_the_chat_gets_settings() -> None:
    assert run(["--nope"], _never) == 2


def _never(settings: Settings) -> int:
    raise AssertionError(f"{settings} was to open nothing")
