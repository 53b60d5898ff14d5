import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from tokenfall.config import Endpoint
from tokenfall.engine import Backoff, Turn
from tokenfall.errors import NetworkError, ServiceError, TokenfallError
from tokenfall.events import (
    Ended,
    Finished,
    FirstByte,
    Opened,
    Phases,
    ReasoningDelta,
    Retrying,
    Sent,
    Stalled,
    Streamed,
    TextDelta,
    TurnEvent,
    Waiting,
)
from tokenfall.messages import EndState, Reasoning, Request, Text, user_message
from tokenfall.transport import Arrival, Patience, Transport
from tokenfall.wire import Frame

ENDPOINT = Endpoint("there", "openai-chat", "http://127.0.0.1:1/v1", "m")
HELLO = Request("", (user_message("hello"),))
AT_ONCE = Backoff(0.0)
BROKEN = NetworkError("It broke.", "Mend it.", passing=True)
OVERLOADED = ServiceError("It is overloaded.", status=529, passing=True)


Step = str | float | TokenfallError | Arrival


class Script(Transport):
    """Plays frames, one list for each attempt, the last for all that follow; a float is a pause, an exception breaks the stream."""

    def __init__(self, *attempts: Sequence[Step]) -> None:
        super().__init__()
        self._attempts = attempts
        self.played = 0
        self.closed = False
        self.endpoint: Endpoint | None = None
        self.body: Mapping[str, object] = {}

    async def stream(
        self, endpoint: Endpoint, body: Mapping[str, object], patience: Patience | None = None
    ) -> AsyncGenerator[Arrival, None]:
        self.endpoint, self.body, self.closed = endpoint, body, False
        steps = self._attempts[min(self.played, len(self._attempts) - 1)]
        self.played += 1
        try:
            for step in steps:
                match step:
                    case TokenfallError():
                        raise step
                    case float():
                        await asyncio.sleep(step)
                    case str():
                        yield Frame("message", step, "", time.monotonic())
                    case _:
                        yield step
        finally:
            self.closed = True


def delta(text: str) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


def finish(reason: str) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


USAGE = '{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}'


async def route() -> Endpoint:
    return ENDPOINT


async def play(*steps: Step) -> tuple[list[TurnEvent], Script]:
    script = Script(steps)
    return await played(script), script


async def played(script: Script, retries: int = 2) -> list[TurnEvent]:
    async def route() -> Endpoint:
        return replace(ENDPOINT, retries=retries)

    return [event async for event in Turn(script, route, HELLO, AT_ONCE).events()]


def end(events: list[TurnEvent]) -> Ended:
    assert [isinstance(event, Ended) for event in events].count(True) == 1
    last = events[-1]
    assert isinstance(last, Ended)
    return last


async def test_a_whole_turn() -> None:
    events, script = await play(delta("Hel"), delta("lo"), finish("stop"), USAGE, "[DONE]")
    assert isinstance(events[0], Waiting)
    assert isinstance(events[1], Sent)
    assert [event.event.text for event in events if isinstance(event, Streamed) and isinstance(event.event, TextDelta)] == ["Hel", "lo"]
    ended = end(events)
    assert (ended.state, ended.reply.text, ended.usage.output_tokens, ended.error) == ("complete", "Hello", 2, None)
    assert script.body["model"] == "m"
    assert script.closed


@pytest.mark.parametrize(
    ("steps", "state", "kept"),
    [
        ((delta("a"), finish("length")), "length", "a"),
        ((delta("a"), finish("content_filter")), "refused", "a"),
        ((delta("a"), "[DONE]"), "complete", "a"),
        ((delta("a"),), "cut_off", "a"),
        ((delta("a"), NetworkError("It broke.")), "cut_off", "a"),
        ((NetworkError("It broke."),), "failed", ""),
        ((delta("a"), "{not json"), "cut_off", "a"),
        (("{not json",), "failed", ""),
        ((), "failed", ""),
        ((finish("stop"),), "complete", ""),
        ((delta("a"), '{"error":{"message":"overloaded"}}', delta("b")), "cut_off", "a"),
        (('{"error":{"message":"overloaded"}}',), "failed", ""),
    ],
)
async def test_every_end_has_one_state_and_keeps_what_came(
    steps: tuple[str | TokenfallError, ...], state: EndState, kept: str
) -> None:
    events, script = await play(*steps)
    ended = end(events)
    assert (ended.state, ended.reply.text, ended.reply.state) == (state, kept, state)
    assert (ended.error is not None) == (state in {"cut_off", "failed"})
    assert script.closed


async def test_reasoning_between_tags_is_no_answer() -> None:
    events, _ = await play(delta("<th"), delta("ink>hm"), delta("</think>\n\nYes"), delta("."), finish("stop"), "[DONE]")
    streamed = [event.event for event in events if isinstance(event, Streamed)]
    assert streamed[:4] == [ReasoningDelta(""), ReasoningDelta("hm"), TextDelta("Yes"), TextDelta(".")]
    reply = end(events).reply
    assert reply.parts == (Reasoning("hm"), Text("Yes."))


@pytest.mark.parametrize("steps", [(delta("a"), delta("<thi")), (delta("<thi"),), (delta("<thi"), NetworkError("It broke."))])
async def test_what_might_have_become_a_tag_is_kept_however_a_turn_ends(steps: tuple[str | TokenfallError, ...]) -> None:
    events, _ = await play(*steps)
    ended = end(events)
    assert ended.state == "cut_off"
    assert ended.reply.text.endswith("<thi")
    whole, _ = await play(delta("<thi"), finish("stop"))
    assert next(event.event for event in whole if isinstance(event, Streamed)) == TextDelta("<thi")
    assert (end(whole).state, end(whole).reply.text) == ("complete", "<thi")


async def test_an_error_in_the_stream_is_told_in_the_services_words() -> None:
    events, _ = await play('{"error":{"message":"overloaded"}}')
    assert isinstance(end(events).error, ServiceError)
    assert "overloaded" in str(end(events).error)


async def test_a_route_that_fails_ends_the_turn() -> None:
    async def nowhere() -> Endpoint:
        raise NetworkError("Nothing listens there.")

    events = [event async for event in Turn(Script([]), nowhere, HELLO).events()]
    assert end(events).state == "failed"
    assert str(end(events).error) == "Nothing listens there."
    assert not any(isinstance(event, Sent) for event in events)


async def test_closing_the_events_closes_the_stream_and_keeps_the_draft() -> None:
    script = Script([delta("half"), 60.0, delta("never")])
    turn = Turn(script, route, HELLO)
    async with aclosing(turn.events()) as events:
        async for event in events:
            if isinstance(event, Streamed):
                break
    assert script.closed
    stopped = turn.stopped(1.0)
    assert (stopped.state, stopped.reply.text, stopped.error) == ("stopped", "half", None)


# --- asking again ---


def kinds(events: list[TurnEvent]) -> list[type[TurnEvent]]:
    return [type(event) for event in events]


async def test_what_the_transport_tells_of_a_request_is_passed_on() -> None:
    told: list[Arrival] = [Opened(1.0, Phases(headers=1.0)), FirstByte(1.1), Stalled(2.0, 1.1)]
    events, _ = await play(*told, delta("a"), finish("stop"))
    assert events[2:5] == told


async def test_a_failure_before_the_first_token_is_tried_again() -> None:
    script = Script([BROKEN], ['{"model":"n","choices":[]}', USAGE, OVERLOADED], [delta("a"), finish("stop"), "[DONE]"])
    events = await played(script)
    assert kinds(events)[:6] == [Waiting, Sent, Retrying, Sent, Streamed, Streamed]
    assert [event.attempt for event in events if isinstance(event, Sent)] == [1, 2, 3]
    retries = [event for event in events if isinstance(event, Retrying)]
    assert [(retry.attempt, retry.why) for retry in retries] == [(1, BROKEN), (2, OVERLOADED)]
    assert all(retry.until >= retry.at for retry in retries)
    ended = end(events)
    assert (ended.state, ended.reply.text, ended.reply.model, ended.usage.output_tokens) == ("complete", "a", "m", None)


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (2, 3)])
async def test_the_last_failure_says_how_often_it_was_tried(retries: int, attempts: int) -> None:
    script = Script([OVERLOADED], [BROKEN])
    ended = end(await played(script, retries))
    assert script.played == attempts
    assert ended.state == "failed"
    assert type(ended.error) is (ServiceError if attempts == 1 else NetworkError)
    assert str(ended.error).partition(" Mend")[0] == [
        "It is overloaded.", "It broke. It was tried 2 times.", "It broke. It was tried 3 times."
    ][attempts - 1]  # fmt: skip
    assert str(BROKEN) == "It broke. Mend it."


@pytest.mark.parametrize(
    "steps",
    [
        (delta("a"), BROKEN),
        (delta("<thi"), BROKEN),
        (json.dumps({"choices": [{"delta": {"reasoning": "hm"}}]}), OVERLOADED),
        (finish("stop"), BROKEN),
        (NetworkError("It said nothing for 120 seconds."),),
        (ServiceError("No.", status=400),),
        (ServiceError("Later.", status=429, passing=True, retry_after=61.0),),
        ('{"error":{"message":"no"}}',),
        ("{not json",),
        (),
    ],
)
async def test_what_is_not_tried_again(steps: tuple[Step, ...]) -> None:
    events, script = await play(*steps)
    assert script.played == 1
    assert not any(isinstance(event, Retrying) for event in events)
    assert "tried" not in str(end(events).error)


async def test_a_connection_that_breaks_behind_the_finish_is_no_fault() -> None:
    events, _ = await play(delta("a"), finish("length"), BROKEN)
    assert (end(events).state, end(events).error) == ("length", None)


@pytest.mark.parametrize(
    ("attempt", "asked", "dice", "wait"),
    [(1, None, 1.0, 0.5), (2, None, 1.0, 1.0), (3, None, 0.5, 1.0), (9, None, 1.0, 8.0), (1, None, 0.0, 0.0), (1, 7.0, 1.0, 7.0),
     (1, 60.0, 1.0, 60.0), (1, 60.1, 1.0, None), (1, 0.0, 1.0, 0.5)],
)  # fmt: skip
def test_how_long_is_waited(attempt: int, asked: float | None, dice: float, wait: float | None) -> None:
    error = ServiceError("Later.", status=429, retry_after=asked, passing=True)
    assert Backoff().wait(attempt, error, lambda: dice) == wait
    assert Backoff().wait(attempt, ServiceError("No.", status=400, retry_after=asked), lambda: dice) is None


async def test_a_stop_during_a_wait_ends_it_at_once() -> None:
    script = Script([ServiceError("Later.", status=429, retry_after=50.0, passing=True)])
    turn = Turn(script, route, HELLO)
    waiting = asyncio.Event()

    async def consume() -> None:
        async with aclosing(turn.events()) as events:
            async for event in events:
                if isinstance(event, Retrying):
                    assert event.until - event.at == pytest.approx(50.0)
                    waiting.set()

    task = asyncio.create_task(consume())
    await waiting.wait()
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(20):
        await asyncio.wait({task})
    assert task.cancelled()
    stopped = turn.stopped(1.0)
    assert (stopped.state, stopped.reply.parts, stopped.error, script.played) == ("stopped", (), None, 1)


async def test_a_stop_before_anything_was_sent() -> None:
    turn = Turn(Script([]), route, HELLO)
    assert (turn.text, turn.stopped(1.0).state) == ("", "stopped")


async def test_the_request_s_own_model_wins() -> None:
    script = Script([delta("a"), finish("stop")])
    assert end([event async for event in Turn(script, route, replace(HELLO, model="mine")).events()]).reply.model == "mine"
    assert script.endpoint is not None
    assert (script.endpoint.model, script.body["model"]) == ("mine", "mine")


def told_too_early(text: str) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]})


async def test_a_finish_with_every_piece_hides_no_break() -> None:
    broken, _ = await play(told_too_early("a"), told_too_early("b"), BROKEN)
    assert (end(broken).state, end(broken).reply.text) == ("cut_off", "ab")
    whole, _ = await play(told_too_early("a"), told_too_early("b"), "[DONE]")
    assert (end(whole).state, end(whole).reply.text) == ("complete", "ab")


async def test_a_stop_behind_the_finish_leaves_the_reply_whole() -> None:
    turn = Turn(Script([delta("a"), finish("stop"), 60.0]), route, HELLO, AT_ONCE)
    async with aclosing(turn.events()) as events:
        async for event in events:
            if isinstance(event, Streamed) and isinstance(event.event, Finished):
                break
    assert turn.stopped(0.0).state == "complete"


async def test_who_is_asked_is_told() -> None:
    events, _ = await play(delta("a"), finish("stop"), "[DONE]")
    assert [event.model for event in events if isinstance(event, Sent)] == ["there/m"]
