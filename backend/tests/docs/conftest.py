"""The application of docs/better-auth.md, and a database for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients import node
from tests.database.databases import database
from tests.docs import page_app
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture(scope="session")
async def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's application, installed and compiled."""
    if not node.is_here():
        pytest.skip("needs Node 20 or newer, and npm")
    folder = tmp_path_factory.mktemp("page_app")
    await page_app.install(folder)
    await page_app.build(folder)
    return folder


@pytest_asyncio.fixture
async def empty(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A database with nothing in it."""
    async with database(address) as found:
        yield found
