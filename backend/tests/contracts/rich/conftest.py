"""Users of the rich contract, in a deployment that serves it alone."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.contracts.rich.lists import RichCaller, fresh_rich_caller
from tests.support.server import Served, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture(scope="package")
async def rich(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    """The contract on a port of its own."""
    del address  # migrated before the server starts
    async with serving(environment(postgres.url, API_CONTRACTS="rich")) as served:
        yield served


@pytest_asyncio.fixture
async def alice(rich: Served) -> AsyncIterator[RichCaller]:
    """A user that the database has never seen."""
    async with fresh_rich_caller(rich.url, "alice") as caller:
        yield caller


@pytest_asyncio.fixture
async def bob(rich: Served) -> AsyncIterator[RichCaller]:
    """Another user that the database has never seen."""
    async with fresh_rich_caller(rich.url, "bob") as caller:
        yield caller
