"""What is true of the database after any run of tests, whatever they have sent.

Tests put rows in by hand as well, so only what no test breaks on purpose is here.
"""

import asyncio
from typing import Final

import asyncpg

from todo_backend.auth.accounts import SESSIONS_MAX

_BROKEN: Final = {
    "a row without an owner": "SELECT count(*) FROM {owned} WHERE user_id = '' OR user_id IS NULL",
    "a row of nobody": "SELECT count(*) FROM {owned} r LEFT JOIN users u ON u.id = r.user_id"
    " WHERE u.id IS NULL",
    "a task that changed before it was": "SELECT count(*) FROM tasks WHERE updated_at < created_at",
    "a title that is no title": "SELECT count(*) FROM tasks"
    " WHERE title <> btrim(title, E' \\t\\n\\r') OR title = ''",
    "a count below what is there": "SELECT count(*) FROM task_counters c"
    " WHERE NOT c.completed BETWEEN 0 AND c.total",
    "an address with two accounts": "SELECT count(*) - count(DISTINCT lower(email)) FROM accounts",
    "too many sessions": "SELECT count(*) FROM (SELECT FROM sessions"
    " GROUP BY user_id HAVING count(*) > {max}) s",
    "two good tokens of a session": "SELECT count(*) FROM (SELECT FROM refresh_tokens"
    " WHERE spent_at IS NULL GROUP BY user_id, session_id HAVING count(*) > 1) t",
    "a token without its child": "SELECT count(*) FROM refresh_tokens p LEFT JOIN refresh_tokens c"
    " ON c.hash = p.child_hash WHERE p.child_hash IS NOT NULL AND c.hash IS NULL",
}
_OWNED: Final = (
    *("tasks", "task_counters", "idempotency_keys"),
    *("accounts", "sessions", "refresh_tokens"),
)
_BUSY: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'todo-backend' AND (state <> 'idle' OR wait_event_type = 'Lock')"
)
_ROUNDS: Final = 40
_PAUSE_SECONDS: Final = 0.05


async def problems(connection: asyncpg.Connection) -> list[str]:
    """Name what is not as it should be, of rows and of the servers' connections."""
    found = []
    for name, query in _BROKEN.items():
        tables = _OWNED if "{owned}" in query else ("",)
        for table in tables:
            count = await connection.fetchval(query.format(owned=table, max=SESSIONS_MAX))
            if count:
                found.append(f"{name}: {count} {table}".rstrip())
    if not await _is_at_rest(connection):
        found.append("a connection that nobody has given back")
    return found


async def _is_at_rest(connection: asyncpg.Connection) -> bool:
    """Whether no server has a transaction open, or has none any more after a moment."""
    for _ in range(_ROUNDS):
        if await connection.fetchval(_BUSY) == 0:
            return True
        await asyncio.sleep(_PAUSE_SECONDS)
    return False
