"""The task functions as repeatable migrations (docs/adr/0003-functions-by-hash.md).

The functions of a release live in one schema per contract that is named after the hash of their
text, so the release before this one finds its own beside them while a deployment rolls.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Final

import asyncpg

TABLES: Final = "public"
RUNTIME_ROLE: Final = "todo_app"
VERSION_TABLE: Final = "todo_alembic_version"
"""Where Alembic notes the revision: a name of our own, for the database may be shared."""
PREFIX: Final = "todo_"
KEEP_SUPERSEDED_DAYS: Final = 30
_CORE: Final = resources.files(__package__).joinpath("sql", "tasks.sql")


@dataclass(frozen=True)
class Shape:
    """How one contract writes a task: `sql` defines `task_json(tasks)` and `item_json(tasks)`.

    Both return text that is a JSON object.
    """

    contract: str
    sql: str

    @cached_property
    def schema(self) -> str:
        """The schema that holds the functions: `todo_<contract>_<12 hex digits of their hash>`."""
        text = _CORE.read_text(encoding="utf-8") + self.sql
        return f"{PREFIX}{self.contract}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def script(self) -> str:
        """Return the statements that fill the schema, which must exist and be the search path."""
        # SECURITY DEFINER needs a fixed path, with pg_temp last (CREATE FUNCTION, "Writing
        # SECURITY DEFINER Functions Safely").
        path = f"pg_catalog, {self.schema}, {TABLES}, pg_temp"
        core = _CORE.read_text(encoding="utf-8")
        return core.replace("{{shape}}", self.sql).replace("{{search_path}}", path)


async def install(connection: asyncpg.Connection, shape: Shape) -> bool:
    """Put the functions of `shape` into their schema; False when they are there already.

    Must run inside a transaction: a schema is there whole or not at all.
    """
    schema = shape.schema
    if await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", schema):
        await connection.execute(f"COMMENT ON SCHEMA {schema} IS 'in use'")
        return False
    login = await connection.fetchval("SELECT quote_ident(current_user)")
    await connection.execute(
        f"CREATE SCHEMA {schema};"
        f"COMMENT ON SCHEMA {schema} IS 'in use';"
        f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {RUNTIME_ROLE};"
        f"SET LOCAL search_path = {schema}, {TABLES};"
        f"SET LOCAL ROLE {RUNTIME_ROLE}"
    )
    # As their owner: what a login role grants itself before it gives them away goes with them.
    await connection.execute(shape.script())
    await connection.execute(
        f"REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC;"
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {login};"
        "RESET ROLE;"
        f"SET LOCAL search_path = {TABLES};"
        f"REVOKE CREATE ON SCHEMA {schema} FROM {RUNTIME_ROLE}"
    )
    return True


async def prune(connection: asyncpg.Connection, shipped: set[str]) -> list[str]:
    """Drop the schemas that no release has shipped for KEEP_SUPERSEDED_DAYS; return their names.

    The first release that no longer ships a schema writes the date on it; a release that ships it
    again (a roll-back) takes the date off.
    """
    dropped = []
    for name, superseded, expired in await connection.fetch(_SUPERSEDED, KEEP_SUPERSEDED_DAYS):
        if name in shipped:
            continue
        if not superseded:
            await connection.execute(
                f"DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA {name} IS %L',"
                " 'superseded ' || current_date); END $$"
            )
        elif expired:
            await connection.execute(f"DROP SCHEMA {name} CASCADE")
            dropped.append(name)
    return dropped


async def drop_all(connection: asyncpg.Connection) -> None:
    """Drop the functions of every release: what `migrate down` does before the tables go."""
    for name, *_ in await connection.fetch(_SUPERSEDED, KEEP_SUPERSEDED_DAYS):
        await connection.execute(f"DROP SCHEMA {name} CASCADE")


# Only names of our own making are spliced into statements: the pattern leaves nothing to quote.
_SUPERSEDED: Final = """
SELECT n.nspname,
    d.description LIKE 'superseded %',
    d.description LIKE 'superseded %'
        AND substr(d.description, 12)::date < current_date - $1::integer
FROM pg_namespace n
LEFT JOIN pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
WHERE n.nspname ~ '^todo_[a-z]+_[0-9a-f]{12}$'
"""
