"""The prompts of earlier runs come back, whatever happened to their file."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tokenfall.store import KEPT, PromptHistory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "prompts.jsonl"


def add(path: Path, *texts: str) -> PromptHistory:
    history = PromptHistory(path)
    for text in texts:
        history.add(text)
        history.save()
    return history


def test_prompts_come_back(path: Path) -> None:
    texts = ["first", "two\nlines\n\tand a tab", "日本 \u2028 \x1b[2J", "quote \" backslash \\", "\ud800 alone"]
    add(path, *texts)
    assert PromptHistory(path).entries == texts


def test_only_the_owner_reads_them(path: Path) -> None:
    add(path, "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_repeats_of_the_last_are_skipped(path: Path) -> None:
    assert add(path, "a", "a", "b", "a", "").entries == ["a", "b", "a"]
    assert add(path, "a").entries == ["a", "b", "a"]
    assert PromptHistory(path).entries == ["a", "b", "a"]


def test_the_last_thousand(path: Path) -> None:
    history = PromptHistory(path)
    for number in range(KEPT + 50):
        history.add(str(number))
    history.save()
    assert history.entries == PromptHistory(path).entries == [str(number) for number in range(50, KEPT + 50)]


def test_a_huge_prompt_is_remembered_for_the_run(path: Path) -> None:
    assert add(path, "a", "x" * 300_000, "b").entries == ["a", "x" * 300_000, "b"]
    assert PromptHistory(path).entries == ["a", "b"]


def test_damaged_lines_are_skipped(path: Path) -> None:
    add(path, "before")
    with path.open("ab") as file:
        file.write(b'{"no": "string"}\n\xff\xfe\x00\n"cut off\n17\n\n""\n' + b"[" * 100_000 + b"\n")
    add(path, "after")
    assert PromptHistory(path).entries == ["before", "after"]


def test_a_line_without_end_does_not_swallow_the_next(path: Path) -> None:
    add(path, "before")
    with path.open("ab") as file:
        file.write(b'"killed while wri')
    add(path, "after")
    assert PromptHistory(path).entries == ["before", "after"]


def test_only_the_end_of_a_huge_file_is_read(path: Path) -> None:
    path.parent.mkdir()
    with path.open("w") as file:
        file.write(json.dumps("x" * 2**20) + "\n" + (json.dumps("y" * 2**20) + "\n" + json.dumps("z") + "\n") * 9)
    entries = PromptHistory(path).entries
    assert entries[-1] == "z"
    assert {entry[0] for entry in entries} == {"y", "z"}
    assert 14 <= len(entries) <= 16


def test_a_file_that_can_not_be_written_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    history = add(tmp_path / "data" / "prompts.jsonl", "a", "b")
    assert history.entries == ["a", "b"]
    assert "prompts.jsonl" in (problem := history.problem())
    assert problem.endswith(".")
    history.add("c")
    history.save()
    assert history.problem() == ""
    assert history.entries == ["a", "b", "c"]


def test_a_folder_in_the_place_of_the_file(path: Path) -> None:
    path.mkdir(parents=True)
    history = add(path, "a")
    assert history.entries == ["a"]
    assert "can't be read" in history.problem()


WRITER = """
import sys
from pathlib import Path
from tokenfall.store import PromptHistory
history = PromptHistory(Path(sys.argv[1]))
for number in range(60):
    history.add(f"{sys.argv[2]} {number} " + "x" * 5000)
    history.save()
"""


def test_programs_that_write_at_once(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    entries = PromptHistory(path).entries
    assert len(entries) == 180
    for name in "abc":
        assert [int(entry.split()[1]) for entry in entries if entry.startswith(name)] == list(range(60))
