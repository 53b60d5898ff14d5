"""The same attacks in what the program is given: options, configuration, themes, names of files; and `ask` on a terminal."""

import json
import os
import re
import sys
from pathlib import Path

from tests.byteserver import Script, Send, json_response, sse_event, sse_response
from tests.hostile.chatting import assert_inert, deltas, hostile_chat, markers, split
from tests.hostile.payloads import MARKUP, RAW, TERMINAL, batches, one_line
from tests.ptyscreen import PtyScreen, terminal_env
from tests.ptytokens import Allowed, left_on
from tests.test_chat import REPLY, serving

PAYLOADS = [one_line(text) for text in TERMINAL.values()] + [f"K{number:03} {text}" for number, text in enumerate(MARKUP)]
SEEN = markers(PAYLOADS)
TEXTS = [text.encode("utf-8", "replace").decode() for text in batches(PAYLOADS, 2000)]


def quoted(text: str) -> str:
    """As TOML has it: a control character is escaped there."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def broken_configurations() -> list[str]:
    return [
        wrong.replace("@", quoted(text))
        for text in TEXTS
        for wrong in (
            "@ = 1", "model = 1\nsystem = [@]", "theme = {@ = 1}", "repaint = @", "max_tokens = @", "[endpoints.@]",
            "[endpoints]\nx = @",
            "[endpoints.x]\nbase_url = @", "[endpoints.x]\nbase_url = 'http://h'\nwire = @", "[endpoints.x]\nbase_url = 'http://h'\n@ = 1",
            "[endpoints.x.headers]\n@ = 'x'\n[endpoints.x]\nbase_url = 'http://h'",
            "[endpoints.x]\nbase_url = 'http://h'\nheaders = {a = @}",
            "model = @\n[endpoints.x]\nbase_url = 'http://h'", "[keys]\nhelp = @", "@", "[models.@]",
            "[endpoints.groq]\nextra_body = {@ = nan}", "[endpoints.groq.deadlines]\n@ = 1", "[models]\n'groq/x' = {@ = 1}",
        )
    ]  # fmt: skip


NOBODY = ("--base-url", "http://127.0.0.1:9")
"""Where nobody answers."""


def arguments() -> list[list[str]]:
    spoken = [text.replace("\0", "") for text in TEXTS]
    spoken += [b" ".join(RAW).decode("utf-8", "surrogateescape")]
    options = ("-m", "--base-url", "--wire", "--api-key-env", "--max-tokens", "--temperature", "--model-file", "--repaint", "--unknown")
    given = [[], ["chat"], ["render"], *(["ask", *NOBODY, option] for option in options)]
    return [[*before, text] for text in spoken for before in given]


RUNS = """
import json, os, pathlib, sys
from tokenfall.cli.program import run
for number, (folder, arguments) in enumerate(json.load(open(sys.argv[1]))):
    os.environ["TOKENFALL_CONFIG"] = folder
    code = run(arguments, lambda settings: 0)
    print(f"run{number:03} {code}", flush=True)
"""


def runs(folder: Path, calls: list[tuple[Path, list[str]]]) -> PtyScreen:
    """The program's whole command line, many times in one process on one terminal."""
    (folder / "runs.py").write_text(RUNS)
    (folder / "calls").write_text(json.dumps([(os.fspath(where), given) for where, given in calls]))
    argv = [sys.executable, str(folder / "runs.py"), str(folder / "calls")]
    return PtyScreen(argv, columns=160, lines=60, env=terminal_env(TOKENFALL_DATA=str(folder / "data")))


def all_inert(screen: PtyScreen, count: int) -> str:
    assert screen.exit_status() == 0, screen.text()
    raw = screen.raw
    assert raw.count(b"run") >= count
    assert_inert(raw, Allowed(inline=True))
    assert left_on(raw) == set()
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", raw.decode())


def test_options_and_configuration_in_error(tmp_path: Path) -> None:
    calls: list[tuple[Path, list[str]]] = [(tmp_path / "none", given) for given in arguments()]
    for number, text in enumerate(broken_configurations()):
        where = tmp_path / f"config{number}"
        where.mkdir()
        (where / "config.toml").write_text(text)
        calls.append((where, ["ask", *NOBODY, "q"]))
    for number, name in enumerate(TEXTS):
        where = tmp_path / str(number) / os.fsdecode(os.fsencode(name.replace("\0", "").replace("/", "")[:60]))
        where.mkdir(parents=True)
        (where / "config.toml").write_text("!")
        calls.append((where, ["ask", *NOBODY, "q"]))
    with runs(tmp_path, calls) as screen:
        seen = all_inert(screen, len(calls))
        assert {marker for marker in SEEN if seen.count(marker) < 5} == set()


def test_settings_that_are_shown(tmp_path: Path) -> None:
    """What a command complains of that should print a key is among them, and not shown."""
    calls: list[tuple[Path, list[str]]] = []
    for number, text in enumerate(TEXTS):
        where = tmp_path / f"config{number}"
        where.mkdir()
        (where / "said").write_text(text)
        said, file = quoted(text), quoted(text.replace("\0", ""))
        (where / "config.toml").write_text(f"""
            system = {said}
            keys = {{ {said} = "f1" }}
            models = {{ {quoted(f"groq/{text}")} = {{ context = 1 }} }}
            endpoints.groq.model = {said}
            endpoints.groq.extra_body = {{ {said} = 1 }}
            endpoints.groq.api_key_command = "cat {where}/said >&2; exit 1"
            endpoints.xai.api_key_file = {file}
        """)
        calls += [(where, ["config", "show"]), (where, ["ask", "q"])]
    with runs(tmp_path, calls) as screen:
        seen = all_inert(screen, len(calls))
        assert {marker for marker in SEEN if seen.count(marker) < 4} == set()


def test_ask_on_a_terminal(tmp_path: Path) -> None:
    text = " ".join(PAYLOADS)
    end = sse_event("[DONE]")
    scripts: list[Script] = [[Send(sse_response(*deltas(split(text, how)), end, last=True))] for how in ("whole", "characters", "random")]
    scripts += [[Send(json_response({"error": {"message": part}}, "400 No"))] for part in batches(PAYLOADS, 400)]
    for part in batches(PAYLOADS, 400):
        scripts.append([Send(sse_response(*deltas(["begun"]), sse_event(json.dumps({"error": part})), last=True))])
    with serving(*scripts) as server:
        calls = [(tmp_path / "none", ["ask", "--base-url", server.url, "-m", "m", "q"])] * len(scripts)
        with runs(tmp_path, calls) as screen:
            seen = all_inert(screen, len(calls))
            assert {marker for marker in SEEN if marker not in seen} == set()


def test_a_chat_of_hostile_settings(tmp_path: Path) -> None:
    """Themes, keys, a system prompt and models, of which the configuration and its folder say what they like."""
    texts = [text.encode("utf-8", "replace").decode() for text in PAYLOADS]
    configure(tmp_path / "config", texts)
    options = ("--model", texts[7].replace("\0", ""), "--theme", texts[9].replace("\0", ""))
    with hostile_chat(tmp_path, REPLY, arguments=options) as chat:
        screen = chat.screen
        seen = chat.pages()
        screen.press("end").type("/theme").press("enter")
        screen.wait_for("Enter chooses")
        seen += chat.draws(lambda: screen.press("end"))
        screen.press("escape")
        screen.wait_gone("Enter chooses")
        screen.type("/model ")
        screen.wait_for("e0/")
        while "K012" not in (shown := chat.draws(lambda: screen.press(*["down"] * 9), 0.01)):
            seen += shown
        screen.press("escape", "ctrl+c")
        screen.type("/system").press("enter")
        screen.wait_for("Enter accepts")
        seen += chat.drawn()
        screen.press("escape")
        screen.wait_gone("Enter accepts")
        chat.ask("An answer")
        assert {marker for marker in SEEN if marker not in seen} == set()


def configure(folder: Path, texts: list[str]) -> None:
    (folder / "themes").mkdir(parents=True)
    for number, text in enumerate(batches(texts, 120)):
        name = text.replace("\0", "").replace("/", "")[:40]
        (folder / "themes" / f"{name}.toml").write_text(f"about = {quoted(text)}" if number % 2 else f"{quoted(text)} = 1")
        (folder / "themes" / f"about{number}.toml").write_text(f"name = 'theme{number}'\nabout = {quoted(text)}\ndark = true")
    keys = "\n".join(f"{quoted(text)} = 'f9'" for text in batches(texts, 500))
    models = "\n".join(
        f"[endpoints.e{number}]\nbase_url = 'http://127.0.0.1:9'\nmodel = {quoted(text)}" for number, text in enumerate(texts)
    )
    settings = f"theme = {quoted(texts[3])}\nsystem = {quoted(' '.join(texts))}\n[keys]\n{keys}\n{models}\n"
    (folder / "config.toml").write_text(settings)
