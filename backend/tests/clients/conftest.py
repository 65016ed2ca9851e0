"""The TypeScript client with its tools, where the machine has Node."""

import pytest
import pytest_asyncio

from tests.clients import node


@pytest_asyncio.fixture(scope="session", autouse=True)
async def _installed() -> None:
    if not node.is_here():
        pytest.skip("needs Node 20 or newer, and npm")
    await node.install()
