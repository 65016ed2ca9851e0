"""The functions of several releases, side by side in one database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import asyncpg
import orjson
import pytest
import pytest_asyncio

from tests.database.databases import ALL, SHAPE, SHAPES, opened, session, user
from todo_backend import __version__
from todo_backend.database import functions, migrate
from todo_backend.database.functions import KEEP_SUPERSEDED_DAYS, Shape
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.model.task import NewTask, Rendered

# The next release writes the id of a task as text.
NEXT: Final = replace(
    SHAPE, sql=SHAPE.sql.replace("""{"id":' || task.id""", """{"id":"' || task.id || '"'""")
)
SHIPPED: Final = f"in use by {__version__}"
OTHERS: Final = [shape for shape in SHAPES if shape is not SHAPE]
EVERYTHING: Final = (
    "SELECT nspname, proname, p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
    " WHERE nspname LIKE 'todo\\_%' ORDER BY 1, 2"
)


@pytest_asyncio.fixture
async def truth(migrated: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    async with session(migrated) as connection:
        yield connection


async def deploy(args: ConnectArgs, *shapes: Shape) -> None:
    """Start a release that ships these shapes instead of SHAPE."""
    await migrate.up(args, [*shapes, *OTHERS])


async def mark(connection: asyncpg.Connection, shape: Shape) -> str | None:
    found: str | None = await connection.fetchval(
        "SELECT obj_description(to_regnamespace($1::text), 'pg_namespace')", shape.schema
    )
    return found


async def age(connection: asyncpg.Connection, shape: Shape, *, days: int) -> None:
    """Let the days go by since a release stopped shipping the shape."""
    await connection.execute(
        f"DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA {shape.schema} IS %L',"
        f" 'superseded ' || current_date - {days}); END $$"
    )


async def exists(connection: asyncpg.Connection, shape: Shape) -> bool:
    found: bool = await connection.fetchval(
        "SELECT to_regnamespace($1::text) IS NOT NULL", shape.schema
    )
    return found


async def test_the_same_text_is_installed_once(truth: asyncpg.Connection) -> None:
    """Installing again makes nothing and replaces nothing: the functions are the very same."""
    before = await truth.fetch(EVERYTHING)

    async with truth.transaction():
        is_new = await functions.install(truth, SHAPE)

    assert is_new is False
    assert await truth.fetch(EVERYTHING) == before


async def test_two_releases_work_side_by_side(migrated: ConnectArgs) -> None:
    """While a deployment rolls, each release reads what the other writes, in its own words."""
    owner = user("alice")
    await deploy(migrated, NEXT)
    async with opened(migrated) as db:
        old, new = db.tasks(SHAPE), db.tasks(NEXT)

        of_old = await old.create(owner, NewTask("by the old", None))
        of_new = await new.create(owner, NewTask("by the new", None))
        old_page = await old.page(owner, ALL, known_versions=None)
        new_page = await new.page(owner, ALL, known_versions=None)

    assert SHAPE.schema != NEXT.schema
    old_ids = [task["id"] for task in orjson.loads(old_page.items or "")]
    new_ids = [task["id"] for task in orjson.loads(new_page.items or "")]
    assert old_ids == [of_new.task_id, of_old.task_id]
    assert new_ids == [str(number) for number in old_ids]


async def test_a_table_grows_under_open_connections(
    migrated: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """The release before this one goes on working on tables that have got a column since."""
    owner = user("alice")
    async with opened(migrated) as db:
        tasks = db.tasks(SHAPE)
        task = await tasks.create(owner, NewTask("Buy milk", None))
        await tasks.get(owner, task.task_id)
        await truth.execute("ALTER TABLE tasks ADD COLUMN colour text NOT NULL DEFAULT 'red'")
        await truth.execute("ALTER TABLE tasks DROP COLUMN colour, ADD COLUMN weight integer")

        toggled = await tasks.toggle(owner, task.task_id, if_versions=None)
        added = await tasks.create(owner, NewTask("Buy bread", None))
        page = await tasks.page(owner, ALL, known_versions=None)
        deleted = await tasks.delete(owner, added.task_id, if_versions=None)

    assert isinstance(toggled, Rendered)
    assert page.total == 2
    assert deleted is None


async def test_what_is_no_longer_shipped_is_marked(
    migrated: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """The first release without it writes today's date on it; later ones leave the date alone."""
    today = await truth.fetchval("SELECT 'superseded ' || current_date")

    await deploy(migrated, NEXT)
    first = await mark(truth, SHAPE)
    await age(truth, SHAPE, days=3)
    aged = await mark(truth, SHAPE)
    await deploy(migrated, NEXT)

    assert first == today
    assert await mark(truth, SHAPE) == aged != today
    assert await mark(truth, NEXT) == SHIPPED


@pytest.mark.parametrize(
    ("days", "is_kept"), [(KEEP_SUPERSEDED_DAYS, True), (KEEP_SUPERSEDED_DAYS + 1, False)]
)
async def test_it_is_kept_for_thirty_days(
    migrated: ConnectArgs, truth: asyncpg.Connection, days: int, *, is_kept: bool
) -> None:
    """A roll-back within that time finds its functions; after it they are dropped."""
    await deploy(migrated, NEXT)
    await age(truth, SHAPE, days=days)

    await deploy(migrated, NEXT)

    assert await exists(truth, SHAPE) is is_kept
    assert await exists(truth, NEXT)


async def test_a_roll_back_takes_the_mark_off(
    migrated: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """However old the mark: what a release ships is in use, and the other one is superseded."""
    await deploy(migrated, NEXT)
    await age(truth, SHAPE, days=KEEP_SUPERSEDED_DAYS * 2)

    await migrate.up(migrated, SHAPES)

    assert await mark(truth, SHAPE) == SHIPPED
    assert str(await mark(truth, NEXT)).startswith("superseded ")


@pytest.mark.parametrize(
    ("restarting", "is_marked"),
    [("0.9.9", False), ("0.10.0", True), ("0.10.0rc1", True), ("0.11.0", True), ("1.0", True)],
)
async def test_an_older_release_marks_nothing_of_a_newer_one(
    migrated: ConnectArgs,
    truth: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    *,
    restarting: str,
    is_marked: bool,
) -> None:
    """A process of the release before starts anew while a deployment rolls: it has no say."""
    monkeypatch.setattr(functions, "__version__", "0.10.0")
    await deploy(migrated, NEXT)
    monkeypatch.setattr(functions, "__version__", restarting)

    await migrate.up(migrated, SHAPES)

    assert await mark(truth, SHAPE) == f"in use by {restarting}"
    assert str(await mark(truth, NEXT)).startswith("superseded ") is is_marked


async def test_what_two_releases_ship_is_the_newer_ones(
    migrated: ConnectArgs, truth: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older one starts last, and a third that is between them still has no say."""
    for release in ("0.10.0", "0.9.0"):
        monkeypatch.setattr(functions, "__version__", release)
        await migrate.up(migrated, SHAPES)
    monkeypatch.setattr(functions, "__version__", "0.9.5")

    await deploy(migrated, NEXT)

    assert await mark(truth, SHAPE) == "in use by 0.10.0"


@pytest.mark.parametrize("written", ["'in use'", "'in use by nobody'", "'something else'", "NULL"])
async def test_a_schema_without_a_version_is_old(
    migrated: ConnectArgs, truth: asyncpg.Connection, written: str
) -> None:
    """The first release wrote none; whoever ships the schema again writes theirs."""
    await truth.execute(f"COMMENT ON SCHEMA {SHAPE.schema} IS {written}")

    await deploy(migrated, NEXT)
    superseded = await mark(truth, SHAPE)
    await migrate.up(migrated, SHAPES)

    assert str(superseded).startswith("superseded ")
    assert await mark(truth, SHAPE) == SHIPPED


async def test_pruning_tells_what_it_dropped(
    migrated: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """And touches no schema of another make, whatever it is called."""
    await deploy(migrated, NEXT)
    await age(truth, SHAPE, days=KEEP_SUPERSEDED_DAYS + 1)
    await truth.execute("CREATE SCHEMA todo_notes; CREATE SCHEMA todo_envelope_0123456789ab_old")

    dropped = await functions.prune(truth, {shape.schema for shape in (NEXT, *OTHERS)})

    assert dropped == [SHAPE.schema]
    assert (
        await truth.fetchval(
            "SELECT count(*) FROM pg_namespace"
            " WHERE nspname IN ('todo_notes', 'todo_envelope_0123456789ab_old')"
        )
        == 2
    )


async def test_drop_all_drops_every_release(
    migrated: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Nothing is left of any, and the way back up makes what this release ships."""
    await deploy(migrated, NEXT)

    await functions.drop_all(truth)
    left = await truth.fetch(EVERYTHING)
    report = await migrate.up(migrated, SHAPES)

    assert left == []
    assert report.is_current


async def test_functions_that_are_not_there_yet_are_waited_for(
    migrated: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """A process that starts before the migration is unavailable, and works as soon as it ran."""
    owner = user("alice")
    async with opened(migrated) as db:
        await functions.drop_all(truth)
        with pytest.raises(DatabaseUnavailable):
            await db.tasks(SHAPE).create(owner, NewTask("Buy milk", None))

        await migrate.up(migrated, SHAPES)
        await db.tasks(SHAPE).create(owner, NewTask("Buy milk", None))
        page = await db.tasks(SHAPE).page(owner, ALL, known_versions=None)

    assert page.total == 1


async def test_a_text_that_fails_leaves_no_schema(
    migrated: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """A schema is there whole or not at all, and the release before is unharmed."""
    broken = replace(SHAPE, sql=SHAPE.sql + "SELECT no_such_function();")

    with pytest.raises(asyncpg.UndefinedFunctionError):
        await migrate.up(migrated, [broken])

    assert not await exists(truth, broken)
    assert await mark(truth, SHAPE) == SHIPPED


async def test_functions_are_installed_once_by_starters_at_once(migrated: ConnectArgs) -> None:
    """Several processes of a new release start together."""
    reports = await asyncio.gather(*(migrate.up(migrated, [NEXT, *OTHERS]) for _ in range(4)))

    assert all(report.is_current for report in reports)
