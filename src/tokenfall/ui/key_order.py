"""Keys act in the order in which they were pressed, also those that come in one piece."""

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from textual import events
from textual.widget import Widget

from tokenfall.ui.bites import first

T = TypeVar("T")

LONG_S = 0.3
"""A key that takes longer says so."""


async def act(widget: Widget, key: str) -> bool:
    """Does what a key is bound to, here and now: the app does it only after the key has bubbled, and what was pressed next would
    get in before it."""
    bound = widget.screen.active_bindings.get(key)
    return bound is not None and await widget.app.run_action(bound.binding.action, bound.node)


def handed_on(widget: Widget, event: events.Key) -> bool:
    """Gives a key to who has the keys by now, where one before it has given them away."""
    screen = widget.app.screen
    taker = screen.focused or (widget if screen is widget.screen else screen)
    if taker is widget:
        return False
    event.stop()
    event.prevent_default()
    taker._forward_event(events.Key(event.key, event.character))
    return True


@dataclass(slots=True)
class _Looking:
    steps: Generator[object, None, None]
    left: bool = False


class KeyOrder:
    """The keys of a widget, one after the other. `elsewhere` takes a letter that means nothing there; `tell` is told when a key
    takes long, and when that is over."""

    def __init__(self, widget: Widget, elsewhere: Callable[[str], None], tell: Callable[[bool], None]) -> None:
        self._widget = widget
        self._elsewhere = elsewhere
        self._tell = tell
        self._looking: _Looking | None = None
        self._waiting: deque[events.Key] = deque()

    async def take(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if self._looking is None:
            await self._act_on(event)
        elif event.key == "escape":
            self._looking.left = True
            self._looking.steps.close()
        else:
            self._waiting.append(event)

    async def _act_on(self, event: events.Key) -> None:
        if not handed_on(self._widget, event) and not await act(self._widget, event.key) and event.is_printable:
            self._elsewhere(event.character or "")

    def look(self, steps: Generator[T | None, None, None], then: Callable[[T | None], object]) -> None:
        """What a key does that may take long, in short steps; `then` is given what comes of them first, or None where nothing
        does. Keys that are pressed meanwhile act afterwards, but for Esc, which ends it."""
        self._looking = _Looking(steps)
        self._widget.run_worker(self._look(self._looking, steps, then))

    async def _look(self, looking: _Looking, steps: Generator[T | None, None, None], then: Callable[[T | None], object]) -> None:
        telling = self._widget.set_timer(LONG_S, partial(self._tell, True))
        found = await first(steps)
        telling.stop()
        self._tell(False)
        if not looking.left:
            then(found)
        self._looking = None
        while self._waiting and self._looking is None:
            await self._act_on(self._waiting.popleft())
