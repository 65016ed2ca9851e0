"""Data folders and databases for commands that run as processes of their own."""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import pytest
import pytest_asyncio

from tests.database.databases import SHAPE, SHAPES, database, opened, session, user
from tests.database.embedded.given import QUICK, processes_in
from todo_backend import migrating
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.model.task import NewTask

if sys.platform != "linux":
    collect_ignore_glob = ["test_*"]  # they look into /proc


@pytest_asyncio.fixture(scope="session")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database has been migrated and stopped."""
    data_dir = tmp_path_factory.mktemp("commands") / "data"
    with EmbeddedPostgres.start(data_dir, options=QUICK) as server:
        await migrating.up(parse(server.url), SHAPES)
    return data_dir


@pytest.fixture
def data_dir(template: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that folder; a test that leaves a process on it has failed."""
    copy = shutil.copytree(template, tmp_path / "data")
    yield copy
    assert processes_in(copy) == set()


@pytest.fixture
def no_data(tmp_path: Path) -> Path:
    """A data folder that nobody has made yet."""
    return tmp_path / "data"


@pytest_asyncio.fixture
async def empty(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A database with nothing in it."""
    async with database(address) as found:
        yield found


@pytest_asyncio.fixture(scope="session")
async def model(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A migrated database that is only copied: nobody connects to it."""
    async with database(address) as found:
        await migrating.up(found, SHAPES)
        yield found


@pytest_asyncio.fixture
async def migrated(model: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A database of its own that has run the real migrations."""
    name = f"test_{token_hex(6)}"
    async with session(replace(model, database="postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {model.database}")
        yield replace(model, database=name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def inhabited(migrated: ConnectArgs) -> ConnectArgs:
    """A database with two users and a task each."""
    async with opened(migrated) as found:
        for name in ("alice", "bob"):
            await found.tasks(SHAPE).create(user(name), NewTask("Buy milk", None))
    return migrated


@pytest_asyncio.fixture
async def own_role(inhabited: ConnectArgs) -> AsyncIterator[str]:
    """A login role that may not bypass anything."""
    name = f"plain_{token_hex(4)}"
    async with session(inhabited) as connection:
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' NOBYPASSRLS")
        yield name
        await connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
