"""Each registered contract in a deployment of its own, and its users."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.contracts import invariants, records
from tests.contracts.drivers import DRIVERS, Driver
from tests.contracts.people import Deployment, Person, fresh_id, signed_in, visiting
from tests.support.server import environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


@pytest.fixture(scope="session", autouse=True)
def _every_answer_is_logged_once() -> Iterator[None]:
    """Fail the run if an answer has no line of its own in the log, or no id of its own."""
    yield
    assert records.SUITE.problems() == []


@pytest_asyncio.fixture(scope="session", autouse=True)
async def _database_is_left_in_order(address: ConnectArgs) -> AsyncIterator[None]:
    """Fail the run if it leaves behind what can't be, in rows or in open transactions."""
    yield
    connection = await asyncpg.connect(**address.kwargs())
    found = await invariants.problems(connection)
    await connection.close()
    assert found == []


@pytest.fixture(scope="session", params=DRIVERS, ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest) -> Driver:
    """Every contract in turn."""
    found: Driver = request.param
    return found


@pytest_asyncio.fixture(scope="session")
async def deployment(
    driver: Driver, postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[Deployment]:
    """A server for the contract alone, since others may share its URLs."""
    del address  # migrated before the server starts
    async with serving(environment(postgres.url, API_CONTRACTS=driver.name)) as served:
        yield Deployment(driver, served)


@pytest_asyncio.fixture
async def user(deployment: Deployment) -> AsyncIterator[Person]:
    """Somebody whom the database has never seen."""
    async with signed_in(deployment, fresh_id("user")) as person:
        yield person


@pytest_asyncio.fixture
async def stranger(deployment: Deployment) -> AsyncIterator[Person]:
    """Somebody else."""
    async with signed_in(deployment, fresh_id("stranger")) as person:
        yield person


@pytest_asyncio.fixture
async def nobody(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with visiting(deployment, None) as client:
        yield client
