"""A database on its way to this release and back."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from tests.database.databases import (
    PATIENCE_SECONDS,
    SHAPE,
    SHAPES,
    opened,
    session,
    starter,
    tables,
    use,
    user,
)
from todo_backend.database import functions, migrate
from todo_backend.database.url import ConnectArgs
from todo_backend.model.attempt import Attempt
from todo_backend.model.tables import OWNED, Table
from todo_backend.model.task import NewTask, Priority

NAUGHTY: Final = ("🍞", "e\u0301", "\u202eright", "a\\b'c\"d", "<script>", "\x01\x1f", " blank ")
ACCOUNTS: Final = """
INSERT INTO accounts (user_id, email, email_key, name, password_hash)
    SELECT id, id || '@example.org', id, 'Zoë \U0001f35e', 'a hash' FROM users;
INSERT INTO sessions (user_id, id, expires_at) SELECT user_id, 'one', now() FROM accounts;
INSERT INTO refresh_tokens (hash, user_id, session_id, issued_at, expires_at)
    SELECT sha256(user_id::bytea), user_id, id, now(), now() FROM sessions;
"""
# More than 100,000 with the originals.
COPIES: Final = 15_000
MANY: Final = f"""
INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at, due_date)
    SELECT user_id, left(title || n, 255), description, n % 2 = 0, created_at, updated_at, due_date
    FROM tasks, generate_series(1, {COPIES}) n;
"""  # noqa: S608 - the test's own number
SCRIPTS: Final = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
HEAD: Final = SCRIPTS.get_current_head()


async def given_rows(args: ConnectArgs) -> None:
    """Fill every table with what is hard to keep."""
    async with opened(args) as db:
        for title in NAUGHTY:
            draft = NewTask(title, title * 100, Priority.HIGH, datetime.now(UTC))
            attempt = Attempt("a-key", title.encode())
            await db.tasks(SHAPE).create_once(user("alice"), draft, attempt)
    async with session(args) as truth:
        await truth.execute(ACCOUNTS)


async def columns(connection: asyncpg.Connection) -> dict[tuple[str, str], Any]:
    """Return a checksum of every column of our tables, by table and name."""
    found = await connection.fetch(
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relname = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped",
        [*OWNED, "notes"],
    )
    return {
        (table, column): await connection.fetchval(
            f"SELECT md5(string_agg(md5({column}::text), ',' ORDER BY {column}::text))"  # noqa: S608 - ours
            f" FROM {table}"
        )
        for table, column in found
    }


async def function_schemas(connection: asyncpg.Connection) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'todo\\_%'"
    )
    return count


async def test_fa_43_down_and_up_again_keeps_what_both_ends_know(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Step by step to the base: a column that a step doesn't concern comes back as it was."""
    await migrate.up(empty, SHAPES)
    await given_rows(empty)
    full = [await truth.fetchval(f"SELECT count(*) > 0 FROM {table}") for table in OWNED]  # noqa: S608 - ours
    await truth.execute("CREATE TABLE notes AS SELECT n FROM generate_series(1, 100) n")

    for script in SCRIPTS.walk_revisions():
        before = await columns(truth)
        await migrate.down(empty, revision=str(script.down_revision or "base"))
        below = await columns(truth)
        await migrate.up(empty, SHAPES)
        above = await columns(truth)

        assert below.items() <= before.items()
        assert {key: above[key] for key in below} == below
        assert ("notes", "n") in below
        await use(empty)
    assert all(full)


@pytest.mark.slow
async def test_fa_43_a_hundred_thousand_rows_go_down_and_up(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """To the first release and back, not a value of a column that it knows has changed."""
    await migrate.up(empty, SHAPES)
    await given_rows(empty)
    await truth.execute(MANY)
    before = await columns(truth)

    await migrate.down(empty, revision="0001")
    below = await columns(truth)
    await migrate.up(empty, SHAPES)
    above = await columns(truth)

    assert await truth.fetchval("SELECT count(*) FROM tasks") == len(NAUGHTY) * (COPIES + 1)
    assert below.items() <= before.items()
    assert {key: above[key] for key in below} == below
    assert above["tasks", "title_key"] == before["tasks", "title_key"]
    await use(empty)


async def test_the_base_is_empty(empty: ConnectArgs, truth: asyncpg.Connection) -> None:
    """Down leaves neither tables nor functions, and no rows for the next up."""
    await migrate.up(empty, SHAPES)
    await given_rows(empty)

    await migrate.down(empty)

    assert await tables(truth) == {functions.VERSION_TABLE}
    assert await function_schemas(truth) == 0
    assert (await migrate.status(empty, SHAPES)).revision is None


async def test_up_on_up_changes_nothing(empty: ConnectArgs, truth: asyncpg.Connection) -> None:
    """A second start finds everything as it should be and touches no row."""
    first = await migrate.up(empty, SHAPES)
    await given_rows(empty)
    before = await columns(truth)

    second = await migrate.up(empty, SHAPES)

    assert second == first
    assert await columns(truth) == before


async def test_status_tells_and_changes_nothing(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Before, it says what is missing; after, that nothing is."""
    before = await migrate.status(empty, SHAPES)
    untouched = await tables(truth)
    await migrate.up(empty, SHAPES)
    after = await migrate.status(empty, SHAPES)

    assert (before.revision, before.head, before.is_current) == (None, HEAD, False)
    assert before.missing == tuple(shape.schema for shape in SHAPES)
    assert untouched == set()
    assert (after.revision, after.missing, after.is_current) == (HEAD, (), True)


async def test_fa_45_starters_at_once_migrate_once(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Three in this process and one in another: all succeed, and each table is made once."""
    await truth.execute("""
        CREATE TABLE made (object text);
        CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
            INSERT INTO made SELECT object_identity FROM pg_event_trigger_ddl_commands()
                WHERE command_tag IN ('CREATE TABLE', 'CREATE SCHEMA');
        END $$;
        CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note();
    """)

    with starter(empty) as other:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reports = await asyncio.gather(*(migrate.up(empty, SHAPES) for _ in range(3)))
        _, said = await asyncio.to_thread(other.communicate)
    made = [name for (name,) in await truth.fetch("SELECT object FROM made")]

    assert other.returncode == 0, said
    assert all(report.is_current for report in reports)
    wanted = [f"public.{table}" for table in (*Table.metadata.tables, functions.VERSION_TABLE)]
    assert sorted(made) == sorted([*wanted, *(shape.schema for shape in SHAPES)])
