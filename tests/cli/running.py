"""The program as a process of its own, with folders of its own."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path

CEILING = 60.0
"""Seconds; only a hang takes so long."""


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Program:
    """`command` is what starts it; its configuration and data are in `folder`."""

    folder: Path
    command: tuple[str, ...] = (sys.executable, "-m", "tokenfall")

    def configure(self, text: str) -> Path:
        path = self.folder / "config.toml"
        path.write_text(text)
        return path

    def env(self, **changes: str) -> dict[str, str]:
        hidden = ("TOKENFALL_", "NO_COLOR", "FORCE_COLOR")
        folders = {"TOKENFALL_CONFIG": str(self.folder), "TOKENFALL_DATA": str(self.folder / "data")}
        return {name: value for name, value in os.environ.items() if not name.startswith(hidden)} | folders | changes

    async def run(self, *arguments: str, stdin: bytes = b"", **changes: str) -> Outcome:
        """To its end, with pipes for standard input and output."""
        process = await asyncio.create_subprocess_exec(
            *self.command, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self.env(**changes)
        )
        return await outcome(process, stdin)

    async def start(self, *arguments: str, stdout: int = PIPE, **changes: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *self.command, *arguments, stdin=DEVNULL, stdout=stdout, stderr=PIPE, env=self.env(**changes)
        )


async def outcome(process: Process, stdin: bytes | None = None) -> Outcome:
    """What the process printed from now on, and its exit code."""
    try:
        printed, complaints = await asyncio.wait_for(process.communicate(stdin), CEILING)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Outcome(process.returncode, (printed or b"").decode(), complaints.decode())
