"""The rule against markup finds what it is meant to find."""

import pytest
from tests.markupsinks import markup_sinks

SINKS = [
    "Static(text)", "Static(text, markup=True)", "Static(text, markup=wanted)", "widgets.Static('fixed')",
    "from textual.widgets import Label", "from textual.widgets import Static, OptionList", "from textual.widgets import Markdown as M",
    "from rich import print", "import rich.markup", "from rich.console import Console", "from rich.table import Table",
    "from textual.markup import to_content", "class Title(Static): pass", "self.notify(text)", "app.notify(message=text)",
    "Content.from_markup(text)", "Text.from_markup(text)", "Text.from_ansi(text)", "self.panic(text)", "widget.with_tooltip(text)",
    "visualize(self, text)", "options.add_option(text)", "self.border_title = text", "self.border_title: str = text",
    "widget.border_title += text", "setattr(self, 'border_title', text)", "self.border_subtitle = f'{text}'", "widget.tooltip = text",
    "app.title = text", "self.sub_title = text", "self.exit(message=text)", "def render(self) -> str: ...",
    "def render(self) -> str | Content: ...", "Vertical(border_title=text)",
]  # fmt: skip

HARMLESS = [
    "Static(text, markup=False)", "from textual.widgets import Input, Static, TextArea", "from textual.widgets.text_area import Location",
    "from rich.segment import Segment", "from rich.console import RenderableType", "self.border_title = Content(text)", "Content(text)",
    "title = text", "self._title = text", "def render(self) -> Content: ...", "def rendered(self) -> str: ...", "sys.exit(text)",
    "app.exit()", "Picker(title=text)",
]  # fmt: skip


@pytest.mark.parametrize("source", SINKS)
def test_a_sink_is_found(source: str) -> None:
    assert len(markup_sinks(f"x = 1\n{source}\n")) == 1
    assert markup_sinks(f"x = 1\n{source}\n")[0].startswith("2 ")


@pytest.mark.parametrize("source", HARMLESS)
def test_what_parses_nothing_is_not(source: str) -> None:
    assert markup_sinks(source) == []
