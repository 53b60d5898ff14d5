"""Modal screens that ask: choose one of a list, or write a text."""

from asyncio import sleep
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input, Static, TextArea

from tokenfall.filters import visible
from tokenfall.ui.plain_text import fit
from tokenfall.ui.stand_in_area import StandInArea
from tokenfall.ui.theme import current_theme

T = TypeVar("T")

LABEL_LIMIT = 1000
"""Characters of a label that are searched and shown; names come from outside and may be of any length."""

PRINTED = r"[^\x00-\x1f\x7f-\x9f]*"
"""What may be written into an input."""

SLICE = 1000
"""Rows that are ranked before keys get their turn: 1 to 4 ms."""


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """`current` marks the row that is in force; the highlight starts there."""

    value: T
    label: str
    detail: str = ""
    current: bool = False


def find(term: str, text: str) -> tuple[int, Sequence[int]] | None:
    """How well `text` matches `term` (both in lower case) and at which offsets; None where it doesn't.

    Better first: the whole text, its start, the start of a word, inside a word, letters in order (the closer the better).
    """
    at = text.find(term)
    if at < 0:
        return _find_letters(term, text)
    start = at
    while start >= 0 and not _starts_word(text, start):
        start = text.find(term, start + 1)
    if start < 0:
        return 2000 - min(at, 500), range(at, at + len(term))
    score = 5000 if term == text else 4000 if start == 0 else 3000 - min(start, 500)
    return score, range(start, start + len(term))


def _starts_word(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum()


def _find_letters(term: str, text: str) -> tuple[int, Sequence[int]] | None:
    at = -1
    for letter in term:
        at = text.find(letter, at + 1)
        if at < 0:
            return None
    # the first end was found from the left; from there back, the letters lie as close as they can
    offsets = []
    end = at + 1
    for letter in reversed(term):
        end = text.rfind(letter, 0, end)
        offsets.append(end)
    offsets.reverse()
    return 1000 - min(offsets[-1] - offsets[0], 900), offsets


def scores(query: str, texts: Sequence[tuple[str, str]], rows: Iterable[int]) -> list[tuple[int, int]]:
    """(-score, row) of the rows that have every word of the query; sorted, that is the order to show.

    `texts` are labels and details in lower case. A word that only the detail has counts less than any in the label.
    """
    terms = query.lower().split()
    scored: list[tuple[int, int]] = []
    for row in rows:
        label, detail = texts[row]
        total = 0
        for term in terms:
            found = find(term, label)
            if found is None and term not in detail:
                break
            total += found[0] if found else 0
        else:
            scored.append((-total, row))
    return scored


class Choices(ScrollView):
    """The rows of a picker, one line each, whatever their number. It holds no focus: the picker's keys move it."""

    DEFAULT_CSS = """
    Choices { height: 1fr; min-height: 1; background: $panel; color: $foreground; scrollbar-size-vertical: 1; }
    """

    can_focus = False

    class Clicked(Message):
        """A row was clicked, and is highlighted now."""

    def __init__(self, choices: Sequence[Choice[T]]) -> None:
        super().__init__()
        self._choices: Sequence[Choice[object]] = choices  # type: ignore[assignment]
        self._order: Sequence[int] = range(len(choices))
        self._terms: list[str] = []
        self.at = next((row for row, choice in enumerate(choices) if choice.current), 0)
        """The highlighted line, counted in what is shown."""

    def on_mount(self) -> None:
        self._resize_content()
        self.call_after_refresh(self.move_to, self.at)

    def show(self, query: str, order: Sequence[int]) -> None:
        """Show these rows in this order, the first highlighted."""
        self._terms = query.lower().split()
        self._order = order
        self._resize_content()
        self.move_to(0)

    def renew(self, choices: Sequence[Choice[T]], order: Sequence[int], highlighted: str) -> None:
        """Other choices, in this order; the highlight stays with the label that it is on, or goes to the first."""
        self._choices = choices  # type: ignore[assignment]
        self._order = order
        self._resize_content()
        self.move_to(next((at for at, row in enumerate(order) if choices[row].label == highlighted), 0))

    def _resize_content(self) -> None:
        self.virtual_size = Size(1, max(1, len(self._order)))

    @property
    def highlighted(self) -> int | None:
        """The row under the highlight, counted in all choices; None when nothing is shown."""
        return self._order[self.at] if self._order else None

    def move_to(self, at: int) -> None:
        self.at = max(0, min(at, len(self._order) - 1))
        self.scroll_to_region(Region(0, self.at, 1, 1), animate=False, immediate=True)
        self.refresh()

    @property
    def page(self) -> int:
        return max(1, self.size.height - 1)

    def on_click(self, event: events.Click) -> None:
        at = event.y + self.scroll_offset.y
        if at < len(self._order):
            self.move_to(at)
            self.post_message(self.Clicked())

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        base = self.rich_style
        width = self.scrollable_content_region.width
        if at >= len(self._order):
            text = " nothing matches" if at == 0 else ""
            return Strip([Segment(set_cell_size(text, width), base + current_theme(self.app).styles["muted"])])
        return Strip(self._row(self._choices[self._order[at]], at == self.at, base, width), width)

    def _row(self, choice: Choice[object], highlighted: bool, base: RichStyle, width: int) -> list[Segment]:
        styles = current_theme(self.app).styles
        label = fit(visible(choice.label[:LABEL_LIMIT], newlines=False), width - 4)
        detail = fit(visible(choice.detail[:LABEL_LIMIT], newlines=False), width - 7 - cell_len(label))
        plain = base + styles["selection"] if highlighted else base
        muted = plain if highlighted else base + styles["muted"]
        gap = max(0, width - 4 - cell_len(label) - cell_len(detail))
        head = f"{'>' if highlighted else ' '}{'•' if choice.current else ' '} "
        marked = self._marked(label, plain, plain + styles["match"])
        row = [Segment(head, plain), *marked, Segment(" " * gap, plain), Segment(f"{detail} ", muted)]
        return Segment.adjust_line_length(row, width, plain)

    def _marked(self, label: str, plain: RichStyle, marked: RichStyle) -> list[Segment]:
        """The label with the letters that the query found."""
        lower = label.lower()
        offsets = {offset for term in self._terms if (found := find(term, lower)) for offset in found[1]}
        return [Segment(letter, marked if offset in offsets else plain) for offset, letter in enumerate(label)] if offsets else [
            Segment(label, plain)]


def _texts(choices: Sequence[Choice[T]]) -> list[tuple[str, str]]:
    """What is searched: labels and details."""
    return [(choice.label[:LABEL_LIMIT].lower(), choice.detail[:LABEL_LIMIT].lower()) for choice in choices]


class Picker(ModalScreen[T | None]):
    """Choose one of many: dismissed with its value, or with None. Typing filters, Enter chooses, Esc cancels."""

    DEFAULT_CSS = """
    Picker { align: center middle; color: $foreground; }
    Picker > Vertical { width: 72; max-width: 90%; background: $panel; border: solid $border-blurred; }
    Picker Static { height: 1; padding: 0 1; background: $panel; }
    Picker .title { text-style: bold; }
    Picker .keys { color: $text-muted; }
    Picker Input, Picker Input:focus { height: 1; border: none; padding: 0 1; background: $panel; background-tint: $panel 0%; }
    Picker.-narrow > Vertical { max-width: 100%; }
    Picker.-low > Vertical, Picker.-flat > Vertical { width: 100%; max-width: 100%; border: none; }
    Picker.-low .keys, Picker.-flat .keys, Picker.-flat .title { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (50, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (6, "-low"), (12, "-high")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", priority=True),
        Binding("down", "move(1)", priority=True),
        Binding("pageup", "page(-1)", priority=True),
        Binding("pagedown", "page(1)", priority=True),
        Binding("home", "first", priority=True),
        Binding("end", "last", priority=True),
        Binding("enter", "choose", priority=True),
        Binding("escape", "dismiss(None)", priority=True),
    ]

    class Highlighted(Message):
        """The highlight came to stand on another choice, which has this value."""

        def __init__(self, value: object) -> None:
            super().__init__()
            self.value = value

    def __init__(self, title: str, choices: Sequence[Choice[T]]) -> None:
        super().__init__()
        self._title = visible(title, newlines=False)
        self._choices = choices
        self._texts = _texts(choices)
        self._list = Choices(choices)
        self._answered = ""
        """The query that the list shows the answer to; behind the input while a long list is being ranked."""
        self._told = self._list.highlighted

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._title, classes="title", markup=False)
            # a pasted control character would act on the terminal, and finds nothing
            query = Input(placeholder="type to filter", restrict=PRINTED)
            query.cursor_blink = False
            yield query
            yield self._list
            yield Static("Enter chooses, Esc cancels", classes="keys", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        self._set_height(event.size.height)

    def _set_height(self, lines: int) -> None:
        around = 5  # two borders, title, input, keys
        self.query_one(Vertical).styles.height = lines if lines < 12 else min(len(self._choices) + around, lines * 4 // 5)

    def on_input_changed(self, event: Input.Changed) -> None:
        if len(self._texts) <= SLICE:
            self._show(event.value, scores(event.value, self._texts, range(len(self._texts))))
        else:
            self.run_worker(self._search(event.value), exclusive=True)

    async def _search(self, query: str) -> None:
        scored: list[tuple[int, int]] = []
        for start in range(0, len(self._texts), SLICE):
            scored += scores(query, self._texts, range(start, min(start + SLICE, len(self._texts))))
            await sleep(0)
        self._show(query, scored)

    def _show(self, query: str, scored: list[tuple[int, int]]) -> None:
        self._answered = query
        self._list.show(query, [row for _, row in sorted(scored)])
        self._tell()

    def renew(self, choices: Sequence[Choice[T]]) -> None:
        """Shows other choices, as more is known of them; the highlight stays where its label is."""
        self.workers.cancel_node(self)
        row = self._list.highlighted
        label = self._choices[row].label if row is not None else ""
        self._choices, self._texts = choices, _texts(choices)
        order: Sequence[int] = range(len(choices))
        if self._answered:
            order = [row for _, row in sorted(scores(self._answered, self._texts, order))]
        self._list.renew(choices, order, label)
        self._told = self._list.highlighted
        if self.is_mounted:
            self._set_height(self.app.size.height)

    def _tell(self) -> None:
        row = self._list.highlighted
        if row is not None and row != self._told:
            self._told = row
            self.post_message(self.Highlighted(self._choices[row].value))

    def action_move(self, lines: int) -> None:
        self._list.move_to(self._list.at + lines)
        self._tell()

    def action_page(self, pages: int) -> None:
        self.action_move(pages * self._list.page)

    def action_first(self) -> None:
        self.action_move(-len(self._choices))

    def action_last(self) -> None:
        self.action_move(len(self._choices))

    def action_choose(self) -> None:
        query = self.query_one(Input).value
        if query != self._answered:
            # Enter came before a long list was ranked: what was typed decides, not what is still shown
            self.workers.cancel_node(self)
            self._show(query, scores(query, self._texts, range(len(self._texts))))
        row = self._list.highlighted
        if row is not None:
            self.dismiss(self._choices[row].value)

    def on_choices_clicked(self) -> None:
        self.action_choose()


class ThemePicker(Picker[str]):
    """Shows each theme as the highlight passes it."""

    def on_picker_highlighted(self, event: Picker.Highlighted) -> None:
        self.app.theme = str(event.value)


class Answer(StandInArea):
    BINDINGS = TextArea.BINDINGS

    def on_key(self, event: events.Key) -> None:
        if self.take(event):
            event.stop()
            event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.paste(event.text)


class Question(ModalScreen[str | None]):
    """Ask for a text: dismissed with it, or with None. Enter answers, Ctrl-J begins a new line, Esc cancels."""

    DEFAULT_CSS = """
    Question { align: center middle; color: $foreground; }
    Question > Vertical { width: 72; max-width: 100%; height: auto; max-height: 100%; background: $panel; border: solid $border-blurred; }
    Question Static { height: 1; padding: 0 1; background: $panel; }
    Question .title { text-style: bold; }
    Question .keys { color: $text-muted; }
    Question Answer, Question Answer:focus { height: auto; max-height: 10; border: none; padding: 0 1; background: $panel; }
    Question.-low > Vertical, Question.-flat > Vertical { width: 100%; height: 100%; border: none; }
    Question.-low Answer, Question.-flat Answer { height: 1fr; }
    Question.-low .keys, Question.-flat .keys, Question.-flat .title { display: none; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (4, "-low"), (15, "-high")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer", priority=True),
        Binding("ctrl+j", "new_line", priority=True),
        Binding("escape", "dismiss(None)", priority=True),
    ]

    def __init__(self, title: str, text: str = "") -> None:
        super().__init__()
        self._title = visible(title, newlines=False)
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._title, classes="title", markup=False)
            area = Answer()
            area.write_anew(self._text, fold=False)
            area.move_cursor(area.document.end)
            area.cursor_blink = False
            yield area
            yield Static("Enter accepts, Ctrl-J new line, Esc cancels", classes="keys", markup=False)

    def action_answer(self) -> None:
        self.dismiss(self.query_one(Answer).original_text)

    def action_new_line(self) -> None:
        self.query_one(Answer).type("\n")
