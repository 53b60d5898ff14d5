"""Theme files, and the looks that they make."""

import re
from pathlib import Path

import pytest
from rich.color import Color
from rich.style import Style as RichStyle

from tokenfall.errors import ConfigError
from tokenfall.markdown.lines import Style
from tokenfall.terminal.themes import MARKDOWN, STYLES, default_theme, load_themes, parse_theme, themes_folder

SHIPPED = load_themes().by_name
TEXT_COLORS = sorted(set(SHIPPED["dark"].colors) - {"background", "border", "panel", "selection", "selection_text"})


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [part / 255 for part in Color.parse(color).get_truecolor()]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_promised_themes_are_shipped_and_every_file_is_named_after_its_theme() -> None:
    assert {"dark", "light", "high-contrast", "terminal"} <= set(SHIPPED)
    assert {file.name for file in themes_folder().iterdir()} == {f"{name}.toml" for name in SHIPPED}
    assert not load_themes().problems


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_theme_says_every_colour_itself(name: str) -> None:
    theme = SHIPPED[name]
    assert set(theme.colors) == set(SHIPPED["dark"].colors)
    assert set(theme.styles) == set(STYLES)
    assert theme.about


@pytest.mark.parametrize("name", [name for name, theme in SHIPPED.items() if not theme.native])
def test_text_stands_out_from_the_background_and_from_panels(name: str) -> None:
    colors = SHIPPED[name].colors
    least = 7.0 if name == "high-contrast" else 4.5
    faint = {
        f"{color} on {ground}": round(contrast(colors[color], colors[ground]), 2)
        for color in TEXT_COLORS for ground in ("background", "panel") if contrast(colors[color], colors[ground]) < least
    }
    assert not faint
    assert contrast(colors["selection_text"], colors["selection"]) >= least


@pytest.mark.parametrize("ground", ["#000000", "#1e1e1e", "#282c34"])
def test_the_default_theme_reads_well_on_the_backgrounds_that_dark_terminals_have(ground: str) -> None:
    colors = SHIPPED["dark"].colors
    assert [color for color in TEXT_COLORS if colors[color] != "default" and contrast(colors[color], ground) < 4.5] == []
    assert contrast(colors["selection_text"], colors["selection"]) >= 4.5


def test_the_terminal_theme_has_only_hues_that_no_palette_hides() -> None:
    assert set(SHIPPED["terminal"].colors.values()) <= {"default", "red", "green", "yellow", "blue", "magenta", "cyan"}
    for style in SHIPPED["terminal"].styles.values():
        assert all(color is None or color.number in range(1, 7) for color in (style.color, style.bgcolor))


@pytest.mark.parametrize(("colours", "name"), [(0, "terminal"), (8, "terminal"), (16, "terminal"), (256, "dark"), (1 << 24, "dark")])
def test_the_default_follows_the_terminal(colours: int, name: str) -> None:
    assert default_theme(colours) == name
    for asked in ("", "no such theme"):
        assert load_themes().chosen(asked, colours).name == name
    assert load_themes().chosen("nord", colours).name == "nord"


def test_a_role_and_its_flags_make_a_style_on_the_themes_background() -> None:
    look = SHIPPED["light"].look
    found = look.style(Style("h2", italic=True, strike=True))
    assert found == RichStyle.parse("bold italic strike #1f5fb0 on #fbfaf7")
    assert look.style(Style("h2", italic=True, strike=True)) is found
    assert look.style(Style("text")) == look.base


def test_plain_text_on_the_terminals_own_background_costs_no_bytes() -> None:
    for name in ("dark", "terminal"):
        assert SHIPPED[name].look.style(Style()).render("x") == "x"


def test_a_role_nobody_knows_is_text() -> None:
    assert SHIPPED["nord"].look.style(Style("no such role")) == SHIPPED["nord"].look.style(Style("text"))


def test_links_to_different_places_share_a_style() -> None:
    style = SHIPPED["dark"].look.style
    assert style(Style("link", href="https://a.example")) is style(Style("link", href="https://b.example"))
    assert not style(Style("link", href="https://a.example")).link


def test_every_role_of_markdown_has_a_style_of_its_own_name() -> None:
    documented = re.sub(r"\(.*?\)", "", (Style.__doc__ or "").split("Roles:")[1]).replace("...", ",")
    named = {word for part in re.split(r"[,.:]", documented) for word in part.split() if re.fullmatch(r"[a-z_]+\d?", word)}
    assert named - {"and", "for", "highlighted"} <= set(MARKDOWN)


def user_theme(folder: Path, text: str, name: str = "mine") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text, "utf-8")


def test_a_users_theme_inherits_what_it_leaves_out(tmp_path: Path) -> None:
    user_theme(tmp_path, 'base = "nord"\n[colors]\naccent = "#ff8800"\n[markdown]\nh1 = "reverse red"\n')
    theme = load_themes(tmp_path).by_name["mine"]
    assert theme.colors == {**SHIPPED["nord"].colors, "accent": "#ff8800"}
    assert theme.look.style(Style("h1")) == RichStyle.parse("reverse red on #2e3440")
    assert theme.look.style(Style("h2")) == RichStyle.parse("bold #ff8800 on #2e3440")


def test_a_users_light_theme_inherits_from_light(tmp_path: Path) -> None:
    user_theme(tmp_path, "dark = false")
    assert load_themes(tmp_path).by_name["mine"].colors == SHIPPED["light"].colors


def test_a_base_gives_its_styles_too(tmp_path: Path) -> None:
    user_theme(tmp_path, 'base = "terminal"')
    assert load_themes(tmp_path).by_name["mine"].styles["selection"] == RichStyle(reverse=True)


def test_a_users_theme_takes_the_place_of_a_shipped_one_of_that_name(tmp_path: Path) -> None:
    user_theme(tmp_path, 'name = "dark"\n[colors]\nbackground = "#111111"\n')
    themes = load_themes(tmp_path).by_name
    assert themes["dark"].colors["background"] == "#111111"
    assert themes["dark"].colors["accent"] == SHIPPED["dark"].colors["accent"]
    assert len(themes) == len(SHIPPED)


def test_a_folder_that_is_not_there_is_no_problem(tmp_path: Path) -> None:
    assert load_themes(tmp_path / "none").problems == ()


def test_a_malformed_theme_is_reported_and_left_out_and_the_others_load(tmp_path: Path) -> None:
    user_theme(tmp_path, "[colors]\naccent = 3\n", "broken")
    user_theme(tmp_path, 'base = "no-such"', "lost")
    user_theme(tmp_path, "", "whole")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.toml").mkdir()
    themes = load_themes(tmp_path)
    assert set(themes.by_name) == {*SHIPPED, "whole"}
    assert len(themes.problems) == 4
    for name in ("broken", "lost", "binary", "folder"):
        assert any(f"{tmp_path}/{name}.toml" in str(problem) for problem in themes.problems)


@pytest.mark.parametrize(("text", "line", "expected"), [
    ('name = "x"\n\n[colors]\nfair = "#fff"\naccent = "blau"\n', 5, 'colors.accent must be a colour: "#rrggbb"'),
    ('[colors]\naccent = "#12345"\n', 2, "a colour"),
    ('[styles]\nmuted = "dim"\n[colors]\nmuted = "dim"\n', 4, "colors.muted must be a colour"),
    ("[colors]\naccent = 7\n", 2, "a colour"),
    ('[colors]\nblurb = "#123456"\n', 2, "nothing has that name; [colors] has background, foreground"),
    ('[styles]\n"muted" = "bold blue green"\n', 2, "a style such as"),
    ('[markdown]\n[markdown.h1]\nbold = true\n', 0, "markdown.h1 must be a style"),
    ('[markdown]\nh1 = "on"\n', 2, "markdown.h1 must be a style"),
    ('[markdown]\nh1 = "red on blue on green"\n', 2, "markdown.h1 must be a style"),
    ("\ncolors = 5\n", 2, "colors must be a table"),
    ("dark = 1\n", 1, "dark must be true or false"),
    ('name = "[b]x"\n', 1, "name must be letters, digits"),
    ("about = 1\n", 1, "about must be a text"),
    ("base = 1\n", 1, "base must be the name of a theme"),
    ("[colours]\n", 1, "colours must be left out: a theme has name, about, dark"),
])
def test_what_is_wrong_is_said_with_file_and_line(text: str, line: int, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_theme(text, "themes/mine.toml")
    message = str(caught.value)
    assert message.startswith(f"themes/mine.toml, line {line}: " if line else "themes/mine.toml: ")
    assert expected in message


def test_broken_toml_is_said_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"themes/mine.toml is not TOML: .*line 2"):
        parse_theme("dark = true\naccent = \n", "themes/mine.toml")


def test_a_control_character_in_a_key_is_shown_not_sent() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_theme('[colors]\n"\\u001b[2J" = "red"\n', "mine.toml")
    assert "\x1b" not in str(caught.value)


def test_without_colours_the_selection_still_shows() -> None:
    for theme in load_themes(colourless=True).by_name.values():
        assert theme.styles["selection"] == RichStyle(reverse=True)
        assert set(theme.colors.values()) == {"default"}
