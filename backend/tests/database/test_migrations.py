"""A database on its way to this release and back, also when something goes wrong on the way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from tests.database.databases import (
    ALL,
    PATIENCE_SECONDS,
    SHAPE,
    SHAPES,
    database,
    opened,
    session,
    starter,
    until_alone,
    until_blocked,
    user,
)
from todo_backend.database import migrate
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.reach import DatabaseUnfit
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.model.tables import OWNED, Table
from todo_backend.model.task import NewTask

NAUGHTY: Final = ("🍞", "e\u0301", "\u202eright", "a\\b'c\"d", "<script>", "\x01\x1f", " blank ")
SCRIPTS: Final = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
HEAD: Final = SCRIPTS.get_current_head()


@pytest_asyncio.fixture
async def truth(empty: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    """A session in the test's database that sees everything there."""
    async with session(empty) as connection:
        yield connection


async def given_rows(args: ConnectArgs) -> None:
    """Fill every table with what is hard to keep."""
    async with opened(args) as db:
        for title in NAUGHTY:
            await db.tasks(SHAPE).create(user("alice"), NewTask(title, title * 100))


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


async def tables(connection: asyncpg.Connection) -> set[str]:
    found = await connection.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind = 'r'"
    )
    return {name for (name,) in found}


async def function_schemas(connection: asyncpg.Connection) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'todo\\_%'"
    )
    return count


async def works(args: ConnectArgs) -> None:
    """Use the functions as a new user."""
    owner = user("works")
    async with opened(args, pool_size=1) as db:
        tasks = db.tasks(SHAPE)
        await tasks.create(owner, NewTask("Buy milk", None))
        assert (await tasks.page(owner, ALL, known_versions=None)).total == 1


async def test_down_and_up_again_keeps_what_both_ends_know(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Step by step to the base: a column that a step doesn't concern comes back as it was."""
    await migrate.up(empty, SHAPES)
    await given_rows(empty)
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
        await works(empty)


async def test_the_base_is_empty(empty: ConnectArgs, truth: asyncpg.Connection) -> None:
    """Down leaves neither tables nor functions, and no rows for the next up."""
    await migrate.up(empty, SHAPES)
    await given_rows(empty)

    await migrate.down(empty)

    assert await tables(truth) == {migrate.VERSION_TABLE}
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


async def test_starters_at_once_migrate_once(empty: ConnectArgs, truth: asyncpg.Connection) -> None:
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
    wanted = [f"public.{table}" for table in (*Table.metadata.tables, migrate.VERSION_TABLE)]
    assert sorted(made) == sorted([*wanted, *(shape.schema for shape in SHAPES)])


async def test_a_killed_starter_leaves_nothing_half_done(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """By kill -9 in the middle: no table is there, and the next starter begins from the start."""
    async with session(empty) as obstacle:
        await obstacle.execute("BEGIN; CREATE TABLE tasks ()")  # the last table that it will make
        with starter(empty) as killed:
            await until_blocked(truth)
            killed.kill()
            killed.wait()
        await obstacle.execute("ROLLBACK")
    await until_alone(truth)
    left = await tables(truth)
    report = await migrate.up(empty, SHAPES)

    assert killed.returncode == -9
    assert left == set()
    assert report.is_current
    await works(empty)


async def test_a_database_that_goes_away_on_the_way(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """The connection lost in the middle is the same fact as none at the start, and mends itself."""
    async with session(empty) as obstacle:
        await obstacle.execute("BEGIN; CREATE TABLE tasks ()")
        migration = asyncio.create_task(migrate.up(empty, SHAPES))
        await until_blocked(truth)
        await truth.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with pytest.raises(DatabaseUnavailable):
            await migration
        await obstacle.execute("ROLLBACK")

    assert (await migrate.up(empty, SHAPES)).is_current


async def test_a_read_only_database_is_waited_for(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """A standby that is about to be promoted refuses for now (25006)."""
    await truth.execute(f"ALTER DATABASE {empty.database} SET default_transaction_read_only = on")

    with pytest.raises(DatabaseUnavailable):
        await migrate.up(empty, SHAPES)


async def test_tables_of_a_later_release_are_left_alone(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """The release before starts anew while a deployment rolls: it serves and takes nothing back."""
    later = replace(SHAPE, sql=f"{SHAPE.sql}-- of a later release\n")
    await migrate.up(empty, [later])
    await truth.execute("UPDATE todo_alembic_version SET version_num = 'later'")

    report = await migrate.up(empty, SHAPES)

    assert (report.revision, report.missing, report.is_current) == ("later", (), False)
    assert await truth.fetchval(
        "SELECT obj_description($1::text::regnamespace)", later.schema
    ) == await truth.fetchval("SELECT obj_description($1::text::regnamespace)", SHAPE.schema)
    await works(empty)


@pytest.mark.parametrize(
    "obstacle",
    [
        "CREATE SCHEMA todo",  # the login role's name: `"$user"` comes first in the usual path
        "CREATE SCHEMA other; ALTER DATABASE {} SET search_path = other",
        "ALTER DATABASE {} SET search_path = ''",
    ],
)
async def test_the_search_path_makes_no_difference(
    empty: ConnectArgs, truth: asyncpg.Connection, obstacle: str
) -> None:
    """The tables are in `public`, where the functions look for them and nowhere else."""
    await truth.execute(obstacle.format(empty.database))

    await migrate.up(empty, SHAPES)

    assert await tables(truth) == {*Table.metadata.tables, migrate.VERSION_TABLE}
    assert (await migrate.up(empty, SHAPES)).is_current
    await works(empty)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_can_not_hold_every_text_is_refused(
    address: ConnectArgs, encoding: str
) -> None:
    """Better no start than an error for every emoji."""
    options = f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
    async with database(address, options=options) as args:
        with pytest.raises(DatabaseUnfit, match=encoding):
            await migrate.up(args, SHAPES)

        assert (await migrate.status(args, SHAPES)).revision is None


async def test_down_to_nowhere_takes_nothing(empty: ConnectArgs) -> None:
    """A revision that this release doesn't know: the functions are still there."""
    await migrate.up(empty, SHAPES)

    with pytest.raises(CommandError):
        await migrate.down(empty, revision="nowhere")

    assert (await migrate.status(empty, SHAPES)).is_current


async def test_up_waits_for_a_database_that_starts_later(tmp_path: Path) -> None:
    """In a deployment nobody says which of the two is there first."""
    with EmbeddedPostgres.start(tmp_path, options={"fsync": "off"}) as server:
        args = parse(server.url)
    with pytest.raises(DatabaseUnavailable):
        await migrate.up(args, SHAPES)

    waiting = asyncio.create_task(migrate.up(args, SHAPES, wait_seconds=60))
    await asyncio.sleep(0.3)
    is_still_waiting = not waiting.done()
    again = await asyncio.to_thread(EmbeddedPostgres.start, tmp_path, options={"fsync": "off"})
    try:
        report = await waiting
    finally:
        await asyncio.to_thread(again.stop)

    assert is_still_waiting
    assert report.is_current


@pytest.mark.slow
async def test_a_server_that_swallows_everything_is_given_up(address: ConnectArgs) -> None:
    """A firewall that drops packets can't hold a start for ever."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        args = replace(address, hosts=("127.0.0.1",), ports=(port,))
        with pytest.raises(DatabaseUnavailable):
            async with asyncio.timeout(30):
                await migrate.up(args, SHAPES)
