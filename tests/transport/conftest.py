"""The transport of a test."""

from collections.abc import AsyncIterator

import pytest

from tokenfall.transport import Transport


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.close()
