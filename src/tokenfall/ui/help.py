"""The help screen: every key and every command, from rows that the application passes in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from tokenfall.filters import visible
from tokenfall.ui.theme import current_theme

LEAST_WORDS = 24
"""Cells that an explanation needs beside its key; with fewer it goes below."""

WIDEST_NAMES = 22
"""Cells of the column with the keys; what is longer has a line of its own, so that most explanations fit on one."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`keys` as a person reads them ("Enter", "Ctrl-J"); `where` is the heading it stands under."""

    keys: str
    does: str
    where: str


@dataclass(frozen=True, slots=True)
class CommandRow:
    """`command` with its arguments, "/copy [N]"."""

    command: str
    does: str


@dataclass(frozen=True, slots=True)
class Piece:
    """`style` is a name of the theme's styles, or "" for plain text."""

    text: str
    style: str = ""


def help_lines(keys: Iterable[KeyRow], commands: Sequence[CommandRow], width: int) -> list[list[Piece]]:
    """The lines of the screen, none wider than `width` cells: explanations beside their keys, or below where there is no room."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for key in keys:
        groups.setdefault(key.where, []).append((key.keys, key.does))
    if commands:
        groups.setdefault("Commands", []).extend((command.command, command.does) for command in commands)
    shown = {
        visible(heading, newlines=False): [(visible(name, newlines=False), visible(does, newlines=False)) for name, does in rows]
        for heading, rows in groups.items()
    }
    names = max((cell_len(name) for rows in shown.values() for name, _ in rows), default=0)
    column = 2 + min(names, WIDEST_NAMES) + 2
    lines: list[list[Piece]] = []
    for heading, rows in shown.items():
        lines += [[], *([Piece(text, "heading")] for text in _wrapped(heading, width))]
        for name, does in rows:
            lines += _beside(name, does, column, width) if width - column >= LEAST_WORDS else _below(name, does, width)
    return lines[1:]


def _beside(name: str, does: str, column: int, width: int) -> list[list[Piece]]:
    explained = [[Piece(" " * column + text)] for text in _wrapped(does, width - column)]
    head = f"  {name}"
    if cell_len(head) > column - 2:
        return [*([Piece(f"  {text}", "key")] for text in _wrapped(name, width - 2)), *explained]
    first = explained[0][0].text[cell_len(head) :]
    return [[Piece(head, "key"), Piece(first)], *explained[1:]]


def _below(name: str, does: str, width: int) -> list[list[Piece]]:
    return [*([Piece(text, "key")] for text in _wrapped(name, width)), *([Piece(f"  {text}")] for text in _wrapped(does, width - 2))]


def _wrapped(text: str, width: int) -> list[str]:
    return [line.plain.rstrip() for line in Content(text).wrap(max(width, 2))] or [""]


class HelpText(ScrollView):
    DEFAULT_CSS = """
    HelpText { height: 1fr; background: $panel; color: $foreground; scrollbar-size-vertical: 1; padding: 0 1; }
    """

    def __init__(self, keys: Sequence[KeyRow], commands: Sequence[CommandRow]) -> None:
        super().__init__()
        self._keys = keys
        self._commands = commands
        self._lines: list[list[Piece]] = []

    def on_resize(self, event: events.Resize) -> None:
        # one column stays free for the scroll bar, which comes only once the lines are known
        self._lines = help_lines(self._keys, self._commands, max(1, self.size.width - 1))
        self.virtual_size = Size(1, len(self._lines))

    def render_line(self, y: int) -> Strip:
        styles = current_theme(self.app).styles
        base = self.rich_style
        at = y + self.scroll_offset.y
        pieces = self._lines[at] if at < len(self._lines) else []
        segments = [Segment(piece.text, base + styles[piece.style] if piece.style else base) for piece in pieces]
        return Strip(segments).adjust_cell_length(self.scrollable_content_region.width, base)


class Help(ModalScreen[None]):
    """Dismissed with None by Esc, F1 or q."""

    DEFAULT_CSS = """
    Help { align: center middle; color: $foreground; }
    Help > HelpText { width: 84; max-width: 100%; border: solid $border-blurred; }
    Help > Static { width: 84; max-width: 100%; height: 1; padding: 0 2; color: $text-muted; }
    Help.-low > HelpText { border: none; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (12, "-high")]
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, "dismiss(None)", priority=True) for key in ("escape", "f1", "q")),
        Binding("down,j", "scroll_lines(1)", priority=True),
        Binding("up,k", "scroll_lines(-1)", priority=True),
        Binding("pagedown,space", "scroll_pages(1)", priority=True),
        Binding("pageup", "scroll_pages(-1)", priority=True),
        Binding("home,g", "scroll_to_end(False)", priority=True),
        Binding("end,G", "scroll_to_end(True)", priority=True),
    ]

    def __init__(self, keys: Sequence[KeyRow], commands: Sequence[CommandRow]) -> None:
        super().__init__()
        self._text = HelpText(keys, commands)

    def compose(self) -> ComposeResult:
        yield self._text
        yield Static("Up, Down, PgUp, PgDn; Esc closes", markup=False)

    def action_scroll_lines(self, lines: int) -> None:
        self._text.scroll_to(y=self._text.scroll_offset.y + lines, animate=False)

    def action_scroll_pages(self, pages: int) -> None:
        self.action_scroll_lines(pages * max(1, self._text.size.height - 1))

    def action_scroll_to_end(self, last: bool) -> None:
        self._text.scroll_to(y=self._text.max_scroll_y if last else 0, animate=False)
