"""The chat as a user drives it: keys in, screen out; the service is a scripted server on loopback."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from tests.byteserver import (
    DONE,
    ByteServer,
    Close,
    Hold,
    Script,
    Send,
    Wait,
    chunked,
    json_response,
    openai_chunk,
    openai_reply,
    response,
    sse_event,
    sse_response,
)
from textual import events
from textual.pilot import Pilot

from tokenfall.config import FileConfig, Folders, Options, Secret, load, settings
from tokenfall.engine import Backoff
from tokenfall.ui.app import ChatApp
from tokenfall.ui.backlog import Backlog


@dataclass
class Chat:
    """An open chat. `screen` is what stands on it, `seen` waits for a regular expression there."""

    app: ChatApp
    pilot: Pilot[None]
    server: ByteServer
    copied: list[str]

    @property
    def screen(self) -> str:
        rows = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in row).rstrip() for row in rows)

    @property
    def text(self) -> str:
        """All that the transcript holds."""
        return "\n".join(entry.source for entry in self.app.transcript.stack.entries)

    @property
    def state(self) -> str:
        return self.app.status.view.state

    async def until(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(20):
                while not condition():
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(f"never came; the screen:\n{self.screen}") from None

    async def seen(self, pattern: str) -> None:
        await self.until(lambda: re.search(pattern, self.screen, re.MULTILINE) is not None)

    async def gone(self, pattern: str) -> None:
        await self.until(lambda: re.search(pattern, self.screen, re.MULTILINE) is None)

    async def say(self, text: str) -> None:
        self.app.prompt.insert(text)
        await self.pilot.press("enter")

    def sent(self, index: int) -> list[tuple[str, str]]:
        messages = self.server.exchanges[index].json["messages"]
        assert isinstance(messages, list)
        return [(message["role"], message["content"]) for message in messages]


@asynccontextmanager
async def chat(
    folder: Path,
    *scripts: Script,
    size: tuple[int, int] = (80, 24),
    options: Options | None = None,
    configure: Callable[[Path, ByteServer], Options] | None = None,
) -> AsyncIterator[Chat]:
    """`configure` writes a configuration for the server into the folder."""
    where = Folders(folder / "config", folder / "data", folder / "state")
    async with ByteServer(*(scripts or (answer("unused"),))) as server:
        given = configure(folder, server) if configure else options or Options(base_url=server.url, model="m")
        app = ChatApp(settings(given, load(where), {}, where), 1 << 24)
        app.session.backoff = Backoff(0.0)
        async with app.run_test(size=size) as pilot:
            copied: list[str] = []
            app.copy = copied.append  # type: ignore[assignment, method-assign]
            yield Chat(app, pilot, server, copied)


def answer(*pieces: str, finish: str = "stop") -> Script:
    return [Send(sse_response(*map(openai_chunk, pieces), openai_chunk(finish=finish), DONE, last=True))]


def unfinished(*pieces: str) -> Script:
    return [Send(sse_response(*map(openai_chunk, pieces))), Hold()]


async def test_a_conversation_remembers_what_was_said(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("# Hi\n\n", "It is **me**."), answer("Again.")) as it:
        await it.seen(r"^ ready │ .*/m │ \^C quit")
        await it.say("who?")
        await it.seen("It is me.")
        await it.seen(r"^ ready │ .* TTFT \d+ ms")
        await it.say("more")
        await it.seen("Again.")
        assert it.sent(1) == [("user", "who?"), ("assistant", "# Hi\n\nIt is **me**."), ("user", "more")]


@pytest.mark.parametrize("key", ["ctrl+c", "escape"])
async def test_stopping_closes_the_connection_and_keeps_the_half_answer(tmp_path: Path, key: str) -> None:
    async with chat(tmp_path, unfinished("half an ans"), answer("rest")) as it:
        await it.say("q")
        await it.seen("half an ans")
        assert it.state == "streaming"
        await it.pilot.press(key)
        assert await it.server.exchanges[0].hung_up_within()
        await it.seen("■ stopped")
        await it.seen("^ stopped │")
        assert "half an ans" in it.screen
        await it.say("go on")
        await it.seen("rest")
        assert it.sent(1) == [("user", "q"), ("assistant", "half an ans"), ("user", "go on")]


async def test_stopping_before_the_first_token(tmp_path: Path) -> None:
    async with chat(tmp_path, [Hold()], answer("now")) as it:
        await it.say("q")
        await it.seen("^ waiting │ .* TTFT")
        await it.server.exchange(0)
        await it.pilot.press("ctrl+c")
        assert await it.server.exchanges[0].hung_up_within()
        await it.seen("stopped before the first token")
        await it.say("again")
        await it.seen("now")


async def test_many_ctrl_c_do_no_harm(tmp_path: Path) -> None:
    async with chat(tmp_path, unfinished("half"), answer("alive")) as it:
        await it.say("q")
        await it.seen("half")
        it.app.action_interrupt()
        it.app.action_interrupt()
        it.app.session.stop()
        await it.seen("■ stopped")
        await it.server.quiet()
        await it.say("q2")
        await it.seen("alive")


async def test_the_ctrl_c_ladder_ends_in_quitting(tmp_path: Path) -> None:
    async with chat(tmp_path, unfinished("half")) as it:
        await it.say("q")
        await it.seen("half")
        it.app.prompt.insert("a draft")
        assert it.app.status.view.ctrl_c == "stop"
        await it.pilot.press("ctrl+c")
        await it.seen("^ stopped │ .*clear")
        it.app.transcript.focus()
        await it.pilot.press("a")
        await it.seen("C copy")
        await it.pilot.press("ctrl+c")
        assert it.copied
        assert "half" in it.copied[0]
        await it.seen("C clear")
        await it.pilot.press("ctrl+c")
        assert it.app.prompt.text == ""
        await it.seen("C quit")
        await it.pilot.press("ctrl+c")
        await it.seen("again quits")
        assert it.app.is_running
        await it.pilot.press("ctrl+c")
        await it.until(lambda: not it.app.is_running)


async def test_a_message_queued_while_a_reply_streams_goes_when_it_ends(tmp_path: Path) -> None:
    release = asyncio.Event()
    first: Script = [Send(sse_response(openai_chunk("one"))), Wait(release), Send(chunked(openai_chunk(finish="stop"), DONE, last=True))]
    async with chat(tmp_path, first, answer("two")) as it:
        await it.say("q1")
        await it.seen("one")
        await it.say("q2")
        await it.seen("queued")
        assert len(it.server.exchanges) == 1
        release.set()
        await it.seen("two")
        assert "queued" not in it.screen
        assert it.sent(1) == [("user", "q1"), ("assistant", "one"), ("user", "q2")]


async def test_stopping_puts_queued_messages_back_before_the_draft(tmp_path: Path) -> None:
    async with chat(tmp_path, unfinished("one")) as it:
        await it.say("q1")
        await it.seen("one")
        await it.say("q2")
        await it.say("q3")
        it.app.prompt.insert("draft")
        await it.pilot.press("ctrl+c")
        await it.seen("■ stopped")
        assert it.app.prompt.text == "q2\nq3\ndraft"
        assert "queued" not in it.screen
        assert len(it.server.exchanges) == 1


class Held(Backlog):
    """Shows nothing before it is let go, so that the machine's speed is no matter."""

    let_go = False

    def work(self) -> None:
        if self.let_go:
            super().work()


async def test_what_comes_faster_than_it_can_be_shown_holds_up_what_is_said_next(tmp_path: Path) -> None:
    """The reply has ended, and some of it still waits to be shown: nothing may come before the rest of it."""
    async with chat(tmp_path, answer("one", "\n\nits end"), answer("two")) as it:
        it.app.turns._backlog = held = Held(it.app.turns._grow)
        await it.say("q1")
        await it.until(lambda: bool(it.app.session.messages[1:]))
        assert it.app.turns.busy
        assert not it.app.session.running
        await it.say("/retry")
        await it.say("q2")
        await it.seen("queued")
        assert "its end" not in it.text
        assert len(it.server.exchanges) == 1
        held.let_go = True
        await it.seen(r"^ its end\n[^■]*^ q2\n[^■]*^ two")
        assert "A reply is still coming" in it.text
        assert it.sent(1)[1:] == [("assistant", "one\n\nits end"), ("user", "q2")]


async def test_what_is_said_after_a_stop_is_sent_though_the_rest_is_still_being_shown(tmp_path: Path) -> None:
    async with chat(tmp_path, unfinished("one", "\n\nits end"), answer("two")) as it:
        it.app.turns._backlog = held = Held(it.app.turns._grow)
        await it.say("q1")
        await it.until(lambda: bool(held))
        await it.say("before")
        await it.pilot.press("ctrl+c")
        await it.say("after")
        await it.until(lambda: not it.app.session.running)
        held.let_go = True
        await it.seen(r"^ its end\n[^│]*■ stopped\n[^│]*^ after\n[^│]*^ two")
        assert it.sent(1)[-1] == ("user", "after")
        assert it.app.prompt.text == "before"


FAULTS = {
    "401": (response("401 Unauthorized", b'{"error":{"message":"bad key"}}'), "bad key"),
    "404": (response("404 Not Found", b'{"error":{"message":"no model m"}}'), "no model m"),
    "429": (response("429 Too Many Requests", b'{"error":{"message":"slow down"}}'), "slow down"),
    "500": (response("500 Internal Server Error", b"boom"), "500"),
    "html": (response("200 OK", b"<html><body>hello</body></html>", kind="text/html"), "web page"),
    "break": (sse_response(openai_chunk("half")), "half"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_a_sentence_and_retry_asks_again(tmp_path: Path, fault: str) -> None:
    data, shown = FAULTS[fault]
    attempts = 3 if fault in {"429", "500"} else 1
    failing: list[Script] = [[Send(data), Close()]] * attempts
    async with chat(tmp_path, *failing, answer("fine now")) as it:
        await it.say("my question")
        await it.seen(shown)
        await it.seen("^ error │")
        assert "my question" in it.screen
        assert "Traceback" not in it.screen
        await it.say("/retry")
        await it.seen("fine now")
        assert it.sent(attempts) == [("user", "my question")]


async def test_nothing_listens_there(tmp_path: Path) -> None:
    async with chat(tmp_path, options=Options(base_url="http://127.0.0.1:9", model="m")) as it:
        await it.say("hello?")
        await it.seen("Nothing listens at")
        await it.seen("hello?")


async def test_the_reader_who_scrolled_up_is_left_alone(tmp_path: Path) -> None:
    release = asyncio.Event()
    lines = [f"line{number}  \n" for number in range(60)]
    script: Script = [Send(sse_response(*map(openai_chunk, lines))), Wait(release), Send(chunked(*map(openai_chunk, lines))), Hold()]
    async with chat(tmp_path, script) as it:
        await it.say("q")
        await it.seen("line59")
        await it.pilot.press("pageup")
        await it.seen(r"↓ \d+ more")
        above = it.screen.split("↓")[0]
        release.set()
        await it.until(lambda: it.app.status.view.clock is not None and it.app.status.view.clock.tokens == 120)
        await it.pilot.pause(0.1)
        assert it.screen.split("↓")[0].rpartition("\n")[0] == above.rpartition("\n")[0]
        await it.pilot.press("end")
        await it.gone("↓ .* more")


async def test_copy_takes_the_reply_and_its_code_blocks_exactly(tmp_path: Path) -> None:
    text = "Say:\n\n```python\nprint('one')\t\n```\n\nand\n\n~~~\n  two\n\n~~~\n"
    async with chat(tmp_path, answer(text)) as it:
        await it.say("/copy")
        await it.seen("no reply to copy")
        await it.say("q")
        await it.seen("two")
        await it.until(lambda: not it.app.session.running)
        for command in ("/copy", "/copy 1", "/copy 2"):
            await it.say(command)
        assert it.copied == [text, "print('one')\t\n", "  two\n\n"]
        await it.say("/copy 3")
        await it.seen("has 2 code blocks")


async def test_text_is_selected_with_the_mouse_and_typing_goes_on(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("alpha beta gamma  \ndelta epsilon")) as it:
        await it.say("q")
        await it.seen("delta")
        await it.until(lambda: not it.app.session.running)
        rows = it.screen.split("\n")
        first = next(number for number, row in enumerate(rows) if "alpha" in row)
        left = rows[first].index("beta")
        await it.pilot.mouse_down(offset=(left, first))
        await it.pilot.hover(offset=(left + 4, first + 1))
        await it.pilot.mouse_up(offset=(left + 4, first + 1))
        await it.seen("C copy")
        await it.pilot.press("x")
        assert it.app.prompt.text == "x"
        await it.pilot.press("ctrl+c")
        assert it.copied == ["beta gamma\ndelta epsil"]
        await it.seen("C clear")


async def test_text_is_selected_with_keys(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("alpha beta")) as it:
        await it.say("q")
        await it.seen("alpha")
        await it.until(lambda: not it.app.session.running)
        await it.pilot.press("tab")
        await it.seen("Tab back")
        await it.pilot.press("down", "right", "v", "right", "right", "right", "y")
        assert it.copied == ["lpha"]
        await it.pilot.press("v", "shift+right", "y")
        assert it.copied[1:] == ["a "]
        await it.pilot.press("escape")
        assert not it.app.transcript.selecting
        await it.pilot.press("tab")
        await it.gone("Tab back")


async def test_unknown_commands_are_told_and_stay_in_the_prompt(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        await it.say("/stast ")
        await it.seen("Did you mean /stats")
        assert it.app.prompt.text.strip() == "/stast"


async def test_a_path_is_a_message_and_not_a_command(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("a file")) as it:
        await it.say("/etc/hosts is what?")
        await it.seen("a file")


async def test_system_prompt_and_new_conversation(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("one"), answer("two")) as it:
        await it.say("/system Be brief.")
        await it.say("q")
        await it.seen("one")
        assert it.sent(0) == [("system", "Be brief."), ("user", "q")]
        await it.say("/new")
        await it.gone("one")
        await it.say("/system -")
        await it.say("q2")
        await it.seen("two")
        assert it.sent(1) == [("user", "q2")]


async def test_a_request_that_is_sent_again_is_told_and_counted_down(tmp_path: Path) -> None:
    busy = response("503 Service Unavailable", b'{"error":{"message":"warming up"}}', headers=[("Retry-After", "1")])
    async with chat(tmp_path, [Send(busy)], answer("fine now")) as it:
        await it.say("q")
        await it.seen(r"is not ready \(HTTP 503\): warming up\.\s+Attempt 2 follows in 1\.\d s; Ctrl-C stops it\.")
        await it.seen(r"^ waiting │ .* │ again in [01] s │")
        await it.seen("fine now")
        await it.seen("^ ready │")
        assert "again in" not in it.screen
        await it.say("/stats")
        await it.seen(r"sent 2 times, 1\.\d s waited between")


async def test_ctrl_c_ends_the_wait_for_the_next_attempt(tmp_path: Path) -> None:
    busy = response("429 Too Many Requests", b"{}", headers=[("Retry-After", "50")])
    async with chat(tmp_path, [Send(busy)], answer("fine now")) as it:
        await it.say("q")
        await it.seen("again in 50 s")
        await it.pilot.press("ctrl+c")
        await it.seen("stopped before the first token")
        assert "again in" not in it.screen
        assert len(it.server.exchanges) == 1


async def test_an_end_without_a_reason_is_told(tmp_path: Path) -> None:
    async with chat(tmp_path, [Send(sse_response(openai_chunk("half?"), DONE, last=True))], answer("whole")) as it:
        await it.say("q")
        await it.seen("■ it may be cut off: the service gave no reason for its end")
        await it.say("q2")
        await it.seen("whole")
        await it.until(lambda: not it.app.turns.busy)
        assert it.text.count("may be cut off") == 1


async def test_a_stop_tells_what_it_has_saved(tmp_path: Path) -> None:
    long = answer(*"abcdefghij")
    async with chat(tmp_path, long, long, unfinished("k", "l")) as it:
        for number, question in enumerate(("one", "two"), 1):
            await it.say(question)
            await it.until(lambda: [each.received for each in it.app.turns.replies] == [10] * number)  # noqa: B023
        await it.say("three")
        await it.seen("kl$")
        await it.pilot.press("ctrl+c")
        await it.seen("│ ≈8 saved")


def narrow(folder: Path, server: ByteServer, context: int) -> Options:
    """An endpoint whose model reads no more than so many tokens."""
    table = f'[endpoints.lab]\nbase_url = "{server.url}"\nmodel = "m"\n[models."lab/m"]\ncontext = {context}\n'
    (folder / "config").mkdir()
    (folder / "config" / "config.toml").write_text(f"{table}price_input = 1.0\nprice_output = 2.0\n")
    return Options()


def told(text: str, sent: int, received: int) -> Script:
    return [Send(openai_reply([text], usage=(sent, received)))]


def told_end(sent: int, received: int) -> bytes:
    usage = {"choices": [], "usage": {"prompt_tokens": sent, "completion_tokens": received}}
    return chunked(openai_chunk(finish="stop"), sse_event(json.dumps(usage)), DONE, last=True)


async def test_a_conversation_that_no_longer_fits_is_the_users_to_cut(tmp_path: Path) -> None:
    async with chat(tmp_path, told("one", 700, 50), told("two", 30, 10), configure=partial(narrow, context=1000)) as it:
        await it.say("first")
        await it.seen(r"│ \$0\.00080 │ ctx 75%")
        await it.say("second")
        await it.seen("More than 1,000 tokens: what goes")
        assert len(it.server.exchanges) == 1
        await it.pilot.press("escape")
        await it.seen("Nothing was sent; the message is back in the prompt")
        assert it.app.prompt.text == "second"
        await it.pilot.press("enter")
        await it.seen("Leave out the oldest 2 messages")
        await it.pilot.press("enter")
        await it.seen("^ two")
        assert it.sent(1) == [("user", "second")]
        assert "The oldest 2 messages are no longer sent" in it.text


async def test_the_oldest_messages_are_summed_up(tmp_path: Path) -> None:
    scripts = (told("one", 700, 50), told("They spoke.", 750, 5), told("two", 30, 10))
    async with chat(tmp_path, *scripts, configure=partial(narrow, context=1000)) as it:
        await it.say("first")
        await it.seen("ctx 75%")
        await it.say("second")
        await it.seen("summed up")
        await it.pilot.press("down", "enter")
        await it.seen("^ two")
        asked = it.sent(1)
        assert asked[:2] == [("user", "first"), ("assistant", "one")]
        assert asked[2][1].startswith("Summarise our conversation")
        assert it.sent(2) == [("system", "Summary of the conversation until now:\nThey spoke."), ("user", "second")]


async def test_a_summary_that_is_stopped_changes_nothing(tmp_path: Path) -> None:
    scripts = (told("one", 700, 50), unfinished("They"), told("two", 30, 10))
    async with chat(tmp_path, *scripts, configure=partial(narrow, context=1000)) as it:
        await it.say("first")
        await it.seen("ctx 75%")
        await it.say("second")
        await it.seen("summed up")
        await it.pilot.press("down", "enter")
        await it.seen("They$")
        await it.pilot.press("ctrl+c")
        await it.seen("■ stopped")
        await it.until(lambda: it.app.prompt.text == "second")
        assert [message.text for message in it.app.session.messages] == ["first", "one"]
        assert it.app.session.summary == ""


async def test_a_new_conversation_forgets_a_summary_under_way(tmp_path: Path) -> None:
    scripts = (told("one", 700, 50), unfinished("They"), told("two", 30, 10))
    async with chat(tmp_path, *scripts, configure=partial(narrow, context=1000)) as it:
        await it.say("first")
        await it.seen("ctx 75%")
        await it.say("second")
        await it.seen("summed up")
        await it.pilot.press("down", "enter")
        await it.seen("They$")
        await it.say("/new")
        await it.say("third")
        await it.seen("^ two")
        await it.until(lambda: not it.app.turns.busy)
        assert [message.text for message in it.app.session.messages] == ["third", "two"]
        assert it.app.session.summary == ""


async def test_what_waits_behind_a_choice_goes_back_with_it(tmp_path: Path) -> None:
    release = asyncio.Event()
    first: Script = [Send(sse_response(openai_chunk("one"))), Wait(release), Send(told_end(700, 50))]
    async with chat(tmp_path, first, configure=partial(narrow, context=1000)) as it:
        await it.say("first")
        await it.seen("one$")
        await it.say("second")
        await it.say("third")
        await it.until(lambda: it.text.count("queued") == 2)
        release.set()
        await it.seen("More than 1,000 tokens: what goes")
        await it.pilot.press("escape")
        await it.until(lambda: it.app.prompt.text == "second\nthird")
        assert "queued" not in it.text
        assert not it.app.turns.busy


async def test_a_refusal_without_a_word_is_told(tmp_path: Path) -> None:
    refused = [Send(sse_response(openai_chunk(finish="content_filter"), DONE, last=True))]
    async with chat(tmp_path, refused) as it:
        await it.say("q")
        await it.seen("■ refused or filtered by the service, before any text")


async def test_a_message_that_is_too_large_by_itself_is_not_sent(tmp_path: Path) -> None:
    async with chat(tmp_path, told("one", 700, 50), configure=partial(narrow, context=1000)) as it:
        await it.say("word " * 1000)
        await it.seen("This message alone is more than lab/m can read at once")
        assert not it.app.prompt.is_empty
        assert not it.server.exchanges


async def test_an_almost_full_context_is_told_once(tmp_path: Path) -> None:
    replies = (told("one", 6000, 50), told("two", 6600, 5), told("three", 6900, 5))
    said = "what m can read at once. When it no longer fits you are asked"
    async with chat(tmp_path, *replies, configure=partial(narrow, context=8192), size=(120, 30)) as it:
        for number, (question, times) in enumerate((("first", 0), ("second", 1), ("third", 1)), 1):
            await it.say(question)
            await it.until(lambda: len(it.app.turns.replies) == number)  # noqa: B023
            assert it.text.count(said) == times
        assert "fills 81% of" in it.text


async def test_stats_draw_the_last_replys_gaps(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("a", "b", "c")) as it:
        await it.say("/stats")
        await it.seen("No reply has been timed")
        await it.say("q")
        await it.seen("abc")
        await it.say("/stats")
        await it.seen(r"TTFT \d+ ms = network \d+ ms \+ server \d+ ms")
        await it.seen("~3↓, ")
        await it.seen("median")


async def test_model_without_a_name_is_the_first_the_server_lists(tmp_path: Path) -> None:
    scripts = ([Send(json_response({"data": [{"id": "first"}, {"id": "second"}]}))], answer("yes"))
    async with chat(tmp_path, *scripts) as it:
        it.app.service.choose(it.app.service.endpoint and type(it.app.service.endpoint)("x", "openai-chat", it.server.url))
        await it.say("q")
        await it.seen("yes")
        assert it.server.exchanges[1].json["model"] == "first"
        await it.seen("x/first")


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (200, 60)])
async def test_any_size_of_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    async with chat(tmp_path, answer("word " * 50), size=size) as it:
        await it.say("q")
        await it.seen("word")
        await it.seen("ready")
        await it.pilot.press("f1")
        await it.pilot.press("escape")
        await it.seen("word")


async def test_resizing_while_a_reply_streams(tmp_path: Path) -> None:
    async with chat(tmp_path, unfinished("word " * 200 + "last")) as it:
        await it.say("q")
        await it.seen("last")
        for width, height in ((40, 10), (120, 30), (25, 6), (80, 24)):
            await it.pilot.resize_terminal(width, height)
            await it.seen("last")


async def test_outside_text_is_inert_everywhere(tmp_path: Path) -> None:
    hostile = json.loads((Path(__file__).parents[1] / "data" / "hostile.json").read_text())
    texts = [case["text"] for case in hostile["terminal"].values()] + hostile["markup"]
    scripts = [answer(text + "\n\nend.") for text in texts]
    async with chat(tmp_path, *scripts, size=(100, 30)) as it:
        for number, text in enumerate(texts):
            await it.say(f"q{number} {text.replace(chr(10), ' ')}")
            await it.until(lambda number=number: len(it.app.session.messages) == 2 * number + 2)  # type: ignore[misc]
            await it.pilot.pause()
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", it.screen), repr(text)
            assert it.app.session.messages[-1].text == text + "\n\nend."


async def test_themes_change_while_they_are_passed_and_come_back(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        before = it.app.theme
        await it.say("/theme")
        await it.seen("high-contrast")
        await it.pilot.press("down")
        await it.until(lambda: it.app.theme != before)
        await it.pilot.press("escape")
        await it.until(lambda: it.app.theme == before)
        await it.say("/theme light")
        assert it.app.theme == "light"


async def test_help_lists_every_command_and_the_ladder(tmp_path: Path) -> None:
    async with chat(tmp_path, size=(100, 120)) as it:
        await it.pilot.press("f1")
        for shown in ("/copy", "/stats", "/system", "Ctrl-C", "Ctrl-J", "Ctrl-R", "PgUp"):
            await it.seen(re.escape(shown))
        await it.pilot.press("escape")
        await it.gone("/stats")


@pytest.mark.parametrize("keys", ["waiting", "streaming", "queued"])
async def test_a_new_conversation_forgets_the_turn_under_way(tmp_path: Path, keys: str) -> None:
    script: Script = [Hold()] if keys == "waiting" else unfinished("old answer")
    async with chat(tmp_path, script, answer("fresh")) as it:
        await it.say("old question")
        if keys != "waiting":
            await it.seen("old answer")
        if keys == "queued":
            await it.say("queued one")
        await it.server.exchange(0)
        await it.say("/new")
        await it.gone("old question")
        assert await it.server.exchanges[0].hung_up_within()
        await it.seen("^ ready │ [^│]*│ .C quit")
        await it.say("new question")
        await it.seen("fresh")
        assert it.sent(1) == [("user", "new question")]
        assert "queued one" not in it.screen
        assert "old" not in it.screen


async def test_retry_while_a_reply_runs_says_so(tmp_path: Path) -> None:
    async with chat(tmp_path, unfinished("half")) as it:
        await it.say("q")
        await it.seen("half")
        await it.say("/retry")
        await it.seen("still coming")
        assert len(it.server.exchanges) == 1


async def test_copy_while_a_reply_runs_takes_what_has_come(tmp_path: Path) -> None:
    async with chat(tmp_path, answer("first"), unfinished("second, half")) as it:
        await it.say("q")
        await it.seen("first")
        await it.until(lambda: not it.app.session.running)
        await it.say("q2")
        await it.seen("second, half")
        await it.say("/copy")
        assert it.copied == ["second, half"]


async def test_an_unanswered_question_is_not_said_twice(tmp_path: Path) -> None:
    async with chat(tmp_path, [Send(response("501 Not Implemented", b"boom"))], answer("yes")) as it:
        await it.say("first try")
        await it.seen("^ error │ [^│]*│ .C quit")
        await it.say("second try")
        await it.seen("yes")
        assert it.sent(1) == [("user", "second try")]


async def test_reasoning_stands_where_it_came(tmp_path: Path) -> None:
    def thought(text: str) -> bytes:
        return f'data: {{"choices":[{{"index":0,"delta":{{"reasoning_content":"{text}"}}}}]}}\n\n'.encode()

    pieces = [thought("let me "), thought("see"), openai_chunk("one\n\ntwo\n\n"), thought("late thought"), openai_chunk("three")]
    release = asyncio.Event()
    rest = chunked(*pieces[3:], openai_chunk(finish="stop"), DONE, last=True)
    script: Script = [Send(sse_response(*pieces[:3])), Wait(release), Send(rest)]
    async with chat(tmp_path, script, answer("again")) as it:
        await it.say("q")
        await it.seen("two")
        release.set()
        await it.seen("three")
        shown = [row.strip() for row in it.screen.split("\n") if row.strip()]
        begin = shown.index("m")
        assert [re.sub(r"[\d.]+ s$", "N s", row) for row in shown[begin : begin + 6]] == [
            *("m", "▸ thought for N s", "one", "two", "▸ thought for N s", "three")]
        await it.pilot.press("ctrl+t")
        await it.seen("^ *▾ thought for .*\n *late thought")
        await it.until(lambda: not it.app.session.running)
        await it.say("q2")
        await it.seen("again")
        assert it.sent(1)[1] == ("assistant", "one\n\ntwo\n\nthree")


async def test_models_are_chosen_by_name_and_from_the_list(tmp_path: Path) -> None:
    listing = [Send(json_response({"data": [{"id": "org/first"}, {"id": "org/second"}]}))]
    async with chat(tmp_path, listing, answer("from second"), answer("from third"), size=(100, 24)) as it:
        await it.say("/model")
        await it.seen("org/second")
        await it.pilot.press(*"second")
        await it.pilot.press("enter")
        await it.seen("org/second answers from now on")
        await it.say("q")
        await it.seen("from second")
        assert it.server.exchanges[1].json["model"] == "org/second"
        await it.say("/model org/third")
        await it.say("q")
        await it.seen("from third")
        assert it.server.exchanges[2].json["model"] == "org/third"
        await it.say("/model nosuch/endpoint/")
        assert it.app.service.endpoint is not None


def two_endpoints(folder: Path, server: ByteServer) -> Options:
    tables = [f'[endpoints.lab]\nbase_url = "{server.url}"\nmodel = "a"', '[endpoints.gone]\nbase_url = "http://127.0.0.1:9"']
    (folder / "config").mkdir()
    (folder / "config" / "config.toml").write_text("\n".join([*tables, '[models."lab/b"]\ncontext = 32000']))
    return Options(model="local")


async def test_the_list_of_models_is_of_all_endpoints_and_tells_which_answer(tmp_path: Path) -> None:
    listing = [Send(json_response({"data": [{"id": "a"}, {"id": "b"}]}))]
    async with chat(tmp_path, listing, answer("from b"), configure=two_endpoints, size=(100, 24)) as it:
        await it.say("/model")
        await it.seen("• local")
        await it.seen("gone +doesn't answer: Nothing listens")
        await it.seen("lab/a")
        await it.seen("lab/b +32k")
        await it.pilot.press(*"lab/b")
        await it.pilot.press("enter")
        await it.seen("lab/b answers from now on")
        await it.say("q")
        await it.seen("from b")
        assert it.server.exchanges[1].json["model"] == "b"


async def test_the_palette_runs_a_command(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        await it.pilot.press("ctrl+p")
        await it.seen("/stats")
        await it.pilot.press(*"stats")
        await it.pilot.press("enter")
        await it.seen("No reply has been timed")


async def test_ctrl_c_closes_what_is_open_and_takes_back_a_previewed_theme(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        before = it.app.theme
        await it.say("/theme")
        await it.seen("high-contrast")
        await it.pilot.press("down")
        await it.until(lambda: it.app.theme != before)
        await it.pilot.press("ctrl+c")
        await it.until(lambda: it.app.theme == before)
        await it.gone("high-contrast")


async def test_a_draft_is_not_lost_to_keys_pressed_elsewhere(tmp_path: Path) -> None:
    async with chat(tmp_path) as it:
        it.app.prompt.insert("draft")
        await it.pilot.press("tab", "ctrl+d")
        assert it.app.is_running
        await it.pilot.press("ctrl+q")
        assert it.app.is_running
        await it.pilot.press("x")
        assert it.app.prompt.text == "draftx"
        assert it.app.prompt.has_focus
        await it.pilot.press("tab")
        it.app.post_message(events.Paste(" pasted"))
        await it.until(lambda: it.app.prompt.text == "draftx pasted")


async def test_misplaced_keys_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    where = Folders(folder, tmp_path / "data", tmp_path / "state")
    file = FileConfig(keys={"hlp": "f1", "help": "f1,nokey+x"})
    app = ChatApp(settings(Options(base_url="http://127.0.0.1:9", model="m"), file, {}, where), 1 << 24)
    async with app.run_test(size=(200, 30)) as pilot:
        it = Chat(app, pilot, ByteServer(), [])
        await it.seen("Did you mean 'help'")
        await it.seen("'nokey.x', which help is to have, is no key")


async def test_a_key_that_a_service_repeats_is_not_shown(tmp_path: Path) -> None:
    canary = "sk-canary-0123456789"
    event = f'data: {{"error":{{"message":"bad key {canary}"}}}}\n\n'.encode()
    async with chat(tmp_path, [Send(sse_response(event, last=True))]) as it:
        assert it.app.service.endpoint is not None
        it.app.service.choose(replace(it.app.service.endpoint, api_key=Secret(canary)))
        await it.say("q")
        await it.seen(r"bad key\s+\[key\]")
        assert canary not in it.screen


async def test_a_word_of_outside_text_is_inert_in_every_other_place(tmp_path: Path) -> None:
    hostile = "a\x1b[31m\x9b2J\u202e[b]x[/b]"
    listing = [Send(json_response({"data": [{"id": hostile}]}))]
    fault = [Send(json_response({"error": {"message": hostile}}, "400 Bad Request"))]
    thought = json.dumps({"choices": [{"index": 0, "delta": {"reasoning_content": hostile}}]})
    reasoning = [Send(sse_response(f"data: {thought}\n\n".encode(), openai_chunk(finish="stop"), DONE, last=True))]
    async with chat(tmp_path, listing, fault, reasoning, size=(100, 40)) as it:
        await it.say("/model")
        await it.seen("answers")
        inert = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]"
        assert not re.search(inert, it.screen)
        await it.pilot.press("down", "enter")
        await it.seen("answers from now on")
        await it.say("q")
        await it.seen("^ error │")
        await it.say("q")
        await it.seen("^ ready │")
        await it.say(f"/system {hostile}")
        await it.say(f"/{'x' * 3} {hostile}")
        await it.pilot.pause(0.05)
        assert not re.search(inert, it.screen)
        assert "[b]x[/b]" in it.screen
