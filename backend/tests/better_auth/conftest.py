"""Better Auth as it comes from the registry, and databases for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.better_auth.application import ALGORITHMS, Issuer, installed_in, running
from tests.database.databases import database, url_of
from todo_backend.database.url import ConnectArgs


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that real applications are started from."""
    return installed_in(tmp_path_factory.mktemp("better_auth"))


@pytest_asyncio.fixture
async def empty(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A database with nothing in it."""
    async with database(address) as found:
        yield found


@pytest_asyncio.fixture(scope="session", params=ALGORITHMS)
async def issuer(
    request: pytest.FixtureRequest, installed: Path, address: ConnectArgs
) -> AsyncIterator[Issuer]:
    """An application for each algorithm of its keys, which the tests share."""
    async with (
        database(address) as home,
        running(installed, url_of(home), KEY_ALG=request.param) as app,
    ):
        yield Issuer(app, home, request.param)
