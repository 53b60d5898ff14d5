"""From turn events to what the screen shows, a frame's worth at a time; and the messages that wait for their turn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from tokenfall.events import (
    Ended,
    FirstByte,
    Opened,
    ReasoningDelta,
    Retrying,
    Sent,
    Stalled,
    Streamed,
    TextDelta,
    ToolCallDelta,
    TurnEvent,
    UsageReport,
    Waiting,
)
from tokenfall.messages import EndState
from tokenfall.session import Session
from tokenfall.timing import StreamClock
from tokenfall.ui.backlog import REST_S, Backlog, Kind
from tokenfall.ui.entries import fault, notice, question, queued
from tokenfall.ui.reply import Mark
from tokenfall.ui.stack import Entry
from tokenfall.ui.stats import Told, saved
from tokenfall.ui.status import ALMOST_FULL, Rest, View
from tokenfall.ui.transcript import Transcript

MARKS: dict[EndState, Mark | None] = {
    "complete": None,
    "stopped": Mark("■ stopped", "stopped"),
    "length": Mark("■ length limit reached: the reply is cut here", "stopped"),
    "refused": Mark("■ refused or filtered by the service", "fault"),
    "cut_off": Mark("■ cut off", "fault"),
    "failed": Mark("■ failed", "fault"),
}

UNSURE = Mark("■ it may be cut off: the service gave no reason for its end", "stopped")

RESTS: dict[EndState, Rest] = {
    "complete": "ready",
    "stopped": "stopped",
    "length": "ready",
    "refused": "ready",
    "cut_off": "error",
    "failed": "error",
}


@dataclass(frozen=True, slots=True)
class _Queued:
    """A message that waits; `after_all` says that it was written when no more of the reply was to come."""

    text: str
    entry: Entry
    after_all: bool


class Turns:
    """Shows the turns of a session on a transcript and in a view of the status line. `answering` is the service that the
    turn under way went to, whichever is chosen meanwhile; `wake` asks for `show` to be called soon, or after so many seconds."""

    def __init__(self, session: Session, transcript: Transcript, view: View, wake: Callable[[float], object]) -> None:
        self._session = session
        self._transcript = transcript
        self._view = view
        self._wake = wake
        self._inbox: list[TurnEvent] = []
        """What comes before it is shown is shown at once: a busy screen gets fewer, larger bites."""
        self._backlog = Backlog(self._grow)
        self._ended: Ended | None = None
        """The end of a turn, until all that came before it is shown."""
        self._queue: list[_Queued] = []
        self._replying = False
        self._asked: Entry | None = None
        """What the reply answers, where it was asked by hand just now."""
        self._warned = self._summing = False
        self.held = False
        """While the user is asked what is to be left out, nothing else is sent."""
        self.answering = ""
        self.replies: list[Told] = []
        """Of this conversation, as they were timed."""

    # saying something

    def say(self, text: str) -> None:
        """Sends `text`, or queues it while a reply streams."""
        if self.busy:
            waiting = _Queued(text, queued(text), after_all=self._session.ending)
            self._queue.append(waiting)
            self._transcript.add(waiting.entry)
        else:
            self._asked = self._ask(text)
            self._transcript.scroll_to_bottom()

    @property
    def next_queued(self) -> str:
        """The message whose turn it is, or ""."""
        return self._queue[0].text if self._queue else ""

    def summarise(self, count: int, text: str) -> None:
        """Lets the model sum up the oldest messages, and says `text` when the summary stands in their place."""
        self._transcript.add(notice(f"The model sums up the oldest {count} messages; the summary is sent in their place."))
        self._start()
        self._summing = True
        self._session.summarise(count, self._take)
        self.say(text)
        self._transcript.scroll_to_bottom()

    def drop(self, count: int) -> None:
        self._session.drop(count)
        self._warned = False
        self._transcript.add(notice(f"The oldest {count} messages are no longer sent; they stay here to be read."))

    def say_queued(self) -> bool:
        """Sends the message whose turn it is now, and moves nothing of what is being read; False when none waits."""
        if not self._queue:
            return False
        self._ask(self.take_queued())
        self._asked = None
        return True

    def take_queued(self) -> str:
        """The message whose turn it is; it waits no more."""
        first = self._queue.pop(0)
        self._transcript.take_out(first.entry)
        return first.text

    def _ask(self, text: str) -> Entry:
        asked = question(text)
        self._transcript.add(asked)
        self._start()
        self._session.send(text, self._take)
        return asked

    def again(self) -> None:
        self._asked = notice("asked again")
        self._transcript.add(self._asked)
        self._start()
        self._session.retry(self._take)
        self._transcript.scroll_to_bottom()

    def _start(self) -> None:
        self._session.service.start()
        self.answering = self._session.service.name
        self._view.begin()

    def reset(self) -> None:
        """A new conversation: what is under way, queued or timed is forgotten."""
        self._inbox.clear()
        self._backlog.clear()
        self._ended = None
        self._queue.clear()
        self._replying = False
        self.replies.clear()
        self._warned = self._summing = self.held = False
        self._view.reset()

    def unqueue(self, *, all_of_it: bool = False) -> str:
        """Takes back every message that was queued before the reply was stopped or broke off, as one text. What was said after that,
        while the rest of the reply was still being shown, was meant to be sent, and stays, unless `all_of_it` is to go."""
        back = [each for each in self._queue if all_of_it or not each.after_all]
        for each in back:
            self._transcript.take_out(each.entry)
        self._queue = [each for each in self._queue if each not in back]
        return "\n".join(each.text for each in back)

    # showing what comes

    def _take(self, event: TurnEvent) -> None:
        if not self._inbox and not self._backlog:
            self._wake(0.0)
        self._inbox.append(event)

    @property
    def busy(self) -> bool:
        """Whether a reply streams, or one that has ended is not all shown yet."""
        return self._session.running or bool(self._backlog) or self._ended is not None or self.held

    def show(self) -> Ended | None:
        """Shows what came since the last call, or as much of it as leaves the keys their time, and asks to be called again for the
        rest; returns the end of the turn once it stands behind all the others."""
        events, self._inbox = self._inbox, []
        for event in events:
            self._hear(event)
        self._backlog.work()
        if self._backlog:
            self._wake(REST_S)
            return None
        ended, self._ended = self._ended, None
        if ended is not None:
            self._end(ended)
        return ended

    def _hear(self, event: TurnEvent) -> None:
        if not isinstance(event, Ended):
            self._clock.take(event)
        match event:
            case Streamed(at, (TextDelta(piece) | ReasoningDelta(piece)) as delta):
                self._view.stalled_since = None
                self._backlog.add(type(delta), piece, at)
            case Streamed(_, UsageReport(usage)):
                self._view.usage = self._view.usage.joined(usage)
            case Stalled(_, since):
                self._view.stalled_since = since
            case Retrying(at, until, attempt, why):
                self._view.again_at = until
                self._transcript.add(notice(f"{why.message} Attempt {attempt + 1} follows in {until - at:.1f} s; Ctrl-C stops it."))
            case Sent(_, _, model):
                self._view.again_at = self._view.stalled_since = None
                self.answering = model
            case Streamed(_, ToolCallDelta()):
                self._view.stalled_since = None
            case Ended():
                self._ended = event
            case Waiting() | Streamed() | Opened() | FirstByte():
                pass
            case _:
                assert_never(event)

    @property
    def _clock(self) -> StreamClock:
        assert self._view.clock is not None, "a turn has a clock from its start"
        return self._view.clock

    def _grow(self, kind: Kind, text: str, at: float) -> None:
        if not self._replying:
            self._replying = True
            self._transcript.begin(model_name(self.answering), self._asked)
        self._transcript.append(text, at, reasoning=kind is ReasoningDelta)

    def _end(self, ended: Ended) -> None:
        summing, self._summing = self._summing, False
        self._warned = self._warned and not summing
        self._clock.take(ended)
        told = Told(self.answering, ended.state, self._clock, ended.usage, self._session.service.cost(self.answering, ended.usage))
        self.replies.append(told)
        self._view.end(RESTS[ended.state], told, saved(told, self.replies[:-1], self._session.max_tokens))
        if self._replying:
            self._replying = False
            self._transcript.finish(UNSURE if ended.state == "complete" and not ended.reason else MARKS[ended.state], ended.at)
        elif ended.state == "stopped":
            place = "" if summing else "; the next message takes this one's place"
            self._transcript.add(notice(f"■ stopped before the first token{place}"))
        elif ended.error is None:
            mark = MARKS[ended.state]
            self._transcript.add(notice("The model answered with nothing." if mark is None else f"{mark.text}, before any text"))
        if summing and ended.state != "complete":
            self._transcript.add(notice("The summary is not whole, so nothing is left out."))
        if self._view.full >= ALMOST_FULL and not self._warned:
            self._warned = True
            share = f"{self._view.full:.0%} of what {model_name(self.answering)} can read at once"
            self._transcript.add(notice(f"The conversation fills {share}. When it no longer fits you are asked what to leave out."))
        if ended.error is not None:
            self._transcript.add(fault(str(ended.error) if summing else f"{ended.error} /retry sends the question again."))

    @property
    def timed(self) -> list[Told]:
        """The conversation's replies, the one under way included."""
        if self._view.clock is None or (self.replies and self.replies[-1].clock is self._view.clock):
            return self.replies
        return [*self.replies, Told(self.answering, None, self._view.clock, self._view.usage)]

    def away(self, seconds: float) -> None:
        """The program was suspended for so long."""
        if self._session.running:
            self._clock.away(seconds)


def model_name(service: str) -> str:
    """What ENDPOINT/MODEL is called above a reply."""
    return service.partition("/")[2] or service
