"""Themes: TOML files in, colours for every part of the screen out.

A theme file:

    name = "mine"              # letters, digits, - and _; the file's own name when left out
    about = "quiet greens"     # a few words for the list of themes
    dark = true                # made for a dark background?
    base = "nord"              # a shipped theme that gives what this file leaves out; "dark" or "light" when left out

    [colors]                   # "#rrggbb", "#rgb", "default", or one of the sixteen ANSI names ("red", "bright_red" ...)
    accent = "#7fb0f0"         # names: COLORS

    [styles]                   # parts of the screen; names: STYLES
    selection = "bold selection_text on selection"

    [markdown]                 # roles of `markdown.lines.Style`; names: MARKDOWN
    h1 = "bold underline accent"

A style is written as attributes (bold, dim, italic, underline, strike, reverse), a colour, and `on` with a second colour;
a colour is written as in [colors] or is a name of [colors].
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from rich.style import Style as RichStyle

from tokenfall.errors import ConfigError
from tokenfall.filters import visible
from tokenfall.markdown.lines import Style
from tokenfall.terminal.links import of_the_web

_HUES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
ANSI = (*_HUES, *(f"bright_{hue}" for hue in _HUES))
ATTRIBUTES = ("bold", "dim", "italic", "underline", "strike", "reverse")

COLORS = (
    "background", "foreground", "muted", "border", "panel", "accent", "user", "assistant", "selection", "selection_text",
    "good", "fair", "slow", "warning", "error", "code", "link", "keyword", "function", "type", "string", "number", "comment",
)

STYLES: Mapping[str, str] = {
    "you": "bold user", "question": "foreground", "model": "bold assistant", "reasoning": "italic muted",
    "notice": "muted", "fault": "error", "stopped": "warning",
    "status": "muted", "status_model": "foreground", "status_key": "muted", "status_separator": "border",
    "state_ready": "good", "state_loading": "accent", "state_waiting": "accent", "state_streaming": "bold accent",
    "state_stopped": "warning", "state_error": "bold error", "separator": "border", "more": "bold accent",
    "user": "bold user", "assistant": "bold assistant",
    "muted": "muted", "border": "border", "accent": "accent", "heading": "bold foreground", "key": "accent", "match": "bold underline",
    "selection": "selection_text on selection", "found": "reverse warning", "source": "foreground",
    "good": "good", "fair": "fair", "slow": "slow", "warning": "warning", "error": "error",
}
"""Parts of the screen and their look where no theme says otherwise."""

MARKDOWN: Mapping[str, str] = {
    "text": "foreground",
    "h1": "bold underline accent", "h2": "bold accent", "h3": "accent",
    "h4": "bold foreground", "h5": "italic foreground", "h6": "bold muted",
    "code": "code", "code_block": "foreground", "quote": "italic foreground", "rule": "border", "marker": "accent",
    "link": "underline link", "html": "muted", "border": "border", "header": "bold foreground", "image": "italic link", "math": "type",
    "keyword": "keyword", "name": "foreground", "function": "function", "type": "type", "string": "string", "number": "number",
    "comment": "italic comment", "operator": "foreground", "punctuation": "foreground", "builtin": "type", "tag": "keyword",
    "attribute": "function", "added": "good", "removed": "error", "error": "underline error",
}
"""The roles of markdown and their look where no theme says otherwise."""

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class ThemeFile:
    """A theme file as it was written, checked but with nothing filled in."""

    name: str
    about: str
    dark: bool
    base: str
    colors: Mapping[str, str]
    styles: Mapping[str, str]
    markdown: Mapping[str, str]


class Look:
    """The rich styles of lines. `base` is text on the background; `selection` and `found` go on top of any other.

    `style` is looked up for every run of every painted line, so it is a dictionary's own lookup.
    """

    def __init__(self, base: RichStyle, selection: RichStyle, found: RichStyle, roles: Mapping[str, RichStyle]) -> None:
        self.base = base
        self.selection = selection
        self.found = found
        self.style: Callable[[Style], RichStyle] = _Styles(base, roles).__getitem__

    def linked(self, style: Style) -> RichStyle:
        """With the address, where it leads to the web, for a hyperlink of the terminal's own."""
        found = self.style(style)
        return found + RichStyle(link=style.href) if of_the_web(style.href) else found


class _Styles(dict[Style, RichStyle]):
    def __init__(self, base: RichStyle, roles: Mapping[str, RichStyle]) -> None:
        super().__init__()
        self._base = base
        self._roles = roles

    def __missing__(self, style: Style) -> RichStyle:
        if style.href:
            # the address changes nothing here, and addresses without end must not fill the dictionary
            return self[replace(style, href="")]
        flags = RichStyle(bold=style.bold or None, italic=style.italic or None, strike=style.strike or None)
        found = self._base + self._roles.get(style.role, self._roles["text"]) + flags
        self[style] = found
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Theme:
    """`colors` has every name of COLORS; `styles` every name of STYLES, as changes to the text they stand in."""

    name: str
    about: str
    dark: bool
    colors: Mapping[str, str]
    styles: Mapping[str, RichStyle]
    look: Look

    @property
    def native(self) -> bool:
        """Some colour is the terminal's own, so Textual must pass such colours on instead of replacing them by RGB."""
        return not all(_HEX.fullmatch(color) for color in self.colors.values())


@dataclass(frozen=True, slots=True)
class Themes:
    """All themes by name, and what was wrong with the user's files that were left out."""

    by_name: Mapping[str, Theme]
    problems: tuple[ConfigError, ...] = ()

    def chosen(self, name: str, colours: int) -> Theme:
        """The theme of that name; where there is none, or the name is "", the one for a terminal of so many colours."""
        return self.by_name.get(name) or self.by_name[default_theme(colours)]


def default_theme(colours: int) -> str:
    """The theme for a terminal of so many colours, 0 for NO_COLOR.

    Sixteen colours are the user's own choice and RGB mapped onto them is a guess, so then they are taken as they are.
    """
    return "terminal" if colours <= 16 else "dark"


def themes_folder() -> Traversable:
    """In a wheel the themes lie in the package, in a source checkout in the folder beside `src`."""
    packaged = files("tokenfall") / "themes"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "themes"


def load_themes(user_folder: Path | None = None, *, colourless: bool = False) -> Themes:
    """Shipped themes, and over them those of `user_folder` (which need not exist). `colourless`: for NO_COLOR."""
    shipped = {file.name: file for file in map(_read, _toml_files(themes_folder()))}
    chosen = {name: _finish(file, None, colourless) for name, file in shipped.items()}
    problems: list[ConfigError] = []
    for path in _toml_files(user_folder) if user_folder and user_folder.is_dir() else ():
        try:
            file = _read(path)
            base = shipped.get(file.base)
            if base is None:
                names = ", ".join(sorted(shipped))
                raise ConfigError(f"{path}: the base {file.base!r} is not a theme of tokenfall.", f"It may be one of {names}.")
        except ConfigError as problem:
            problems.append(problem)
        else:
            chosen[file.name] = _finish(file, base, colourless)
    return Themes(chosen, tuple(problems))


def _toml_files(folder: Traversable) -> list[Traversable]:
    return sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)


def _read(path: Traversable) -> ThemeFile:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The theme {path} can't be read: {error}.") from error
    return parse_theme(text, str(path))


def parse_theme(text: str, path: str) -> ThemeFile:
    """`path` stands in messages, and its last part names a theme that gives itself no name. Raises ConfigError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The theme {path} is not TOML: {error}.") from error
    written = _Written(path, text)
    for key in table.keys() - {"name", "about", "dark", "base", "colors", "styles", "markdown"}:
        raise written.misfit("", key, "left out: a theme has name, about, dark, base, [colors], [styles] and [markdown]")
    name, about, dark = table.get("name", Path(path).stem), table.get("about", ""), table.get("dark", True)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise written.misfit("", "name", "letters, digits, - and _, at most 40 of them")
    if not isinstance(about, str):
        raise written.misfit("", "about", "a text")
    if not isinstance(dark, bool):
        raise written.misfit("", "dark", "true or false")
    base = table.get("base", "dark" if dark else "light")
    if not isinstance(base, str):
        raise written.misfit("", "base", "the name of a theme of tokenfall")
    return ThemeFile(
        name, visible(about, newlines=False), dark, base,
        _section(written, table, "colors", COLORS),
        _section(written, table, "styles", STYLES),
        _section(written, table, "markdown", MARKDOWN),
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """A theme file as text, for messages about it."""

    path: str
    text: str

    def misfit(self, section: str, key: str, expected: str) -> ConfigError:
        """`section` is "" for the top of the file."""
        line = _line_of(self.text, section, key)
        place = f"{self.path}, line {line}" if line else self.path
        named = f"{section}.{key}" if section else key
        return ConfigError(f"{place}: {visible(named, newlines=False)} must be {expected}.")


def _section(written: _Written, table: Mapping[str, object], section: str, names: Iterable[str]) -> Mapping[str, str]:
    entries = table.get(section, {})
    if not isinstance(entries, dict):
        raise written.misfit("", section, "a table")
    fits, expected = _VALUES[section]
    for key, value in entries.items():
        if key not in names:
            raise written.misfit(section, key, f"left out, because nothing has that name; [{section}] has {', '.join(names)}")
        if not isinstance(value, str) or not fits(value):
            raise written.misfit(section, key, expected)
    return entries


def _line_of(text: str, section: str, key: str) -> int:
    """The line, from 1, where `key` of [section] stands; 0 where it is written in another of TOML's ways."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if header := re.match(r"\[\s*([^\[\]]+?)\s*\]", stripped):
            current = header[1]
            if not section and current == key:
                return number
        elif current == section and stripped.partition("=")[0].strip().strip("'\"") == key:
            return number
    return 0


def _is_color(value: str) -> bool:
    return value == "default" or value in ANSI or _HEX.fullmatch(value) is not None


def _split_style(style: str) -> tuple[list[str], list[str], list[str]]:
    """Attributes, colours of the text, colours under it; a well-formed style has at most one of the last two each."""
    words = re.findall(r"on\s+\S+|\S+", style)
    grounds = [word[2:].strip() for word in words if re.match(r"on\s", word)]
    texts = [word for word in words if word not in ATTRIBUTES and not re.match(r"on\s", word)]
    return [word for word in words if word in ATTRIBUTES], texts, grounds


def _is_style(value: str) -> bool:
    _, texts, grounds = _split_style(value)
    return len(texts) <= 1 and len(grounds) <= 1 and all(color in COLORS or _is_color(color) for color in texts + grounds)


_VALUES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "colors": (_is_color, 'a colour: "#rrggbb", "default" or an ANSI name such as "bright_blue"'),
    "styles": (_is_style, 'a style such as "bold #7fb0f0", "muted" or "reverse"'),
    "markdown": (_is_style, 'a style such as "bold underline accent"'),
}


def _finish(file: ThemeFile, base: ThemeFile | None, colourless: bool) -> Theme:
    """Fill in what `file` leaves out. `base` is None for a shipped theme, which has every colour."""
    inherited = base or file
    colors = {**inherited.colors, **file.colors}
    styles = {**STYLES, **inherited.styles, **file.styles}
    if colourless:
        colors = dict.fromkeys(COLORS, "default")
        styles = {**styles, **_COLOURLESS_STYLES}
    markdown = {**MARKDOWN, **inherited.markdown, **file.markdown}
    rich = {name: _rich(style, colors) for name, style in styles.items()}
    look = Look(
        _rich("foreground on background", colors), rich["selection"], rich["found"],
        {**rich, **{role: _rich(style, colors) for role, style in markdown.items()}},
    )
    return Theme(file.name, file.about, file.dark, colors, rich, look)


_COLOURLESS_STYLES = {"selection": "reverse", "found": "bold underline", "muted": "dim", "error": "bold", "fault": "bold"}


def _rich(style: str, colors: Mapping[str, str]) -> RichStyle:
    """"default" becomes no colour at all: fewer bytes, and the same in a cell that starts from nothing."""
    attributes, *chosen = _split_style(style)
    color, bgcolor = (colors.get(names[0], names[0]) if names else "default" for names in chosen)
    return RichStyle(
        color=None if color == "default" else color, bgcolor=None if bgcolor == "default" else bgcolor,
        bold="bold" in attributes or None, dim="dim" in attributes or None, italic="italic" in attributes or None,
        underline="underline" in attributes or None, strike="strike" in attributes or None, reverse="reverse" in attributes or None,
    )
