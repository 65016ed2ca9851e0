"""Writes that wait for a lock leave a connection to the reads, and no place is lost by it."""

import asyncio
import random

import asyncpg
import pytest

from tests.database.databases import connector, pooled, until, until_blocked
from todo_backend.database.pool import Pool
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

SIZE = 3
HOLD = "SELECT pg_advisory_lock(1)"
LET_GO = "SELECT pg_advisory_unlock(1)"
# Waits until the test lets go.
BLOCKED = "SELECT $1::text, pg_advisory_xact_lock_shared(1)"


def write(pool: Pool, word: str) -> asyncio.Task[asyncpg.Record]:
    """Send a write that waits for the test's lock."""
    return asyncio.create_task(pool.write(BLOCKED, word))


def blocked_read(pool: Pool, word: str) -> asyncio.Task[asyncpg.Record]:
    return asyncio.create_task(pool.read(BLOCKED, word))


async def in_line(pool: Pool, count: int) -> None:
    await until(lambda: pool.usage.waiting == count)


async def fill(
    pool: Pool, truth: asyncpg.Connection, *, beyond: int = 0
) -> list[asyncio.Task[asyncpg.Record]]:
    """Block as many writes as may have a connection, and let so many more stand in line."""
    await truth.execute(HOLD)
    writes = [write(pool, f"write {n}") for n in range(SIZE - 1 + beyond)]
    await until_blocked(truth, sessions=SIZE - 1)
    await in_line(pool, beyond)
    return writes


@pytest.mark.parametrize("kind", ["write", "write_once"])
async def test_fa_11_reads_go_on_beside_blocked_writes(
    empty: ConnectArgs, truth: asyncpg.Connection, kind: str
) -> None:
    """More writes than connections wait for a lock: reads are answered, and then the writes."""
    async with pooled(connector(empty), size=SIZE) as pool:
        await truth.execute(HOLD)
        send = getattr(pool, kind)
        writes = [asyncio.create_task(send(BLOCKED, str(n))) for n in range(3 * SIZE)]
        await until_blocked(truth, sessions=SIZE - 1)

        answers = [(await pool.read("SELECT $1::int", n))[0] for n in range(20)]
        waiting = pool.usage.waiting
        await truth.execute(LET_GO)
        words = [(await each)[0] for each in writes]

        assert answers == list(range(20))
        assert waiting == 3 * SIZE - (SIZE - 1)
        assert words == [str(n) for n in range(3 * SIZE)]
        assert (pool.usage.open, pool.usage.idle, pool.usage.waiting) == (SIZE, SIZE, 0)


async def test_a_write_gets_what_a_write_gives_back(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Reads pass the write at the head only while the others hold all that writes may."""
    served: list[str] = []

    async def ask(word: str, *, is_write: bool) -> None:
        send = pool.write if is_write else pool.read
        await send("SELECT 1")
        served.append(word)

    async with pooled(connector(empty), size=SIZE) as pool:
        first, second = await fill(pool, truth)
        reader = blocked_read(pool, "reader")
        await until_blocked(truth, sessions=SIZE)
        line = []
        for place, is_write in enumerate([True, False, True, False]):
            line.append(asyncio.create_task(ask(f"{place}", is_write=is_write)))
            await in_line(pool, place + 1)

        first.cancel()  # closed, its place goes to the head: from there on all is served in order
        await asyncio.gather(*line)
        overtaken = [not each.done() for each in (second, reader)]
        await truth.execute(LET_GO)
        await asyncio.gather(second, reader)

    assert served == ["0", "1", "2", "3"]
    assert overtaken == [True, True]


async def test_a_read_passes_writes_that_may_not_go(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """A read's connection goes to the first read in line, past the writes before it."""
    async with pooled(connector(empty), size=SIZE) as pool:
        writes = await fill(pool, truth)
        reader = blocked_read(pool, "reader")
        await until_blocked(truth, sessions=SIZE)
        writes += [write(pool, "in line"), write(pool, "in line")]
        await in_line(pool, 2)
        reads = [asyncio.create_task(pool.read("SELECT 1")) for _ in range(5)]
        await in_line(pool, 7)

        reader.cancel()
        await asyncio.gather(*reads)
        left = pool.usage.waiting
        await truth.execute(LET_GO)
        await asyncio.gather(*writes)

        assert left == 2
        assert (pool.usage.idle, pool.usage.waiting) == (pool.usage.open, 0)


async def test_writes_that_give_up_in_line_lose_no_place(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Cancelled while they wait, or in the moment of their turn: the next ones are served."""
    async with pooled(connector(empty), size=SIZE) as pool:

        async def cancel_the_next() -> None:
            await pool.write(BLOCKED, "holder")
            unlucky.cancel()  # its turn is set, and it has not run yet

        await truth.execute(HOLD)
        holders = [asyncio.create_task(cancel_the_next()) for _ in range(SIZE - 1)]
        await until_blocked(truth, sessions=SIZE - 1)
        waiting, unlucky, following = [write(pool, f"{n}") for n in range(3)]
        await in_line(pool, 3)

        waiting.cancel()
        await in_line(pool, 2)
        assert (await pool.read("SELECT 1"))[0] == 1
        await truth.execute(LET_GO)
        await asyncio.gather(*holders)

        assert (await following)[0] == "2"
        with pytest.raises(asyncio.CancelledError):
            await unlucky
        assert (pool.usage.idle, pool.usage.waiting) == (pool.usage.open, 0)
        await assert_writes_may_hold(pool, truth, SIZE - 1)


async def assert_writes_may_hold(pool: Pool, truth: asyncpg.Connection, count: int) -> None:
    """Show that so many writes run at once: no more, and no fewer."""
    await truth.execute(HOLD)
    writes = [write(pool, "again") for _ in range(count + 1)]
    await until_blocked(truth, sessions=count)
    await in_line(pool, 1)
    await truth.execute(LET_GO)
    await asyncio.gather(*writes)


async def test_writes_that_time_out_lose_no_place(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Both those that hold a connection and those in line are told; then all is as before."""
    async with pooled(connector(empty), size=SIZE, timeout_seconds=0.5) as pool:
        writes = await fill(pool, truth, beyond=2)

        refusals = await asyncio.gather(*writes, return_exceptions=True)
        (answer,) = await pool.read("SELECT 1")
        await truth.execute(LET_GO)
        await until(lambda: pool.usage.open == pool.usage.idle)

        assert {type(refusal) for refusal in refusals} == {DatabaseUnavailable}
        assert answer == 1
        assert pool.usage.waiting == 0
        await assert_writes_may_hold(pool, truth, SIZE - 1)


async def test_no_place_is_lost_whatever_is_cut_off(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Reads and writes, a third of them cut off anywhere, some by errors: the counts come right."""
    chance = random.Random(11)  # noqa: S311 - a run that can be repeated
    async with pooled(connector(empty), size=SIZE) as pool:

        async def request(number: int) -> None:
            await asyncio.sleep(chance.random() / 5)
            send = chance.choice([pool.read, pool.write, pool.write_once])
            (divided, _) = await send("SELECT 1 / $1::int, pg_sleep(0.002)", number % 7)
            assert divided == int(number % 7 == 1)

        requests = [asyncio.create_task(request(number)) for number in range(400)]
        for unlucky in chance.sample(requests, 130):
            await asyncio.sleep(0.001)
            unlucky.cancel()
        outcomes = await asyncio.gather(*requests, return_exceptions=True)
        await until(lambda: pool.usage.open == pool.usage.idle)

        kinds = {type(outcome) for outcome in outcomes}
        assert kinds == {type(None), asyncio.CancelledError, asyncpg.DivisionByZeroError}
        assert pool.usage.waiting == 0
        await assert_writes_may_hold(pool, truth, SIZE - 1)


async def test_a_pool_of_one_lets_writes_in(empty: ConnectArgs, truth: asyncpg.Connection) -> None:
    """With one connection there is none to spare: all are served in the order of their arrival."""
    served: list[str] = []

    async def ask(word: str, *, is_write: bool) -> None:
        send = pool.write if is_write else pool.read
        await send("SELECT 1")
        served.append(word)

    async with pooled(connector(empty), size=1) as pool:
        await truth.execute(HOLD)
        holder = write(pool, "holder")
        await until_blocked(truth)
        line = []
        for place, is_write in enumerate([True, False, True, False]):
            line.append(asyncio.create_task(ask(f"{place}", is_write=is_write)))
            await in_line(pool, place + 1)
        await truth.execute(LET_GO)
        await asyncio.gather(holder, *line)

        assert served == ["0", "1", "2", "3"]
        assert (pool.usage.open, pool.usage.idle, pool.usage.waiting) == (1, 1, 0)
