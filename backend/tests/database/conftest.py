"""Databases of a test's own, on the server that all tests share."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.database.databases import SHAPES, database
from todo_backend.database import migrate
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture
async def empty(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A database with nothing in it."""
    async with database(address) as found:
        yield found


@pytest_asyncio.fixture
async def migrated(empty: ConnectArgs) -> ConnectArgs:
    """A database of its own that has run the real migrations."""
    await migrate.up(empty, SHAPES)
    return empty
