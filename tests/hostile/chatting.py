"""The program in a terminal that is tall enough to see much of what is thrown at it, and what is said of the bytes that it sent."""

import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.byteserver import DONE, ByteServer, Script, Send, Sleep, Step, chunked, openai_chunk, sse_event, sse_response
from tests.hostile.drawn import cut
from tests.hostile.payloads import NEEDLES
from tests.ptyscreen import PtyScreen
from tests.ptytokens import Allowed, foreign, left_on
from tests.test_chat import program, serving

COLUMNS, LINES = 160, 60


@dataclass(frozen=True)
class Chat:
    screen: PtyScreen
    server: ByteServer

    def ask(self, seen: str, question: str = "q") -> None:
        """Asks and waits for what is seen, then for the end of the reply."""
        before = len(self.server.exchanges)
        self.screen.type(question).press("enter")
        self.screen.wait_until(lambda: len(self.server.exchanges) > before, "the request")
        self.screen.wait_for(seen)
        self.screen.wait_for(r"^ (ready|error|stopped) │")

    def draws(self, act: Callable[[], object], moment: float = 0.1) -> str:
        """Does something that is drawn; the screen afterwards."""
        before = len(self.screen.raw)
        act()
        self.screen.wait_until(lambda: len(self.screen.raw) > before, "something new")
        return self.drawn(moment)

    def drawn(self, moment: float = 0.1) -> str:
        """The screen once nothing has been drawn for a moment."""
        size, at = len(self.screen.raw), time.monotonic()
        while time.monotonic() - at < moment:
            time.sleep(0.01)
            if (now := len(self.screen.raw)) != size:
                size, at = now, time.monotonic()
        return self.screen.text()

    def pages(self) -> str:
        """All that the transcript shows, from its beginning."""
        self.screen.press("home")
        self.screen.wait_for(r"^ tokenfall \d.*Ask anything")
        found = [self.drawn()]
        while "more · End" in found[-1]:
            found.append(self.draws(lambda: self.screen.press("pagedown")))
        return "\n".join(found)

    def paste(self, text: str) -> PtyScreen:
        """Without what ends a paste: the rest would be keys, as the protocol has it."""
        return self.screen.paste(text.encode("utf-8", "replace").decode().replace("\x1b[201~", ""))

    def leave(self) -> None:
        self.screen.press("ctrl+c", "ctrl+c", "ctrl+c", "ctrl+d")
        assert self.screen.exit_status() == 0, self.screen.text()


@contextmanager
def hostile_chat(folder: Path, *scripts: Script, arguments: tuple[str, ...] = ("--model", "m"), bell: bool = False) -> Iterator[Chat]:
    """A chat that is open, and is left by its keys at the end; then nothing of what it sent may be foreign, nothing left on."""
    with (
        serving(*scripts) as server,
        program(folder, "--base-url", server.url, *arguments, columns=COLUMNS, lines=LINES) as screen,
    ):
        screen.wait_for(r"^ (ready|error) │")
        chat = Chat(screen, server)
        yield chat
        chat.leave()
        assert_inert(screen.raw, Allowed(bell=bell))
        assert left_on(screen.raw) == set()


def assert_inert(raw: bytes, allowed: Allowed | None = None) -> None:
    found = foreign(raw, allowed)
    assert not found, found[:5]
    assert not (reached := [needle for needle in NEEDLES if needle in raw]), reached


def deltas(chunks: Iterable[str], *, field: str = "content", ascii_only: bool = True) -> Iterator[bytes]:
    """An event for each chunk; what is not ASCII stands in it as it is if not `ascii_only`, but for lone surrogates."""
    for chunk in chunks:
        choice = {"index": 0, "delta": {field: chunk}, "finish_reason": None}
        escaped = ascii_only or any("\ud800" <= character <= "\udfff" for character in chunk)
        yield sse_event(json.dumps({"object": "chat.completion.chunk", "choices": [choice]}, ensure_ascii=escaped))


def reply(events: Iterable[bytes], rng: random.Random, *, at_once: int = 8) -> list[Step]:
    """A stream of these events, a moment after so many of them, so that there are frames between; the bytes are cut anywhere."""
    steps: list[Step] = [Send(sse_response())]
    held = b""
    for number, event in enumerate((*events, openai_chunk(finish="stop"), DONE), 1):
        held += event
        if number % at_once == 0:
            place = rng.randrange(len(held))
            steps += (Send(chunked(held[:place])), Sleep(0.002))
            held = held[place:]
    return [*steps, Send(chunked(held, last=True))]


def split(text: str, how: str) -> list[str]:
    rng = random.Random(how)
    return [text] if how == "whole" else list(text) if how == "characters" else cut(rng, text, 60)


def markers(payloads: Iterable[str]) -> set[str]:
    """The words in payloads by which they are known on a screen."""
    return {word for text in payloads for word in re.findall(r"M\d\d|[NK]\d\d\d", text)}
