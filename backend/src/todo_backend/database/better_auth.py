"""Better Auth's own tables, which say whose a session token is. They are read, and never written.

Where they are is looked up in the catalogue when it is first needed: in a schema of the search path
or in another one, with columns named as Better Auth's migrations do or, by Drizzle, in snake case.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from todo_backend.database.pool import Pool
from todo_backend.model.errors import DatabaseUnavailable, TodoError

_CANDIDATES: Final = """
WITH found AS (
    SELECT n.nspname AS schema, c.relname AS name,
           jsonb_object_agg(a.attname, format_type(a.atttypid, NULL)) AS columns
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE c.relname IN ('session', 'user') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname !~ '^(pg_|information_schema$)' AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY n.nspname, c.relname
)
SELECT coalesce(json_agg(json_build_object(
           'schema', quote_ident(s.schema), 'session', s.columns, 'user', u.columns,
           'is_near', s.schema = ANY (current_schemas(false))
       ) ORDER BY array_position(current_schemas(false), s.schema)), '[]')
FROM found s
JOIN found u ON u.schema = s.schema AND u.name = 'user'
WHERE s.name = 'session'
"""

# Tokens hold no comma. An array would make a new connection ask the server for its type.
_SESSIONS: Final = """
SELECT coalesce(json_agg(json_build_array(
           s.token, u.id::text, u.email, u.name, s.{expires}{zone} > clock_timestamp()
       )), '[]')
FROM {schema}."session" s
JOIN {schema}."user" u ON u.id = s.{user}
WHERE s.token = ANY (string_to_array($1, ','))
"""

# Node's libraries write UTC into a column that knows no zone.
_ZONES: Final = {
    "timestamp with time zone": "",
    "timestamp without time zone": " AT TIME ZONE 'UTC'",
}
_SPELLINGS: Final = (('"expiresAt"', '"userId"'), ("expires_at", "user_id"))
_PROFILE: Final = {"id", "email", "name"}

# Tables that are no longer where they were found.
_MOVED: Final = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
)
_NO_RIGHT: Final = (
    "the database role may not read Better Auth's tables: "
    'GRANT USAGE on their schema and SELECT on "session" and "user" to it'
)


class TablesNotFound(TodoError):
    """The database holds no tables of Better Auth, or several. `reason` is for the log alone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StoredSession:
    """Whose a session is; `is_live` is false for one that has expired."""

    user_id: str
    email: str | None
    name: str | None
    is_live: bool


class BetterAuthTables:
    """The sessions of a Better Auth application, as the role of `pool` may read them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._statement: str | None = None

    async def find_sessions(self, tokens: Collection[str]) -> dict[str, StoredSession]:
        """Find sessions by their tokens, which hold letters and digits alone.

        Raises: TablesNotFound; DatabaseUnavailable, also where the role has no right to read.
        """
        try:
            rows = await self._read(self._statement or await self._locate(), tokens)
        except _MOVED:
            self._statement = None
            try:
                rows = await self._read(await self._locate(), tokens)
            except _MOVED as error:
                raise DatabaseUnavailable("Better Auth's tables are being changed") from error
        return {token: StoredSession(*rest) for token, *rest in rows}

    async def _read(self, statement: str, tokens: Collection[str]) -> list[list[Any]]:
        try:
            (text,) = await self._pool.read(statement, ",".join(tokens))
        except DatabaseUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, _MOVED):
                raise cause from None
            if isinstance(cause, asyncpg.InsufficientPrivilegeError):
                raise DatabaseUnavailable(_NO_RIGHT) from cause
            raise
        rows: list[list[Any]] = json.loads(text)
        return rows

    async def _locate(self) -> str:
        (text,) = await self._pool.read(_CANDIDATES)
        fitting = [(each, found) for each in json.loads(text) if (found := _statement_for(each))]
        if not fitting:
            raise TablesNotFound(
                "no tables of Better Auth in this database, see BETTER_AUTH_DATABASE_URL"
            )
        if len(fitting) > 1 and not fitting[0][0]["is_near"]:
            raise TablesNotFound(
                "several schemas hold tables of Better Auth: "
                "name one in the search_path of BETTER_AUTH_DATABASE_URL"
            )
        self._statement = fitting[0][1]
        return self._statement


def _statement_for(candidate: Mapping[str, Any]) -> str | None:
    """Make the statement for a schema; None where the tables are somebody else's."""
    session: Mapping[str, str] = candidate["session"]
    if "token" not in session or not candidate["user"].keys() >= _PROFILE:
        return None
    for expires, user in _SPELLINGS:
        zone = _ZONES.get(session.get(expires.strip('"'), ""))
        if zone is not None and user.strip('"') in session:
            return _SESSIONS.format(
                schema=candidate["schema"], expires=expires, user=user, zone=zone
            )
    return None
