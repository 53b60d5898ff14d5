"""Makes the pictures in `screenshots/` from the real program on recorded real streams.

    uv run python -m tests.screenshots            draw them again
    uv run python -m tests.screenshots --record   first record the embedded model's answers anew

A recording is what came out of the socket, byte for byte, with its times; the program reads it from a server on loopback.
"""

import argparse
import asyncio
import base64
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.byteserver import ByteServer, Send, Sleep, Step
from textual.pilot import Pilot

from tokenfall.config import Endpoint, FileConfig, Folders, Options, settings
from tokenfall.local import EmbeddedModel
from tokenfall.terminal.capabilities import TRUECOLOR
from tokenfall.ui.app import ChatApp

ROOT = Path(__file__).parents[1]
RECORDING = Path(__file__).with_name("data") / "streams.json"
QUESTIONS = (
    "How do I read a file in Python? Give a short code example and three bullet points.",
    "Write a Python function for Fibonacci numbers and explain how it works.",
)
SAMPLING = {"temperature": 0.3, "top_p": 0.9, "repeat_penalty": 1.1, "max_tokens": 420, "seed": 5}


async def record() -> None:
    streams = []
    with tempfile.TemporaryDirectory() as folder:
        model = EmbeddedModel(None, Path(folder) / "log")
        endpoint = await model.start()
        assert endpoint.api_key is not None
        for question in QUESTIONS:
            asked = {"messages": [{"role": "user", "content": question}], "stream": True, "stream_options": {"include_usage": True}}
            body = json.dumps({**asked, **SAMPLING}).encode()
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(endpoint.base_url).port)
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
            head += f"Content-Type: application/json\r\nAuthorization: Bearer {endpoint.api_key.reveal()}\r\n\r\n"
            started = time.monotonic()
            writer.write(head.encode() + body)
            chunks = []
            while data := await reader.read(65536):
                chunks.append([round(time.monotonic() - started, 4), base64.b64encode(data).decode()])
            writer.close()
            streams.append({"question": question, "model": model.name, "chunks": chunks})
        await model.stop()
    about = "SmolLM2-135M-Instruct on llama.cpp: seconds since sending, bytes in base64"
    RECORDING.write_text(json.dumps({"about": about, "streams": streams}, indent=0))


def script(stream: dict[str, list[tuple[float, str]]]) -> list[Step]:
    steps: list[Step] = []
    before = 0.0
    for at, data in stream["chunks"]:
        steps += [Sleep(at - before), Send(base64.b64decode(data))]
        before = at
    return steps


Scene = Callable[[ChatApp, Pilot[None]], Awaitable[None]]


async def ask(app: ChatApp, pilot: Pilot[None], question: str, tokens: int | None = None) -> None:
    """Asks and waits for so many tokens, or for the end."""
    app.prompt.insert(question)
    await pilot.press("enter")
    if tokens is None:
        await until(pilot, lambda: not app.session.running and app.status.view.state == "ready")
    else:
        await until(pilot, lambda: app.status.view.clock is not None and app.status.view.clock.tokens >= tokens)


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await pilot.pause(0.01)


async def streaming(app: ChatApp, pilot: Pilot[None]) -> None:
    await ask(app, pilot, QUESTIONS[0])
    await ask(app, pilot, QUESTIONS[1], 180)


async def stopped(app: ChatApp, pilot: Pilot[None]) -> None:
    await ask(app, pilot, QUESTIONS[0])
    await ask(app, pilot, QUESTIONS[1], 60)
    await pilot.press("ctrl+c")


async def themes(app: ChatApp, pilot: Pilot[None]) -> None:
    await ask(app, pilot, QUESTIONS[0])
    app.prompt.insert("/theme")
    await pilot.press("enter")
    await pilot.pause(0.2)
    await pilot.press("down", "down")


async def light(app: ChatApp, pilot: Pilot[None]) -> None:
    app.theme = "light"
    await ask(app, pilot, QUESTIONS[0])
    await ask(app, pilot, QUESTIONS[1])
    app.prompt.insert("/stats")
    await pilot.press("enter")


async def finding(app: ChatApp, pilot: Pilot[None]) -> None:
    await ask(app, pilot, QUESTIONS[0])
    await ask(app, pilot, QUESTIONS[1])
    await pilot.press("ctrl+f", *"number")


async def reading(app: ChatApp, pilot: Pilot[None]) -> None:
    await ask(app, pilot, QUESTIONS[0])
    await ask(app, pilot, QUESTIONS[1])
    await pilot.press("tab", "home", "right_square_bracket")


async def help_keys(app: ChatApp, pilot: Pilot[None]) -> None:
    await pilot.press("f1")


SCENES: dict[str, tuple[tuple[int, int], Scene]] = {
    "streaming-120x40": ((120, 40), streaming),
    "streaming-80x24": ((80, 24), streaming),
    "stopped-80x24": ((80, 24), stopped),
    "themes-80x24": ((80, 24), themes),
    "stats-light-120x40": ((120, 40), light),
    "finding-80x24": ((80, 24), finding),
    "reading-80x24": ((80, 24), reading),
    "help-80x24": ((80, 24), help_keys),
}


async def draw(name: str) -> None:
    size, scene = SCENES[name]
    streams = json.loads(RECORDING.read_text())["streams"]
    with tempfile.TemporaryDirectory() as folder:
        where = Folders(Path(folder) / "config", Path(folder) / "data", Path(folder) / "state")
        async with ByteServer(*map(script, streams)) as server:
            box = Endpoint("box", "openai-chat", server.url, streams[0]["model"])
            app = ChatApp(settings(Options(), FileConfig(endpoints=(box,)), {}, where), TRUECOLOR)
            async with app.run_test(size=size) as pilot:
                await pilot.pause(0.5)
                await scene(app, pilot)
                await pilot.pause(0.3)
                svg = app.export_screenshot(title="tokenfall")
    (ROOT / "screenshots" / f"{name}.svg").write_text(svg)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="record the embedded model's answers anew")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"only these of {', '.join(SCENES)}")
    given = parser.parse_args()
    if given.record:
        await record()
    for name in given.scenes or SCENES:
        await draw(name)
        print(f"screenshots/{name}.svg")


if __name__ == "__main__":
    asyncio.run(main())
