"""How long one request may wait for the database: all of its calls together."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import connector, opened, pooled, session, until_blocked
from tests.support.accounts import process_over
from todo_backend.database import allowance
from todo_backend.database.allowance import Allowance
from todo_backend.database.pool import Pool
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

SECONDS = 20.0
NAP = "SELECT pg_sleep(0.2)"
NAP_SECONDS = 0.2


@pytest_asyncio.fixture
async def pool(empty: ConnectArgs) -> AsyncIterator[Pool]:
    async with pooled(connector(empty), size=1) as found:
        yield found


@contextmanager
def allowed(seconds: float) -> Iterator[Allowance]:
    """Do as a request does."""
    before = allowance.begin(seconds)
    try:
        found = allowance.current()
        assert found is not None
        yield found
    finally:
        allowance.end(before)


async def test_calls_of_a_request_share_its_time(pool: Pool) -> None:
    """Each leaves less to the next, and one that fails does too."""
    with allowed(SECONDS) as left:
        await pool.read(NAP)
        after_one = left.seconds
        await pool.write(NAP)
        after_two = left.seconds
        with pytest.raises(asyncpg.DivisionByZeroError):
            await pool.read("SELECT 1 / (pg_sleep(0.2)::text <> '')::int")

    assert after_one <= SECONDS - NAP_SECONDS
    assert after_two <= after_one - NAP_SECONDS
    assert left.seconds <= after_two - NAP_SECONDS


async def test_what_is_left_is_the_time_of_the_next_call(pool: Pool) -> None:
    """However much the pool would give to a call of its own."""
    with allowed(0.1):
        with pytest.raises(DatabaseUnavailable):
            await pool.read("SELECT pg_sleep(60)")
        with pytest.raises(DatabaseUnavailable, match="time is over"):
            await pool.read("SELECT 1")


async def test_without_time_no_connection_is_asked_for(pool: Pool) -> None:
    """Nobody waits in line for what can't be used."""
    with allowed(0), pytest.raises(DatabaseUnavailable, match="time is over"):
        await pool.read("SELECT 1")

    assert pool.usage.open == 0


async def test_a_list_that_is_on_its_way_has_time_for_each_chunk(pool: Pool) -> None:
    """How long a client takes to read it is not held against it."""
    with allowed(0):
        allowance.lift()
        answer = await pool.read("SELECT 1")

    assert answer[0] == 1
    assert allowance.current() is None


async def test_an_answer_that_many_wait_for(migrated: ConnectArgs) -> None:
    """Who has no time left goes without it, and the others get it, whoever asked first."""
    async with opened(migrated) as db, session(migrated) as holder, session(migrated) as watcher:
        process = process_over(db)
        pair = await process.sign_up()

        async def ask(seconds: float) -> str:
            with allowed(seconds):
                return (await process.authenticate(pair)).user_id

        async with holder.transaction():
            await holder.execute("LOCK TABLE sessions")
            hasty = asyncio.create_task(ask(0.5))
            patient = asyncio.create_task(ask(SECONDS))
            await until_blocked(watcher)
            with pytest.raises(DatabaseUnavailable, match="no answer in time"):
                await hasty
        found = await patient

    assert found
