"""Processes that sign people in, on the database that the tests share."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.database.databases import opened
from tests.support.accounts import Process, process_over
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture
async def process(address: ConnectArgs) -> AsyncIterator[Process]:
    """One process, with a pool of several connections."""
    async with opened(address, pool_size=4) as database:
        yield process_over(database)


@pytest_asyncio.fixture
async def neighbour(address: ConnectArgs) -> AsyncIterator[Process]:
    """Another process, with a pool and a memory of its own."""
    async with opened(address, pool_size=2) as database:
        yield process_over(database)
