"""A conversation as it runs: where its turns go, what has been said, and the turn under way."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import date
from functools import partial

from tokenfall.config import LOCAL, Cost, Endpoint, Model, Sampling, Settings, cost, keyed
from tokenfall.context import estimate, room, to_drop
from tokenfall.engine import Backoff, Turn
from tokenfall.errors import EmbeddedModelError, NetworkError, ServiceError, TokenfallError
from tokenfall.events import Ended, TurnEvent, Usage
from tokenfall.local import EmbeddedModel
from tokenfall.messages import Message, Reasoning, Request, Text, user_message
from tokenfall.transport import Transport

log = logging.getLogger(__name__)

SUMMARISE = (
    "Summarise our conversation so far in at most 200 words, so that it can go on from the summary alone. "
    "Keep names, figures, decisions and open questions."
)
SUMMARY = "Summary of the conversation until now:"

Publish = Callable[[TurnEvent], None]


class Service:
    """Where turns go: the model embedded in this machine, or an endpoint. `route` is the engine's Route."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self._embedded: EmbeddedModel | None = None
        self._starting: asyncio.Task[Endpoint] | None = None
        self.endpoint = settings.endpoint

    @property
    def name(self) -> str:
        """`ENDPOINT/MODEL` as far as it is known."""
        if self.endpoint is None:
            return f"{LOCAL}/{self._model.name}"
        return "/".join(part for part in (self.endpoint.name, self.endpoint.model) if part)

    @property
    def loading(self) -> bool:
        return self.endpoint is None and self._starting is not None and not self._starting.done()

    @property
    def context(self) -> int | None:
        """Tokens that the model can see at once, where that is known."""
        if self.endpoint is None:
            return self._model.context
        return self.row.context if self.row is not None else None

    @property
    def row(self) -> Model | None:
        """What is known of the model that answers."""
        return self._settings.model_row(self.endpoint.name, self.endpoint.model) if self.endpoint is not None else None

    def cost(self, name: str, usage: Usage) -> Cost | None:
        """Of a reply of the model ENDPOINT/MODEL, where its prices are known."""
        endpoint, _, model = name.partition("/")
        return cost(usage, self._settings.model_row(endpoint, model), date.today())

    @property
    def sampling(self) -> Sampling:
        name, model = (self.endpoint.name, self.endpoint.model) if self.endpoint is not None else (LOCAL, self._model.name)
        return self._settings.sampling(name, model)

    @property
    def _model(self) -> EmbeddedModel:
        if self._embedded is None:
            self._embedded = EmbeddedModel(self._settings.model_file, self._settings.folders.state / "llama.log")
        return self._embedded

    def choose(self, endpoint: Endpoint | None) -> None:
        """From the next turn on this endpoint answers; None is the embedded model."""
        self.endpoint = endpoint

    def spawn(self) -> None:
        """Lets the embedded model begin to load before there is an event loop; what goes wrong is told by `start`."""
        if self.endpoint is None:
            with suppress(EmbeddedModelError):
                self._model.spawn()

    def start(self) -> asyncio.Task[Endpoint] | None:
        """Begins to load the embedded model, if that is what answers; the task ends when it is ready or has failed."""
        if self.endpoint is not None:
            return None
        if self._starting is None or (self._starting.done() and not self._model.ready):
            self._starting = asyncio.create_task(self._model.start())
        return self._starting

    async def route(self) -> Endpoint:
        """The endpoint, ready, with its model named. Raises TokenfallError when it can't be had."""
        starting = self.start()
        if starting is not None:
            # a stopped turn must not stop the model from loading
            return await asyncio.shield(starting)
        assert self.endpoint is not None
        asked = self.endpoint
        endpoint = await keyed(asked)
        if self.endpoint is asked:
            self.endpoint = endpoint
        if endpoint.model:
            return endpoint
        names = await self._transport.list_models(endpoint)
        if not names:
            raise ServiceError(f"{endpoint.base_url} lists no models.", "Name one with --model.")
        named = replace(endpoint, model=names[0])
        if self.endpoint is endpoint:
            self.endpoint = named
        return named

    async def why(self, error: TokenfallError | None) -> TokenfallError | None:
        """The reason behind a turn's error, where it is that the embedded model has died."""
        if isinstance(error, NetworkError) and self.endpoint is None and self._model.returncode is not None:
            return await self._model.ended()
        return error

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        if self._embedded is not None:
            await self._embedded.stop()


class Session:
    """One conversation. At most one turn runs at a time; its events go to the `publish` that it was begun with."""

    def __init__(self, settings: Settings, service: Service, transport: Transport) -> None:
        self._transport = transport
        self._settings = settings
        self._task: asyncio.Task[Ended] | None = None
        self._turn: Turn | None = None
        self.backoff = Backoff()
        """Between the attempts of a turn."""
        self.service = service
        self.system = settings.system
        self.messages: list[Message] = []
        self.summary = ""
        """Of what was said before the messages."""
        self._used: int | None = None
        """Tokens that the messages fill, by the service's count at the last reply."""

    @property
    def running(self) -> bool:
        return self._task is not None

    @property
    def ending(self) -> bool:
        """Whether nothing more will come: no turn runs, or the one that does has been stopped."""
        return self._task is None or self._task.cancelling() > 0

    @property
    def max_tokens(self) -> int | None:
        """The longest that a reply may be, where that is set."""
        return self.service.sampling.max_tokens

    # what fits into the context

    def excess(self, text: str) -> int:
        """Tokens by which the conversation with `text` is likely to be too much for the model; 0 where it fits or nothing is known."""
        context = self.service.context
        if context is None:
            return 0
        said = (user_message(text),)
        size = estimate((*self.messages, *said), self._whole_system) if self._used is None else self._used + estimate(said)
        return max(size - room(context, self.max_tokens), 0)

    def to_drop(self, excess: int) -> int:
        """How many of the oldest messages would have to go for that."""
        return to_drop((*self.messages, user_message("")), excess)

    def drop(self, count: int) -> None:
        """The oldest messages are sent no more."""
        self.messages = self.messages[count:]
        self._used = None

    def summarise(self, count: int, publish: Publish) -> None:
        """Asks the model for a summary of the oldest messages, which takes their place once it is whole."""
        self._run(publish, count)

    def can_summarise(self, count: int) -> bool:
        """Whether the oldest messages fit into the context, to be read once more."""
        context = self.service.context
        said = (*self.messages[:count], user_message(SUMMARISE))
        return context is None or estimate(said, self._whole_system) <= room(context, self.max_tokens)

    @property
    def _whole_system(self) -> str:
        return "\n\n".join(filter(None, (self.system, self.summary and f"{SUMMARY}\n{self.summary}")))

    # turns

    def send(self, text: str, publish: Publish) -> None:
        """Says `text` and starts the turn that answers it. A question before it that got no answer is said no more:
        services want the two speakers in turn, and the user has moved on."""
        if self.messages and self.messages[-1].role == "user":
            self.messages.pop()
        self.messages.append(user_message(text))
        self._run(publish)

    @property
    def last_reply(self) -> str:
        """The text of the newest reply, also of one that is still coming; "" when there is none."""
        if self.running and self._turn is not None and self._turn.text:
            return self._turn.text
        return next((message.text for message in reversed(self.messages) if message.role == "assistant" and message.text), "")

    def can_retry(self) -> bool:
        return not self.running and any(message.role == "user" for message in self.messages)

    def retry(self, publish: Publish) -> None:
        """Asks the last question again; the answer that it had is replaced."""
        while self.messages[-1].role != "user":
            self.messages.pop()
        self._used = None
        self._run(publish)

    def begin_anew(self) -> None:
        """A new conversation. The turn under way is stopped and heard of no more."""
        self.stop()
        self._task = None
        self.drop(len(self.messages))
        self.summary = ""

    def stop(self) -> None:
        """Ends the turn under way: its connection closes now, its Ended follows. Harmless at any moment."""
        if self._task is not None and not self._task.cancelling():
            self._task.cancel()

    def _run(self, publish: Publish, summarised: int = 0) -> None:
        """`summarised` is how many of the messages are to be summed up; 0 to have the last one answered."""
        assert self._task is None, "one turn at a time"
        said = (*self.messages[:summarised], user_message(SUMMARISE)) if summarised else tuple(self.messages)
        sampling = self.service.sampling
        request = Request("", said, self._whole_system, max_tokens=sampling.max_tokens, temperature=sampling.temperature)
        self._turn = turn = Turn(self._transport, self.service.route, request, self.backoff)
        self._task = asyncio.create_task(self._drive(turn, publish))
        # a task that is cancelled before its first step never enters its body, so its end is taken from outside
        self._task.add_done_callback(partial(self._finish, turn, publish, summarised))

    async def _drive(self, turn: Turn, publish: Publish) -> Ended:
        async with aclosing(turn.events()) as events:
            async for event in events:
                if isinstance(event, Ended):
                    return replace(event, error=await self.service.why(event.error))
                publish(event)
        raise AssertionError("a turn ends in Ended")

    def _finish(self, turn: Turn, publish: Publish, summarised: int, task: asyncio.Task[Ended]) -> None:
        if task is not self._task:
            return
        ended = outcome(turn, task)
        self._task = None
        if summarised:
            if ended.state == "complete" and ended.reply.text:
                self.drop(summarised)
                self.summary = ended.reply.text
        elif _says(ended.reply):
            self.messages.append(ended.reply)
            self._used = _filled(ended.usage)
        publish(ended)


def _says(reply: Message) -> bool:
    """Whether there is more to it than blanks."""
    return any(part.text.strip() if isinstance(part, Text | Reasoning) else True for part in reply.parts)


def _filled(usage: Usage) -> int | None:
    """Without what was only thought, which is not sent again."""
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return usage.input_tokens + usage.output_tokens - (usage.reasoning_tokens or 0)


def outcome(turn: Turn, task: asyncio.Task[Ended]) -> Ended:
    """What a finished turn's task says. A defect of ours ends the turn, not the program."""
    now = time.monotonic()
    if task.cancelled():
        return turn.stopped(now)
    defect = task.exception()
    if defect is None:
        return task.result()
    log.error("a turn broke", exc_info=defect)
    return turn.failed(now, TokenfallError(f"This is a fault in tokenfall ({type(defect).__name__}); its log has the details."))
