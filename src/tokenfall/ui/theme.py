"""Our themes as Textual wants them: for its style sheets, and for what NO_COLOR asks of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter, Monochrome, NoColor
from textual.theme import Theme as TextualTheme

from tokenfall.terminal.themes import ATTRIBUTES, Theme


@dataclass(kw_only=True)
class ScreenTheme(TextualTheme):
    """A theme registered with Textual that leads back to the one it was made from."""

    source: Theme


class Colourless(LineFilter):
    """Removes colours and keeps attributes: what NO_COLOR asks for. Textual's own filters send greys, or 39 and 49."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, style and _without_colour(style), control) for text, style, control in segments]


@lru_cache(1024)
def _without_colour(style: RichStyle) -> RichStyle:
    # `without_color` drops the meta data, in which Textual keeps mouse actions and the offsets of selected text
    return style.without_color + RichStyle.from_meta(style.meta) if style.meta else style.without_color


_COLOURLESS = Colourless()


def line_filters(filters: Sequence[LineFilter], *, colourless: bool) -> list[LineFilter]:
    """What `App.get_line_filters` must return instead of what Textual put together from the environment."""
    if colourless:
        return [_COLOURLESS]
    return [each for each in filters if not isinstance(each, (Monochrome, NoColor))]


def screen_theme(theme: Theme) -> ScreenTheme:
    """What `App.register_theme` takes, so that the variables of Textual's style sheets have the theme's colours."""
    css = {name: color if color.startswith("#") else f"ansi_{color}" for name, color in theme.colors.items()}
    return ScreenTheme(
        theme.name, primary=css["accent"], secondary=css["assistant"], accent=css["accent"], warning=css["warning"], error=css["error"],
        success=css["good"], foreground=css["foreground"], background=css["background"], surface=css["panel"], panel=css["panel"],
        dark=theme.dark, ansi=theme.native, variables=_css_variables(theme, css), source=theme,
    )


def _css_variables(theme: Theme, css: Mapping[str, str]) -> dict[str, str]:
    """Textual derives these by blending, which needs RGB and knows nothing of reverse; so they are said outright."""
    selection = theme.styles["selection"]
    attributes = " ".join(name for name in ATTRIBUTES if getattr(selection, name)) or "none"
    cursor = {"foreground": "ansi_default", "background": "ansi_default", "text-style": "reverse"} if theme.native else {
        "foreground": css["background"], "background": css["foreground"], "text-style": "none"}
    return {
        **{f"text-{name}": css[name] for name in ("muted", "warning", "error", "accent")},
        "text": css["foreground"], "text-disabled": css["muted"], "text-primary": css["accent"], "text-secondary": css["assistant"],
        "text-success": css["good"], "foreground-muted": css["muted"], "foreground-disabled": css["muted"],
        "border": css["accent"], "border-blurred": css["border"],
        **{f"{block}-foreground": css["selection_text"] for block in _SELECTED},
        **{f"{block}-background": css["selection"] for block in _SELECTED},
        "block-cursor-text-style": attributes, "block-cursor-blurred-text-style": attributes,
        "block-hover-background": css["panel"],
        **{f"input-cursor-{part}": value for part, value in cursor.items()},
        **{f"scrollbar{state}": css["muted"] for state in ("-hover", "-active")}, "scrollbar": css["border"],
        **{f"scrollbar-{part}": css["background"] for part in ("background", "background-hover", "background-active", "corner-color")},
        "link-color": css["link"], "link-color-hover": css["link"], "link-background-hover": css["panel"],
        "footer-background": css["panel"], "footer-key-foreground": css["accent"],
        "ansi-background": css["panel"], "ansi-foreground": css["foreground"],
    }


_SELECTED = ("block-cursor", "block-cursor-blurred", "input-selection", "screen-selection")

CSS = """
Input:ansi > .input--cursor { color: $input-cursor-foreground; background: $input-cursor-background; text-style: reverse; }
Input:ansi > .input--selection, Screen > .screen--selection { text-style: $block-cursor-text-style; }
"""
"""For the application's style sheet: where Textual's own rules name a colour or leave out an attribute."""


def current_theme(app: App[Any]) -> Theme:
    """The theme that `app` shows; it must be one of ours."""
    shown = app.current_theme
    assert isinstance(shown, ScreenTheme)
    return shown.source
