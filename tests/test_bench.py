"""The benches' own arithmetic. No figure of theirs is asserted: machines differ."""

import asyncio
import math
import subprocess
import sys
from random import Random

import pytest
from tests.bench.measures import Streamed, stages
from tests.bench.processes import cpu_seconds, machine, resident_mb, stolen, tree
from tests.bench.render import SECTIONS, asked, attempted, section
from tests.bench.server import PacedServer, Part, Reply
from tests.bench.streams import MARK, SHAPES, Author, cut
from tests.bench.table import Figure, Goal, Measured, Unmeasured, growth, growth_row, mark, percentile, row
from tests.bench.terminal import ANSWERS, MOST_QUIET, Chunk, Line, Questions, Unseen, quiet_after, sightings, terminal
from tests.bench.turns import PLAIN, TOKENFALL, Program, delays, first_mark, turns

# ── what was seen, and when ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pieces", "seen"),
    [
        ([b"one mk00001x", b" two", b" mk00002x"], {"mk00001x": 0, "mk00002x": 2}),
        ([b"mk00", b"001x"], {"mk00001x": 1}),
        ([b"mk00001\x1b[", b"1;9H\x1b[1;8Hx"], {"mk00001x": 1}),
        ([b"\x1b[5;10Hmk00001\x1b[38;2;1;2;3", b"mx"], {"mk00001x": 1}),
        ([b"mk00001x", b"\x1b[2J", b"\x1b[9;1Hmk00001x"], {"mk00001x": 0}),
        ([b"mk00001", b"\x1b[1;9Hx"], {}),
        ([b"\x1b]0;mk00001x\x07", b"nothing"], {}),
    ],
    ids=["marks", "in two chunks", "in two writes", "a sequence in two chunks", "twice", "a gap in it", "a title"],
)
def test_a_mark_is_seen_with_the_chunk_that_completes_it(pieces: list[bytes], seen: dict[str, float]) -> None:
    assert sightings([Chunk(float(at), data) for at, data in enumerate(pieces)], MARK) == seen


def test_a_mark_that_scrolls_is_seen_once_it_stands() -> None:
    chunks = [Chunk(1.0, b"\r\n" * 40 + b"mk0000"), Chunk(2.0, b"1x"), Chunk(3.0, b"\r\n\r\nmk00002x")]
    assert sightings(chunks, MARK) == {"mk00001x": 2.0, "mk00002x": 3.0}


def test_what_was_never_seen_is_late_for_ever() -> None:
    late = delays({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.5, "c": 3.25})
    assert late == [500, math.inf, 250]
    assert percentile(late, 0.5) == 500
    assert percentile(late, 0.95) == math.inf


def test_percentiles() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0, 0.5, 0.99, 1)] == [1, 51, 100, 100]
    assert percentile([7.0], 0.99) == 7


def test_a_screen_is_quiet_once_little_comes() -> None:
    half = b"x" * (MOST_QUIET // 2)
    chunks = [Chunk(at, half) for at in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert quiet_after(chunks, 1.5) == 1.5  # the last two chunks are what it may still send
    assert quiet_after(chunks, 3.5) == 0
    assert quiet_after([], 3.5) == 0


@pytest.mark.parametrize("question", ANSWERS)
def test_a_terminal_answers_each_question_once(question: bytes) -> None:
    for at in range(len(question) + 1):
        asked = Questions()
        pieces = (b"text" + question + b"more" + question[:at], question[at:] + b"text", b"rest")
        assert [answer for piece in pieces for answer in asked.answers(piece)] == [ANSWERS[question]] * 2


# ── the table ───────────────────────────────────────────────────────────────

GOAL = Goal("a thing", target=8, stretch=5)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (Measured(5), "stretch"),
        (Measured(5.01), "target"),
        (Measured(8), "target"),
        (Measured(8.01), "missed"),
        (Measured(math.inf), "missed"),
        (Unmeasured("it ended"), "-"),
    ],
)
def test_marks(figure: Figure, expected: str) -> None:
    assert mark(GOAL, figure) == expected
    assert expected in row(GOAL, figure, Measured(1))


def test_a_row_says_why_it_has_no_figure() -> None:
    assert row(GOAL, Measured(4.25, "n=3"), Measured(1234.5)).split()[:6] == ["a", "thing", "4.2", "1,234.5", "8.0", "5.0"]
    assert row(GOAL, Measured(math.inf), Unmeasured("no start")).endswith("missed  plain: no start")
    assert "never" in row(GOAL, Measured(math.inf), Measured(1))


def test_growth_is_the_last_over_the_first() -> None:
    assert growth([Measured(2), Measured(9), Measured(3)]) == Measured(1.5)
    assert growth([Measured(2), Unmeasured("busy"), Unmeasured("busy")]) == Unmeasured("busy")
    line = growth_row("table", GOAL, [Measured(2), Measured(12)], [Measured(7), Unmeasured("busy")])
    assert line.split() == ["table", "2.0", "12.0", "6.0", "7.0", "-", "-", "target", "plain:", "busy"]


def test_a_reply_that_was_not_seen_has_no_cost() -> None:
    assert Streamed([1.0, 2.0], 3.0, 4.0).seen_whole(3.0) == Measured(3.0)
    assert Streamed([1.0, math.inf], 3.0, 4.0).seen_whole(3.0) == Unmeasured("1 of 2 marks never seen")


async def test_what_fails_is_told_in_its_row() -> None:
    async def failing(program: Program, options: object) -> list[Figure]:
        if program is PLAIN:
            raise Unseen("no sign")
        return [Measured(1), Measured(9)]

    async def hanging() -> list[Figure]:
        raise TimeoutError

    lines = [line async for line in section(failing, GOAL, GOAL)(asked(["--quick"]))]
    assert [line.split()[2:4] for line in lines] == [["1.0", "-"], ["9.0", "-"]]
    assert all(line.endswith("plain: no sign") for line in lines)
    assert await attempted(hanging(), 2) == [Unmeasured("TimeoutError")] * 2


def test_parts_can_be_chosen() -> None:
    assert asked([]).only == tuple(SECTIONS)
    chosen = asked(["--quick", "--only", "cost,latency", "--sizes", "10,20", "--patience", "2.5"])
    assert (chosen.only, chosen.sizes, chosen.patience, chosen.runs) == (("cost", "latency"), (10, 20), 2.5, 1)
    with pytest.raises(SystemExit):
        asked(["--only", "latency,nothing"])


# ── replies ─────────────────────────────────────────────────────────────────


def test_tokens_make_the_text_and_tell_where_its_marks_end() -> None:
    text = "a mk00001x b mk00002x"
    found = cut(text, Random(1))
    assert "".join(found.tokens) == text
    assert found.last_mark == "mk00002x"
    for each, token in found.marks.items():
        assert each in "".join(found.tokens[: token + 1])
        assert each not in "".join(found.tokens[:token])
    assert list(found.first(len(found.tokens) - 1).marks) == ["mk00001x"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_reply_is_the_same_at_each_run_and_its_stretches_alike(shape: str) -> None:
    first, second = stages(shape, (200, 5000), 50, 2), stages(shape, (200, 5000), 50, 2)
    assert first == second
    texts = [text for stage in first for text in (stage.growth, *stage.stretches)]
    marks = [each for text in texts for each in text.marks]
    assert len(set(marks)) == len(marks)
    assert all(text.marks for text in texts[1:])
    there = sum(len(text.tokens) for text in texts[:4])
    assert 4900 < there < 5900
    sizes = [len(stretch.tokens) for stage in first for stretch in stage.stretches]
    assert max(sizes) <= min(sizes) * 1.2


def test_marks_count_on_from_where_they_are_told() -> None:
    assert next(iter(Author("paragraphs", mark=300).write(50).marks)) == "mk00300x"


async def test_the_server_plays_and_reports_from_another_process() -> None:
    reply = Reply((Part(("one ", "two "), rate=500), Part(("three",), waits=True)), before=0)
    async with PacedServer(reply) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
        asked_at = await server.asked(0)
        sent = await server.sent(0)
        assert asked_at <= sent[0] < sent[1]
        with pytest.raises(TimeoutError, match="played"):
            await server.sent(0, 1, limit=0.1)
        server.go()
        (third,) = await server.sent(0, 1)
        assert third > sent[1]
        received = await reader.readuntil(b"[DONE]")
        assert received.index(b'"one "') < received.index(b'"two "') < received.index(b'"three"')
        writer.close()
        assert await server.gone(0) > third


async def test_the_server_says_what_never_came() -> None:
    async with PacedServer(Reply(())) as server:
        with pytest.raises(TimeoutError, match="asked"):
            await server.asked(0, limit=0.01)


# ── programs ────────────────────────────────────────────────────────────────


async def test_a_slow_line_loses_nothing_and_answers() -> None:
    ask = "import sys, tty; tty.setraw(0); print('\\x1b[6n', end='', flush=True)"
    script = f"{ask}; got = sys.stdin.read(6); print('x' * 300, got[1:], 'end')"
    async with terminal([sys.executable, "-c", script], Line(rate=5000, round_trip=0.02)) as screen:
        await screen.seen(r"\[1;1R end")
        assert max(len(chunk.data) for chunk in screen.chunks) <= 100
        assert b"".join(chunk.data for chunk in screen.chunks).count(b"x") == 300


async def test_what_ends_or_never_shows_is_unseen() -> None:
    async with terminal([sys.executable, "-c", "print('all there is')"]) as screen:
        await screen.seen("all there is")
        with pytest.raises(Unseen, match="ended"):
            await screen.seen("more")
    async with terminal([sys.executable, "-c", "input()"]) as screen:
        with pytest.raises(Unseen, match="within"):
            await screen.seen("more", 0.05)


def test_processor_time_and_memory_are_of_the_whole_tree() -> None:
    spin = "import time, sys\nwhile time.process_time() < 0.3: pass\nprint('spun', flush=True); sys.stdin.read()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])"
    with subprocess.Popen([sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert len(tree(process.pid)) == 2
        assert cpu_seconds(process.pid) >= 0.3
        assert resident_mb(process.pid) > 5
        process.communicate()
    assert cpu_seconds(process.pid) == 0


def test_the_machine_is_told() -> None:
    assert "cores, Python" in machine()
    taken, passed = stolen()
    assert 0 <= taken < passed


@pytest.mark.parametrize("program", [TOKENFALL, PLAIN], ids=lambda program: program.name)
async def test_the_programs_show_the_signs_that_are_waited_for(program: Program) -> None:
    found = await turns(program, 1)
    assert all(0 < value < math.inf for values in (found.request, found.first, found.interrupt) for value in values)
    assert len(found.first) == 1
    assert first_mark(0) != first_mark(1)
