"""Better Auth as it comes from the registry, and databases for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.better_auth.application import installed_in
from tests.database.databases import database
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
