"""The queue in front of the connections: who is served when, and that no place is lost."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from dataclasses import replace
from secrets import token_hex

import asyncpg
import pytest

from tests.database.databases import connector, pooled, until, until_blocked
from todo_backend.database.pool import Connect, Pool
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

SIZE = 3
# Waits until the test lets go of the lock of that number.
WAIT = "SELECT $1::text, pg_advisory_xact_lock_shared($2)"
# Catches the server's request to stop once, and goes on for a while.
STUBBORN = """
CREATE FUNCTION stubborn() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_sleep(60);
    RETURN false;
EXCEPTION WHEN query_canceled THEN
    PERFORM pg_sleep(1);
    RETURN true;
END $$
"""


@pytest.fixture
def named(empty: ConnectArgs) -> ConnectArgs:
    """An address under whose name the server lists only this test's pool."""
    return replace(empty, server_settings={"application_name": f"pool-{token_hex(6)}"})


async def sessions(truth: asyncpg.Connection, args: ConnectArgs) -> int:
    """Count the pool's connections as the server does."""
    count: int = await truth.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1",
        args.server_settings["application_name"],
    )
    return count


async def rest(pool: Pool) -> None:
    """Wait until whatever had a connection has given it back or closed it."""
    await until(lambda: pool.usage.open == pool.usage.idle)


async def in_line(pool: Pool, *waiters: asyncio.Task[asyncpg.Record]) -> None:
    """Wait until all of them stand in the queue."""
    await until(lambda: pool.usage.waiting == len(waiters))


def ask(pool: Pool, word: str, lock: int = 0) -> asyncio.Task[asyncpg.Record]:
    """Send a statement that answers with `word`, once nobody holds the lock."""
    return asyncio.create_task(pool.read(WAIT, word, lock))


async def test_first_come_first_served(named: ConnectArgs, truth: asyncpg.Connection) -> None:
    """Requests are served in the order of their arrival."""
    await truth.execute("CREATE SEQUENCE served")
    async with pooled(connector(named), size=1) as pool:
        order = await asyncio.gather(
            *(pool.write("SELECT nextval('served')") for _ in range(30)),
        )

    assert [number for (number,) in order] == list(range(1, 31))


async def test_nobody_is_overtaken(named: ConnectArgs, truth: asyncpg.Connection) -> None:
    """Who comes back at once has to stand in line behind all that came before."""
    clients, rounds = 6, 20
    await truth.execute("CREATE SEQUENCE served")

    async def come_again_and_again(pool: Pool) -> list[int]:
        return [(await pool.write("SELECT nextval('served')"))[0] for _ in range(rounds)]

    async with pooled(connector(named), size=1) as pool:
        served = await asyncio.gather(*(come_again_and_again(pool) for _ in range(clients)))

    for client, numbers in enumerate(served, start=1):
        assert numbers == [client + clients * turn for turn in range(rounds)]


async def test_a_waiter_that_gives_up_leaves_no_gap(
    named: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """A cancelled request in the queue is passed over, and the next one is served."""
    await truth.execute("SELECT pg_advisory_lock(1)")
    async with pooled(connector(named), size=1) as pool:
        first = ask(pool, "first", 1)
        await until_blocked(truth)
        second, third = ask(pool, "second"), ask(pool, "third")
        await in_line(pool, second, third)

        second.cancel()
        await in_line(pool, third)
        await truth.execute("SELECT pg_advisory_unlock(1)")

        assert [(await first)[0], (await third)[0]] == ["first", "third"]
        assert second.cancelled()
        assert (pool.usage.open, pool.usage.idle, pool.usage.waiting) == (1, 1, 0)


async def test_a_turn_that_comes_too_late_is_handed_on(
    named: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Cancelled in the moment in which it is given the connection, a request passes it on."""
    await truth.execute("SELECT pg_advisory_lock(1)")
    async with pooled(connector(named), size=1) as pool:

        async def cancel_second() -> None:
            await pool.read(WAIT, "first", 1)
            second.cancel()  # its turn is set, and it has not run yet

        first = asyncio.create_task(cancel_second())
        await until_blocked(truth)
        second, third = ask(pool, "second"), ask(pool, "third")
        await in_line(pool, second, third)
        await truth.execute("SELECT pg_advisory_unlock(1)")
        await first

        assert (await third)[0] == "third"
        with pytest.raises(asyncio.CancelledError):
            await second
        assert (pool.usage.open, pool.usage.idle) == (1, 1)


async def test_waiting_ends_with_the_time_out(
    named: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """No connection within the time is a database that is away; its place is not lost."""
    await truth.execute(STUBBORN)
    async with pooled(connector(named), size=1, timeout_seconds=0.3) as pool:
        holder = asyncio.create_task(pool.read("SELECT stubborn()"))
        await until(lambda: pool.usage.open == 1)
        waiter = ask(pool, "waiter")

        with pytest.raises(DatabaseUnavailable, match="statement timed out"):
            await holder
        with pytest.raises(DatabaseUnavailable, match="no connection came free"):
            await waiter
        await rest(pool)

        assert pool.usage.waiting == 0
        assert (await pool.read("SELECT 1"))[0] == 1


async def test_a_place_is_free_when_its_connection_is_gone(
    named: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """A connection that is slow to close counts until the server has let go of it."""
    await truth.execute(STUBBORN)
    async with pooled(connector(named), size=1) as pool:
        cut_off = asyncio.create_task(pool.read("SELECT stubborn()"))
        await until(lambda: _runs(truth, "SELECT stubborn()"))
        cut_off.cancel()
        following = ask(pool, "next")

        most = 0
        while not following.done():
            most = max(most, await sessions(truth, named))

        assert (await following)[0] == "next"
        assert most == 1


async def _runs(truth: asyncpg.Connection, statement: str) -> bool:
    found: bool = await truth.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND query = $1)",
        statement,
    )
    return found


async def test_a_connection_cut_off_in_mid_statement_is_discarded(
    named: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Its answer may still be on the way, and must not be taken for the next one's."""
    await truth.execute("SELECT pg_advisory_lock(1)")
    async with pooled(connector(named), size=1) as pool:
        (before,) = await pool.read("SELECT pg_backend_pid()")
        cut_off = ask(pool, "stale", 1)
        await until_blocked(truth)
        cut_off.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await cut_off

        await truth.execute("SELECT pg_advisory_unlock(1)")
        answers = [(await pool.read(WAIT, str(n), 1))[0] for n in range(5)]
        (after,) = await pool.read("SELECT pg_backend_pid()")

    assert answers == ["0", "1", "2", "3", "4"]
    assert after != before


async def test_everybody_gets_their_own_answer(
    named: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Requests, a third of them cut off anywhere: no answer is another's, no connection is lost."""
    chance = random.Random(7)  # noqa: S311 - a run that can be repeated
    async with pooled(connector(named), size=SIZE) as pool:

        async def request(word: str) -> None:
            await asyncio.sleep(chance.random() / 5)
            (answer, _) = await pool.read("SELECT $1::text, pg_sleep(0.002)", word)
            assert answer == word
            assert pool.usage.open <= SIZE

        requests = [asyncio.create_task(request(f"canary {n}")) for n in range(400)]
        for unlucky in chance.sample(requests, 130):
            await asyncio.sleep(0.001)
            unlucky.cancel()
            assert await sessions(truth, named) <= SIZE
        outcomes = await asyncio.gather(*requests, return_exceptions=True)
        await rest(pool)

        assert {type(outcome) for outcome in outcomes} == {type(None), asyncio.CancelledError}
        assert pool.usage.waiting == 0
        assert await sessions(truth, named) == pool.usage.open <= SIZE


async def test_a_connection_that_does_not_open_frees_its_place(named: ConnectArgs) -> None:
    """Those whose turn it was are told so; those behind them try again, and nothing is lost."""
    failures = iter([OSError(), TimeoutError(), asyncpg.CannotConnectNowError("starting up")] * 2)
    async with pooled(_failing(connector(named), failures), size=2) as pool:
        outcomes = await asyncio.gather(
            *(pool.read("SELECT 1") for _ in range(10)), return_exceptions=True
        )

        refused = [outcome for outcome in outcomes if isinstance(outcome, DatabaseUnavailable)]
        assert len(refused) == 6
        assert [tuple(row) for row in outcomes if isinstance(row, asyncpg.Record)] == [(1,)] * 4
        assert pool.usage.open == pool.usage.idle <= 2


def _failing(connect: Connect, failures: Iterator[Exception]) -> Connect:
    """Let the first attempts fail as a network or a server does."""

    async def attempt(seconds: float) -> asyncpg.Connection:
        for failure in failures:
            raise failure
        return await connect(seconds)

    return attempt


async def test_cancelled_while_connecting(named: ConnectArgs) -> None:
    """Who gives up before the connection is open leaves its place to the next."""
    never = asyncio.Event()
    connect = connector(named)

    async def hesitant(seconds: float) -> asyncpg.Connection:
        if not never.is_set():
            never.set()
            await asyncio.sleep(seconds)
        return await connect(seconds)

    async with pooled(hesitant, size=1) as pool:
        first, second = ask(pool, "first"), ask(pool, "second")
        await in_line(pool, second)
        first.cancel()

        assert (await second)[0] == "second"
        assert (pool.usage.open, pool.usage.idle) == (1, 1)
