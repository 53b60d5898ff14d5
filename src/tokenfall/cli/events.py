"""A turn as lines of JSON: what `ask --json` prints.

Each line is an object with `event`. Fields that a service doesn't tell are left out.

    start      model ("ENDPOINT/NAME"), attempt (1, or more where the attempts before it failed)
    reasoning  text
    text       text; all of them joined are the reply
    tool_call  id, name, arguments (JSON text)
    usage      input_tokens, output_tokens, cached_tokens, reasoning_tokens; what is known so far
    retry      attempt (the one that failed), wait_s, error
    end        always the last: state ("complete", "stopped", "length", "refused", "cut_off" or "failed"), model (the service's own
               name for it), ttft_ms, tokens_per_s, usage, cost_usd and cost_exact where prices are known, timing (as
               `StreamClock.to_json` has it), error
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from types import TracebackType
from typing import Self, assert_never

from tokenfall.cli.output import Bytes, Joiner
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
    TurnEvent,
    Usage,
    UsageReport,
    Waiting,
)
from tokenfall.messages import ToolCall
from tokenfall.session import Service
from tokenfall.timing import StreamClock

Line = dict[str, object]


class JSONLines:
    """Prints to a file. `service` is what is asked; `clock` has taken each event before this does."""

    def __init__(self, file: int, service: Service, clock: StreamClock) -> None:
        self._bytes = Bytes(file)
        self._service = service
        self._clock = clock
        self._usage = Usage()
        self._kind = "text"
        self._joiner = Joiner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    async def take(self, event: TurnEvent) -> None:
        if lines := list(self._lines(event)):
            await self._bytes.send("".join(f"{json.dumps(line)}\n" for line in lines))

    def _lines(self, event: TurnEvent) -> Iterator[Line]:
        match event:
            case Sent(_, attempt, model):
                yield {"event": "start", "model": model, "attempt": attempt}
            case Streamed(_, TextDelta(text)):
                yield from self._said("text", text)
            case Streamed(_, ReasoningDelta(text)):
                yield from self._said("reasoning", text)
            case Streamed(_, UsageReport(usage)):
                self._usage = self._usage.joined(usage)
                yield {"event": "usage", **counts(self._usage)}
            case Retrying(at, until, attempt, why):
                yield {"event": "retry", "attempt": attempt, "wait_s": round(until - at, 3), "error": str(why)}
            case Ended():
                yield from self._rest()
                for part in event.reply.parts:
                    if isinstance(part, ToolCall):
                        yield {"event": "tool_call", **asdict(part)}
                yield self._end(event)
            case Waiting() | Opened() | FirstByte() | Stalled() | Streamed():
                pass
            case _:
                assert_never(event)

    def _said(self, kind: str, text: str) -> Iterator[Line]:
        if kind != self._kind:
            yield from self._rest()
            self._kind = kind
        if whole := self._joiner.feed(text):
            yield {"event": kind, "text": whole}

    def _rest(self) -> Iterator[Line]:
        if rest := self._joiner.flush():
            yield {"event": self._kind, "text": rest}
        self._joiner = Joiner()

    def _end(self, ended: Ended) -> Line:
        line: Line = {"event": "end", "state": ended.state, "model": ended.reply.model}
        counted = self._clock.counted(ended.usage)
        ttft, rate = self._clock.ttft(ended.at), self._clock.mean_rate(counted)
        if ttft is not None:
            line["ttft_ms"] = round(ttft * 1000, 1)
        if rate is not None:
            line["tokens_per_s"] = round(rate, 1)
        line["usage"] = counts(ended.usage)
        if (cost := self._service.cost(self._service.name, ended.usage)) is not None:
            line |= {"cost_usd": cost.amount, "cost_exact": cost.exact}
        line["timing"] = self._clock.to_json(counted)
        if ended.error is not None:
            line["error"] = str(ended.error)
        return line


def counts(usage: Usage) -> dict[str, int]:
    return {name: count for name, count in asdict(usage).items() if count is not None}
