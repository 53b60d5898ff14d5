"""The rules of the house: lint, types, import contracts, sizes, and a README that tells the truth."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.markupsinks import markup_sinks

from tokenfall import config
from tokenfall.cli.program import tokenfall
from tokenfall.config import Folders
from tokenfall.wire import WIRES

ROOT = Path(__file__).parents[1]
LONGEST_CLASS = 300
FOLDERS = {"src", "tests", "themes", "screenshots"}
FILES = {"pyproject.toml", "README.md", "LICENSE"}
BESIDE_PYTHON = Path(sys.executable).parent


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "ruff", "check", "src", "tests"],
        [sys.executable, "-m", "mypy"],
        [str(BESIDE_PYTHON / "lint-imports")],
    ],
    ids=["ruff", "mypy", "lint-imports"],
)
def test_the_tools_find_nothing(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def sources() -> Iterator[Path]:
    return (ROOT / "src").rglob("*.py")


def test_no_class_is_too_long() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.end_lineno is not None and node.end_lineno - node.lineno >= LONGEST_CLASS
    ]
    assert not long


def test_no_plain_text_reaches_what_parses_markup() -> None:
    """Textual and Rich read `[...]` in many places; text from outside would act there."""
    found = [f"{path.relative_to(ROOT)}:{sink}" for path in sources() for sink in markup_sinks(path.read_text())]
    assert not found


def test_the_top_level_is_as_agreed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [Path(name) for name in listed.stdout.split("\0") if name and not name.startswith(".")]
    assert not [str(path) for path in paths if path.parts[0] not in (FILES if len(path.parts) == 1 else FOLDERS)]


def test_every_wire_is_listed_under_its_own_name() -> None:
    assert {name: wire.name for name, wire in WIRES.items()} == {name: name for name in WIRES}
    assert config.DEFAULT_WIRE in WIRES


# ── the README ──────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text()


def blocks(text: str) -> list[str]:
    """What is indented by four columns, block by block."""
    found = re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE)
    return [re.sub("^    ", "", block, flags=re.MULTILINE) for block in found if block.strip()]


def test_the_two_commands_are_there(readme: str) -> None:
    commands = {block.strip() for block in blocks(readme)}
    assert {"pip install uv && uv run tokenfall", "pip install uv && uv run pytest"} <= commands
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"tokenfall": "tokenfall.__main__:main"}
    groups = project["dependency-groups"]
    assert set(project["tool"]["uv"]["default-groups"]) <= set(groups)
    assert any(requirement.startswith("pytest") for requirement in groups["test"])


def test_the_test_command_of_ci_is_the_readmes() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert re.search(r"pip install .*uv && uv run .*pytest", script)
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_its_options_and_verbs_exist(readme: str) -> None:
    known = {name for command in (tokenfall, *tokenfall.commands.values()) for option in command.params for name in option.opts}
    commands = re.findall(r"tokenfall((?: [^`|\n]+)?)[`|\n]", readme)
    options = {option for command in commands for option in re.findall(r"(?<= )--?[a-z][a-z-]*", command)}
    assert "--base-url" in options
    assert options <= known
    verbs = {words[0] for command in commands if (words := command.split()) and re.match(r"^ [a-z]+ [\"-]", command)}
    assert "ask" in verbs
    assert verbs <= set(tokenfall.commands)


def test_its_configuration_loads(readme: str, tmp_path: Path) -> None:
    (example,) = [block for block in blocks(readme) if "[endpoints." in block]
    (tmp_path / "config.toml").write_text(example)
    loaded = config.load(Folders(tmp_path, tmp_path, tmp_path))
    assert loaded.endpoints
    assert loaded.model


def test_its_pictures_exist(readme: str) -> None:
    pictures = re.findall(r"!\[[^\]]*\]\((?!https?:)([^)]+)\)", readme)
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []
