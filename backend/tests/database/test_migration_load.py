"""The way to this release under the feet of the first one, which goes on serving."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import asyncpg
import pytest

from tests.database.databases import SHAPES, migrated_to, rows, session, starter
from tests.database.test_upgrades import FIRST, OldServer
from todo_backend import migrating
from todo_backend.database import functions, migrate
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal

TASKS: Final = 100_000
USERS: Final = 100
PER_SECOND: Final = 200
CONNECTIONS: Final = 16
STALL_MAX_SECONDS: Final = 1.0
BACKUP_SECONDS: Final = 3.0
FILL: Final = f"""
INSERT INTO users (id) SELECT 'user-' || n FROM generate_series(0, {USERS - 1}) n;
INSERT INTO tasks (user_id, title, description, completed)
    SELECT 'user-' || n % {USERS}, 'Task ' || n || ' ' || md5(n::text), repeat(md5(n::text), 3),
        n % 3 = 0
    FROM generate_series(1, $1) n;
INSERT INTO task_counters (user_id, total, completed, version)
    SELECT user_id, count(*), count(*) FILTER (WHERE completed), 1 FROM tasks GROUP BY user_id;
ANALYZE tasks;
"""  # noqa: S608 - the test's own numbers


@dataclass(slots=True)
class Load:
    """What came of the calls: how long each took since it was due, and what failed."""

    seconds: list[float] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


async def _ask(pool: asyncpg.Pool, number: int, load: Load, due: float) -> None:
    owner = Principal(f"user-{number % USERS}")
    try:
        async with pool.acquire() as connection:
            old = OldServer(connection)
            task = await old.create(owner, f"Made {number}") if number % 4 == 0 else None
            if task is None:
                await old.ids(owner)
            elif number % 8 == 0:
                await old.rename(owner, task, f"RENAMED {number}")
            else:
                await old.delete(owner, task)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        load.errors.append(error)
    load.seconds.append(time.monotonic() - due)


@asynccontextmanager
async def calling(args: ConnectArgs) -> AsyncIterator[Load]:
    """Let the first release be called so often, whatever becomes of the calls before."""
    load, stopping = Load(), asyncio.Event()

    async def call(pool: asyncpg.Pool) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as calls:
            for number in count():
                due = began + number / PER_SECOND
                await asyncio.sleep(max(due - time.monotonic(), 0))
                if stopping.is_set():
                    return
                calls.create_task(_ask(pool, number, load, due))

    async with asyncpg.create_pool(
        **args.kwargs(), min_size=CONNECTIONS, max_size=CONNECTIONS
    ) as pool:
        working = asyncio.create_task(call(pool))
        await asyncio.sleep(1)
        yield load
        await asyncio.sleep(1)
        stopping.set()
        await working


async def given_first_release(args: ConnectArgs, truth: asyncpg.Connection, tasks: int) -> None:
    await migrated_to(args, "0001")
    async with truth.transaction():
        await functions.install(truth, FIRST)
    await truth.execute(FILL.replace("$1", str(tasks)))


@pytest.mark.slow
async def test_fa_44_requests_go_on_while_tables_change(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """None fails and none waits long, though every row is written anew and indexed."""
    await given_first_release(empty, truth, TASKS)

    async with calling(empty) as load:
        with starter(empty) as migration:  # a process of its own, as in a deployment
            _, said = await asyncio.to_thread(migration.communicate)

    print(f"longest {max(load.seconds):.2f} s of {len(load.seconds)} calls")  # noqa: T201 - docs/operations.md has it
    assert migration.returncode == 0, said
    assert (await migrate.status(empty, SHAPES)).is_current
    assert load.errors == []
    assert max(load.seconds) < STALL_MAX_SECONDS
    wrong = "SELECT count(*) FROM tasks WHERE title_key <> lower(title)"
    assert await truth.fetchval(wrong) == 0


@pytest.mark.slow
async def test_fa_44_a_backup_holds_up_the_migration_and_nobody_else(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Somebody reads the tables for long: the migration tries again and again, and gets through."""
    await given_first_release(empty, truth, USERS)

    async with calling(empty) as load, session(empty) as backup:
        await backup.execute("BEGIN; LOCK TABLE users, tasks IN ACCESS SHARE MODE")
        migration = asyncio.create_task(migrating.up(empty, SHAPES))
        await asyncio.sleep(BACKUP_SECONDS)
        is_held_up = not migration.done()
        await backup.execute("ROLLBACK")
        report = await migration

    assert is_held_up
    assert report.is_current
    assert load.errors == []
    assert max(load.seconds) < STALL_MAX_SECONDS
    assert len(await rows(truth, "user-0")) > 1
