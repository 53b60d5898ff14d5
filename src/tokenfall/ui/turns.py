"""From turn events to what the screen shows, a frame's worth at a time; and the messages that wait for their turn."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from tokenfall.events import Ended, ReasoningDelta, Sent, Streamed, TextDelta, TurnEvent, Usage, UsageReport, Waiting
from tokenfall.messages import EndState
from tokenfall.session import Session
from tokenfall.timing import StreamClock
from tokenfall.ui.entries import fault, notice, question, queued
from tokenfall.ui.reply import Mark
from tokenfall.ui.stack import Entry
from tokenfall.ui.status import Rest, View
from tokenfall.ui.transcript import Transcript

MARKS: dict[EndState, Mark | None] = {
    "complete": None,
    "stopped": Mark("■ stopped", "stopped"),
    "length": Mark("■ length limit reached: the reply is cut here", "stopped"),
    "refused": Mark("■ refused or filtered by the service", "fault"),
    "cut_off": Mark("■ cut off", "fault"),
    "failed": Mark("■ failed", "fault"),
}

RESTS: dict[EndState, Rest] = {
    "complete": "ready",
    "stopped": "stopped",
    "length": "ready",
    "refused": "ready",
    "cut_off": "error",
    "failed": "error",
}


@dataclass(slots=True)
class Inbox:
    """Events that wait to be shown. What comes before they are taken is shown with them: a busy screen gets fewer, larger bites."""

    wake: Callable[[], object]
    _events: list[TurnEvent] = field(default_factory=list)

    def put(self, event: TurnEvent) -> None:
        self._events.append(event)
        if len(self._events) == 1:
            self.wake()

    def take(self) -> list[TurnEvent]:
        events, self._events = self._events, []
        return events


class Turns:
    """Shows the turns of a session on a transcript and in a view of the status line. `answering` is the service that the
    turn under way went to, whichever is chosen meanwhile."""

    def __init__(self, session: Session, transcript: Transcript, view: View, wake: Callable[[], object]) -> None:
        self._session = session
        self._transcript = transcript
        self._view = view
        self._inbox = Inbox(wake)
        self._queue: list[tuple[str, Entry]] = []
        self._replying = False
        self._asked: Entry | None = None
        """What the reply answers, where it was asked by hand just now."""
        self.answering = ""

    # saying something

    def say(self, text: str) -> None:
        """Sends `text`, or queues it while a reply streams."""
        if self._session.running:
            entry = queued(text)
            self._queue.append((text, entry))
            self._transcript.add(entry)
        else:
            self._asked = self._ask(text)
            self._transcript.scroll_to_bottom()

    def say_queued(self) -> bool:
        """Sends the message whose turn it is now, and moves nothing of what is being read; False when none waits."""
        if not self._queue:
            return False
        text, entry = self._queue.pop(0)
        self._transcript.take_out(entry)
        self._ask(text)
        self._asked = None
        return True

    def _ask(self, text: str) -> Entry:
        asked = question(text)
        self._transcript.add(asked)
        self._start()
        self._session.send(text, self._inbox.put)
        return asked

    def again(self) -> None:
        self._asked = notice("asked again")
        self._transcript.add(self._asked)
        self._start()
        self._session.retry(self._inbox.put)
        self._transcript.scroll_to_bottom()

    def _start(self) -> None:
        self._session.service.start()
        self.answering = self._session.service.name
        self._view.clock = StreamClock()
        self._view.usage = Usage()

    def reset(self) -> None:
        """A new conversation: what is under way, queued or timed is forgotten."""
        self._inbox.take()
        self._queue.clear()
        self._replying = False
        self._view.clock = None
        self._view.usage = Usage()
        self._view.rest = "ready"

    def unqueue(self) -> str:
        """Takes back every queued message, as one text."""
        for _, entry in self._queue:
            self._transcript.take_out(entry)
        text = "\n".join(text for text, _ in self._queue)
        self._queue.clear()
        return text

    # showing what comes

    def show(self) -> Ended | None:
        """Shows what came since the last call; returns the end of the turn when it is among it."""
        ended: Ended | None = None
        text: list[str] = []
        kind: type[TextDelta] | type[ReasoningDelta] = TextDelta
        since = 0.0
        for event in self._inbox.take():
            match event:
                case Streamed(at, (TextDelta(piece) | ReasoningDelta(piece)) as delta):
                    self._clock.token(at)
                    if type(delta) is not kind or not text:
                        self._grow(kind, text, since)
                        kind, text, since = type(delta), [], at
                    text.append(piece)
                case Streamed(_, UsageReport(usage)):
                    self._view.usage = usage
                case Waiting() | Streamed():
                    pass
                case Sent(at):
                    self._clock.sent(at)
                    self.answering = self._session.service.name
                case Ended():
                    ended = event
                case _:
                    assert_never(event)
        self._grow(kind, text, since)
        if ended is not None:
            self._end(ended)
        return ended

    @property
    def _clock(self) -> StreamClock:
        assert self._view.clock is not None, "a turn has a clock from its start"
        return self._view.clock

    def _grow(self, kind: type[TextDelta] | type[ReasoningDelta], pieces: list[str], at: float) -> None:
        if not pieces:
            return
        if not self._replying:
            self._replying = True
            self._transcript.begin(model_name(self.answering), self._asked)
        self._transcript.append("".join(pieces), at, reasoning=kind is ReasoningDelta)

    def _end(self, ended: Ended) -> None:
        self._clock.ended(ended.at)
        self._view.rest = RESTS[ended.state]
        self._view.usage = ended.usage
        if self._replying:
            self._replying = False
            self._transcript.finish(MARKS[ended.state], ended.at)
        elif ended.state == "stopped":
            self._transcript.add(notice("■ stopped before the first token; the next message takes this one's place"))
        elif ended.error is None:
            self._transcript.add(notice("The model answered with nothing."))
        if ended.error is not None:
            self._transcript.add(fault(f"{ended.error} /retry sends the question again."))

    def away(self, seconds: float) -> None:
        """The program was suspended for so long."""
        if self._session.running:
            self._clock.away(seconds)


def model_name(service: str) -> str:
    """What ENDPOINT/MODEL is called above a reply."""
    return service.partition("/")[2] or service
