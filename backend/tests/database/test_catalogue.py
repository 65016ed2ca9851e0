"""What the catalogue of a migrated database must say, so that no new table forgets its walls."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import SHAPES, database, session
from todo_backend.database import migrate
from todo_backend.database.url import ConnectArgs
from todo_backend.database.walls import ROLES, WALLS
from todo_backend.model.tables import OWNED, Table

OWNER_COLUMNS: Final = {"user_id", "owner_id", "owner"}
# Tables that hold nobody's rows, each with its reason.
NOBODYS: Final[frozenset[str]] = frozenset()
REVISIONS: Final = "todo_alembic_version"
CHANGE: Final = {"SELECT", "INSERT", "UPDATE", "DELETE"}
# Spelled out once more, so that a wall that falls in walls.py and in a migration at once is missed.
OWNER: Final = "(ALL to public) ({} = NULLIF(current_setting('app.user_id'::text, true), ''::text))"
POLICIES: Final[Mapping[str, set[str]]] = {
    "users": {
        OWNER.format("id"),
        "(INSERT to todo_auth) (CURRENT_USER = 'todo_auth'::name)",  # whoever signs up
    },
    "tasks": {
        OWNER.format("user_id"),
        "(SELECT to todo_lookup) (CURRENT_USER = 'todo_lookup'::name)",  # whether a task exists
    },
    "task_counters": {OWNER.format("user_id")},
    "idempotency_keys": {
        OWNER.format("user_id"),
        "(SELECT to todo_lookup) (CURRENT_USER = 'todo_lookup'::name)",  # whose have expired
    },
    # An address and a token are what their user is found by, so these are seen without one.
    "accounts": {
        OWNER.format("user_id"),
        "(ALL to todo_auth) (CURRENT_USER = 'todo_auth'::name)",
    },
    "sessions": {
        OWNER.format("user_id"),
        "(ALL to todo_auth) (CURRENT_USER = 'todo_auth'::name)",
    },
    "refresh_tokens": {
        OWNER.format("user_id"),
        "(ALL to todo_auth) (CURRENT_USER = 'todo_auth'::name)",
    },
}
RIGHTS: Final[Mapping[str, Mapping[str, set[str]]]] = {
    "users": {"todo_app": CHANGE, "todo_auth": {"INSERT"}},
    "tasks": {"todo_app": CHANGE, "todo_lookup": {"SELECT (id)"}},
    "task_counters": {"todo_app": CHANGE},
    "idempotency_keys": {
        "todo_app": CHANGE,
        "todo_lookup": {"SELECT (user_id)", "SELECT (expires_at)"},
    },
    "accounts": {
        "todo_auth": {"SELECT", "INSERT", "UPDATE (password_hash)", "UPDATE (updated_at)"}
    },
    "sessions": {"todo_auth": {"SELECT", "INSERT", "UPDATE (revoked_at)", "DELETE"}},
    "refresh_tokens": {
        "todo_auth": {"SELECT", "INSERT", "UPDATE (spent_at)", "UPDATE (child_hash)"}
    },
    REVISIONS: {},
}
# Unique keys that don't start with the owner, each with its reason.
KEYS_ACROSS_USERS: Final = {
    ("accounts", "email_key"),  # an address names one account, and is looked up to learn whose
    ("refresh_tokens", "hash"),  # whoever presents a token says no more than that
}
# Of the whole database, extensions apart: what this product makes is all there is.
OURS: Final = "n.nspname !~ '^(pg_|information_schema$)'"
tables = pytest.mark.parametrize("table", OWNED)
roles = pytest.mark.parametrize("role", ROLES)


@pytest_asyncio.fixture(scope="module")
async def catalogue(address: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's session in a database that holds what the migrations make and nothing else."""
    async with database(address) as args, session(args) as connection:
        await migrate.up(args, SHAPES)
        yield connection


@tables
async def test_is_04_row_security_is_forced(catalogue: asyncpg.Connection, table: str) -> None:
    """Enabled for everybody, and forced upon the table's owner too."""
    row = await catalogue.fetchrow(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = $1::text::regclass",
        table,
    )

    assert row is not None
    assert tuple(row) == (True, True)


@tables
async def test_is_07_a_table_has_the_policies_that_it_is_to_have(
    catalogue: asyncpg.Connection, table: str
) -> None:
    """For each, whom it lets to which rows: reading and writing, and nothing is null or else."""
    policies = await catalogue.fetch("SELECT * FROM pg_policies WHERE tablename = $1", table)

    said = {
        f"({p['cmd']} to {', '.join(p['roles'])}) {p['qual'] or p['with_check']}" for p in policies
    }
    assert said == POLICIES[table]
    assert len(said) == len(policies)
    assert {p["permissive"] for p in policies} == {"PERMISSIVE"}
    of_all = [p for p in policies if p["cmd"] == "ALL"]
    assert all(p["qual"] == p["with_check"] for p in of_all)


def test_is_04_every_table_of_the_metadata_has_its_walls_declared() -> None:
    """A new table has to be entered in OWNED and WALLS, which all go by, or above as nobody's."""
    metadata = Table.metadata.tables

    assert set(metadata) == set(OWNED) | NOBODYS
    assert not set(OWNED) & NOBODYS
    assert set(WALLS) == set(POLICIES) == set(RIGHTS) - {REVISIONS} == set(OWNED)
    assert all(column in metadata[name].columns for name, column in OWNED.items())
    for name in NOBODYS:
        assert not OWNER_COLUMNS & set(metadata[name].columns.keys())
        assert not metadata[name].foreign_keys


def test_what_an_inspection_goes_by_is_what_is_said_here() -> None:
    """The doctor would call right what it has declared wrongly."""
    for table, wall in WALLS.items():
        said = {f"({p.command} to {p.role}) {p.rows}" for p in wall.policies}
        assert said == POLICIES[table]
        assert wall.rights == RIGHTS[table]


async def test_every_table_of_the_database_is_known(catalogue: asyncpg.Connection) -> None:
    """Nothing holds rows but the metadata's tables and Alembic's own."""
    names = await catalogue.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"  # noqa: S608 - a constant
        f" WHERE c.relkind IN ('r', 'p', 'f', 'm') AND {OURS}"
    )

    assert {name for (name,) in names} == {*Table.metadata.tables, REVISIONS}


async def test_is_12_every_key_starts_with_the_owner(catalogue: asyncpg.Connection) -> None:
    """A unique index across users would tell one of them what another has."""
    indexes = await catalogue.fetch(
        "SELECT i.indrelid::regclass::text AS table, a.attname AS first, i.indnatts FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indisunique AND i.indrelid::regclass::text = ANY ($1)",
        list(OWNED),
    )

    found = {(row["table"], row["first"]) for row in indexes}
    assert found - KEYS_ACROSS_USERS == set(OWNED.items()) - {("refresh_tokens", "user_id")}
    assert found >= KEYS_ACROSS_USERS
    assert {row["indnatts"] for row in indexes if (row[0], row[1]) in KEYS_ACROSS_USERS} == {1}


async def test_is_09_there_is_no_view(catalogue: asyncpg.Connection) -> None:
    """A view reads as its owner and so around the policies, unless it says security_invoker."""
    views = await catalogue.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"  # noqa: S608 - a constant
        f" WHERE c.relkind = 'v' AND {OURS}"
        " AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)"
    )

    assert views == []


@roles
async def test_is_03_a_role_of_ours_is_nobody(catalogue: asyncpg.Connection, role: str) -> None:
    """It can't log in, bypass the policies, or make roles and databases; and it is in no group."""
    row = await catalogue.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
    groups = await catalogue.fetchval(
        "SELECT count(*) FROM pg_auth_members WHERE member = $1::text::regrole", role
    )

    assert row is not None
    powers = ("super", "bypassrls", "createrole", "createdb", "canlogin", "replication")
    assert {name: row[f"rol{name}"] for name in powers} == dict.fromkeys(powers, False)
    assert groups == 0


async def test_every_role_is_known(catalogue: asyncpg.Connection) -> None:
    """A role that a migration makes has to be entered in ROLES, which all go by."""
    found = await catalogue.fetch("SELECT rolname FROM pg_roles WHERE rolname LIKE 'todo\\_%'")

    assert {name for (name,) in found} == set(ROLES)


@roles
async def test_is_03_a_role_of_ours_owns_functions_alone(
    catalogue: asyncpg.Connection, role: str
) -> None:
    """The owner of a table could switch its policies off."""
    owned = await catalogue.fetch(
        "SELECT DISTINCT classid::regclass::text FROM pg_shdepend WHERE deptype = 'o'"
        " AND refobjid = $1::text::regrole AND dbid = (SELECT oid FROM pg_database"
        " WHERE datname = current_database())",
        role,
    )

    assert {kind for (kind,) in owned} == {"pg_proc"}


@pytest.mark.parametrize("table", RIGHTS)
async def test_is_03_nobody_has_more_rights_than_they_need(
    catalogue: asyncpg.Connection, table: str
) -> None:
    """Each role those of its work; TRUNCATE, TRIGGER and foreign keys go around the policies."""
    granted = await catalogue.fetch(
        """
        SELECT a.grantee::regrole::text AS role, a.privilege_type AS word
            FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.oid = $1::text::regclass AND a.grantee <> c.relowner
        UNION SELECT a.grantee::regrole::text, a.privilege_type || ' (' || c.attname || ')'
            FROM pg_attribute c, aclexplode(c.attacl) a WHERE c.attrelid = $1::text::regclass
        """,
        table,
    )

    found: dict[str, set[str]] = {}
    for role, word in granted:
        found.setdefault(role, set()).add(word)
    assert found == RIGHTS[table]


@roles
async def test_is_03_a_role_of_ours_creates_nothing(
    catalogue: asyncpg.Connection, role: str
) -> None:
    """In no schema, its functions' own included: it could put a function before another."""
    schemas = await catalogue.fetch(
        f"SELECT n.nspname FROM pg_namespace n WHERE {OURS}"  # noqa: S608 - a constant
        " AND has_schema_privilege($1, n.oid, 'CREATE')",
        role,
    )
    on_database = await catalogue.fetchval(
        "SELECT has_database_privilege($1, current_database(), 'CREATE')", role
    )

    assert schemas == []
    assert on_database is False
