"""A server that counts, and clients at addresses of their own."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from tests.contracts.accounts.given import Member, given_member
from tests.contracts.accounts.limits.limited import counting, from_address, somewhere
from tests.support.server import Served
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture(scope="session")
async def counted(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    """A server behind a proxy, that counts."""
    del address  # migrated before the server starts
    async with counting(postgres) as served:
        yield served


@pytest_asyncio.fixture
async def here(counted: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client at an address of its own."""
    async with from_address(counted, somewhere()) as client:
        yield client


@pytest_asyncio.fixture
async def there(counted: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client at another address."""
    async with from_address(counted, somewhere()) as client:
        yield client


@pytest_asyncio.fixture
async def ann(there: httpx.AsyncClient) -> Member:
    """Somebody with an account, who is there and not here."""
    return await given_member(there)
