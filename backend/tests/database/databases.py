"""Databases, roles and connections that a test has to itself."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from tests.database.embedded.given import PYTHON_PATH
from todo_backend.contracts import CONTRACTS
from todo_backend.database import migrate
from todo_backend.database.database import Database
from todo_backend.database.pool import Connect, Pool
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.task import NewTask, Rendered, Status, TaskId, Window
from todo_backend.web.contract import function_sets

SHAPE = CONTRACTS["envelope"].shape
SHAPES = function_sets(CONTRACTS.values())
ALL = Window(Status.ALL, 100, 0)

# Longer than anything here takes on a slow machine: it turns a hang into a failure.
PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.01
_STARTER = """
import asyncio, sys
from todo_backend.contracts import CONTRACTS
from todo_backend.database import migrate
from todo_backend.database.url import parse
from todo_backend.web.contract import function_sets

shapes = function_sets(CONTRACTS.values())
asyncio.run(migrate.up(parse(sys.argv[1]), shapes))
"""


def user(name: str) -> Principal:
    """Return a user whom the database has never seen."""
    return Principal(f"{name}-{token_hex(6)}")


def number_of(task: dict[str, Any]) -> TaskId:
    return TaskId(task["id"])


def url_of(args: ConnectArgs) -> str:
    """Spell an address as `DATABASE_URL` does."""
    login = f"{quote(args.user or '', safe='')}:{quote(args.password or '', safe='')}"
    where = f"host={quote(args.hosts[0], safe='')}&port={args.ports[0]}"
    return f"postgresql://{login}@/{args.database}?{where}"


@asynccontextmanager
async def session(args: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection of one's own, as whoever the address names."""
    connection = await asyncpg.connect(**args.kwargs())
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def database(
    server: ConnectArgs, *, owner: str | None = None, options: str = ""
) -> AsyncIterator[ConnectArgs]:
    """Make an empty database on the server, and drop it afterwards with whoever is in it."""
    name = f"test_{token_hex(6)}"
    async with session(server) as connection:
        await connection.execute(f"CREATE DATABASE {name} OWNER {owner or server.user} {options}")
        try:
            yield replace(server, database=name)
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def opened(
    args: ConnectArgs, *, pool_size: int = 4, timeout_seconds: float = 20.0, prepared: bool = True
) -> AsyncIterator[Database]:
    """Open a database as the application does."""
    found = Database(
        pool_size=pool_size, timeout_seconds=timeout_seconds, prepared_statements=prepared
    )
    found.open(args)
    try:
        yield found
    finally:
        await found.close()


@asynccontextmanager
async def engaged(args: ConnectArgs) -> AsyncIterator[AsyncConnection]:
    """Connect as SQLAlchemy does."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(**args.kwargs())
    )
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def migrated_to(args: ConnectArgs, revision: str) -> None:
    """Make the tables as the release of this revision did, without functions."""

    def upgrade(connection: Connection) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
        command.upgrade(config, revision)

    async with engaged(args) as connection:
        await connection.run_sync(upgrade)


def connector(args: ConnectArgs) -> Connect:
    """Return what a pool opens its connections by."""

    async def connect(seconds: float) -> asyncpg.Connection:
        keywords = args.kwargs() | {"timeout": seconds}
        connection: asyncpg.Connection = await asyncpg.connect(**keywords)
        return connection

    return connect


@asynccontextmanager
async def pooled(
    connect: Connect, *, size: int, timeout_seconds: float = PATIENCE_SECONDS
) -> AsyncIterator[Pool]:
    """Open a pool alone, to run statements of the test's own."""
    pool = Pool(connect, size=size, timeout_seconds=timeout_seconds)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def login(
    server: ConnectArgs, attributes: str, *, groups: Collection[str] = ()
) -> AsyncIterator[ConnectArgs]:
    """Make a login role, a member of these groups, with a database that it owns."""
    name, password = f"login_{token_hex(6)}", token_hex(16)
    async with session(server) as superuser:
        await superuser.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' {attributes}")
        try:
            for group in groups:
                await superuser.execute(f"GRANT {group} TO {name}")
            async with database(server, owner=name) as args:
                yield replace(args, user=name, password=password)
        finally:
            await superuser.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


@contextmanager
def starter(args: ConnectArgs) -> Iterator[subprocess.Popen[str]]:
    """Migrate in another process, which is gone afterwards."""
    process = subprocess.Popen(  # noqa: S603 - the test's own program
        [sys.executable, "-c", _STARTER, url_of(args)],
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHON_PATH},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


async def until(condition: Callable[[], Awaitable[object]] | Callable[[], object]) -> None:
    """Wait until it holds. Raises: TimeoutError."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            holds = condition()
            if await holds if isinstance(holds, Awaitable) else holds:
                return
            await asyncio.sleep(_POLL_SECONDS)


async def until_blocked(watcher: asyncpg.Connection, *, sessions: int = 1) -> None:
    """Wait until so many sessions of the watcher's database wait for a lock.

    The watcher must not be in a transaction, which would see the activity of its first look.
    """

    async def is_blocked() -> bool:
        return await _blocked(watcher) >= sessions

    await until(is_blocked)


async def until_called_off(watcher: asyncpg.Connection) -> None:
    """Wait until no session of the watcher's database waits for a lock any more."""

    async def is_called_off() -> bool:
        return await _blocked(watcher) == 0

    await until(is_called_off)


async def _blocked(watcher: asyncpg.Connection) -> int:
    count: int = await watcher.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return count


async def until_alone(watcher: asyncpg.Connection) -> None:
    """Wait until the watcher's session is the only one in its database."""

    async def is_alone() -> bool:
        sessions: int = await watcher.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        )
        return sessions == 1

    await until(is_alone)


async def rows(connection: asyncpg.Connection, owner: str) -> list[tuple[Any, ...]]:
    """Return what is really stored for a user: tasks by id, then the counters."""
    tasks = await connection.fetch("SELECT * FROM tasks WHERE user_id = $1 ORDER BY id", owner)
    counters = await connection.fetch("SELECT * FROM task_counters WHERE user_id = $1", owner)
    return [tuple(row) for row in (*tasks, *counters)]


async def tables(connection: asyncpg.Connection) -> set[str]:
    """Return the names of the tables that there are."""
    found = await connection.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind = 'r'"
    )
    return {name for (name,) in found}


async def use(args: ConnectArgs) -> None:
    """Use the task functions as a new user."""
    owner = user("works")
    async with opened(args, pool_size=1) as db:
        tasks = db.tasks(SHAPE)
        await tasks.create(owner, NewTask("Buy milk", None))
        assert (await tasks.page(owner, ALL, known_versions=None)).total == 1


async def given_task(tasks: TaskFunctions, owner: Principal, title: str = "Buy milk") -> Rendered:
    return await tasks.create(owner, NewTask(title, None))
