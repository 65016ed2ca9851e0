"""The task functions as repeatable migrations (docs/adr/0003-functions-by-hash.md).

The functions of a release live in one schema per contract that is named after the hash of their
text, so the release before this one finds its own beside them while a deployment rolls.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Final

import asyncpg

from todo_backend import __version__
from todo_backend.database import paging

TABLES: Final = "public"
RUNTIME_ROLE: Final = "todo_app"
LOOKUP_ROLE: Final = "todo_lookup"
"""Sees which tasks there are, whosever they are; its functions give out less than they see."""
VERSION_TABLE: Final = "todo_alembic_version"
"""Where Alembic notes the revision: a name of our own, for the database may be shared."""
PREFIX: Final = "todo_"
KEEP_SUPERSEDED_DAYS: Final = 30
# What a schema's comment says: `in use by 0.2.0`, the newest release that ships it, or
# `superseded 2026-11-21`. A release before 0.2.0 wrote `in use` without a number.
IN_USE: Final = "in use by "
SUPERSEDED: Final = "superseded "
_MISSING: Final = "'missing'"
_MISSING_OR_STRANGERS: Final = "CASE WHEN task_exists(p_id) THEN 'strangers' ELSE 'missing' END"


@dataclass(frozen=True)
class FunctionSet(ABC):
    """Functions that are installed together, in a schema `todo_<name>_<12 hex digits>`."""

    name: str

    @abstractmethod
    def texts(self) -> Mapping[str, str]:
        """Return what each role creates and owns, in the order of creation.

        `{{search_path}}` in a text stands for the one that SECURITY DEFINER needs.
        """

    @cached_property
    def schema(self) -> str:
        """The schema that holds the functions, named by the hash of their text."""
        text = "".join(self.texts().values())
        return f"{PREFIX}{self.name}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def scripts(self) -> Mapping[str, str]:
        """Return the statements for each role; the schema must exist and be the search path."""
        # SECURITY DEFINER needs a fixed path, with pg_temp last (CREATE FUNCTION, "Writing
        # SECURITY DEFINER Functions Safely").
        path = f"pg_catalog, {self.schema}, {TABLES}, pg_temp"
        return {role: text.replace("{{search_path}}", path) for role, text in self.texts().items()}


@dataclass(frozen=True)
class Shape(FunctionSet):
    """The task functions of one contract, which is called `name`.

    `sql` says how it writes a task: it defines `task_json(tasks)` and `item_json(tasks)`, whose
    text is a JSON object. With `tells_strangers` a task that is somebody else's is told from one
    that does not exist.
    """

    sql: str
    tells_strangers: bool = False

    def texts(self) -> Mapping[str, str]:
        absence = _MISSING_OR_STRANGERS if self.tells_strangers else _MISSING
        tasks = read("tasks.sql").replace("{{shape}}", self.sql).replace("{{absence}}", absence)
        return {
            LOOKUP_ROLE: read("lookup.sql"),
            RUNTIME_ROLE: tasks
            + read("once.sql")
            + read("expired_keys.sql")
            + read("chunks.sql")
            + read("search.sql")
            + _pages(),
        }


def _pages() -> str:
    return paging.written(
        page=read("page.sql"), dated_page=read("page_dated.sql"), filtered=read("filtered.sql")
    )


def read(name: str) -> str:
    """Return the text of a file in `sql/`."""
    return resources.files(__package__).joinpath("sql", name).read_text(encoding="utf-8")


async def install(connection: asyncpg.Connection, functions: FunctionSet) -> bool:
    """Put the functions into their schema; False when they are there already.

    The login role may call what the last role of the set owns, which may call the rest. Must run
    inside a transaction: a schema is there whole or not at all.
    """
    schema = functions.schema
    if await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", schema):
        await _mark_in_use(connection, schema)
        return False
    login = await connection.fetchval("SELECT quote_ident(current_user)")
    await connection.execute(f"CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}, {TABLES}")
    await _mark_in_use(connection, schema)
    scripts = functions.scripts()
    *_, entry = scripts
    for role, script in scripts.items():
        # As their owner: what a login role grants itself before it gives them away goes with them.
        await connection.execute(
            f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};"
            f"SET LOCAL ROLE {role};"
            f"{script};"
            f"{_given_to(login if role == entry else entry, role, schema)};"
            "RESET ROLE;"
            f"REVOKE CREATE ON SCHEMA {schema} FROM {role}"
        )
    await connection.execute(f"SET LOCAL search_path = {TABLES}")
    return True


def _given_to(grantee: str, owner: str, schema: str) -> str:
    """Let `grantee`, an identifier, alone call the functions of `owner`."""
    in_format = grantee.replace("'", "''").replace("%", "%%")
    return f"""
DO $given$ DECLARE one regprocedure; BEGIN
    FOR one IN SELECT oid FROM pg_proc
        WHERE pronamespace = '{schema}'::regnamespace AND proowner = '{owner}'::regrole
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {in_format}', one);
    END LOOP;
END $given$"""  # noqa: S608 - names of our own making, and one that PostgreSQL has quoted


async def prune(connection: asyncpg.Connection, shipped: set[str]) -> list[str]:
    """Drop the schemas that no release has shipped for KEEP_SUPERSEDED_DAYS; return their names.

    The first release that no longer ships a schema writes the date on it; a release that ships it
    again (a roll-back) takes the date off. What a newer release ships is not for this one to judge:
    a process of the release before may start anew while a deployment rolls.
    """
    dropped = []
    for name, mark, is_expired in await connection.fetch(_SCHEMAS, KEEP_SUPERSEDED_DAYS):
        if name in shipped:
            continue
        if not mark.startswith(SUPERSEDED):
            if _numbers(__version__) >= _numbers(_release(mark)):
                await connection.execute(
                    f"DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA {name} IS %L',"
                    f" '{SUPERSEDED}' || to_char(current_date, 'YYYY-MM-DD')); END $$"
                )
        elif is_expired:
            await connection.execute(f"DROP SCHEMA {name} CASCADE")
            dropped.append(name)
    return dropped


async def drop_all(connection: asyncpg.Connection) -> None:
    """Drop the functions of every release: what `migrate down` does before the tables go."""
    for name, *_ in await connection.fetch(_SCHEMAS, KEEP_SUPERSEDED_DAYS):
        await connection.execute(f"DROP SCHEMA {name} CASCADE")


async def _mark_in_use(connection: asyncpg.Connection, schema: str) -> None:
    """Write the newest release that ships the schema on it."""
    mark = await connection.fetchval(
        "SELECT coalesce(obj_description(to_regnamespace($1::text), 'pg_namespace'), '')", schema
    )
    newest = max(__version__, _release(mark), key=_numbers)
    await connection.execute(f"COMMENT ON SCHEMA {schema} IS '{IN_USE}{newest}'")


def _release(mark: str) -> str:
    """Return the release that a schema's mark names; one that names none is older than all."""
    found = re.fullmatch(rf"{IN_USE}(\d[\w.+-]*)", mark)
    return found[1] if found else "0"


def _numbers(release: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", release)
    return tuple(map(int, found[0].split("."))) if found else ()


# Only names of our own making are spliced into statements: the pattern leaves nothing to quote.
_SCHEMAS: Final = f"""
SELECT n.nspname, coalesce(d.description, ''),
    d.description LIKE '{SUPERSEDED}%'
        AND substr(d.description, {len(SUPERSEDED) + 1})::date < current_date - $1::integer
FROM pg_namespace n
LEFT JOIN pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
WHERE n.nspname ~ '^{PREFIX}[a-z]+_[0-9a-f]{{12}}$'
"""  # noqa: S608 - constants
