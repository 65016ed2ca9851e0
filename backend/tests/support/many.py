"""More tasks than anybody would create one by one, written straight into the tables."""

from typing import Final

import asyncpg

# Four in a row have one moment, and one title but for the case; every third is completed.
_TASKS: Final = """
INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at)
    SELECT $1, CASE WHEN n % 2 = 0 THEN 'T' ELSE 't' END || n * 7919 % $2 / 4,
        repeat(chr(1), $3), n % 3 = 0, at, at
    FROM generate_series(1, $2::bigint) n,
    LATERAL (SELECT now() - n / 4 * interval '1 minute') _ (at)
"""
_COUNTERS: Final = """
INSERT INTO task_counters (user_id, total, completed, version)
    SELECT $1, count(*), count(*) FILTER (WHERE completed), 7 FROM tasks WHERE user_id = $1
"""


async def given_many(
    superuser: asyncpg.Connection, user_id: str, count: int, *, controls: int = 0
) -> None:
    """Give a new user so many tasks, whose list is at version 7.

    Each has so many control characters for a description, which are six bytes each in JSON.
    """
    async with superuser.transaction():
        await superuser.execute("INSERT INTO users (id) VALUES ($1)", user_id)
        await superuser.execute(_TASKS, user_id, count, controls)
        await superuser.execute(_COUNTERS, user_id)
