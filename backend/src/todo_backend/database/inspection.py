"""What a database looks like from inside: facts for whoever starts on it or has to judge it.

Nothing here changes a row. Everything is read by the login role, with its rights and no others.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

import asyncpg

from todo_backend.database.functions import TABLES, VERSION_TABLE, FunctionSet
from todo_backend.database.walls import PUBLIC, ROLES, Policy

REVISIONS: Final = f"{TABLES}.{VERSION_TABLE}"
COUNTED: Final = {"tasks", "task_counters"}
"""The tables that have to agree with each other."""
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
    may_create_roles: bool


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
    def is_behind(self) -> bool:
        """Whether only older releases have migrated it."""
        return self.revision in self.known[:-1]

    @property
    def is_ahead(self) -> bool:
        """Whether a newer release has migrated it."""
        return self.revision is not None and self.revision not in self.known


@dataclass(frozen=True, slots=True)
class Role:
    """What decides whether row-level security binds a role, and whether the login role can take it.

    `groups` are the roles whose rights it has besides its own.
    """

    name: str
    can_login: bool
    is_superuser: bool
    bypasses_row_security: bool
    groups: tuple[str, ...]
    has_login_as_member: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table that holds somebody's rows, with its permissive policies.

    `rights` are those of our roles and of the public, as `Wall` spells them.
    """

    name: str
    is_enabled: bool
    is_forced: bool
    policies: tuple[Policy, ...]
    rights: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of ours. `callers` are those who may call it by right, its owner apart.

    `is_door` when it runs as its owner; `may_execute` tells whether the login role may call it.
    """

    name: str
    signature: str
    schema: str
    owner: str
    is_door: bool
    callers: tuple[str, ...]
    may_execute: bool


async def server(connection: asyncpg.Connection) -> Server:
    """Read what the server says about itself and about the login role."""
    before = time.time()
    row = await connection.fetchrow(_SERVER)
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    facts = dict(row)
    now = facts.pop("now")
    ahead = now.timestamp() - (before + time.time()) / 2
    return Server(clock_ahead_seconds=ahead, **facts)


async def standing(
    connection: asyncpg.Connection, function_sets: Collection[FunctionSet]
) -> Standing:
    """Read which migrations have run. Costs no import of Alembic, which every start would pay."""
    readable = await connection.fetchval(_IS_READABLE, REVISIONS)
    query = f"SELECT version_num::text FROM {REVISIONS}"  # noqa: S608 - a constant
    revision = await connection.fetchval(query) if readable else None
    schemas = [each.schema for each in function_sets]
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


async def roles(connection: asyncpg.Connection) -> Mapping[str, Role]:
    """Read those of our roles that exist."""
    found = {row["name"]: _role(row) for row in await connection.fetch(_ROLES, list(ROLES))}
    return {name: found[name] for name in ROLES if name in found}


async def tables(connection: asyncpg.Connection, names: Collection[str]) -> Mapping[str, Table]:
    """Read how those of the tables that exist are protected."""
    return {
        row["name"]: Table(
            **row,
            policies=await _policies(connection, row["name"]),
            rights=await _rights(connection, row["name"]),
        )
        for row in await connection.fetch(_TABLES, list(names))
    }


async def functions(connection: asyncpg.Connection, schema: str) -> list[Function]:
    """Read who owns the functions in a schema, and who may call them."""
    found = [dict(row) for row in await connection.fetch(_FUNCTIONS, schema)]
    return [Function(**row | {"callers": tuple(row["callers"])}) for row in found]


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


def _role(row: asyncpg.Record) -> Role:
    return Role(**dict(row) | {"groups": tuple(row["groups"])})


async def _policies(connection: asyncpg.Connection, table: str) -> tuple[Policy, ...]:
    return tuple(Policy(**row) for row in await connection.fetch(_POLICIES, table, PUBLIC))


async def _rights(connection: asyncpg.Connection, table: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for grantee, right in await connection.fetch(_RIGHTS, table, PUBLIC, list(ROLES)):
        found.setdefault(grantee, set()).add(right)
    return {grantee: frozenset(rights) for grantee, rights in found.items()}


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
    (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)
        AS may_create_roles
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
_ROLES: Final = """
SELECT r.rolname::text AS name, r.rolcanlogin AS can_login, r.rolsuper AS is_superuser,
    r.rolbypassrls AS bypasses_row_security,
    ARRAY(
        SELECT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m
        WHERE m.member = r.oid ORDER BY 1
    ) AS groups,
    pg_has_role(r.oid, 'MEMBER') AS has_login_as_member
FROM pg_roles r WHERE r.rolname::text = ANY ($1::text[])
"""
_TABLES: Final = """
SELECT name, c.relrowsecurity AS is_enabled, c.relforcerowsecurity AS is_forced
FROM unnest($1::text[]) name JOIN pg_class c ON c.oid = to_regclass(name)
"""
_POLICIES: Final = """
SELECT p.polname::text AS name,
    CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
        WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END AS command,
    (SELECT string_agg(CASE one WHEN 0 THEN $2::text ELSE pg_get_userbyid(one)::text END, ', ')
        FROM unnest(p.polroles) one) AS role,
    concat_ws(' WITH CHECK ', pg_get_expr(p.polqual, p.polrelid),
        NULLIF(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid))
    ) AS rows
FROM pg_policy p WHERE p.polrelid = to_regclass($1::text) AND p.polpermissive ORDER BY p.polname
"""
_RIGHTS: Final = """
SELECT CASE a.grantee WHEN 0 THEN $2::text ELSE pg_get_userbyid(a.grantee)::text END, a.word
FROM (
    SELECT a.grantee, a.privilege_type AS word
        FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = to_regclass($1::text)
    UNION
    SELECT a.grantee, a.privilege_type || ' (' || quote_ident(c.attname) || ')'
        FROM pg_attribute c, aclexplode(c.attacl) a WHERE c.attrelid = to_regclass($1::text)
) a
WHERE a.grantee = 0 OR pg_get_userbyid(a.grantee)::text = ANY ($3::text[])
"""
_FUNCTIONS: Final = """
SELECT p.proname::text AS name, p.oid::regprocedure::text AS signature, n.nspname::text AS schema,
    pg_get_userbyid(p.proowner)::text AS owner, p.prosecdef AS is_door,
    ARRAY(
        SELECT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END
        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE a.grantee <> p.proowner ORDER BY 1
    ) AS callers,
    has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE') AS may_execute
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname::text = $1::text ORDER BY signature
"""
_WRONG_COUNTERS: Final = """
SELECT count(*) FROM (
    SELECT user_id, count(*) AS total, count(*) FILTER (WHERE completed) AS completed
    FROM tasks GROUP BY user_id
) t FULL JOIN task_counters c USING (user_id)
WHERE (coalesce(t.total, 0), coalesce(t.completed, 0)) IS DISTINCT FROM (c.total, c.completed)
"""
