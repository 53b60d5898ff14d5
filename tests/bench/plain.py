"""The barest chat screen that Textual's own widgets make, as a measure for start-up. It talks to nobody."""

import httpx
import httpx_sse
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Markdown, Static


class Plain(App[None]):
    CSS = "VerticalScroll { height: 1fr; } Static { height: 1; }"

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Markdown()
        yield Input(placeholder="ask me")
        yield Static(f"ready, httpx {httpx.__version__}, httpx-sse {httpx_sse.__version__}")


if __name__ == "__main__":
    Plain().run()
