"""What the pool makes of a database that goes away, refuses, or takes something back."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import (
    ALL,
    SHAPE,
    connector,
    opened,
    pooled,
    session,
    until,
    user,
)
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.pool import Pool
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.model.task import NewTask, TaskChange

SIZE = 4
# Fails so often as it is told to, and then succeeds; a sequence takes nothing back.
FAILING = """
CREATE SEQUENCE attempts;
CREATE FUNCTION fail(times integer, state text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE attempt bigint := nextval('attempts');
BEGIN
    IF attempt <= times THEN RAISE EXCEPTION 'on purpose' USING ERRCODE = state; END IF;
    RETURN attempt;
END $$
"""
# Connection, read-only, pooler, not migrated, resources, locks, operator, disk.
PASSING = ["08006", "25006", "26000", "42P05", "3F000", "42501", "53100", "53200", "53300"]
PASSING += ["55P03", "57014", "57P03", "58030"]
# Two that lock the same rows in opposite orders wait for each other, and one of them dies.
COLLIDING = """
CREATE SEQUENCE tries;
CREATE TABLE things AS SELECT id, 0 AS n FROM generate_series(1, 2) id;
CREATE FUNCTION collide(one integer, other integer) RETURNS void LANGUAGE plpgsql
SET deadlock_timeout = '10ms' AS $$ BEGIN
    PERFORM nextval('tries');
    UPDATE things SET n = n + 1 WHERE id = one;
    PERFORM pg_sleep(0.05);
    UPDATE things SET n = n + 1 WHERE id = other;
END $$
"""


@pytest_asyncio.fixture
async def pool(empty: ConnectArgs) -> AsyncIterator[Pool]:
    async with pooled(connector(empty), size=SIZE) as found:
        yield found


async def fill(pool: Pool) -> None:
    """Open every connection that the pool may have."""
    await asyncio.gather(*(pool.read("SELECT pg_sleep(0.01)") for _ in range(SIZE)))
    assert (pool.usage.open, pool.usage.idle) == (SIZE, SIZE)


async def terminate_others(args: ConnectArgs) -> None:
    """End every other session of the database, and wait until they are gone."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with session(args) as connection:
        await connection.execute(f"SELECT pg_terminate_backend(pid) {others}")

        async def are_gone() -> bool:
            return not await connection.fetchval(f"SELECT count(*) {others}")

        await until(are_gone)


def terminate_unnoticed(args: ConnectArgs) -> None:
    """Do so while this process's own loop stands still and can't see them go."""
    with ThreadPoolExecutor() as thread:
        thread.submit(asyncio.run, terminate_others(args)).result()


async def test_fa_03_reads_survive_the_loss_of_every_connection(
    empty: ConnectArgs, pool: Pool
) -> None:
    """A read whose connection turns out dead is sent again over another."""
    for _ in range(3):
        await fill(pool)
        terminate_unnoticed(empty)

        answers = await asyncio.gather(*(pool.read("SELECT $1::int", n) for n in range(SIZE)))

        assert [tuple(answer) for answer in answers] == [(n,) for n in range(SIZE)]


async def test_fa_03_a_write_is_never_sent_twice(empty: ConnectArgs, pool: Pool) -> None:
    """Nobody knows what became of it, so the client is told; what it was told is true."""
    async with session(empty) as truth:
        await truth.execute("CREATE TABLE written (n integer)")
    acknowledged = []

    for n in range(6):
        await fill(pool)
        terminate_unnoticed(empty)
        try:
            await pool.write("INSERT INTO written VALUES ($1) RETURNING n", n)
            acknowledged.append(n)
        except DatabaseUnavailable:
            pass
    await pool.write("INSERT INTO written VALUES (6) RETURNING n")

    async with session(empty) as truth:
        stored = [n for (n,) in await truth.fetch("SELECT n FROM written ORDER BY n")]
    assert len(stored) == len(set(stored))
    assert {*acknowledged, 6} <= set(stored)


async def test_fa_18_idle_connections_that_the_server_closed_are_not_used(
    pool: Pool, truth: asyncpg.Connection
) -> None:
    """A database that sleeps when idle closes them: the next write finds a new one."""
    await truth.execute("CREATE TABLE written (n integer)")
    await fill(pool)
    await truth.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await until(lambda: _ended(truth))
    await asyncio.sleep(0.05)  # the loop reads what the server said

    await pool.write("INSERT INTO written VALUES (1) RETURNING n")

    assert await truth.fetchval("SELECT count(*) FROM written") == 1
    assert pool.usage.open == pool.usage.idle == 1


async def _ended(truth: asyncpg.Connection) -> bool:
    others: int = await truth.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return others == 0


async def test_fa_02_a_server_that_stops_and_starts(tmp_path: Path) -> None:
    """While it is away a request is told so; as soon as it is back the next one succeeds."""
    with EmbeddedPostgres.start(tmp_path, options={"fsync": "off"}) as server:
        args = parse(server.url)
        async with pooled(connector(args), size=SIZE) as pool:
            await fill(pool)

            await asyncio.to_thread(server.stop)
            away = await asyncio.gather(
                *(pool.write("SELECT 1") for _ in range(3 * SIZE)), return_exceptions=True
            )
            back = await asyncio.to_thread(
                EmbeddedPostgres.start, tmp_path, options={"fsync": "off"}
            )
            try:
                (answer,) = await pool.write("SELECT 1")
            finally:
                await asyncio.to_thread(back.stop)

            assert {type(outcome) for outcome in away} == {DatabaseUnavailable}
            assert answer == 1
            assert pool.usage.open <= SIZE


@pytest.mark.parametrize(
    "state",
    [
        pytest.param("40001", id="FA-13-40001"),
        pytest.param("40P01", id="FA-12-40P01"),
        pytest.param("23503", id="FA-41-23503"),
    ],
)
async def test_what_the_server_undid_is_tried_again(
    pool: Pool, truth: asyncpg.Connection, state: str
) -> None:
    """A write too: serialization failure, deadlock, and a user who was deleted meanwhile."""
    await truth.execute(FAILING)

    (attempt,) = await pool.write("SELECT fail(2, $1)", state)
    await truth.execute("SELECT setval('attempts', 1, false)")
    with pytest.raises(DatabaseUnavailable):
        await pool.write("SELECT fail(3, $1)", state)

    assert attempt == 3
    assert pool.usage.open == pool.usage.idle == 1


async def test_fa_12_a_real_deadlock_ends_well(pool: Pool, truth: asyncpg.Connection) -> None:
    """The one that the server picks comes again, and both changes are kept."""
    await truth.execute(COLLIDING)

    await asyncio.gather(pool.write("SELECT collide(1, 2)"), pool.write("SELECT collide(2, 1)"))

    assert [n for (n,) in await truth.fetch("SELECT n FROM things")] == [2, 2]
    assert await truth.fetchval("SELECT last_value FROM tries") > 2


@pytest.mark.parametrize("state", PASSING)
async def test_what_passes_is_a_database_that_is_away(
    pool: Pool, truth: asyncpg.Connection, state: str
) -> None:
    """Full, read-only, locked, stopped by its operator, not migrated: told, and not tried again."""
    await truth.execute(FAILING)

    with pytest.raises(DatabaseUnavailable):
        await pool.write("SELECT fail(1, $1)", state)

    assert await truth.fetchval("SELECT last_value FROM attempts") == 1
    assert (await pool.read("SELECT 1"))[0] == 1


@pytest.mark.parametrize("state", ["22012", "23505", "23514", "42703", "XX000", "P0001"])
async def test_a_defect_is_not_disguised(pool: Pool, truth: asyncpg.Connection, state: str) -> None:
    """What waiting does not mend comes out as it is, and the connection is kept."""
    await truth.execute(FAILING)

    with pytest.raises(asyncpg.PostgresError) as error:
        await pool.write("SELECT fail(1, $1)", state)

    assert error.value.sqlstate == state
    assert pool.usage.open == pool.usage.idle == 1


async def test_fa_11_a_lock_that_is_not_granted(pool: Pool, truth: asyncpg.Connection) -> None:
    """Somebody holds the table: the request gives up its place in time, and reads go on."""
    await truth.execute(
        "CREATE TABLE held (n integer);"
        "CREATE FUNCTION patient() RETURNS void LANGUAGE sql SET lock_timeout = '20ms'"
        " BEGIN ATOMIC INSERT INTO held VALUES (1); END"
    )

    async with truth.transaction():
        await truth.execute("LOCK TABLE held IN SHARE MODE")
        with pytest.raises(DatabaseUnavailable, match="LockNotAvailableError"):
            await pool.write("SELECT patient()")
        (count,) = await pool.read("SELECT count(*) FROM held")

    assert count == 0
    assert pool.usage.open == pool.usage.idle == 1


@pytest.mark.slow
async def test_fa_11_a_task_that_somebody_holds(migrated: ConnectArgs) -> None:
    """The functions that change a row wait for it for less than the request's time."""
    owner = user("alice")
    async with opened(migrated) as db, session(migrated) as holder:
        tasks = db.tasks(SHAPE)
        task = await tasks.create(owner, NewTask("Buy milk", None))
        await holder.execute("BEGIN; SELECT FROM tasks FOR UPDATE")

        renamed = TaskChange(title="Oat milk")
        refusals = await asyncio.gather(
            tasks.change(owner, task.task_id, renamed, if_versions=None),
            tasks.toggle(owner, task.task_id, if_versions=None),
            tasks.delete(owner, task.task_id, if_versions=None),
            return_exceptions=True,
        )

        reasons = [getattr(refusal, "reason", refusal) for refusal in refusals]
        assert reasons == ["LockNotAvailableError"] * 3
        assert (await tasks.get(owner, task.task_id)) == task


async def test_fa_14_a_database_that_turns_read_only(migrated: ConnectArgs) -> None:
    """After a failover to a standby writes are refused and reads go on."""
    owner = user("alice")
    async with opened(migrated) as db, session(migrated) as operator:
        await db.tasks(SHAPE).create(owner, NewTask("Buy milk", None))
        await operator.execute(
            f"ALTER DATABASE {migrated.database} SET default_transaction_read_only = on"
        )
    async with opened(migrated) as db:
        tasks = db.tasks(SHAPE)

        with pytest.raises(DatabaseUnavailable, match="ReadOnlySQLTransactionError"):
            await tasks.create(owner, NewTask("Buy bread", None))
        page = await tasks.page(owner, ALL, known_versions=None)

    assert page.total == 1
