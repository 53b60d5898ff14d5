"""Markdown that is expensive to parse or to lay out: the patterns of hostile.json, and more of the kind."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pattern:
    unit: str
    repeats: int
    prefix: str = ""
    suffix: str = ""

    def text(self, size: float = 1.0) -> str:
        """A share of its full length."""
        return self.prefix + self.unit * max(1, int(self.repeats * size)) + self.suffix


GIVEN = {
    name: Pattern(row["unit"], row["repeats"], row["prefix"], row["suffix"])
    for name, row in json.loads((Path(__file__).parents[1] / "data" / "hostile.json").read_text("utf-8"))["markdown"].items()
}

OWN = {
    "nested_list": Pattern("- ", 4000, suffix="deep"),
    "staircase": Pattern("", 1, prefix="".join(f"{'  ' * depth}- step {depth}\n" for depth in range(300))),
    "list_items": Pattern("1. item with `code` and *stress*\n", 4000),
    "loose_list": Pattern("- item\n\n  more of it\n\n", 3000),
    "quotes_and_lists": Pattern("> - ", 1500, suffix="deep"),
    "definitions": Pattern("[a]: http://example.org/a\n", 3000, suffix="\n[a]\n"),
    "uses_then_definition": Pattern("[late] and [late][] ", 4000, suffix="\n\n[late]: http://example.org/\n"),
    "backtick_runs": Pattern("", 1, prefix=" ".join("`" * length + "a" for length in range(1, 400))),
    "images": Pattern("![a](", 12000),
    "autolinks": Pattern("<a<http://", 8000),
    "bare_addresses": Pattern("http://a.b/c_d_e*f* ", 4000),
    "setext": Pattern("head\n===\n", 4000),
    "hard_breaks": Pattern("line  \n", 10000),
    "escapes": Pattern("\\*", 30000),
    "tabs": Pattern("\t", 30000, suffix="end"),
    "strikes": Pattern("~~a ~b ", 8000),
    "wide_table": Pattern("a|", 600, prefix="|", suffix="\n|" + "-|" * 600 + "\n" + ("|" + "b|" * 600 + "\n") * 20),
    "growing_table": Pattern("", 1, prefix="|a|b|\n|-|-|\n" + "".join(f"|{'x' * width}|y|\n" for width in range(1, 400))),
    "formula_depth": Pattern(r"\frac{", 2000, prefix="$$", suffix="x$$"),
    "formula_roots": Pattern(r"\sqrt{x_1^2}+", 3000, prefix="$", suffix="y$"),
    "formula_matrix": Pattern(r"1 & 2 \\ ", 2000, prefix=r"$$\begin{matrix}", suffix=r"\end{matrix}$$"),
    "fences": Pattern("```py\nx = 1\n```\n", 4000),
    "fence_of_strings": Pattern('"""\n', 10000, prefix="```python\n"),
    "fence_of_json": Pattern('{"a":[', 10000, prefix="```json\n"),
    "fence_of_html": Pattern("<p><!-- ", 8000, prefix="```html\n"),
    "one_line_fence": Pattern("x=", 100_000, prefix="```python\n"),
    "wide_characters": Pattern("漢字", 50_000),
    "right_to_left": Pattern("אבג ", 30_000),
    "thinking": Pattern("<think>a</think>b\n\n", 2000),
    "blank_lines": Pattern("\n", 50_000, suffix="end"),
}

PATTERNS = {**GIVEN, **OWN}
