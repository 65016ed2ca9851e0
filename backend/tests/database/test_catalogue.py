"""What the catalogue of a migrated database must say, so that no new table forgets its walls."""

from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import SHAPES, database, session
from todo_backend.database import migrate
from todo_backend.database.functions import RUNTIME_ROLE
from todo_backend.database.url import ConnectArgs
from todo_backend.model.tables import OWNED, Table

OWNER_COLUMNS: Final = {"user_id", "owner_id", "owner"}
# Tables that hold nobody's rows, each with its reason.
NOBODYS: Final[frozenset[str]] = frozenset()
COMMANDS: Final = {"SELECT", "INSERT", "UPDATE", "DELETE"}
# Of the whole database, extensions apart: what this product makes is all there is.
OURS: Final = "n.nspname !~ '^(pg_|information_schema$)'"
FUNCTIONS: Final = f"""
    SELECT p.oid::regprocedure::text AS signature, p.prosecdef AS is_definer,
        p.proconfig AS settings, pg_get_userbyid(p.proowner) AS owner, n.nspname AS schema,
        has_function_privilege('public', p.oid, 'EXECUTE') AS is_public
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {OURS}
"""  # noqa: S608 - a constant
tables = pytest.mark.parametrize("table", OWNED)


@pytest_asyncio.fixture(scope="module")
async def catalogue(address: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's session in a database that holds what the migrations make and nothing else."""
    async with database(address) as args, session(args) as connection:
        await migrate.up(args, SHAPES)
        yield connection


@tables
async def test_row_security_is_forced(catalogue: asyncpg.Connection, table: str) -> None:
    """Enabled for everybody, and forced upon the table's owner too."""
    row = await catalogue.fetchrow(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = $1::text::regclass",
        table,
    )

    assert row is not None
    assert tuple(row) == (True, True)


@tables
async def test_every_command_has_a_policy(catalogue: asyncpg.Connection, table: str) -> None:
    """Reading and writing are both bound, and no role is left out."""
    policies = await catalogue.fetch("SELECT * FROM pg_policies WHERE tablename = $1", table)

    covered = set().union(*(COMMANDS if p["cmd"] == "ALL" else {p["cmd"]} for p in policies))
    assert covered == COMMANDS
    assert all(policy["roles"] == ["public"] for policy in policies)


@tables
async def test_a_policy_fails_closed(catalogue: asyncpg.Connection, table: str) -> None:
    """Every policy compares the owner with a setting that is null where it is not set; no OR."""
    policies = await catalogue.fetch("SELECT * FROM pg_policies WHERE tablename = $1", table)

    words = [text for policy in policies for text in (policy["qual"], policy["with_check"]) if text]
    assert len(words) == 2 * len(policies)
    for text in words:
        assert OWNED[table] in text
        assert "NULLIF(current_setting('app.user_id'::text, true), ''::text)" in text
        assert " OR " not in text.upper()
        assert "IS NULL" not in text.upper()


def test_every_table_of_the_metadata_has_its_owner_declared() -> None:
    """A new table has to be entered in OWNED, which the tests here go by, or above as nobody's."""
    metadata = Table.metadata.tables

    assert set(metadata) == set(OWNED) | NOBODYS
    assert not set(OWNED) & NOBODYS
    assert all(column in metadata[name].columns for name, column in OWNED.items())
    for name in NOBODYS:
        assert not OWNER_COLUMNS & set(metadata[name].columns.keys())
        assert not metadata[name].foreign_keys


async def test_every_table_of_the_database_is_known(catalogue: asyncpg.Connection) -> None:
    """Nothing holds rows but the metadata's tables and Alembic's own."""
    names = await catalogue.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"  # noqa: S608 - a constant
        f" WHERE c.relkind IN ('r', 'p', 'f', 'm') AND {OURS}"
    )

    known = {*Table.metadata.tables, "todo_alembic_version"}
    assert {name for (name,) in names} == known


async def test_every_key_starts_with_the_owner(catalogue: asyncpg.Connection) -> None:
    """A unique index across users would tell one of them what another has."""
    indexes = await catalogue.fetch(
        "SELECT i.indrelid::regclass::text AS table, a.attname AS first FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indisunique AND i.indrelid::regclass::text = ANY ($1)",
        list(OWNED),
    )

    assert {(row["table"], row["first"]) for row in indexes} == set(OWNED.items())


async def test_there_is_no_view(catalogue: asyncpg.Connection) -> None:
    """A view reads as its owner and so around the policies, unless it says security_invoker."""
    views = await catalogue.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"  # noqa: S608 - a constant
        f" WHERE c.relkind = 'v' AND {OURS}"
        " AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)"
    )

    assert views == []


async def test_the_runtime_role_is_nobody(catalogue: asyncpg.Connection) -> None:
    """It can't log in, bypass the policies, or make roles and databases; and it is in no group."""
    role = await catalogue.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", RUNTIME_ROLE)
    groups = await catalogue.fetchval(
        "SELECT count(*) FROM pg_auth_members WHERE member = $1::text::regrole", RUNTIME_ROLE
    )

    assert role is not None
    powers = ("super", "bypassrls", "createrole", "createdb", "canlogin", "replication")
    assert {name: role[f"rol{name}"] for name in powers} == dict.fromkeys(powers, False)
    assert groups == 0


async def test_the_runtime_role_owns_functions_alone(catalogue: asyncpg.Connection) -> None:
    """The owner of a table could switch its policies off."""
    owned = await catalogue.fetch(
        "SELECT DISTINCT classid::regclass::text FROM pg_shdepend WHERE deptype = 'o'"
        " AND refobjid = $1::text::regrole AND dbid = (SELECT oid FROM pg_database"
        " WHERE datname = current_database())",
        RUNTIME_ROLE,
    )

    assert {kind for (kind,) in owned} == {"pg_proc"}


@pytest.mark.parametrize("table", [*OWNED, "todo_alembic_version"])
async def test_the_runtime_role_has_no_more_than_it_needs(
    catalogue: asyncpg.Connection, table: str
) -> None:
    """It reads and writes the owned tables; TRUNCATE and foreign keys go around the policies."""
    privileges = ["TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN", *sorted(COMMANDS)]

    granted = await catalogue.fetch(
        "SELECT name FROM unnest($3::text[]) name WHERE has_table_privilege($1, $2::text, name)",
        RUNTIME_ROLE,
        table,
        privileges,
    )

    assert {name for (name,) in granted} == (COMMANDS if table in OWNED else set())


async def test_nobody_else_reaches_the_tables(catalogue: asyncpg.Connection) -> None:
    """The public has no privilege on any table."""
    open_to_all = await catalogue.fetch(
        "SELECT c.relname, a.privilege_type FROM pg_class c"  # noqa: S608 - a constant
        " JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a"
        f" WHERE a.grantee = 0 AND {OURS}"
    )

    assert open_to_all == []


async def test_the_runtime_role_creates_nothing(catalogue: asyncpg.Connection) -> None:
    """In no schema, its functions' own included: it could put a function before another."""
    schemas = await catalogue.fetch(
        f"SELECT n.nspname FROM pg_namespace n WHERE {OURS}"  # noqa: S608 - a constant
        " AND has_schema_privilege($1, n.oid, 'CREATE')",
        RUNTIME_ROLE,
    )
    on_database = await catalogue.fetchval(
        "SELECT has_database_privilege($1, current_database(), 'CREATE')", RUNTIME_ROLE
    )

    assert schemas == []
    assert on_database is False


async def test_functions_belong_to_the_runtime_role_alone(catalogue: asyncpg.Connection) -> None:
    """Every function is the runtime role's, and the public may not call it."""
    found = await catalogue.fetch(FUNCTIONS)

    assert found
    assert {row["owner"] for row in found} == {RUNTIME_ROLE}
    assert [row["signature"] for row in found if row["is_public"]] == []


async def test_privileged_functions_have_a_fixed_search_path(
    catalogue: asyncpg.Connection,
) -> None:
    """Each that runs as its owner names where it looks, and temporary tables come last."""
    found = [row for row in await catalogue.fetch(FUNCTIONS) if row["is_definer"]]

    assert len(found) >= 5
    for row in found:
        settings = dict(setting.split("=", 1) for setting in row["settings"])
        path = [part.strip() for part in settings["search_path"].split(",")]
        assert path == ["pg_catalog", row["schema"], "public", "pg_temp"], row["signature"]


async def test_the_doors_are_the_privileged_functions(catalogue: asyncpg.Connection) -> None:
    """What names a user and touches rows runs as its owner; the helpers run as who calls them."""
    found = await catalogue.fetch(FUNCTIONS)

    doors = {row["signature"].split(".")[1].split("(")[0] for row in found if row["is_definer"]}
    assert doors == {"list_tasks", "get_task", "create_task", "update_task", "delete_task"}
