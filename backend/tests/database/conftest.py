"""Databases of a test's own, on the server that all tests share."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from tests.database.databases import SHAPE, SHAPES, database, opened, session
from todo_backend.database import migrate
from todo_backend.database.tasks import TaskFunctions
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


@pytest_asyncio.fixture
async def truth(empty: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's session in the test's own database: it sees everything there."""
    async with session(empty) as connection:
        yield connection


@pytest_asyncio.fixture
async def tasks(address: ConnectArgs) -> AsyncIterator[TaskFunctions]:
    """The task functions in the shared database, over several connections."""
    async with opened(address, pool_size=6) as found:
        yield found.tasks(SHAPE)
