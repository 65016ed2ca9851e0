"""A database for each run, copied from one that is migrated and never used."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from tests.database.databases import SHAPES, database, session
from tests.isolation.stage import copied
from todo_backend.database import migrate
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture(scope="session")
async def model(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A migrated database that is only copied: nobody connects to it."""
    async with database(address) as found:
        await migrate.up(found, SHAPES)
        yield found


@pytest_asyncio.fixture
async def stage(model: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A migrated database of the test's own."""
    async with copied(model) as found:
        yield found


@pytest_asyncio.fixture
async def truth(stage: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's session there: it sees every row."""
    async with session(stage) as connection:
        yield connection
