"""What happens when a conversation no longer fits into the model's context: the user decides."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tokenfall.ui.app import ChatApp

Way = Literal["drop", "summarise"]


def give_back(app: "ChatApp", text: str) -> None:
    """To the prompt, with what waits behind it: nothing more is sent of its own accord."""
    app.prompt.put_back("\n".join(filter(None, (text, app.turns.unqueue(all_of_it=True)))))


def say(app: "ChatApp", text: str) -> None:
    if not app.turns.busy and (excess := app.session.excess(text)):
        ask_for_room(app, text, excess)
    else:
        app.begin_turn(lambda: app.turns.say(text))


def say_queued(app: "ChatApp") -> bool:
    """Says what waits for its turn; whether a turn has begun."""
    text = app.turns.next_queued
    if text and (excess := app.session.excess(text)):
        ask_for_room(app, app.turns.take_queued(), excess)
        return False
    return app.turns.say_queued()


def ask_for_room(app: "ChatApp", text: str, excess: int) -> None:
    """Lets the user choose what goes, so that `text` can be said; where nothing is chosen it is put back, and nothing is sent."""
    from tokenfall.ui.picker import Choice, Picker

    count = app.session.to_drop(excess)
    context = app.service.context
    if not count:
        give_back(app, text)
        app.tell_fault(f"This message alone is more than {app.service.name} can read at once ({context:,} tokens); it was not sent.")
        return

    def chosen(way: Way | None) -> None:
        app.turns.held = False
        if way is None:
            give_back(app, text)
            app.tell("Nothing was sent; the message is back in the prompt. /new begins a new conversation.")
        elif way == "drop":
            app.turns.drop(count)
            app.begin_turn(lambda: app.turns.say(text))
        else:
            app.begin_turn(lambda: app.turns.summarise(count, text))

    choices: list[Choice[Way]] = [Choice("drop", f"Leave out the oldest {count} messages", "they stay on the screen")]
    if app.session.can_summarise(count):
        choices.append(Choice("summarise", f"Have the oldest {count} summed up", "by the model, one more request"))
    app.turns.held = True
    title = f"More than {context:,} tokens: what goes? Esc sends nothing"
    app.push_screen(Picker(title, choices), chosen)
