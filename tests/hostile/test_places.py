"""Everything that attacks a terminal, in every place of the program that shows text: on its pty nothing acts."""

import json
import random
from pathlib import Path

from tests.byteserver import Close, Hold, Script, Send, json_response, response, sse_event, sse_response
from tests.hostile.chatting import COLUMNS, LINES, Chat, deltas, hostile_chat, markers, reply, split
from tests.hostile.payloads import MARKUP, RAW, TERMINAL, batches, one_line
from tests.test_chat import REPLY

PAYLOADS = [one_line(text) for text in TERMINAL.values()] + [f"K{number:03} {text}" for number, text in enumerate(MARKUP)]
SEEN = markers(PAYLOADS)

IN_REPLY = {
    "plain": ("{}", "{}"),
    "heading": ("## {}", "{}"),
    "item": ("- {}", "{}\n"),
    "number": ("1. {}", "{}\n   "),
    "quote": ("> {}", "{}\n> "),
    "task": ("- [ ] {}", "{}"),
    "cell": ("|a|b|\n|-|-|\n{}", "|{}|x|\n"),
    "head": ("|{}|b|\n|-|-|\n|1|2|", "{}"),
    "fence": ("```\n{}```", "{}\n"),
    "highlighted": ("```python\n{}```", "{}\n"),
    "indented": ("{}", "    {}\n"),
    "link text": ("{}", "[{}](http://e.example/)"),
    "title": ("{}", '[x](http://e.example/ "{}")'),
    "definition": ("[x{0}]\n\n[x{0}]: http://e.example/{0}", "{}"),
    "autolink": ("{}", "<http://e.example/{}>"),
    "image": ("{}", "![{}](http://e.example/)"),
    "code span": ("{}", "`{}`"),
    "html": ("{}", "<b onclick='{}'>{}</b>"),
    "strong": ("{}", "**{}**"),
    "nested": ("> - > 1. {}", "{}"),
    "math": ("$$\n{}\n$$", "{}"),
}
"""How a payload stands in a block, and the block around several of them."""

AT_A_KEY = (
    "```{}\nx\n```", "[x](http://e.example/{})", "[x](<http://e.example/{}>)", "![x](http://e.example/{})", "[x](javascript:{})",
    "[x](http://{}.example/)", "<http://e.example/{}>",
)  # fmt: skip
"""What shows when the keys lead there."""


def in_blocks(places: dict[str, tuple[str, str]], payloads: list[str]) -> str:
    groups = [payloads[at : at + 12] for at in range(0, len(payloads), 12)]
    texts: list[str] = []
    for place, (block, inline) in places.items():
        joined = (" ".join(inline.replace("{}", text) for text in group) for group in groups)
        texts += [f"{place}:", *(block.replace("{}", text).replace("{0}", text) for text in joined)]
    return "\n\n".join(texts)


def test_in_a_reply(tmp_path: Path) -> None:
    """Whole, and cut at random, in every kind of block."""
    rng = random.Random("reply")
    texts = in_blocks(IN_REPLY, PAYLOADS), in_blocks(IN_REPLY, PAYLOADS[::4])
    scripts: list[Script] = [reply(deltas(split(texts[0], "whole")), rng), reply(deltas(split(texts[1], "random"), ascii_only=False), rng)]
    with hostile_chat(tmp_path, *scripts) as chat:
        chat.ask("math:")
        seen = chat.pages()
        assert {marker for marker in SEEN if seen.count(marker) < len(IN_REPLY) // 2} == set()
        chat.ask("math:", "again")


def test_character_by_character_and_in_bytes_that_are_no_text(tmp_path: Path) -> None:
    rng = random.Random("characters")
    text = " ".join(PAYLOADS)
    delta = sse_event(json.dumps({"choices": [{"index": 0, "delta": {"content": "@ "}}]}))
    scripts: list[Script] = [
        reply(deltas(split(text, "characters")), rng, at_once=20),
        reply(deltas(split(text, "characters"), field="reasoning_content", ascii_only=False), rng, at_once=20),
        reply([*deltas(split(text, "random"), field="reasoning"), *(delta.replace(b"@", each) for each in RAW), *deltas(["the end"])], rng),
    ]
    scripts += [[Send(sse_response(*deltas([f"begun{number}"]), each, last=True))] for number, each in enumerate(NO_EVENTS)]
    with hostile_chat(tmp_path, *scripts) as chat:
        chat.ask("K012")
        chat.ask("thought for")
        chat.ask("the end")
        assert all(f"R{number:02}" in chat.screen.text() for number in range(1, len(RAW) + 1))
        chat.draws(lambda: chat.screen.press("ctrl+t"))
        for number in range(len(NO_EVENTS)):
            chat.ask(f"begun{number}")
        seen = chat.pages()
        assert {marker for marker in SEEN if seen.count(marker) < 3} == set()


NO_EVENTS = [
    b"data: \0\n\n", b"id: \0\ndata: {}\n\n", b": \x1b[2J comment\n\n", b"event: \x1b]0;t\x07\ndata: x\n\n", b"\x1b[2J: 1\n\n",
    b'data: {"choices": [{"index": 0, "delta": {"content": "\x1b]0;t\x07"}}]}\n\n', b"data: \xc2\x9b2J\x9b2J\n\n", b"retry: \x1b[2J\n\n",
]  # fmt: skip
"""Events that are not what the wire promises, or none at all."""


def test_where_the_keys_lead(tmp_path: Path) -> None:
    """The rule tells of a code block's language and of a link's address."""
    texts = ["".join(batch.split()) for batch in batches(PAYLOADS, 400)]
    blocks = [block.replace("{}", text) for block in AT_A_KEY for text in texts]
    steps = reply(deltas(["\n\n".join(["[first](http://first.example)", *blocks, "the end"])]), random.Random("keys"))
    with hostile_chat(tmp_path, steps) as chat:
        chat.ask("the end")
        chat.draws(lambda: chat.screen.press("tab"))
        seen: list[str] = []
        while not seen or "first.example" not in seen[-1]:
            seen.append(chat.draws(lambda: chat.screen.press("["), 0.02).split("\n")[-3])
            if "Enter" in seen[-1]:
                chat.draws(lambda: chat.screen.press("enter"), 0.02)
        assert len(seen) > len(texts) * 2
        assert len(markers(seen)) > len(SEEN) / 5


def test_in_errors(tmp_path: Path) -> None:
    """Of a service: in a status, in a header, as JSON, as HTML, as plain text, in the stream; none that would be asked again."""
    texts = batches(PAYLOADS, 400)
    bodies = [body for number, text in enumerate(texts) for body in faults(f"turn{number:02}", text)[: 6 if number % 3 == 0 else 3]]
    heads = [
        b"HTTP/1.1 400 turn \x1b[2J\x9b2J\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 413 Too large\r\nRetry-After: \x1b]0;t\x07\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://\x1b[2J/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: \x1b[2J\x07\r\nContent-Length: 3\r\n\r\n\x1b[H",
        b"\x1b[2J\x1b]0;t\x07\r\n\r\n",
    ]
    scripts: list[Script] = [[Send(body)] for _, body in bodies]
    scripts += [[Send(head), Close()] for head in heads]
    with hostile_chat(tmp_path, *scripts) as chat:
        for mark, _ in bodies:
            chat.ask(mark)
        for number in range(len(heads)):
            chat.ask(f"head{number}\n(.|\n)*(HTTP|127)", f"head{number}")
        seen = chat.pages()
        assert {marker for marker in SEEN if seen.count(marker) < 3} == set()


def faults(mark: str, text: str) -> list[tuple[str, bytes]]:
    html = f"<html><title>{mark}h {text}</title><body>{text}</body></html>".encode(errors="replace")
    return [
        (f"{mark}j", json_response({"error": {"message": f"{mark}j {text}", "code": text}}, "400 Bad Request")),
        (f"{mark}p", response("403 No", f"{mark}p {text}".encode(errors="replace"), kind="text/plain")),
        (f"{mark}e", sse_response(sse_event(json.dumps({"error": {"message": f"{mark}e {text}"}})), last=True)),
        (f"{mark}d", json_response({"detail": [{"msg": f"{mark}d {text}"}]}, "422 No")),
        (f"HTTP 6{mark[-2:]}", response(f"6{mark[-2:]} No", html, kind="text/html")),
        (f"{mark}t", sse_response(f"event: error\ndata: {mark}t {text}\n\n".encode(errors="replace"), last=True)),
    ]


def test_in_names_of_models(tmp_path: Path) -> None:
    """As the service lists them, as they are typed, and in the list that offers them."""
    listed = json_response({"data": [{"id": payload} for payload in PAYLOADS]})
    answers = [Send(sse_response(*deltas(["an answer"]), sse_event("[DONE]"), last=True))]
    with hostile_chat(tmp_path, [Send(listed)], answers, [Send(listed)], answers, arguments=(), bell=True) as chat:
        chat.ask("an answer")
        assert markers(PAYLOADS[:1]) <= markers([chat.screen.text()])
        seen = chat.draws(lambda: chat.screen.type("/model").press("enter"))
        chat.screen.wait_for("Enter chooses")
        for _ in range(20):  # a page that another one follows at once may never be drawn
            page = chat.draws(lambda: chat.screen.press("home"), 0.02)
            while "K012" not in page:
                page += chat.draws(lambda: chat.screen.press("pagedown"), 0.02)
            seen += page
            if all(marker in seen for marker in SEEN):
                break
        assert {marker for marker in SEEN if marker not in seen} == set()
        for payload in PAYLOADS[:60:3]:
            chat.paste(payload)
        chat.draws(lambda: chat.screen.press("escape"))
        for payload in PAYLOADS:
            chat.paste(f"/model {payload}").press("enter")
        chat.screen.wait_for(r"K012.* answers from now on")
        chat.screen.wait_for(r"^ ready │ .*K012")
        for payload in PAYLOADS[::8]:
            chat.draws(lambda payload=payload: chat.paste(f"/model {payload}").press("enter"), 0.02)  # type: ignore[misc]
        chat.ask("an answer")


TEXTS = batches(PAYLOADS, 500)
"""So long that the prompt shows one whole."""


def shows(chat: Chat, text: str) -> None:
    chat.screen.wait_until(lambda: markers([text]) <= markers([chat.screen.text()]), "the text pasted")


def test_in_the_prompt(tmp_path: Path) -> None:
    """Pasted and typed, sent, queued, put back, and found again in history."""
    with hostile_chat(tmp_path, REPLY, [Send(sse_response(*deltas(["half"]))), Hold()], REPLY) as chat:
        screen = chat.screen
        for text in TEXTS:
            chat.paste(text)
            shows(chat, text)
            screen.press("ctrl+c")
            screen.wait_for("^ Ask anything")
        for text in TYPED:
            screen.type(text)
        screen.wait_for("typed n158")
        screen.press("enter")
        screen.wait_for("An answer")
        chat.screen.type("hold").press("enter")
        screen.wait_for("half")
        for text in TEXTS:
            chat.paste(text).press("enter")
        screen.wait_for("queued(.|\\n)*K012")
        screen.press("ctrl+c")
        screen.wait_for("^ stopped")
        screen.wait_for("pasted .* kB")  # all of it came back, as one long text
        screen.press("ctrl+c", "ctrl+r")
        screen.wait_for("search history")
        for text in PAYLOADS[::5]:
            chat.paste(text[:8])
        chat.draws(lambda: screen.press("escape"))
        for text in reversed(TEXTS):
            screen.press("up")
            shows(chat, text)
            screen.press(*["up"] * 12)
            break
        screen.press("ctrl+c")
        chat.ask("An answer")


def test_in_commands(tmp_path: Path) -> None:
    """As their arguments, as a system prompt, and as words to be found."""
    with hostile_chat(tmp_path, REPLY, bell=True) as chat:
        screen = chat.screen
        for text in PAYLOADS:
            chat.paste(f"/system {text}").press("enter")
        screen.wait_for("The system prompt is: K012")
        chat.paste(f"/system {TEXTS[0]}").press("enter")
        screen.type("/system").press("enter")
        screen.wait_for("Enter accepts")
        chat.paste(TEXTS[1])
        shows(chat, TEXTS[1])
        screen.press("enter")
        screen.wait_gone("Enter accepts")
        for text in (*PAYLOADS[::6], *MARKUP):
            for command in ("/theme ", "/copy ", "/model "):
                chat.paste(command + text).press("enter")
        chat.paste("/מرحبا漢字").press("enter")
        screen.wait_for("There is no command /")
        screen.press("ctrl+c", "ctrl+f")
        screen.wait_for("words in the transcript")
        for text in PAYLOADS[::5]:
            chat.paste(text)
        screen.wait_for("^ find .*K011")
        screen.press("ctrl+u")
        screen.wait_for("words in the transcript")
        screen.type("K01")
        screen.wait_for("K01 .*(earlier|nothing found)")
        screen.press("enter", "escape")
        screen.wait_gone("earlier|nothing found")
        chat.ask("An answer")


TYPED = [text for text in PAYLOADS[:60] if not any(ord(character) < 32 or ord(character) == 127 for character in text)] + ["typed n158"]


def test_markup_that_is_clicked_does_nothing(tmp_path: Path) -> None:
    """Textual runs what stands in `[@click=...]`, where it parses markup."""
    actions = ("app.quit", "app.leave", "quit", "screen.dismiss", "app.bell", "app.help")
    clicks = [f"[@click={action}]{'press me ' * 9}[/]" for action in actions]
    text = "\n\n".join([*clicks, *(f"`{each}` **{each}** [{each}](http://e)" for each in MARKUP), "the end"])
    with hostile_chat(tmp_path, reply(deltas([text]), random.Random("clicks")), REPLY) as chat:
        chat.ask("the end")
        for each in clicks:
            chat.paste(f"/theme {each}").press("enter")
            chat.paste(f"/model {each}").press("enter")
        chat.screen.wait_for("click=app.help.* answers from")
        for y in range(1, LINES + 1):
            for x in range(3, COLUMNS, 31):
                chat.screen.send(b"\x1b[<0;%d;%dM\x1b[<0;%d;%dm" % (x, y, x, y))
        chat.ask("An answer")
