"""Members of the default deployment."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from tests.contracts.accounts.given import Member, given_member
from tests.support.server import Served


@pytest_asyncio.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A front end."""
    async with httpx.AsyncClient(base_url=served.url, timeout=30) as found:
        yield found


@pytest_asyncio.fixture
async def ann(client: httpx.AsyncClient) -> Member:
    """Somebody who has just signed up."""
    return await given_member(client)


@pytest_asyncio.fixture
async def ben(client: httpx.AsyncClient) -> Member:
    """Somebody else who has."""
    return await given_member(client, name="Ben")
