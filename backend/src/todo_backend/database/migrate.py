"""Brings a database to the schema of this release, and back.

Each step is one transaction under one advisory lock: two starters migrate once, a killed one leaves
no step half done, and a transaction pooler between here and the server is no obstacle. An empty
database is one step; one that may be in use takes a revision at a time, and requests between them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from todo_backend.database import functions
from todo_backend.database.functions import VERSION_TABLE, FunctionSet
from todo_backend.database.pool import UNREACHABLE, is_passing
from todo_backend.database.reach import DatabaseUnfit
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

# Any number will do, as long as every release of this product takes the same one.
_LOCK: Final = 7_305_808_869_229_537_135
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.0
# A server that sleeps when idle needs a moment; one that swallows packets would take a minute.
_SHORTEST_TRY_SECONDS: Final = 5.0
# Whoever waits for a table holds up everybody who comes later. Somebody who has the table for long,
# such as a backup, is waited for without that: by trying again.
_LOCK_TIMEOUT: Final = "200ms"
_BUSY_SECONDS: Final = 1.0
_log: Final = structlog.get_logger("todo_backend.migrate")


class _Busy(DatabaseUnavailable):
    """Somebody else has a lock that is needed."""


@dataclass(frozen=True, slots=True)
class Report:
    """Where the database stands: Alembic revisions, and the function schemas that are missing."""

    revision: str | None
    head: str
    missing: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        return self.revision == self.head and not self.missing


async def up(
    args: ConnectArgs, function_sets: Collection[FunctionSet], *, wait_seconds: float = 0
) -> Report:
    """Migrate to this release's tables and functions; wait for the database that long.

    Tables of a later release stay as they are, and so do its functions: a process of the release
    before may start anew while a deployment rolls.
    Raises: DatabaseUnavailable when it is still away then, or goes away; asyncpg.PostgresError
    when it refuses; DatabaseUnfit when it can't hold every text.
    """
    said = False
    while True:
        try:
            report = await _step(args, function_sets, wait_seconds=wait_seconds)
        except _Busy:
            if not said:
                _log.warning("somebody else has locked what is to be migrated: trying again")
            said = True
            await asyncio.sleep(_BUSY_SECONDS)
        else:
            if report is not None:
                return report


async def _step(
    args: ConnectArgs, function_sets: Collection[FunctionSet], *, wait_seconds: float
) -> Report | None:
    """Take one step; None where there are more."""
    async with _locked(args, wait_seconds=wait_seconds) as connection:
        driver = await _driver(connection)
        await _require_unicode(driver)
        revision = await connection.run_sync(_revision)
        following = await connection.run_sync(_following)
        if revision is not None and revision in following:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            await connection.run_sync(_upgrade, following[revision])
            return None
        is_ours = revision is None or revision in following.values()
        if revision is None:
            await connection.run_sync(_upgrade, "head")
        for each in function_sets:
            await functions.install(driver, each)
        if is_ours:
            await functions.prune(driver, {each.schema for each in function_sets})
        return await _report(connection, function_sets)


async def down(args: ConnectArgs, *, revision: str = "base", wait_seconds: float = 0) -> None:
    """Take the tables back to `revision`. Functions go whole: they are made again by `up`.

    Raises: DatabaseUnavailable as `up` does.
    """
    async with _locked(args, wait_seconds=wait_seconds) as connection:
        await functions.drop_all(await _driver(connection))
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


async def status(
    args: ConnectArgs, function_sets: Collection[FunctionSet], *, wait_seconds: float = 0
) -> Report:
    """Tell where the database stands and change nothing.

    Raises: DatabaseUnavailable as `up` does.
    """
    async with _connected(args, wait_seconds=wait_seconds) as connection:
        return await _report(connection, function_sets)


async def _require_unicode(driver: asyncpg.Connection) -> None:
    encoding = await driver.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnfit(
            f"the database's encoding is {encoding}, which can't hold every title: name one in "
            "DATABASE_URL that was made WITH ENCODING 'UTF8'"
        )


async def _report(connection: AsyncConnection, function_sets: Collection[FunctionSet]) -> Report:
    revision = await connection.run_sync(_revision)
    head = await connection.run_sync(lambda sync: _scripts(sync).get_current_head())
    present = set(
        await connection.scalars(
            text("SELECT nspname FROM pg_namespace WHERE nspname = ANY (:names)"),
            {"names": [each.schema for each in function_sets]},
        )
    )
    missing = tuple(each.schema for each in function_sets if each.schema not in present)
    return Report(revision=revision, head=head or "", missing=missing)


def _upgrade(connection: Connection, revision: str) -> None:
    command.upgrade(_config(connection), revision)


def _following(connection: Connection) -> dict[object, str]:
    """Return each revision of this release by the one before it; the first one's is None."""
    scripts = _scripts(connection).walk_revisions()
    return {script.down_revision: script.revision for script in scripts}


def _revision(connection: Connection) -> str | None:
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _scripts(connection: Connection) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(connection))


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, asyncpg.Connection)  # noqa: S101 - narrows the type for mypy
    return driver


@asynccontextmanager
async def _locked(args: ConnectArgs, *, wait_seconds: float) -> AsyncIterator[AsyncConnection]:
    async with _connected(args, wait_seconds=wait_seconds) as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection


@asynccontextmanager
async def _connected(args: ConnectArgs, *, wait_seconds: float) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: _connect(args, deadline=time.monotonic() + wait_seconds),
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as connection:
            # Whatever path the database or the user has: a schema of the user's own name comes
            # first in the usual one.
            await connection.execute(text(f"SET LOCAL search_path = {functions.TABLES}"))
            yield connection
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _fact(error) from None
    finally:
        await engine.dispose()


def _fact(error: Exception) -> Exception:
    """Say what has gone wrong without SQLAlchemy's words, which hold the statement."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    if isinstance(cause, asyncpg.LockNotAvailableError):
        return _Busy(type(cause).__name__)
    if isinstance(cause, asyncpg.PostgresError) and not is_passing(cause):
        return cause
    return DatabaseUnavailable(type(cause).__name__)


async def _connect(args: ConnectArgs, *, deadline: float) -> asyncpg.Connection:
    pause = _FIRST_PAUSE_SECONDS
    # Without a cache asyncpg names no statement; behind a transaction pooler, the names that an
    # earlier process used are still taken.
    keywords = {"timeout": _SHORTEST_TRY_SECONDS, "statement_cache_size": 0, **args.kwargs()}
    while True:
        try:
            return await asyncpg.connect(**keywords)
        except UNREACHABLE as error:
            if time.monotonic() + pause > deadline:
                raise DatabaseUnavailable(type(error).__name__) from error
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
