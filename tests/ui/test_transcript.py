"""Reading the transcript as a user does: keys in, screen out."""

import asyncio
import json
import re
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.byteserver import DONE, Hold, Script, Send, Sleep, Wait, chunked, openai_chunk, sse_response
from tests.test_chat import program, serving
from tests.ui.test_app import Chat, answer, chat, unfinished
from textual import events

from tokenfall.messages import Message, Text
from tokenfall.ui.entries import question
from tokenfall.ui.find import MOST
from tokenfall.ui.reply import Reply
from tokenfall.ui.stack import TOP, Entry

ANSWER = """# Rivers

See [the page](https://example.org/deep?x=1) and [a file](ftp://example.org/x).

```go
\tfunc main() {}
```

The end of it.
"""


async def read(it: Chat, text: str = "The end") -> None:
    await it.say("q")
    await it.seen(text)
    await it.until(lambda: not it.app.session.running)


async def test_keys_lead_from_link_to_code_and_y_copies_what_they_lead_to(tmp_path: Path) -> None:
    async with chat(tmp_path, answer(ANSWER)) as it:
        await read(it)
        await it.pilot.press("tab")
        await it.seen("next, previous")
        await it.pilot.press("right_square_bracket")
        await it.seen(r"^── https://example.org/deep.x=1 · Enter opens · y copies ─")
        await it.pilot.press("y", "right_square_bracket", "right_square_bracket")
        await it.seen("^── go · y copies ─")
        await it.pilot.press("y", "right_square_bracket")
        await it.seen("^── go · y copies ─")
        await it.pilot.press("down", "down", "down", "right_square_bracket")
        await it.seen("nothing more below")
        await it.pilot.press("left_square_bracket", "left_square_bracket")
        await it.seen("^── ftp://example.org/x ·")
        assert it.copied == ["https://example.org/deep?x=1", "\tfunc main() {}\n"]
        await it.pilot.press("tab")
        await it.gone("ftp://")


async def test_a_link_is_opened_after_its_host_was_told(tmp_path: Path) -> None:
    async with chat(tmp_path, answer(ANSWER)) as it:
        opened: list[str] = []
        it.app.open_link = opened.append  # type: ignore[assignment, method-assign]
        await read(it)
        await it.pilot.press("tab", "right_square_bracket", "enter")
        await it.seen("Enter again opens example.org")
        assert opened == []
        await it.pilot.press("left", "enter")
        assert opened == []
        await it.pilot.press("right", "enter")
        await it.seen("Enter again opens example.org")
        await it.pilot.press("enter")
        assert opened == ["https://example.org/deep?x=1"]
        await it.pilot.press("right_square_bracket", "enter")
        await it.seen("only http and https links are opened")


def thought(text: str) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'reasoning_content': text}}]})}\n\n".encode()


@pytest.mark.parametrize("tagged", [False, True])
async def test_reasoning_shows_while_it_comes_and_folds_when_the_answer_begins(tmp_path: Path, tagged: bool) -> None:
    release = asyncio.Event()
    first = [openai_chunk("<thi"), openai_chunk("nk>\nhow to say it")] if tagged else [thought("how to "), thought("say it")]
    close = [openai_chunk("</think>\n\n")] if tagged else []
    script: Script = [
        Send(sse_response(*first)), Wait(release),
        Send(chunked(*close, openai_chunk("Like this."), openai_chunk(finish="stop"), DONE, last=True)),
    ]
    async with chat(tmp_path, script, answer("more")) as it:
        await it.say("q")
        await it.seen("▾ thinking\n *how to say it")
        release.set()
        await it.seen(r"▸ thought for \d+\.\d s\n\n *Like this\.")
        await it.gone("how to say it")
        await it.pilot.press("ctrl+t")
        await it.seen(r"▾ thought for .*\n *how to say it")
        await it.pilot.press("ctrl+t")
        await it.gone("how to say it")
        await it.pilot.press("tab", "right_square_bracket", "left_square_bracket", "enter")
        await it.seen("how to say it")
        await it.pilot.press("o")
        await it.gone("how to say it")
        assert it.app.session.last_reply == "Like this."
        await it.pilot.press("tab")
        await it.say("again")
        await it.seen("more")
        assert it.sent(1)[1] == ("assistant", "Like this.")


async def test_reasoning_that_is_being_read_stays_open(tmp_path: Path) -> None:
    release = asyncio.Event()
    script: Script = [Send(sse_response(thought("line\n" * 60))), Wait(release), Send(chunked(openai_chunk("Answer."))), Hold()]
    async with chat(tmp_path, script) as it:
        await it.say("q")
        await it.seen("^ +line$")
        await it.pilot.press("pageup")
        await it.seen("more · End")
        release.set()
        await it.until(lambda: it.app.status.view.clock is not None and it.app.status.view.clock.tokens == 2)
        await it.pilot.pause(0.05)
        await it.seen("^ +line$")
        await it.pilot.press("end")
        await it.seen("Answer.")


async def test_nothing_to_unfold_is_told(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        await it.pilot.press("ctrl+t")
        await it.seen("There is no reasoning")


async def test_a_reply_is_shown_as_it_was_written_and_back(tmp_path: Path) -> None:
    async with chat(tmp_path, answer(ANSWER)) as it:
        await read(it)
        await it.pilot.press("tab", "s")
        await it.seen("^ # Rivers")
        await it.seen("^ ```go")
        assert "[the page](https://example.org" in it.screen
        await it.pilot.press("s")
        await it.gone("```go")
        await it.pilot.press("up", "up", "up", "s")
        await it.seen("only a reply has a source")


async def test_words_typed_right_after_ctrl_f_are_those_to_find(tmp_path: Path) -> None:
    lines = "\n\n".join(f"needle {number} in hay" if number % 10 == 0 else f"hay {number}" for number in range(60))
    async with chat(tmp_path, answer(lines + "\n\nlast")) as it:
        await read(it, "last")
        await it.pilot.press("ctrl+f", *"needle")
        await it.seen("^ find needle")
        await it.seen("^ needle 50 in hay")
        await it.seen("^ find needle .* 1 of 6 · Enter: earlier")
        assert it.app.prompt.text == ""
        await it.pilot.press("enter")
        await it.seen("^ needle 40 in hay")
        await it.pilot.press("up", "up", "down")
        await it.seen("^ needle 30 in hay")
        await it.seen("^ find needle .* 3 of 6 · Enter: earlier")
        await it.pilot.resize_terminal(50, 24)
        await it.pilot.press(" ", "3")
        await it.seen("^ find needle 3 .* 1 of 1$")
        await it.pilot.press("x")
        await it.seen("nothing found")
        await it.pilot.press("escape")
        await it.gone("^ find")
        assert it.app.prompt.has_focus
        assert it.app.transcript.sought is None


async def test_what_is_found_is_marked_and_the_one_gone_to_otherwise(tmp_path: Path) -> None:
    def marked() -> list[str]:
        strips = it.app.screen._compositor.render_strips()
        return [part.text for strip in strips for part in strip if part.style and part.style.reverse and part.text == "needle"]

    async with chat(tmp_path, answer("needle one, needle two\n\nand a needle")) as it:
        await read(it, "and a needle")
        await it.pilot.press("ctrl+f", *"needle")
        await it.until(lambda: len(marked()) == 2)
        await it.pilot.press("escape")
        await it.until(lambda: marked() == [])


async def test_n_goes_on_with_what_was_sought(tmp_path: Path) -> None:
    lines = "\n\n".join(f"needle {number}" for number in range(60))
    async with chat(tmp_path, answer(lines + "\n\nlast")) as it:
        await read(it, "last")
        await it.pilot.press("tab", "slash", *"needle", "tab")
        await it.gone("^ find")
        assert it.app.transcript.has_focus
        at = it.app.transcript.reading.cursor
        await it.pilot.press("n", "n")
        await it.until(lambda: it.app.transcript.reading.cursor.y == at.y - 4)
        await it.seen("── 3 of 60 · n earlier · N later ─")
        await it.pilot.press("N")
        await it.until(lambda: it.app.transcript.reading.cursor.y == at.y - 2)
        await it.seen("── 2 of 60 · ")
        await it.pilot.press("up")
        await it.gone("2 of 60")
        await it.pilot.press("escape")
        assert it.app.transcript.sought is None
        await it.pilot.press("n")
        await it.seen("^ find")


async def test_finding_goes_on_while_a_reply_streams_and_after_it_is_gone(tmp_path: Path) -> None:
    async with chat(tmp_path, unfinished("needle " * 40 + "\n\nlast")) as it:
        await it.say("q")
        await it.seen("last")
        await it.pilot.press("ctrl+f", *"needle", "enter", "enter", "escape")
        await it.say("/new")
        await it.gone("needle")
        await it.pilot.press("ctrl+f", *"needle", "enter")
        await it.seen("nothing found")


async def test_the_start_of_a_reply_stays_in_view_when_asked(tmp_path: Path) -> None:
    long = "\n\n".join(f"line {number}" for number in range(60))
    async with chat(tmp_path, answer(long), answer(long + "\n\nlast"), answer("short")) as it:
        await it.pilot.press("tab", "t")
        await it.seen("stay at their start")
        await it.pilot.press("tab")
        await it.say("question one")
        await it.seen("^ line 0$")
        await it.until(lambda: not it.app.session.running)
        await it.seen(r"↓ 1\d\d more|↓ \d\d more")
        assert [row.strip() for row in it.screen.split("\n")[:2]] == ["you", "question one"]
        await it.pilot.press("end")
        await it.seen("^ line 59$")
        await it.say("question two")
        await it.until(lambda: it.screen.split("\n")[1].strip() == "question two")
        await it.until(lambda: not it.app.session.running)
        await it.pilot.press("tab", "t")
        await it.seen("followed to their end")
        await it.pilot.press("tab")
        await it.say("question three")
        await it.seen("^ short$")


async def test_the_start_stays_by_configuration(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        settings = replace(it.app.settings, follow="start")
        assert type(it.app)(settings, 1 << 24).transcript.from_the_top
        assert not it.app.transcript.from_the_top


async def test_ten_thousand_messages_open_by_what_one_screen_needs(tmp_path: Path) -> None:
    laid: list[int] = []

    class Watched(Reply):
        def height(self, width: int) -> int:
            laid.append(1)
            return super().height(width)

    async with chat(tmp_path, answer("the newest")) as it:
        entries: list[Entry] = []
        for number in range(5_000):
            reply = Watched("m")
            reply.take(Message("assistant", (Text(f"# Reply {number}\n\nSome *words*."),), "complete", "m"), None)
            entries += (question(f"question {number}"), reply)
        it.app.transcript.add(*entries)
        await it.seen("Reply 4999")
        assert len(laid) < 20
        await it.say("one more")
        await it.seen("the newest")
        await it.pilot.press("pageup")
        await it.seen("Reply 4997")
        assert len(laid) < 60
        await it.pilot.press("home")
        await it.seen("Reply 0$")
        await it.seen(r"↓ \d\d,\d\d\d more")
        assert len(laid) < 120
        await it.pilot.press("end")
        await it.seen("the newest")
        await it.pilot.press("ctrl+f", *"reply 432")
        await it.seen("^ Reply 4329$")
        await it.pilot.press("escape")
        await it.pilot.resize_terminal(60, 20)
        await it.seen("Reply 4329$")
        assert len(laid) < 600 + MOST


def messages(count: int, text: str) -> list[Entry]:
    entries: list[Entry] = []
    for _ in range(count):
        reply = Reply("m")
        reply.take(Message("assistant", (Text(text),), "complete", "m"), None)
        entries.append(reply)
    return entries


def press(it: Chat, *keys: str) -> None:
    """All at once, as they come from one read."""
    for key in keys:
        it.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_a_key_that_leads_far_lets_others_in_and_keys_wait_for_it(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        await it.pilot.press("tab")
        # each may have a link, and has none, so it is laid out
        far = messages(1, "[first](https://example.org/1) [second](https://example.org/2)\n\nend")
        it.app.transcript.add(*far, *messages(60, "Some *words*.\n\n- `https://x.example`\n" * 8))
        await it.until(lambda: it.app.transcript.view.top.entry > 50)
        await it.pilot.press("pageup")
        press(it, "left_square_bracket", "y", "left_square_bracket", "y", "tab", "y", "N")
        turns = 0
        async with asyncio.timeout(20):
            while not it.copied:
                turns += 1
                await asyncio.sleep(0.001)
        assert turns > 5
        await it.until(lambda: it.app.prompt.text == "yN" and len(it.copied) > 1)
        assert it.copied == ["https://example.org/2", "https://example.org/1"]


async def test_esc_ends_what_takes_long_and_the_keys_after_it_act(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("one\n\ntwo")) as it:
        await read(it, "two")
        await it.pilot.press("tab")
        ends: list[object] = []

        def without_end() -> Generator[str | None, None, None]:
            while True:
                yield None

        it.app.transcript.keys.look(without_end(), ends.append)
        press(it, "a", "x")
        await it.seen("looking · Esc ends it")
        assert not it.app.transcript.selecting
        press(it, "escape")
        await it.until(lambda: it.app.transcript.selecting and it.app.prompt.text == "x")
        await it.gone("looking")
        assert ends == []


async def test_keys_after_one_that_gives_the_keys_away_go_where_they_are_then(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("a needle\n\nand hay")) as it:
        await read(it, "hay")
        press(it, "tab", "slash", *"needle")
        await it.seen("^ find needle")
        press(it, "escape", "tab", *"jx", "tab", "a", "tab", "z")
        await it.until(lambda: it.app.prompt.text == "jxz")
        assert it.app.transcript.selecting


async def test_what_is_opened_counts_from_then_on(tmp_path: Path) -> None:
    script: Script = [Send(sse_response(thought("a needle"), openai_chunk("A needle."), openai_chunk(finish="stop"), DONE, last=True))]
    async with chat(tmp_path, script, answer("needle two")) as it:
        await read(it, "A needle")
        await it.say("again")
        await it.seen("needle two")
        await it.pilot.press("ctrl+f", *"needle")
        await it.seen("1 of 2")
        await it.pilot.press("tab", "o", "n", "n", "n")
        await it.seen("1 of 3 ")


async def test_a_count_grows_while_keys_are_heard(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        it.app.transcript.add(*messages(120, "Some *words*.\n\n- and a needle\n" * 5))
        press(it, "ctrl+f", *"needle")
        await it.seen(r"^ find needle .* 1 of \d+\+ ·")
        press(it, "enter")
        await it.seen(r"^ find needle .* 2 of \d+\+? ·")
        press(it, "down")
        await it.seen(r"^ find needle .* 1 of \d+\+? ·")
        press(it, "down")
        await it.seen("^ find needle .* 600 of 600 · ")


async def test_what_is_read_stays_where_it_is_when_the_width_changes(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("\n\n".join(f"marker {number} " + "words " * 30 for number in range(40)))) as it:
        await read(it, "marker 39")
        await it.pilot.press("home", "pagedown", "pagedown")
        first = re.search(r"marker (\d+)", it.screen)
        assert first is not None
        await it.pilot.resize_terminal(50, 24)
        await it.seen(f"marker {first[1]} ")
        await it.pilot.resize_terminal(120, 24)
        await it.seen(f"marker {first[1]} ")


async def test_clearing_forgets_where_the_reader_was(tmp_path: Path) -> None:
    async with chat(tmp_path, answer(ANSWER)) as it:
        await read(it)
        await it.pilot.press("tab", "right_square_bracket", "v", "right")
        it.app.transcript.clear()
        await it.pilot.pause()
        assert it.app.transcript.view.top == TOP
        assert not it.app.transcript.selecting
        await it.pilot.press("down", "right_square_bracket", "y", "enter", "s", "o")
        assert it.app.is_running


async def test_esc_leaves_the_keys_where_they_are_once_the_bar_is_gone(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("The end")) as it:
        await read(it)
        await it.pilot.press("tab", "slash", *"The", "tab", "tab")
        await it.until(lambda: it.app.prompt.has_focus)
        assert it.app.transcript.sought is not None
        await it.pilot.press("escape")
        assert it.app.transcript.sought is None
        assert it.app.prompt.has_focus


async def test_a_selection_of_nothing_is_not_the_last_reply(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("one\n\ntwo")) as it:
        await read(it, "two")
        await it.pilot.press("tab", "down", "down", "v", "y")
        assert it.copied == [""]
        await it.seen("C copy")
        await it.pilot.press("s")
        await it.seen("C quit")


async def test_a_queued_message_leaves_what_is_selected_and_the_start_that_is_held(tmp_path: Path) -> None:
    release = asyncio.Event()
    long = "\n\n".join(f"line {number}" for number in range(60))
    script: Script = [Wait(release), Send(sse_response(openai_chunk(long), openai_chunk(finish="stop"), DONE, last=True))]
    async with chat(tmp_path, script, answer(long + "\n\nlast")) as it:
        it.app.transcript.from_the_top = True
        await it.say("question one")
        await it.say("question two")
        await it.seen("queued")
        release.set()
        await it.until(lambda: len(it.server.exchanges) == 2 and not it.app.session.running)
        await it.pilot.pause(0.05)
        assert [row.strip() for row in it.screen.split("\n")[:2]] == ["you", "question one"]


def test_keys_that_come_in_one_piece_find_what_they_say(tmp_path: Path) -> None:
    with serving(answer("a needle\n\nhay " * 30)) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready │")
        screen.type("q").press("enter")
        screen.wait_for("^ ready .*TTFT")
        screen.send(b"\x06needle\tnn")
        screen.wait_for("── 3 of 30 · n earlier")
        screen.wait_gone("^ find")
        screen.send(b"\x06nothing at all\r")
        screen.wait_for("nothing found")


def test_a_definition_that_comes_late_is_seen_at_once(tmp_path: Path) -> None:
    text = "See [foo] bar.\n\nmore\n\nanother\n\n"
    rest = "[foo]: https://example.org/\n\nnext\n\n"
    script: Script = [Send(sse_response(openai_chunk(text))), Sleep(0.5), Send(chunked(openai_chunk(rest))), Hold()]
    with serving(script) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready │")
        screen.type("q").press("enter")
        screen.wait_for(r"See \[foo\] bar")
        screen.wait_for("next")
        screen.wait_for("See foo bar")


def test_the_mouse_is_given_away_and_taken_with_a_key(tmp_path: Path) -> None:
    with serving(answer("x")) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready │")
        assert b"\x1b[?1003h" not in screen.raw
        taken = screen.raw.count(b"\x1b[?1002h")
        assert taken
        for mode in (b"1000", b"1002", b"1006"):
            assert b"\x1b[?%sl" % mode not in screen.raw
        screen.press("f2")
        screen.wait_for("the terminal's own")
        for mode in (b"1000", b"1002", b"1006"):
            assert screen.raw.count(b"\x1b[?%sl" % mode) == 1
        screen.press("f2")
        screen.wait_for("scrolls and selects here")
        assert screen.raw.count(b"\x1b[?1002h") == taken + 1
        screen.press("ctrl+d")
        assert screen.exit_status() == 0
        assert screen.raw.rfind(b"\x1b[?1002l") > screen.raw.rfind(b"\x1b[?1002h")


def test_a_link_is_a_hyperlink_of_the_terminal_where_it_leads_to_the_web(tmp_path: Path) -> None:
    text = "[web](https://example.org/a) [other](ftp://example.org/b) end"
    with serving(answer(text)) as server, program(tmp_path, "--base-url", server.url, "--model", "m") as screen:
        screen.wait_for("^ ready │")
        screen.type("q").press("enter")
        screen.wait_for("web other end")
        assert re.findall(rb"\x1b\]8;;([^\x1b\x07]*)", screen.raw) == [b"https://example.org/a", b""]


async def test_nothing_blinks(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        await it.pilot.press("ctrl+f", "escape")
        await it.say("/system")
        await it.seen("System prompt")
        await it.pilot.press("ctrl+p")
        written_in = [each for screen in it.app.screen_stack for each in screen.query("Input, TextArea")]
        await it.pilot.press("escape")
        await it.say("/theme")
        await it.seen("high-contrast")
        written_in += it.app.screen.query("Input")
        assert len(written_in) >= 4
        assert not any(getattr(each, "cursor_blink", False) for each in written_in)
