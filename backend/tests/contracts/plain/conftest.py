"""A deployment of the plain contract, and its users."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from tests.support.client import client_for
from tests.support.server import Served, environment, serving
from tests.support.users import Caller, fresh_caller
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture(scope="session")
async def served(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    """In place of the default deployment, which has another contract at the same addresses."""
    del address  # migrated before the server starts
    async with serving(environment(postgres.url, API_CONTRACTS="plain")) as running:
        yield running


@pytest_asyncio.fixture
async def nobody(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends no token."""
    async with client_for(served.url) as client:
        yield client


@pytest_asyncio.fixture
async def odd_user(served: Served) -> AsyncIterator[Caller]:
    """A user whose id needs escaping, whoever writes it."""
    async with fresh_caller(served.url, 'quote" slash/ \u00e9 ') as caller:
        yield caller
