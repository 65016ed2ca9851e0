"""A real PostgreSQL that has run the real migrations, the real server on it, and users of it.

Tests commit. What keeps them apart is that each has users of its own.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.support.canary import SUITE
from tests.support.client import client_for
from tests.support.clock import Clock
from tests.support.pace import PACE
from tests.support.server import Served, environment, serving
from tests.support.users import Caller, fresh_caller
from todo_backend.contracts import CONTRACTS
from todo_backend.database import migrate
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.web.contract import function_sets


@pytest.fixture(scope="session", autouse=True)
def _no_secret_comes_out() -> Iterator[None]:
    """Fail the run if a log or an answer of any of its servers holds what is secret."""
    # The client shares its process with the server, and tells every address that it asks.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).disabled = True
    yield
    leaks = SUITE.leaks()
    assert leaks == [], "\n".join(leaks[:20])


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest_asyncio.fixture(scope="session")
async def pace() -> AsyncIterator[None]:
    """Have the pace of the machine taken, for who measures times (tests/support/pace.py)."""
    async with PACE.kept():
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The server, for tests that make databases and roles of their own."""
    folder: Path = tmp_path_factory.mktemp("postgres")
    SUITE.watch("PostgreSQL", (folder / "postgres.log").read_text)
    with EmbeddedPostgres.start(folder, options={"fsync": "off"}) as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def address(postgres: EmbeddedPostgres) -> ConnectArgs:
    """The migrated database that the tests share."""
    found = parse(postgres.url)
    await migrate.up(found, function_sets(CONTRACTS.values()))
    return found


@pytest_asyncio.fixture
async def superuser(address: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A connection that row-level security doesn't bind: it sees what is really there."""
    connection = await asyncpg.connect(**address.kwargs())
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session")
async def served(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    """The default deployment on a port of its own."""
    del address  # migrated before the server starts
    async with serving(environment(postgres.url)) as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def anonymous(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends no token."""
    async with client_for(served.url) as client:
        yield client


@pytest_asyncio.fixture
async def alice(served: Served) -> AsyncIterator[Caller]:
    """A user that the database has never seen."""
    async with fresh_caller(served.url, "alice") as caller:
        yield caller


@pytest_asyncio.fixture
async def bob(served: Served) -> AsyncIterator[Caller]:
    """Another user that the database has never seen."""
    async with fresh_caller(served.url, "bob") as caller:
        yield caller
