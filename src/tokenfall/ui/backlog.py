"""Text that has come and is not shown yet, given out in bites that leave the keys time between them."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tokenfall.events import ReasoningDelta, TextDelta

Kind = type[TextDelta] | type[ReasoningDelta]

BITE_S = 0.006
"""So long text is shown at a stretch, if one bite doesn't take longer."""

REST_S = 0.008
"""So long what waits goes on waiting then: a key comes to its glyph by many steps of the loop, and none of them should find
a bite before it."""

LEAST, MOST = 64, 1 << 16
"""Characters of a bite: so few that the slowest text is shown in time, so many that the fastest is not slowed down."""


@dataclass(slots=True)
class _Stretch:
    """Text of one kind, in the pieces in which it came, the first of them read at a time in seconds."""

    kind: Kind
    at: float
    pieces: list[str]


@dataclass(slots=True)
class Backlog:
    """`show` is given a kind, a text, and when its first piece was read."""

    show: Callable[[Kind, str, float], object]
    clock: Callable[[], float] = time.perf_counter
    _stretches: deque[_Stretch] = field(default_factory=deque)
    _size: int = 1024

    def add(self, kind: Kind, text: str, at: float) -> None:
        if self._stretches and self._stretches[-1].kind is kind:
            self._stretches[-1].pieces.append(text)
        else:
            self._stretches.append(_Stretch(kind, at, [text]))

    def __bool__(self) -> bool:
        return bool(self._stretches)

    def clear(self) -> None:
        self._stretches.clear()

    def work(self) -> None:
        """Shows for BITE_S, or until nothing waits."""
        began = self.clock()
        until = began + BITE_S
        while self._stretches and began < until:
            kind, text, at = self._bite()
            self.show(kind, text, at)
            now = self.clock()
            if now - began > BITE_S:
                self._size = max(self._size // 2, LEAST)
            elif len(text) == self._size and now - began < BITE_S / 4:
                self._size = min(self._size * 2, MOST)
            began = now

    def _bite(self) -> tuple[Kind, str, float]:
        stretch = self._stretches[0]
        text = "".join(stretch.pieces) if len(stretch.pieces) > 1 else stretch.pieces[0]
        if len(text) > self._size:
            stretch.pieces = [text[self._size :]]
            text = text[: self._size]
        else:
            self._stretches.popleft()
        return stretch.kind, text, stretch.at
