"""The slash commands: a row each, and what they do.

What only a command needs is imported when it runs: the first screen doesn't wait for it.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenfall.errors import UserError

if TYPE_CHECKING:
    from tokenfall.ui.app import ChatApp


@dataclass(frozen=True, slots=True)
class Command:
    """`run` gets what stands after the name, stripped; `hint` shows it in completion."""

    name: str
    hint: str
    description: str
    run: "Callable[[ChatApp, str], None]"


def parse(text: str) -> tuple[str, str] | None:
    """The name and the argument of a command line, or None when `text` is a message.

    A path or a word that only begins with a slash (`/etc/hosts is ...`) is a message.
    """
    line = text.strip()
    head, _, argument = line.partition(" ")
    if not head.startswith("/") or "\n" in line or not head[1:].isalpha():
        return None
    return head[1:], argument.strip()


def unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"There is no command /{name}. " + (f"Did you mean /{near[0]}?" if near else "/help lists them.")


def arguments(app: "ChatApp", command: str, partial: str) -> list[str]:
    """What may stand after a command, for completion."""
    if command == "theme":
        return [name for name in sorted(app.themes.by_name) if name.startswith(partial)]
    if command == "model":
        from tokenfall.ui.models import names

        return [name for name in names(app.settings) if name.startswith(partial)]
    return []


def new_conversation(app: "ChatApp", _: str) -> None:
    app.session.begin_anew()
    app.turns.reset()
    app.transcript.clear()
    app.tell("A new conversation." + (" The system prompt stays." if app.session.system else ""))
    app.update_status()


def set_system(app: "ChatApp", text: str) -> None:
    """Without a text it opens the present one for editing."""
    from tokenfall.ui.picker import Question

    def use(system: str | None) -> None:
        if system is not None:
            app.session.system = system
            app.tell(f"The system prompt is: {system}" if system else "There is no system prompt.")

    if text:
        use("" if text == "-" else text)
    else:
        app.push_screen(Question("System prompt", app.session.system), use)


def copy_reply(app: "ChatApp", which: str) -> None:
    """The last reply exactly as the model wrote it, or its Nth code block."""
    reply = app.session.last_reply
    if not reply:
        app.tell_fault("There is no reply to copy yet.")
    elif not which:
        app.copy(reply)
    else:
        from tokenfall.markdown.document import code_blocks

        blocks = code_blocks(reply)
        if which.isdecimal() and 1 <= int(which) <= len(blocks):
            app.copy(blocks[int(which) - 1].text)
        else:
            app.tell_fault(f"The last reply has {len(blocks)} code block{'' if len(blocks) == 1 else 's'}; /copy N takes one of them.")


def choose_theme(app: "ChatApp", name: str) -> None:
    """Without a name a list that shows each theme as it is passed."""
    if name:
        if name in app.themes.by_name:
            app.theme = name
        else:
            app.tell_fault(f"There is no theme {name!r}. There are {', '.join(sorted(app.themes.by_name))}.")
        return
    from tokenfall.ui.picker import Choice, ThemePicker

    before = app.theme

    def chosen(theme: str | None) -> None:
        app.theme = theme or before

    choices = [Choice(theme.name, theme.name, theme.about, current=theme.name == before) for theme in app.themes.by_name.values()]
    app.push_screen(ThemePicker("Theme", choices), chosen)


def choose_model(app: "ChatApp", name: str) -> None:
    from tokenfall.ui.models import meant, pick_model, use

    if name:
        try:
            use(app, meant(app, name))
        except UserError as error:
            app.tell_fault(str(error))
    else:
        app.run_worker(pick_model(app), group="model", exclusive=True)


def show_stats(app: "ChatApp", _: str) -> None:
    """The clock of the last reply with its gaps as a histogram, and the conversation's."""
    from tokenfall.ui.stats import stats

    app.tell("\n".join(stats(app.turns.timed, min(max(app.transcript.content_size.width, 20), 78))))


def open_help(app: "ChatApp") -> None:
    from tokenfall.ui.help import CommandRow, Help
    from tokenfall.ui.keys import key_rows

    commands = [CommandRow(f"/{each.name} {each.hint}".rstrip(), each.description) for each in COMMANDS.values()]
    app.push_screen(Help(key_rows(app.key_groups, app.settings.keys), commands))


def open_palette(app: "ChatApp") -> None:
    """Every command in a list that typing filters."""
    from tokenfall.ui.picker import Choice, Picker

    def chosen(name: str | None) -> None:
        if name is not None:
            COMMANDS[name].run(app, "")

    app.push_screen(Picker("Commands", [Choice(each.name, f"/{each.name}", each.description) for each in COMMANDS.values()]), chosen)


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command("new", "", "start a new conversation", new_conversation),
        Command("retry", "", "ask the last question again", lambda app, _: app.retry()),
        Command("model", "[NAME]", "choose who answers", choose_model),
        Command("system", "[TEXT]", "edit or set the system prompt; - clears it", set_system),
        Command("copy", "[N]", "copy the last reply, or its Nth code block", copy_reply),
        Command("theme", "[NAME]", "choose the colours", choose_theme),
        Command("stats", "", "the clock of the last reply and of the conversation", show_stats),
        Command("help", "", "every key and command", lambda app, _: open_help(app)),
        Command("quit", "", "leave", lambda app, _: app.exit()),
    )
}
