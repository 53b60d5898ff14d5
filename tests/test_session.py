"""Where turns go: an endpoint gets its key and its model when they are first needed."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tokenfall import config
from tokenfall.config import Endpoint, FileConfig, Folders, Options, Settings
from tokenfall.config.rows import KeyCommand
from tokenfall.errors import UserError
from tokenfall.session import Service
from tokenfall.transport import Transport

CEILING = 20.0
"""Seconds; only a hang takes so long."""


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.close()


def settings(folder: Path, command: str) -> Settings:
    source = KeyCommand("command", ("/bin/sh", "-c", command))
    file = FileConfig(endpoints=(Endpoint("x", "openai-chat", "https://x.test", "m", api_key_from=source),))
    return config.settings(Options(), file, {}, Folders(folder, folder, folder))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(CEILING):
        while not true():  # noqa: ASYNC110  another process is waited for
            await asyncio.sleep(0.005)


async def test_a_command_runs_when_its_key_is_first_needed(tmp_path: Path, transport: Transport) -> None:
    ran = tmp_path / "ran"
    service = Service(settings(tmp_path, f"echo >> {ran}; echo k-1"), transport)
    assert not ran.exists()
    for _ in range(2):
        endpoint = await service.route()
        assert endpoint.api_key is not None
        assert endpoint.api_key.reveal() == "k-1"
    assert ran.read_text() == "\n"


async def test_a_key_that_was_not_had_is_asked_for_again(tmp_path: Path, transport: Transport) -> None:
    service = Service(settings(tmp_path, f"cat {tmp_path}/key"), transport)
    with pytest.raises(UserError, match="The key for x is the first line that the command command prints, which ended with 1"):
        await service.route()
    (tmp_path / "key").write_text("k-1\n")
    assert (await service.route()).api_key is not None


async def test_a_turn_that_is_stopped_ends_the_command(tmp_path: Path, transport: Transport) -> None:
    service = Service(settings(tmp_path, f"echo $$ > {tmp_path}/begun; mv {tmp_path}/begun {tmp_path}/pid; sleep 100"), transport)
    routing = asyncio.create_task(service.route())
    await until((tmp_path / "pid").exists)
    routing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await routing
    pid = int((tmp_path / "pid").read_text())

    def ended() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    await until(ended)
