"""The tables are the one source of the schema: the migrations make exactly what they say."""

from typing import Any, Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from tests.database.databases import database, engaged, session
from todo_backend.database import functions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.tables import Table

# Columns, constraints, indexes and storage of the tables named, as PostgreSQL spells them.
CATALOGUE: Final = """
SELECT 'column', c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
        a.attnotnull::text, a.attidentity::text || a.attgenerated::text,
        a.attcollation::regcollation::text, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relname = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint', r.conrelid::regclass::text, r.conname, pg_get_constraintdef(r.oid),
        r.convalidated::text, NULL, NULL, NULL
    FROM pg_constraint r WHERE r.conrelid::regclass::text = ANY ($1)
UNION ALL
SELECT 'index', tablename, indexname, indexdef, NULL, NULL, NULL, NULL
    FROM pg_indexes WHERE tablename = ANY ($1)
UNION ALL
SELECT 'storage', relname, reloptions::text, NULL, NULL, NULL, NULL, NULL
    FROM pg_class WHERE relname = ANY ($1)
"""
CHANGES: Final = (
    "ALTER TABLE tasks ADD COLUMN colour text",
    "ALTER TABLE tasks DROP COLUMN description CASCADE",
    "ALTER TABLE tasks ALTER COLUMN description SET NOT NULL",
    "ALTER TABLE tasks ALTER COLUMN id TYPE integer",
    "ALTER TABLE tasks ALTER COLUMN completed SET DEFAULT true",
    "DROP INDEX ix_tasks_newest",
    "CREATE TABLE forgotten (user_id text)",
)
CHANGES_OF_CONSTRAINTS: Final = (
    "ALTER TABLE tasks DROP CONSTRAINT ck_tasks_has_owner",
    "ALTER TABLE tasks DROP CONSTRAINT fk_tasks_user_id",
    "ALTER TABLE task_counters RESET (fillfactor)",
    'ALTER TABLE tasks ALTER COLUMN description TYPE text COLLATE "C"',
    "ALTER TABLE tasks ALTER COLUMN title_key DROP EXPRESSION",
)


def _differences(connection: Connection) -> list[Any]:
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "version_table": functions.VERSION_TABLE,
    }
    context = MigrationContext.configure(connection, opts=options)
    found: list[Any] = compare_metadata(context, Table.metadata)
    return found


async def differences(args: ConnectArgs) -> list[Any]:
    """Return what Alembic would do to make the database what the tables say."""
    async with engaged(args) as connection:
        return await connection.run_sync(_differences)


async def catalogue(args: ConnectArgs) -> set[tuple[Any, ...]]:
    async with session(args) as connection:
        found = await connection.fetch(CATALOGUE, list(Table.metadata.tables))
    return {tuple(row) for row in found}


async def change(args: ConnectArgs, statement: str) -> None:
    async with session(args) as connection:
        await connection.execute(statement)


async def test_fa_46_alembic_finds_nothing_to_do(migrated: ConnectArgs) -> None:
    """After the migrations its comparison with the tables is empty."""
    assert await differences(migrated) == []


@pytest.mark.parametrize("statement", CHANGES)
async def test_fa_46_a_difference_would_be_seen(migrated: ConnectArgs, statement: str) -> None:
    """The comparison above has eyes."""
    await change(migrated, statement)

    assert await differences(migrated) != []


async def test_the_catalogue_is_the_same(migrated: ConnectArgs, address: ConnectArgs) -> None:
    """Constraints, collations and storage too, which Alembic does not compare."""
    async with database(address) as made:
        async with engaged(made) as connection:
            await connection.run_sync(Table.metadata.create_all)
        wanted = await catalogue(made)

    assert await catalogue(migrated) == wanted
    assert len(wanted) > 30


@pytest.mark.parametrize("statement", CHANGES_OF_CONSTRAINTS)
async def test_the_catalogue_shows_a_difference(migrated: ConnectArgs, statement: str) -> None:
    """And so has this one."""
    before = await catalogue(migrated)

    await change(migrated, statement)

    assert await catalogue(migrated) != before
