"""The chat that Textual's own widgets make in forty lines, as a measure: `python -m tests.bench.plain URL`."""

import json
import sys

import httpx
from httpx_sse import aconnect_sse
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Input, Markdown, Static
from textual.worker import Worker


class Plain(App[None]):
    CSS = "VerticalScroll { height: 1fr; } #sign { height: 1; }"
    BINDINGS = [Binding("ctrl+c", "stop", priority=True)]
    reply: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        yield VerticalScroll()
        yield Input(placeholder="ask me")
        yield Static("ready>", id="sign")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.query_one(VerticalScroll).anchor()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.input.value = ""
        self.reply = self.run_worker(self.stream(event.value), exclusive=True)

    def action_stop(self) -> None:
        if self.reply is not None:
            self.reply.cancel()
            self.query_one("#sign", Static).update("stopped>")

    async def stream(self, prompt: str) -> None:
        self.query_one("#sign", Static).update("streaming>")
        await self.query_one(VerticalScroll).mount(markdown := Markdown())
        shown = Markdown.get_stream(markdown)
        url = f"{sys.argv[1]}/chat/completions"
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}]}
        try:
            async with httpx.AsyncClient(timeout=60) as client, aconnect_sse(client, "POST", url, json=body) as source:
                async for event in source.aiter_sse():
                    if event.data != "[DONE]" and (choices := json.loads(event.data)["choices"]):
                        await shown.write(choices[0]["delta"].get("content") or "")
        finally:
            await shown.stop()
        self.query_one("#sign", Static).update("ready>")


if __name__ == "__main__":
    Plain().run()
