"""Entries that count what is asked of them."""

from collections.abc import Iterator

from tokenfall.markdown.lines import Line, Run


class Counted:
    """`tall` lines that say which they are; `laid` counts how often they were made, `forgotten` how often they were let go."""

    def __init__(self, name: str, tall: int) -> None:
        self.name = name
        self.tall = tall
        self.laid = 0
        self.forgotten = 0

    @property
    def source(self) -> str:
        return self.name

    def estimate(self, width: int) -> int:
        return 3

    def laying(self, width: int) -> Iterator[None]:
        yield None

    def height(self, width: int) -> int:
        self.laid += 1
        return self.tall

    def line(self, width: int, y: int) -> Line:
        assert 0 <= y < self.tall
        return Line((), (Run(f"{self.name}.{y}"),))

    def forget(self) -> None:
        self.forgotten += 1
