"""How PostgreSQL looks sessions up: each by its key, however many there are."""

from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import orjson
import pytest
import pytest_asyncio

from tests.database.databases import SHAPES, database, session
from todo_backend.database import migrate
from todo_backend.database.accounts import ACCOUNTS
from todo_backend.database.url import ConnectArgs

SESSIONS: Final = 20_000
GIVEN: Final = f"""
INSERT INTO users (id) SELECT 'user' || n FROM generate_series(1, {SESSIONS}) n;
INSERT INTO sessions (user_id, id, expires_at)
    SELECT 'user' || n, 'session' || n, now() + interval '1 day'
    FROM generate_series(1, {SESSIONS}) n;
"""  # noqa: S608 - constants


@pytest_asyncio.fixture(scope="module")
async def filled(address: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    async with database(address) as args, session(args) as connection:
        await migrate.up(args, SHAPES)
        await connection.execute(GIVEN)
        yield connection


async def whole_reads(connection: asyncpg.Connection) -> int:
    """Count how often the table of sessions has been read from end to end."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    found: int = await connection.fetchval("SELECT pg_stat_get_numscans('sessions'::regclass)")
    return found


@pytest.mark.parametrize("analyzed", [False, True], ids=["new", "analyzed"])
@pytest.mark.parametrize("asked", [1, 50])
async def test_sessions_are_found_by_their_keys(
    filled: asyncpg.Connection, asked: int, *, analyzed: bool
) -> None:
    """With and without statistics, for one and for many at once."""
    if analyzed:
        await filled.execute("ANALYZE sessions")
    pairs = [[f"user{n}", f"session{n}"] for n in range(1, asked + 1)]
    before = await whole_reads(filled)

    answer = await filled.fetchval(
        f"SELECT {ACCOUNTS.schema}.live_sessions($1)",
        orjson.dumps([*pairs, ["nobody", "session1"]]).decode(),
    )

    assert sorted(orjson.loads(answer)) == sorted(pairs)
    assert await whole_reads(filled) == before


async def test_a_whole_read_would_be_seen(filled: asyncpg.Connection) -> None:
    """The control: a question that no key answers."""
    before = await whole_reads(filled)

    await filled.fetchval("SELECT count(*) FROM sessions WHERE created_at > now()")

    assert await whole_reads(filled) > before
