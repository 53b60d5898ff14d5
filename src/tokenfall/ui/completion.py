"""The list of commands, or of one command's arguments, that opens over the prompt while a command is typed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from tokenfall.filters import visible

ROWS = 10
"""Rows shown at once; more scroll with the choice."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command as the list shows it: `name` without its slash, `hint` for its arguments ("" when it takes none)."""

    name: str
    hint: str
    description: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One row of the list, and the prompt's text when it is taken."""

    label: str
    description: str
    text: str


def rank(partial: str, name: str) -> int | None:
    """How well `name` fits what is typed: 0 begins with it, 1 contains it, 2 holds its letters in order; None not at all."""
    partial, name = partial.casefold(), name.casefold()
    if name.startswith(partial):
        return 0
    if partial in name:
        return 1
    letters = iter(name)
    return 2 if all(letter in letters for letter in partial) else None


def command_offers(partial: str, rows: Sequence[CommandRow]) -> list[Offer]:
    ranked = [(fit, row) for row in rows if (fit := rank(partial, row.name)) is not None]
    ranked.sort(key=lambda pair: pair[0])
    return [
        Offer(f"/{row.name} {row.hint}".rstrip(), row.description, f"/{row.name} " if row.hint else f"/{row.name}") for _, row in ranked
    ]


class Completion(Widget):
    """Compose it directly before the prompt: it lies over what is above the prompt and takes no room in the layout.

    `rows` are the commands; `arguments(command, partial)` gives the candidates for what follows a command.
    """

    DEFAULT_CSS = """
    Completion {
        overlay: screen;
        constrain: inside inside;
        display: none;
        width: 100%;
        max-width: 100%;
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $foreground;
    }
    Completion > .completion--description { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"completion--description"}

    def __init__(self, rows: Sequence[CommandRow], arguments: Callable[[str, str], list[str]] = lambda _command, _partial: []) -> None:
        super().__init__()
        self._rows = rows
        self._arguments = arguments
        self._offers: list[Offer] = []
        self._chosen = 0
        self._moved = False
        self._dismissed = False
        self._text = ""

    @property
    def is_open(self) -> bool:
        return bool(self._offers)

    @property
    def takes_enter(self) -> bool:
        """Whether Enter completes: the command isn't whole yet, or another row than the first was chosen."""
        if not self._offers:
            return False
        whole = " " in self._text or any(self._text == f"/{row.name}" for row in self._rows)
        return self._moved or not whole

    def offer(self, text: str) -> None:
        """Shows what fits the prompt's text, or nothing."""
        self._text = text
        command = text.startswith("/") and "\n" not in text
        self._dismissed = self._dismissed and command
        self._show([] if self._dismissed or not command else self._fitting(text))

    def _fitting(self, text: str) -> list[Offer]:
        command, space, partial = text[1:].partition(" ")
        if not space:
            return command_offers(command, self._rows)
        if not any(row.name == command and row.hint for row in self._rows):
            return []
        candidates = self._arguments(command, partial)
        if candidates == [partial]:
            return []
        return [Offer(candidate, "", f"/{command} {candidate}") for candidate in candidates]

    def move(self, step: int) -> None:
        self._chosen = (self._chosen + step) % len(self._offers)
        self._moved = True
        self.refresh()

    def taken(self) -> str:
        """The prompt's text with the chosen row taken."""
        return self._offers[self._chosen].text

    def close(self) -> None:
        """Stays closed until another command is begun."""
        self._dismissed = True
        self._show([])

    def _show(self, offers: list[Offer]) -> None:
        self._chosen, self._moved = 0, False
        if offers == self._offers:
            self.refresh()
            return
        before, self._offers = len(self._offers), offers
        height = min(len(offers), ROWS)
        if height != min(before, ROWS):
            self.display = bool(offers)
            self.styles.height = max(height, 1)
            self.styles.offset = (0, -height)
        self.refresh(layout=bool(offers))

    def render(self) -> Content:
        first = max(0, min(self._chosen - ROWS + 1, len(self._offers) - ROWS))
        labels = [visible(offer.label, newlines=False) for offer in self._offers]
        label_width = min(max(map(cell_len, labels), default=0), 40)
        chosen = Style(reverse=True)  # a part of a style sheet leaves attributes out when it is asked for its own style only
        muted = self.get_visual_style("completion--description", partial=True)
        lines: list[Content] = []
        for index in range(first, min(first + ROWS, len(self._offers))):
            label = Content(set_cell_size(labels[index], label_width))
            description = Content(f"  {visible(self._offers[index].description, newlines=False)}".rstrip())
            line = Content.assemble(label, description.stylize(muted))
            lines.append(line.stylize(chosen) if index == self._chosen else line)
        return Content("\n").join(lines)
