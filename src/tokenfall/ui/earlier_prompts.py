"""Going back through earlier prompts: page by page, or by what is in them. No widget in here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from tokenfall.filters import visible

_SEARCHED = 20_000
"""Characters of a prompt that a search looks at."""


class HistoryWalk:
    """Up and Down through the prompts. The draft is the page after the last; what was changed on a page stays there."""

    def __init__(self, entries: list[str]) -> None:
        self._entries = entries
        self._visited: dict[int, str] = {}
        self._page = len(entries)
        self.brought = ""
        """The document that was stepped to last."""

    def step(self, by: int, document: str, bring: Callable[[str], str]) -> str | None:
        """The document of the page `by` further, or None where there is none.

        `document` is the page that is left; `bring` makes a document of an entry.
        """
        page = self._page + by
        if not 0 <= page <= len(self._entries):
            return None
        self._visited[self._page] = document
        self._page = page
        self.brought = self._visited[page] if page in self._visited else bring(self._entries[page])
        return self.brought


@dataclass(frozen=True)
class HistorySearch:
    """`entries` are the newest first; `document` and `cursor` are the prompt to come back to."""

    entries: tuple[str, ...]
    document: str
    cursor: tuple[int, int]
    query: str = ""
    place: int = 0

    @cached_property
    def found(self) -> list[str]:
        wanted = self.query.casefold()
        return [entry for entry in self.entries if wanted in entry[:_SEARCHED].casefold()] if wanted else []

    def asking(self, query: str) -> "HistorySearch":
        return replace(self, query=query, place=0)

    def older(self) -> "HistorySearch":
        return replace(self, place=min(self.place + 1, max(0, len(self.found) - 1)))

    @property
    def indicator(self) -> str:
        if not self.query:
            return "search history: type what to look for"
        result = f"{self.place + 1} of {len(self.found)}" if self.found else "nothing found"
        return f"search history: {visible(self.query, newlines=False)} ({result})"
