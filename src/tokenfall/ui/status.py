"""The status line: one row that tells what goes on and how fast. Drawn without any layout."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from tokenfall.config import Cost
from tokenfall.events import Usage
from tokenfall.markdown.lines import Style
from tokenfall.terminal.themes import Look
from tokenfall.timing import StreamClock
from tokenfall.ui.output import OwnRows
from tokenfall.ui.stats import Told

Rest = Literal["ready", "stopped", "error"]
State = Literal["loading", "waiting", "streaming"] | Rest

GOOD_TTFT_S, FAIR_TTFT_S = 0.5, 2.0
"""Under the first an answer feels instant, over the second sluggish."""

ALMOST_FULL = 0.8
"""From this share of the context on the user should know."""

SEPARATOR = " │ "


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    role: str = "status"


@dataclass(slots=True)
class View:
    """What the status line shows. `running` and `loading` tell of the turn and of the embedded model; `rest` is the state
    once neither is so; `context` is the size of the model's window in tokens, where it is known. `again_at` is when a request that
    failed is sent again, `stalled_since` since when nothing has come that should have; `saved` is how many tokens a stop has spared,
    `cost` what the last reply costs."""

    running: bool = False
    loading: bool = False
    rest: Rest = "ready"
    model: str = ""
    clock: StreamClock | None = None
    usage: Usage = field(default_factory=Usage)
    context: int | None = None
    again_at: float | None = None
    stalled_since: float | None = None
    saved: int | None = None
    cost: Cost | None = None
    ctrl_c: str = "quit"

    def begin(self) -> None:
        """A turn begins."""
        self.clock = StreamClock()
        self.usage = Usage()
        self.again_at = self.stalled_since = self.saved = self.cost = None

    def end(self, rest: Rest, told: Told, saved: int | None) -> None:
        self.rest, self.usage, self.cost, self.saved = rest, told.usage, told.cost, saved
        self.again_at = self.stalled_since = None

    @property
    def full(self) -> float:
        """The share of the context that the conversation fills, as far as the service has counted it."""
        if not self.context or self.usage.input_tokens is None:
            return 0.0
        counted = self.clock.tokens if self.clock is not None else 0
        received = self.usage.output_tokens
        return (self.usage.input_tokens + (counted if received is None else received)) / self.context

    def reset(self) -> None:
        """As before any turn."""
        self.begin()
        self.clock = None
        self.rest = "ready"

    @property
    def state(self) -> State:
        if not self.running:
            return "loading" if self.loading else self.rest
        if self.clock is not None and self.clock.tokens:
            return "streaming"
        sent = self.clock is not None and self.clock.sent_at is not None
        return "loading" if self.loading and not sent else "waiting"


def cells(view: View, now: float) -> list[Cell]:
    """The cells from left to right: state, model, TTFT, trouble, rate, what a stop saved, gaps, tokens, cost, context, what Ctrl-C does."""
    clock = view.clock
    row = [Cell(view.state, f"state_{view.state}"), Cell(view.model, "status_model")]
    if clock is not None:
        live = clock.ended_at is None
        row += ttft_cell(clock, now)
        row += trouble_cell(view, clock, now)
        row += rate_cell(clock, view.usage, now, live=live)
        if view.saved:
            row.append(Cell(f"≈{view.saved} saved", "good"))
        if (gaps := clock.gaps()) is not None:
            row.append(Cell(f"gap {milliseconds(gaps.median)}/{milliseconds(gaps.p95)} ms"))
        row += token_cells(view, clock)
    row.append(Cell(f"^C {view.ctrl_c}", "status_key"))
    return row


def ttft_cell(clock: StreamClock, now: float) -> Iterator[Cell]:
    ttft = clock.ttft(now)
    if ttft is not None:
        speed = "good" if ttft < GOOD_TTFT_S else "fair" if ttft <= FAIR_TTFT_S else "slow"
        shown = f"{ttft:.1f} s" if ttft >= 10 else f"{milliseconds(ttft)} ms"
        # a figure that still counts has no verdict yet, unless it is a bad one already
        yield Cell(f"TTFT {shown}", speed if clock.tokens or speed != "good" else "status")


def trouble_cell(view: View, clock: StreamClock, now: float) -> Iterator[Cell]:
    """What the user waits for where that isn't the next token."""
    if view.again_at is not None:
        yield Cell(f"again in {max(view.again_at - now, 0):.0f} s", "slow")
    elif view.running and clock.stalls(now).under_way:
        yield Cell(f"stalled {clock.quiet(now):.0f} s", "slow")
    elif view.stalled_since is not None:
        yield Cell(f"nothing for {max(now - view.stalled_since, 0):.0f} s", "slow")


def rate_cell(clock: StreamClock, usage: Usage, now: float, *, live: bool) -> Iterator[Cell]:
    rate = clock.rate(now) if live else clock.mean_rate(clock.counted(usage))
    if rate is not None:
        yield Cell(f"{rate:.0f} tok/s" if rate >= 10 else f"{rate:.1f} tok/s")


def token_cells(view: View, clock: StreamClock) -> Iterator[Cell]:
    """Tokens in and out by the service's count, or counted deltas with a tilde; and the share of the window they fill."""
    sent, received = view.usage.input_tokens, view.usage.output_tokens
    counted = f"~{clock.tokens}↓" if received is None else f"{received}↓"
    if clock.tokens or received is not None:
        yield Cell(counted if sent is None else f"{sent}↑ {counted}")
    if view.cost is not None:
        yield Cell(str(view.cost))
    if view.context and sent is not None:
        yield Cell(f"ctx {view.full:.0%}", "status" if view.full < ALMOST_FULL else "slow")


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def fit(row: list[Cell], width: int) -> list[Cell]:
    """Cells drop from the right until the row fits; the model goes before the TTFT, and the state stays."""
    row = list(row)
    while len(row) > 1 and row_width(row) > width:
        keeps_ttft = len(row) > 2 and row[2].text.startswith("TTFT")
        del row[1 if keeps_ttft and len(row) == 3 else -1]
    return row


def row_width(row: list[Cell]) -> int:
    return sum(cell_len(cell.text) for cell in row) + len(SEPARATOR) * (len(row) - 1)


class StatusLine(OwnRows):
    """Asks `view` for what is to be shown whenever it is told to `update`."""

    DEFAULT_CSS = "StatusLine { height: 1; padding: 0 1; }"

    def __init__(self, look: Look, view: View, clock: Callable[[], float]) -> None:
        super().__init__()
        self._look = look
        self._clock = clock
        self._shown: list[Cell] = []
        self.view = view

    def update(self) -> None:
        """Repaints the row if it says something new."""
        row = self._row()
        if row != self._shown:
            self._shown = row
            self.refresh()

    def wear(self, look: Look) -> None:
        self._look = look
        self.refresh()

    def _row(self) -> list[Cell]:
        return fit(cells(self.view, self._clock()), self.content_size.width)

    def on_resize(self) -> None:
        self.update()

    def render_line(self, y: int) -> Strip:
        style = self._look.style
        segments: list[Segment] = []
        for cell in self._shown:
            if segments:
                segments.append(Segment(SEPARATOR, style(Style("status_separator"))))
            segments.append(Segment(cell.text, style(Style(cell.role))))
        width = self.content_size.width
        if sum(cell_len(segment.text) for segment in segments) > width:
            segments = [Segment(set_cell_size("".join(segment.text for segment in segments), width), style(Style("status")))]
        return Strip(segments).adjust_cell_length(width, style(Style("status")))
