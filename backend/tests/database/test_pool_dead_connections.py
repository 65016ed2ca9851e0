"""Connections that died unnoticed: what was never sent is sent over another one, writes too."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import connector, pooled, session, until
from todo_backend.database.pool import Pool
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

SIZE = 4
WRITE = "INSERT INTO written VALUES ($1) RETURNING n"
_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest_asyncio.fixture
async def pool(empty: ConnectArgs) -> AsyncIterator[Pool]:
    async with session(empty) as truth:
        await truth.execute("CREATE TABLE written (n integer)")
    async with pooled(connector(empty), size=SIZE) as found:
        yield found


async def fill(pool: Pool) -> None:
    """Open every connection, and let each have prepared the statement."""
    await asyncio.gather(*(pool.read("SELECT pg_sleep(0.01)") for _ in range(SIZE)))
    assert pool.usage.idle == SIZE


async def end_others(args: ConnectArgs) -> None:
    """End every other session of the database, and wait until they are gone."""
    async with session(args) as connection:
        await connection.execute(f"SELECT pg_terminate_backend(pid) {_OTHERS}")
        await until(lambda: _are_gone(connection))


async def _are_gone(connection: asyncpg.Connection) -> bool:
    return not await connection.fetchval(f"SELECT count(*) {_OTHERS}")


def end_unnoticed(args: ConnectArgs) -> None:
    """Do so while this process's own loop stands still and can't see them go."""
    with ThreadPoolExecutor() as thread:
        thread.submit(asyncio.run, end_others(args)).result()


async def test_fa_03_fa_18_a_write_after_the_server_has_hung_up(
    empty: ConnectArgs, pool: Pool
) -> None:
    """A database that has gone to sleep, or ended its sessions: the first write succeeds, once."""
    for number in range(5):
        await fill(pool)
        end_unnoticed(empty)

        await asyncio.gather(*(pool.write(WRITE, number) for _ in range(SIZE)))

    async with session(empty) as truth:
        counts = await truth.fetch("SELECT count(*) FROM written GROUP BY n")
    assert [count for (count,) in counts] == [SIZE] * 5
    assert pool.usage.open == pool.usage.idle <= SIZE


async def test_fa_03_a_write_that_was_never_sent(empty: ConnectArgs, pool: Pool) -> None:
    """A connection that died before the statement left: the driver knows, and it is sent again."""
    await fill(pool)
    for connection in pool._places.idle:  # noqa: SLF001 - what no client can do
        # As asyncpg leaves it when it has read the farewell and not yet seen the end.
        connection._protocol.abort()  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    assert pool.usage.idle == SIZE

    await pool.write(WRITE, 1)

    async with session(empty) as truth:
        assert await truth.fetchval("SELECT count(*) FROM written") == 1


async def test_fa_05_a_write_that_may_have_happened_is_not_repeated(
    empty: ConnectArgs, pool: Pool
) -> None:
    """Cut off after it was sent: the client is told, because nobody knows."""
    await pool.read("SELECT 1")
    slow = "WITH nap AS (SELECT pg_sleep(30)) INSERT INTO written SELECT 1 FROM nap RETURNING n"
    writing = asyncio.create_task(pool.write(slow))
    async with session(empty) as watcher:
        await until(lambda: _is_busy(watcher))
    await end_others(empty)

    with pytest.raises(DatabaseUnavailable):
        await writing

    async with session(empty) as truth:
        assert await truth.fetchval("SELECT count(*) FROM written") == 0


async def _is_busy(watcher: asyncpg.Connection) -> bool:
    busy: int = await watcher.fetchval(f"SELECT count(*) {_OTHERS} AND state = 'active'")
    return busy > 0
