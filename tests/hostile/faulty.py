"""The chat with a fault: `python -m tests.hostile.faulty FAULT OPTION...`. Ctrl-P sets it off, unless it lies in the start."""

import asyncio
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from textual.strip import Strip

from tokenfall.__main__ import main
from tokenfall.ui import app as chat


def fail() -> None:
    raise ValueError("broken on purpose \x1b[2J\x1b]0;N999\x07\x9b2J")


async def fail_later() -> None:
    await asyncio.sleep(0.01)
    fail()


class Faulty(chat.ChatApp):
    CSS_PATH = str(Path(chat.__file__).with_name("app.tcss"))
    fault = ""

    def on_mount(self) -> None:
        if self.fault == "mount":
            fail()
        super().on_mount()

    async def on_unmount(self) -> None:
        if self.fault == "hang":
            await asyncio.sleep(600)
        await super().on_unmount()
        if self.fault == "unmount":
            fail()

    def action_palette(self) -> None:
        FAULTS[self.fault](self)

    def draw_badly(self) -> None:
        def render_line(y: int) -> Strip:
            fail()
            return Strip([])

        self.transcript.render_line = render_line  # type: ignore[method-assign]  # a defect of a widget
        self.transcript.refresh()

    def leave_at_once(self) -> None:
        sys.exit(3)

    def interrupt(self) -> None:
        raise KeyboardInterrupt


    def fail_unheard(self) -> None:
        """In a callback, a task and a thread, and by printing."""
        asyncio.get_running_loop().call_soon(fail)
        self.kept = asyncio.ensure_future(fail_later())
        threading.Thread(target=fail).start()
        print("N998 \x1b[2J", file=sys.stderr, flush=True)


FAULTS: Mapping[str, Callable[[Faulty], object]] = {
    "action": lambda app: fail(),
    "exit": Faulty.leave_at_once,
    "interrupt": Faulty.interrupt,
    "thread worker": lambda app: app.run_worker(fail, thread=True),
    "worker": lambda app: app.run_worker(fail_later()),
    "drawing": Faulty.draw_badly,
    "unmount": lambda app: app.exit(),
    "unheard": Faulty.fail_unheard,
}


if __name__ == "__main__":
    Faulty.fault = sys.argv.pop(1)
    chat.ChatApp = Faulty  # type: ignore[misc]  # what `run_chat` opens
    main()
