import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

import pytest

from tokenfall.config import Endpoint
from tokenfall.engine import Turn
from tokenfall.errors import NetworkError, ServiceError, TokenfallError
from tokenfall.events import Ended, ReasoningDelta, Sent, Streamed, TextDelta, TurnEvent, Waiting
from tokenfall.messages import EndState, Reasoning, Request, Text, user_message
from tokenfall.transport import Arrival, Patience, Transport
from tokenfall.wire import Frame

ENDPOINT = Endpoint("there", "openai-chat", "http://127.0.0.1:1/v1", "m")
HELLO = Request("", (user_message("hello"),))


class Script(Transport):
    """Plays frames; a float is a pause, an exception breaks the stream."""

    def __init__(self, steps: Sequence[str | float | TokenfallError]) -> None:
        super().__init__()
        self._steps = steps
        self.closed = False
        self.body: Mapping[str, object] = {}

    async def stream(
        self, endpoint: Endpoint, body: Mapping[str, object], patience: Patience | None = None
    ) -> AsyncGenerator[Arrival, None]:
        self.body = body
        try:
            for step in self._steps:
                if isinstance(step, TokenfallError):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield Frame("message", step, "", time.monotonic())
        finally:
            self.closed = True


def delta(text: str) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


def finish(reason: str) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


USAGE = '{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}'


async def route() -> Endpoint:
    return ENDPOINT


async def play(*steps: str | float | TokenfallError) -> tuple[list[TurnEvent], Script]:
    script = Script(steps)
    return [event async for event in Turn(script, route, HELLO).events()], script


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
