"""Where source code hands plain text to something that parses it as Textual's or Rich's markup."""

import ast
from collections.abc import Iterator

UNMARKED = {"Input", "TextArea"}
"""Widgets that show their text as it is. `Static` does so with `markup=False`; every other widget is to be looked at first."""
PARSING_CALLS = {
    "notify", "from_markup", "from_ansi", "render_markup", "render_str", "escape_markup", "panic", "with_tooltip", "visualize",
    "to_content",
    "add_option", "add_options", "set_options", "add_columns", "add_column", "add_row", "add_rows",
}  # fmt: skip
PARSED_ATTRIBUTES = {"border_title", "border_subtitle", "tooltip", "title", "sub_title"}
PARSING_MODULES = {"rich", "rich.markup", "rich.pretty", "rich.prompt", "rich.panel", "rich.table", "textual.markup", "textual.visual"}
PARSING_NAMES = {("rich.console", "Console"), ("textual.content", "ContentText"), ("textual.app", "SystemCommand")}


def markup_sinks(source: str) -> list[str]:
    """Line and name of each, in order."""
    found = {sink for node in ast.walk(ast.parse(source)) for sink in _sinks(node)}
    return [f"{line} {what}" for line, what in sorted(found)]


def _sinks(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.ImportFrom(module=str(module), names=names):
            yield from ((node.lineno, f"import of {each.name}") for each in names if _parses(module, each.name))
        case ast.Import(names=names):
            yield from ((node.lineno, f"import of {each.name}") for each in names if each.name in PARSING_MODULES)
        case ast.ClassDef(bases=bases):
            yield from ((node.lineno, f"subclass of {name}") for name in map(_last, bases) if name == "Static")
        case ast.Call():
            yield from _call(node)
        case ast.Assign(targets=targets, value=value):
            yield from _assignment(targets, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
            yield from _assignment([target], value)
        case ast.FunctionDef(name="render", returns=ast.expr() as returns) if "str" in _names(returns):
            yield node.lineno, "render that gives a str"


def _parses(module: str, name: str) -> bool:
    if module.startswith("textual.widgets"):
        return module == "textual.widgets" and name not in UNMARKED | {"Static"}
    return module in PARSING_MODULES or (module, name) in PARSING_NAMES


def _call(node: ast.Call) -> Iterator[tuple[int, str]]:
    name = _last(node.func)
    given = {each.arg: each.value for each in node.keywords}
    if name == "Static" and not _is_false(given.get("markup")):
        yield node.lineno, "Static without markup=False"
    if name in PARSING_CALLS:
        yield node.lineno, name
    if name == "exit" and "message" in given:
        yield node.lineno, "exit with a message"
    if name == "setattr" and len(node.args) == 3:
        yield from _assignment([node.args[1]], node.args[2])
    for attribute in PARSED_ATTRIBUTES & given.keys() - {"title"}:
        yield from _assignment([ast.Name(attribute)], given[attribute])


def _assignment(targets: list[ast.expr], value: ast.expr) -> Iterator[tuple[int, str]]:
    for target in targets:
        match target:
            case ast.Attribute(attr=name) | ast.Constant(value=name) | ast.Name(id=name) if name in PARSED_ATTRIBUTES:
                parsed = isinstance(target, ast.Attribute | ast.Constant) or name.startswith(("border", "tooltip"))
                if parsed and not (isinstance(value, ast.Call) and _last(value.func) == "Content"):
                    yield value.lineno, f"{name} is not Content"


def _last(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _names(expression: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(expression) if isinstance(each, ast.Name)}


def _is_false(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is False
