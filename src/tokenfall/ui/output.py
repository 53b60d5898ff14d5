"""Textual's screen on our own way out to the terminal.

Here stand all the private names of Textual that this takes, each with its reason; they are those of Textual 8.2.
"""

import asyncio
import os
import select
import sys
import termios
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from rich.color import ColorSystem
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual import constants, events
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate
from textual._context import visible_screen_stack
from textual.app import App
from textual.color import Color
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tokenfall.terminal.capabilities import Screenful
from tokenfall.terminal.cells import Row, row
from tokenfall.terminal.outlet import Outlet, open_terminal
from tokenfall.terminal.pens import Palette
from tokenfall.terminal.picture import Picture
from tokenfall.ui.keyboard import Keyboard

PARKED_S = 0.25
"""The cursor is hidden, but input methods show their window at it: it goes back to the prompt this often while text streams."""

LOOK_S = 0.1
"""How often the thread that reads the keys looks whether it is to end."""
READ = 65536

GIVEN_BACK = b"\x1b[m\x1b[?2004l\x1b[?7h\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
"""Resets all that is set while the application has the terminal."""

ROWS_KEPT = 500
"""Rows made of lines that are kept, some screens of them."""

ANSWERS_S = 0.3
"""How long the end waits for answers under way: later ones would be typed into the shell."""


@dataclass(frozen=True, slots=True)
class Surround:
    """What stands around the lines of a widget: blanks in `style`, `padding` of them; and what changes colours at the end."""

    size: Size
    style: Style
    background: Color
    filters: tuple[LineFilter, ...]
    padding: Spacing

    def row(self, line: Iterable[Segment]) -> list[Segment]:
        """A whole row of the widget."""
        _, right, _, left = self.padding
        inside = self.size.width - left - right
        content = Segment.adjust_line_length(list(line), inside, self.style)
        return self._filtered([*self._blanks(left), *content, *self._blanks(right)])

    def blank(self) -> list[Segment]:
        return self._filtered(self._blanks(self.size.width))

    def _blanks(self, count: int) -> list[Segment]:
        return [Segment(" " * count, self.style)] if count else []

    def _filtered(self, segments: list[Segment]) -> list[Segment]:
        for each in self.filters:
            segments = each.apply(segments, self.background)
        return segments


class OwnRows(Widget):
    """For a widget of fixed size, with padding but no border, scrollbar or tint, whose `render_line` gives the same strip for
    the same line: a line that only moves is not made anew, and a change needs no round of messages to be seen."""

    def __init__(self) -> None:
        super().__init__()
        self._laid_out: object = None
        self._surround: Surround | None = None
        self._made: dict[int, tuple[Strip, Row]] = {}

    def fit(self) -> None:
        """Lines are about to be asked for, and the size may be one that `on_resize` has not told of yet."""

    # what Textual finds out by way of the screen and of scrollbars

    @property
    def content_size(self) -> Size:
        top, right, bottom, left = self.styles.padding
        width, height = self.outer_size
        return Size(max(width - left - right, 0), max(height - top - bottom, 0))

    @property
    def gutter(self) -> Spacing:
        return self.styles.padding

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> "OwnRows":
        plain = repaint and not layout and not recompose and self.is_mounted and is_direct(self.app)
        # `refresh` would get there too, by three messages, and forget styles and sizes, which don't change here
        if not (plain and display_of(self.app).repaint(self, regions)):
            super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        return self

    def rows(self, first: int, count: int, laid_out: object, palette: Palette) -> Iterator[Row]:
        """Rows of the widget from `first` on. `laid_out` is another object after every layout, without which neither sizes
        nor styles change."""
        if laid_out is not self._laid_out or self._surround is None:
            self._laid_out = laid_out
            self.fit()
            surround = self._look_around()
            if surround != self._surround:
                self._surround = surround
                self._made.clear()
        surround = self._surround
        inside = range(surround.padding.top, surround.size.height - surround.padding.bottom)
        for y in range(first, first + count):
            if y in inside:
                yield self._finished(surround, self.render_line(y - inside.start), palette)
            else:
                yield row(surround.blank(), surround.size.width, palette)

    def _finished(self, surround: Surround, line: Strip, palette: Palette) -> Row:
        kept = self._made.get(id(line))
        if kept is not None:
            return kept[1]
        if len(self._made) >= ROWS_KEPT:
            self._made.clear()
        made = row(surround.row(line), surround.size.width, palette)
        self._made[id(line)] = line, made
        return made

    def _look_around(self) -> Surround:
        base, background = self.background_colors
        # the style that Textual pads with
        style = self._styles_cache.get_inner_outer(base, background)[0].rich_style
        return Surround(self.outer_size, style, background, tuple(self.get_line_filters()), self.styles.padding)

    def render_lines(self, crop: Region) -> list[Strip]:
        """For Textual, where it draws by itself, and for rows that widgets share."""
        self.fit()
        surround = self._look_around()
        inside = range(surround.padding.top, surround.size.height - surround.padding.bottom)
        lines = [surround.row(self.render_line(y - inside.start)) if y in inside else surround.blank() for y in crop.line_range]
        strips = [Strip(line, surround.size.width) for line in lines]
        return strips if crop.width == surround.size.width else [strip.crop(crop.x, crop.right) for strip in strips]


class RowCompositor(Compositor):
    """Tells which rows changed instead of drawing them: when they can leave they may have changed again."""

    def render_update(
        self, full: bool = False, screen_stack: list[Screen[Any]] | None = None, simplify: bool = False
    ) -> RenderableType | None:
        if full or self.root is None or not is_direct(self.root.app):
            return super().render_update(full, screen_stack, simplify)
        rows = {y for region in self._dirty_regions for y in range(max(region.y, 0), min(region.bottom, self.size.height))}
        self._dirty_regions.clear()
        return ChangedRows(rows) if rows else None  # type: ignore[return-value]  # Textual's own updates are no renderables for mypy either


class ChangedRows(CompositorUpdate):
    def __init__(self, rows: Collection[int]) -> None:
        self.rows = rows


class Ticker:
    """Stands in for the timer of a screen, which lets up to a frame pass before it looks at anything."""

    def __init__(self, screen: "DirectScreen") -> None:
        self._screen = screen
        self._handle: asyncio.Handle | None = None

    def resume(self) -> None:
        if self._handle is None:
            display = display_of(self._screen.app)
            wait = display.outlet.pause()
            loop = asyncio.get_running_loop()
            self._handle = loop.call_later(wait, self._tick) if wait > 0 else loop.call_soon(self._tick)

    def pause(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        self._handle = None
        self._screen.update_now()


class DirectScreen(Screen[None]):
    """A screen that is painted when something changed, not at the next tick of a timer."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._compositor = RowCompositor()  # before anything is laid out
        self._ticker = Ticker(self)

    @property
    def direct(self) -> bool:
        return is_direct(self.app)

    @property
    def _update_timer(self) -> Timer:
        # where Textual asks for the next update; it only ever pauses and resumes what it gets
        return self._ticker if self.direct else super()._update_timer  # type: ignore[return-value]

    def update_now(self) -> None:
        if not self.is_running or self.app._exit:
            return
        with self._context():
            try:
                self._on_timer_update()
            except Exception as error:  # noqa: BLE001  a timer of Textual's reports any defect of a widget this way
                self.app._handle_exception(error)


class TerminalDriver(LinuxDriver):
    """Textual's driver for the input and the modes of the terminal; what is written goes through an `Outlet`."""

    def __init__(self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._display = display_of(app)
        self._thread = threading.get_ident()
        self._answers = 0
        self._taken = False

    def write(self, data: str) -> None:
        encoded = data.encode("utf-8", "replace")
        if threading.get_ident() == self._thread:
            self._display.outlet.control(encoded)
        else:
            self._loop.call_soon_threadsafe(self._display.outlet.control, encoded)

    def start_application_mode(self) -> None:
        assert isinstance(self._app, DirectOutput)
        self._app.taking_terminal()
        self._taken = True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        # in the background it is not the terminal's turn to be drawn on, and Textual has written nothing
        if self._display.outlet.holds:
            self._display.open(open_terminal((sys.__stdout__ or sys.stdout).fileno()), self._loop)

    def stop_application_mode(self) -> None:
        self._taken = False
        self.write("\x1b[m")
        super().stop_application_mode()

    def give_back_at_once(self) -> None:
        """For an end that hangs: what stopping does, from any thread and without waiting for anything."""
        if not self._taken:
            return
        self._display.outlet.send_at_once(GIVEN_BACK)
        if self.attrs_before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)

    def _enable_mouse_support(self) -> None:
        # moves of the mouse are reported while a button is down only: over SSH each of them is a packet
        if self._mouse:
            self.write("\x1b[?1000h\x1b[?1002h\x1b[?1006h")

    def _disable_mouse_support(self) -> None:
        if self._mouse:
            self.write("\x1b[?1006l\x1b[?1002l\x1b[?1000l")

    def _query_in_band_window_resize(self) -> None:
        """Not asked for: SIGWINCH tells of it too, and with it comes the mouse in pixels, which Textual never resets."""

    def toggle_mouse(self) -> bool:
        """Gives the mouse to the terminal or takes it; whether it is ours now."""
        self._disable_mouse_support()
        self._mouse = not self._mouse
        self._enable_mouse_support()
        return self._mouse

    def disable_input(self) -> None:
        # answers that come when nobody reads them any more would be typed into the shell
        end = time.monotonic() + ANSWERS_S
        answered = self._answers
        while self._answers - answered < self._display.outlet.answers_due and time.monotonic() < end:
            time.sleep(0.002)
        super().disable_input()

    def close(self) -> None:
        super().close()
        self._display.outlet.close()

    def run_input_thread(self) -> None:
        keyboard = Keyboard()
        try:
            while not self.exit_event.is_set():
                if select.select([self.fileno], [], [], LOOK_S)[0]:
                    self._process(keyboard.feed(self._read()))
                self._process(keyboard.tick())
        except OSError:  # the terminal is gone
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._app.exit)

    def _read(self) -> bytes:
        if data := os.read(self.fileno, READ):
            return data
        raise OSError("the terminal has ended")

    def _process(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.CursorPosition):
            self._answers += 1
            self._loop.call_soon_threadsafe(self._display.outlet.answered, time.monotonic())
            return
        if isinstance(message, events.Key | events.Paste | events.MouseEvent):
            self._loop.call_soon_threadsafe(self._display.outlet.hurry)
        super().process_message(message)


class Display:
    """What is on the screen of an app, as rows, and which of them are to be made again."""

    def __init__(self, app: App[Any], screenful: Screenful) -> None:
        self._app = app
        colours = app.console._color_system or ColorSystem.TRUECOLOR  # what Textual itself draws with
        self._palette = Palette(colours, hyperlinks=screenful.hyperlinks)
        self._picture = Picture(
            self._palette, scrolls=screenful.scrolls, paints_erased=screenful.paints_erased, whole=screenful.whole
        )
        self._rows: list[Row] = []
        self._stale: set[int] = set()
        self._screen: Screen[Any] | None = None
        self._made: dict[int, tuple[Strip, Row]] = {}
        self._owners: tuple[Mapping[Widget, Any], list[tuple[Widget, int] | None]] = ({}, [])
        self._parked_at = (0.0, (-1, -1))
        self._parking: asyncio.TimerHandle | None = None
        self.outlet = Outlet(self._paint, app.exit)

    def open(self, file: int, loop: asyncio.AbstractEventLoop) -> None:
        self._picture.forget()
        self._parked_at = (0.0, (-1, -1))
        self.outlet.open(file, loop)

    def show(self, screen: Screen[Any], rows: Iterable[int] | None) -> None:
        """These rows of the screen have changed, or all of them."""
        self._stale.update(range(screen.size.height) if rows is None else rows)
        self.outlet.want()

    def repaint(self, widget: Widget, regions: Sequence[Region]) -> bool:
        """These regions of the widget have changed, or all of it; False when Textual must find out where that is."""
        if not self._app._running or self._app._batch_count:
            return False
        screen = self._app.screen
        place = screen._compositor.visible_widgets.get(widget)
        if place is None or not isinstance(screen, DirectScreen):
            return False
        region, clip = place
        seen = region.intersection(clip)
        for changed in regions:
            self._stale.update(range(max(region.y + changed.y, seen.y), min(region.y + changed.bottom, seen.bottom)))
        if not regions:
            self._stale.update(seen.line_range)
        self.outlet.want()
        return True

    def _paint(self) -> bytes:
        try:
            return self._frame()
        except Exception as error:  # noqa: BLE001  a callback's exceptions reach nobody, and a defect of a widget must end the app
            self._app._handle_exception(error)
            return b""

    def _frame(self) -> bytes:
        app = self._app
        if not app._running or not app.screen_stack or not app.screen.size:
            return b""
        screen = app.screen
        if screen._compositor.size != screen.size:
            return b""  # not laid out yet, for the first time or after a resize; a frame is wanted again when it is
        width, height = screen.size
        if screen is not self._screen or len(self._rows) != height or len(self._rows[0].texts) != width:
            self._screen = screen
            self._rows = [row((), width, self._palette)] * height
            self._stale = set(range(height))
        visible_screen_stack.set(app._background_screens)
        for y, made in self._made_anew(screen._compositor, sorted(y for y in self._stale if y < height)):
            self._rows[y] = made
        self._stale.clear()
        self._picture.synchronised = app._sync_available  # the terminal's own answer, which Textual keeps
        return self._picture.frame(self._rows, self._parked()).encode("utf-8", "replace")

    def _row(self, strip: Strip, width: int) -> Row:
        kept = self._made.get(id(strip))
        if kept is not None and len(kept[1].texts) == width:
            return kept[1]
        if len(self._made) >= ROWS_KEPT:
            self._made.clear()
        made = row(strip, width, self._palette)
        self._made[id(strip)] = strip, made
        return made

    def _made_anew(self, compositor: Compositor, rows: list[int]) -> Iterator[tuple[int, Row]]:
        """What stands in these rows. One widget's whole row is asked for directly, which the compositor doesn't do."""
        owners = self._owners_of(compositor)
        width = compositor.size.width
        shared: list[int] = []
        for (owner, _), group in groupby(enumerate(rows), lambda each: (owners[each[1]], each[1] - each[0])):
            run = [y for _, y in group]
            if owner is None:
                shared += run
                continue
            widget, top = owner
            first, count = run[0] - top, len(run)
            if isinstance(widget, OwnRows):
                yield from zip(run, widget.rows(first, count, self._owners[0], self._palette), strict=True)
            else:
                strips = widget.render_lines(Region(0, first, width, count))
                yield from zip(run, (self._row(strip, width) for strip in strips), strict=True)
        if shared:
            crop = Region(0, shared[0], width, shared[-1] - shared[0] + 1)
            chops = compositor._render_chops(crop, set(shared).__contains__)
            for y in shared:
                yield y, row(Strip.join(chops[y].values()), width, self._palette)

    def _owners_of(self, compositor: Compositor) -> list[tuple[Widget, int] | None]:
        visible = compositor.visible_widgets  # a new mapping after every layout, from front to back
        if self._owners[0] is not visible:
            self._owners = visible, [owner(visible, y, compositor.size.width) for y in range(compositor.size.height)]
        return self._owners[1]

    def _parked(self) -> tuple[int, int] | None:
        """Where the cursor is to go with this frame; None to leave it where it is."""
        now = time.monotonic()
        place = self._app.screen.outer_size.clamp_offset(self._app.cursor_position)
        at, before = self._parked_at
        if (place.x, place.y) == before and now - at < PARKED_S:
            if self._parking is None:
                self._parking = asyncio.get_running_loop().call_later(PARKED_S, self._park)
            return None
        self._parked_at = now, (place.x, place.y)
        return place.x, place.y

    def _park(self) -> None:
        self._parking = None
        self.outlet.want()


def owner(visible: Mapping[Widget, tuple[Region, Region]], y: int, width: int) -> tuple[Widget, int] | None:
    """The widget that alone fills row `y`, and its first row; None when several share it."""
    for widget, (region, clip) in visible.items():
        if y in region.intersection(clip).line_range:
            whole = region.x == 0 and region.width == width and clip.x <= 0 and clip.right >= width
            return (widget, region.y) if whole else None
    return None


class DirectOutput(App[None]):
    """An app that sends differences of frames to its terminal. Elsewhere (tests without a terminal, a browser) it is an
    ordinary one."""

    def __init__(self, screenful: Screenful) -> None:
        super().__init__()
        self.display_rows = Display(self, screenful)

    def _set_pointer_shape(self, shape: str) -> None:
        if not is_direct(self):
            super()._set_pointer_shape(shape)
        # else it would follow the mouse, whose moves are not reported, and stay what it last was when the app has ended

    def taking_terminal(self) -> None:
        """Called before the terminal is taken, for the first time or again."""

    def get_driver_class(self) -> type[Driver]:
        if os.name != "posix" or constants.DRIVER:
            return super().get_driver_class()
        return TerminalDriver

    def get_default_screen(self) -> Screen[None]:
        return DirectScreen(id="_default")

    def before_frame(self, call: Callable[[], None]) -> None:
        """Calls once, soon, in time for the next frame: without the messages by which Textual would come to it."""
        if is_direct(self):
            self.display_rows.outlet.before_frame(partial(self._call, call))
        else:
            asyncio.get_running_loop().call_soon(self._call, call)

    def after_frame(self, call: Callable[[float], object]) -> None:
        """Calls once with the time at which the next frame is out."""
        if is_direct(self):
            self.display_rows.outlet.after_frame(call)
        else:
            self.call_after_refresh(lambda: call(time.monotonic()))

    def _call(self, call: Callable[[], None]) -> None:
        if self._closing or self._closed:
            return
        with self._context():
            try:
                call()
            except Exception as error:  # noqa: BLE001  as for a message, any defect of a widget may come up here
                self._handle_exception(error)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        # all that Textual ever draws comes through here
        if not is_direct(self):
            super()._display(screen, renderable)
            return
        if renderable is not None and self._running and not self._closed:
            match renderable:
                case ChangedRows():
                    rows: Iterable[int] | None = renderable.rows
                case ChopsUpdate():
                    rows = {y for y, _, _ in renderable.spans}
                case _:
                    rows = None
            self.display_rows.show(screen, rows)
        self.post_display_hook()


def is_direct(app: App[Any]) -> bool:
    return isinstance(app._driver, TerminalDriver)


def display_of(app: App[Any]) -> Display:
    assert isinstance(app, DirectOutput)
    return app.display_rows
