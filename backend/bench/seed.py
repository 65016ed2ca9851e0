"""The same rows for both servers, and back to them after every load that writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from bench.cells import CONTRACTS, BenchError, DataSet, Side
from todo_backend.auth.claims import new_session_id

# A string, because asyncpg's class is generic in its type stubs only.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class _Tables:
    users: str
    tasks: str
    counters: str | None

    def named(self, statement: str) -> str:
        return statement.format(users=self.users, tasks=self.tasks, counters=self.counters)


_BASELINE: Final = _Tables("baseline_users", "baseline_tasks", None)
_TABLES: Final[Mapping[Side, _Tables]] = {
    side: _Tables("users", "tasks", "task_counters") for side in CONTRACTS
} | {"baseline": _BASELINE}

_ADD_USERS: Final = """
INSERT INTO {users} (id, email, name, created_at, updated_at)
SELECT user_id, 'person' || n || '@example.org', 'Person ' || n, now(), now()
FROM unnest($1::text[]) WITH ORDINALITY AS given (user_id, n)
"""

# Every user gets a task in turn, as when many people use a server over months, so neighbours on a
# page belong to different users. Three in ten tasks are done, one in three has no description.
_ADD_TASKS: Final = """
INSERT INTO {tasks} (id, user_id, title, description, completed, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT n + k * cardinality($1::text[]), user_id, 'Pick up parcel ' || k || ' at the corner shop',
       CASE WHEN k % 3 > 0 THEN repeat('Bring the slip and a passport. ', 1 + k % 4) END,
       k % 10 < 3, moment, moment
FROM unnest($1::text[]) WITH ORDINALITY AS given (user_id, n),
     generate_series(0, $2::int - 1) AS k,
     LATERAL (SELECT now() - make_interval(mins => $2 - k, secs => -n / 1000.0)) AS at (moment)
ORDER BY k, n
"""
_ADD_SESSIONS: Final = """
INSERT INTO sessions (user_id, id, expires_at)
SELECT user_id, id, now() + make_interval(secs => $3)
FROM unnest($1::text[], $2::text[]) AS given (user_id, id)
"""
_OWN_SEQUENCE: Final = "pg_get_serial_sequence('{tasks}', 'id')"
_START_IDS_AFTER: Final = f"SELECT setval({_OWN_SEQUENCE}, $1::bigint)"
_RESERVE_IDS: Final = (
    f"SELECT setval({_OWN_SEQUENCE}, nextval({_OWN_SEQUENCE}) + $1::bigint) - $1::bigint + 1"
)

# The owner follows from the id as in _ADD_TASKS, so that the load needs no list of pairs.
_ADD_DELETABLE: Final = """
INSERT INTO {tasks} (id, user_id, title, completed, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT id, given.user_id, 'Cancel the gym', false, now(), now()
FROM unnest($1::text[]) WITH ORDINALITY AS given (user_id, n)
JOIN generate_series($2::bigint, $2::bigint + $3::bigint - 1) AS id
  ON n = (id - 1) % cardinality($1::text[]) + 1
ORDER BY id
"""
_REMOVE_ADDED: Final = "DELETE FROM {tasks} WHERE id > $1::bigint"
_RECOUNT: Final = """
INSERT INTO {counters} AS kept (user_id, total, completed, version)
SELECT user_id, count(*), count(*) FILTER (WHERE completed), 1 FROM {tasks} GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE
SET total = excluded.total, completed = excluded.completed, version = kept.version + 1
"""
_COUNT_WRONG_COUNTERS: Final = """
SELECT count(*) FROM {counters} AS kept FULL JOIN (
    SELECT user_id, count(*) AS total, count(*) FILTER (WHERE completed) AS completed
    FROM {tasks} GROUP BY user_id) AS counted USING (user_id)
WHERE (coalesce(kept.total, 0), coalesce(kept.completed, 0))
      <> (coalesce(counted.total, 0), coalesce(counted.completed, 0))
"""


async def fill(connection: Connection, side: Side, data: DataSet) -> None:
    """Leave the side's tables with exactly `data`; rows of an earlier run are kept.

    Raises: BenchError when the tables hold rows of somebody else.
    """
    tables = _TABLES[side]
    if not await _count(connection, tables.named("SELECT count(*) FROM {users}")):
        users = list(data.user_ids)
        async with connection.transaction():
            await connection.execute(tables.named(_ADD_USERS), users)
            await connection.execute(tables.named(_ADD_TASKS), users, data.tasks_per_user)
            await connection.execute(tables.named(_START_IDS_AFTER), data.task_count)
    await _require_own_rows(connection, tables, data)
    await restore(connection, side, data)


async def open_sessions(
    connection: Connection, data: DataSet, *, seconds: int
) -> Mapping[str, str]:
    """Sign every user in; return the ids of their sessions."""
    sessions = {user_id: new_session_id() for user_id in data.user_ids}
    await connection.execute(_ADD_SESSIONS, list(sessions), list(sessions.values()), seconds)
    return sessions


async def add_deletable(connection: Connection, side: Side, data: DataSet, count: int) -> int:
    """Add `count` tasks to be deleted by the load; return the first of their consecutive ids."""
    tables = _TABLES[side]
    first = await _count(connection, tables.named(_RESERVE_IDS), count)
    await connection.execute(tables.named(_ADD_DELETABLE), list(data.user_ids), first, count)
    await _recount(connection, tables)
    return first


async def restore(connection: Connection, side: Side, data: DataSet) -> None:
    """Take away what a load added and leave no dead rows, statistics to be made or pages to write.

    Otherwise the clean-up after one server's writes would run while the other one is measured.
    """
    tables = _TABLES[side]
    await connection.execute(tables.named(_REMOVE_ADDED), data.task_count)
    await _recount(connection, tables)
    for table in (tables.users, tables.tasks, tables.counters):
        if table is not None:
            await connection.execute(f"VACUUM (ANALYZE) {table}")
    await connection.execute("CHECKPOINT")


async def require_right_counters(connection: Connection, side: Side) -> None:
    """Raise BenchError where a load left a user's counter different from the user's rows."""
    tables = _TABLES[side]
    if tables.counters is None:
        return
    wrong = await _count(connection, tables.named(_COUNT_WRONG_COUNTERS))
    if wrong:
        raise BenchError(f"after the load the counters of {wrong} users differ from their rows")


async def require_privileges(connection: Connection) -> None:
    """Seeding writes rows of all users, and CHECKPOINT is reserved; both want a superuser."""
    if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        raise BenchError("BENCH_DATABASE_URL has to name a superuser, to seed rows of all users")


async def _require_own_rows(connection: Connection, tables: _Tables, data: DataSet) -> None:
    users = await _count(connection, tables.named("SELECT count(*) FROM {users}"))
    known = await _count(
        connection,
        tables.named("SELECT count(*) FROM {users} WHERE id = ANY ($1::text[])"),
        list(data.user_ids),
    )
    tasks = await _count(
        connection, tables.named("SELECT count(*) FROM {tasks} WHERE id <= $1"), data.task_count
    )
    if not (users == known == len(data.user_ids) and tasks == data.task_count):
        raise BenchError(
            f"{tables.users} and {tables.tasks} hold other rows than this run wants;"
            " use an empty database"
        )


async def _recount(connection: Connection, tables: _Tables) -> None:
    if tables.counters is not None:
        await connection.execute(tables.named(_RECOUNT))


async def _count(connection: Connection, query: str, *arguments: object) -> int:
    value = await connection.fetchval(query, *arguments)
    if not isinstance(value, int):
        raise BenchError(f"the database answered {value!r} where a number was expected")
    return value
