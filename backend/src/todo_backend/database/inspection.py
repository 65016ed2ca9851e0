"""What a database looks like from inside: facts for whoever starts on it or has to judge it.

Nothing here changes a row. Everything is read by the login role, with its rights and no others.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

import asyncpg

from todo_backend.database.functions import RUNTIME_ROLE, TABLES, VERSION_TABLE, Shape

REVISIONS: Final = f"{TABLES}.{VERSION_TABLE}"
COUNTING_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Server:
    """The server and the login role. `version` is server_version_num: 180001 is 18.1.

    `clock_ahead_seconds` is negative where the server's clock is behind this machine's.
    `connections` is how many a role that is not a superuser can have at once.
    """

    version: int
    version_name: str
    is_standby: bool
    is_read_only: bool
    clock_ahead_seconds: float
    connections: int
    login: str
    is_superuser: bool
    may_become_runtime: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Which migrations the database has had. `known` are the revisions of this release, in order.

    `revision` is None where none has run, or where `is_readable` is false: then nobody can tell.
    `missing` are the function schemas that are not there, or that a newer release has retired.
    """

    revision: str | None
    known: tuple[str, ...]
    missing: tuple[str, ...]
    is_readable: bool

    @property
    def is_current(self) -> bool:
        is_newest = self.revision == self.known[-1] or not self.is_readable
        return is_newest and not self.missing

    @property
    def is_untouched(self) -> bool:
        """Whether no release has ever migrated it."""
        return self.is_readable and self.revision is None

    @property
    def is_ahead(self) -> bool:
        """Whether a newer release has migrated it."""
        return self.revision is not None and self.revision not in self.known


@dataclass(frozen=True, slots=True)
class Role:
    """The attributes that decide whether row-level security binds a role."""

    can_login: bool
    is_superuser: bool
    bypasses_row_security: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of a table; `is_owners` when it is the one that the migrations make."""

    name: str
    is_permissive: bool
    is_owners: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table that holds somebody's rows; `owner_column` names whose."""

    name: str
    owner_column: str
    exists: bool
    is_enabled: bool
    is_forced: bool
    is_usable: bool
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a contract. `is_entry` when it is called from outside."""

    signature: str
    schema: str
    owner: str
    is_entry: bool
    may_execute: bool


async def server(connection: asyncpg.Connection) -> Server:
    """Read what the server says about itself and about the login role."""
    before = time.time()
    row = await connection.fetchrow(_SERVER, RUNTIME_ROLE)
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    facts = dict(row)
    now = facts.pop("now")
    ahead = now.timestamp() - (before + time.time()) / 2
    return Server(clock_ahead_seconds=ahead, **facts)


async def standing(connection: asyncpg.Connection, shapes: Collection[Shape]) -> Standing:
    """Read which migrations have run. Costs no import of Alembic, which every start would pay."""
    readable = await connection.fetchval(_IS_READABLE, REVISIONS)
    query = f"SELECT version_num::text FROM {REVISIONS}"  # noqa: S608 - a constant
    revision = await connection.fetchval(query) if readable else None
    schemas = [shape.schema for shape in shapes]
    present = {name for (name,) in await connection.fetch(_IN_USE, schemas)}
    return Standing(
        revision=revision,
        known=known_revisions(),
        missing=tuple(name for name in schemas if name not in present),
        is_readable=readable is not False,
    )


def known_revisions() -> tuple[str, ...]:
    """Return the revisions of this release, oldest first: what its migrations' files start with."""
    folder = resources.files(__package__).joinpath("migrations", "versions")
    names = (file.name for file in folder.iterdir() if file.name.endswith(".py"))
    return tuple(sorted(name.partition("_")[0] for name in names))


async def role(connection: asyncpg.Connection, name: str) -> Role | None:
    row = await connection.fetchrow(_ROLE, name)
    return None if row is None else Role(**row)


async def tables(connection: asyncpg.Connection, owned: Mapping[str, str]) -> list[Table]:
    """Read how the tables that `owned` names, with their owner's column, are protected."""
    return [await _table(connection, name, column) for name, column in owned.items()]


async def functions(connection: asyncpg.Connection, schemas: Collection[str]) -> list[Function]:
    """Read who owns the functions in `schemas`, and whether the login role may call them."""
    return [Function(**row) for row in await connection.fetch(_FUNCTIONS, list(schemas))]


async def wrong_counters(connection: asyncpg.Connection) -> int | None:
    """Count the users whose counters differ from their tasks; None where nobody can tell.

    That is where row-level security would hide rows from the login role, and where counting takes
    longer than COUNTING_SECONDS.
    """
    try:
        async with connection.transaction(readonly=True):
            # Off: a policy that would filter the result is an error, and not a silent nothing.
            await connection.execute(
                f"SET LOCAL row_security = off; SET LOCAL statement_timeout = '{COUNTING_SECONDS}s'"
            )
            wrong: int = await connection.fetchval(_WRONG_COUNTERS)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.QueryCanceledError):
        return None
    return wrong


async def _table(connection: asyncpg.Connection, name: str, column: str) -> Table:
    row = await connection.fetchrow(_TABLE, name, RUNTIME_ROLE)
    if row is None:
        return Table(name, column, *(False,) * 4, policies=())
    expected = f"({column} = NULLIF(current_setting('app.user_id'::text, true), ''::text))"
    policies = [
        Policy(**policy) for policy in await connection.fetch(_POLICIES, row["oid"], expected)
    ]
    return Table(
        name,
        column,
        exists=True,
        is_enabled=row["is_enabled"],
        is_forced=row["is_forced"],
        is_usable=row["is_usable"],
        policies=tuple(policies),
    )


_SERVER: Final = """
SELECT current_setting('server_version_num')::integer AS version,
    split_part(current_setting('server_version'), ' ', 1) AS version_name,
    pg_is_in_recovery() AS is_standby,
    current_setting('default_transaction_read_only') = 'on' AS is_read_only,
    clock_timestamp() AS now,
    least(
        current_setting('max_connections')::integer
            - current_setting('superuser_reserved_connections')::integer
            - coalesce(current_setting('reserved_connections', true), '0')::integer,
        (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
        (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
    ) AS connections,
    current_user::text AS login,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
    coalesce(
        (SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = $1::text), false
    ) AS may_become_runtime
"""
_IS_READABLE: Final = """
SELECT has_table_privilege(to_regclass($1::text), 'SELECT')
"""
_IN_USE: Final = """
SELECT n.nspname::text FROM pg_namespace n
LEFT JOIN pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
WHERE n.nspname::text = ANY ($1::text[])
    AND coalesce(d.description, '') NOT LIKE 'superseded %'
"""
_ROLE: Final = """
SELECT rolcanlogin AS can_login, rolsuper AS is_superuser, rolbypassrls AS bypasses_row_security
FROM pg_roles WHERE rolname = $1::text
"""
_TABLE: Final = """
SELECT c.oid::bigint AS oid, c.relrowsecurity AS is_enabled, c.relforcerowsecurity AS is_forced,
    coalesce((
        SELECT bool_and(has_table_privilege(r.oid, c.oid, privilege))
        FROM pg_roles r, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) privilege
        WHERE r.rolname = $2::text
    ), false) AS is_usable
FROM pg_class c WHERE c.oid = to_regclass($1::text)
"""
_POLICIES: Final = """
SELECT polname::text AS name, polpermissive AS is_permissive,
    polcmd = '*' AND polroles = '{0}'
        AND pg_get_expr(polqual, polrelid) = $2::text
        AND coalesce(pg_get_expr(polwithcheck, polrelid), $2::text) = $2::text AS is_owners
FROM pg_policy WHERE polrelid = $1::bigint::oid ORDER BY polname
"""
_FUNCTIONS: Final = """
SELECT p.oid::regprocedure::text AS signature, n.nspname::text AS schema,
    pg_get_userbyid(p.proowner)::text AS owner, p.prosecdef AS is_entry,
    has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE') AS may_execute
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname::text = ANY ($1::text[]) ORDER BY signature
"""
_WRONG_COUNTERS: Final = """
SELECT count(*) FROM (
    SELECT user_id, count(*) AS total, count(*) FILTER (WHERE completed) AS completed
    FROM tasks GROUP BY user_id
) t FULL JOIN task_counters c USING (user_id)
WHERE (coalesce(t.total, 0), coalesce(t.completed, 0)) IS DISTINCT FROM (c.total, c.completed)
"""
