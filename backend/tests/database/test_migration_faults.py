"""What can go wrong on the way to this release, and what is left then."""

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from alembic.util import CommandError

from tests.database.databases import (
    SHAPE,
    SHAPES,
    database,
    migrated_to,
    session,
    starter,
    tables,
    until_alone,
    until_blocked,
    use,
)
from todo_backend.database import functions, migrate
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.reach import DatabaseUnfit
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.model.tables import Table


async def test_fa_45_a_killed_starter_leaves_nothing_half_done(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """By kill -9 in the middle: no table is there, and the next starter begins from the start."""
    async with session(empty) as obstacle:
        await obstacle.execute("BEGIN; CREATE TABLE refresh_tokens ()")  # its last table
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
    await use(empty)


async def test_fa_45_a_killed_upgrade_goes_on_where_it_was(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """By kill -9 among the revisions: those before are whole, and the next starter has the rest."""
    await migrated_to(empty, "0001")
    async with session(empty) as obstacle:
        await obstacle.execute("BEGIN; CREATE TABLE refresh_tokens ()")  # of revision 0003
        with starter(empty) as killed:
            await until_blocked(truth)
            killed.kill()
            killed.wait()
        await obstacle.execute("ROLLBACK")
    await until_alone(truth)
    left = await migrate.status(empty, SHAPES)
    report = await migrate.up(empty, SHAPES)

    assert killed.returncode == -9
    assert left.revision == "0002g"
    assert report.is_current
    await use(empty)


async def test_a_database_that_goes_away_on_the_way(
    empty: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """The connection lost in the middle is the same fact as none at the start, and mends itself."""
    async with session(empty) as obstacle:
        await obstacle.execute("BEGIN; CREATE TABLE refresh_tokens ()")
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
    await use(empty)


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

    assert await tables(truth) == {*Table.metadata.tables, functions.VERSION_TABLE}
    assert (await migrate.up(empty, SHAPES)).is_current
    await use(empty)


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
