"""From the first release's tables to this one's, with its rows in them and its servers still up."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
import pytest
import pytest_asyncio
from asyncpg.pool import PoolConnectionProxy

from tests.database.databases import (
    ALL,
    SHAPE,
    SHAPES,
    migrated_to,
    number_of,
    opened,
    rows,
    session,
    user,
)
from todo_backend import __version__, startup
from todo_backend.database import functions, migrate
from todo_backend.database.functions import RUNTIME_ROLE, FunctionSet
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.task import NewTask, Rendered, TaskChange, TaskId

SHIPPED: Final = Path(__file__).parents[1] / "data" / "functions_0001.sql"
# Anything but alike, so that nothing of it can be compressed.
WIDE: Final = "".join(map(chr, random.Random(1).sample(range(0x10400, 0x2FFFF), 255)))  # noqa: S311 - a sample that can be repeated
COLUMNS_0001: Final = 7
TURNS: Final = 3


class FirstRelease(FunctionSet):
    """What the release of revision 0001 installed."""

    def texts(self) -> Mapping[str, str]:
        return {RUNTIME_ROLE: SHIPPED.read_text(encoding="utf-8")}


FIRST: Final = FirstRelease("envelope")


class OldServer:
    """The calls of the first release, over a connection that it keeps."""

    def __init__(self, connection: asyncpg.Connection | PoolConnectionProxy) -> None:
        self._connection = connection

    async def create(self, owner: Principal, title: str) -> dict[str, Any]:
        return await self._body("create_task($1, NULL, NULL, $2, NULL)", owner, title)

    async def get(self, owner: Principal, task: Mapping[str, Any]) -> dict[str, Any]:
        return await self._body("get_task($1, $2)", owner, task["id"])

    async def rename(self, owner: Principal, task: Mapping[str, Any], title: str) -> dict[str, Any]:
        call = "update_task($1, $2, NULL, $3, false, NULL, NULL, false)"
        return await self._body(call, owner, task["id"], title)

    async def toggle(self, owner: Principal, task: Mapping[str, Any]) -> dict[str, Any]:
        call = "update_task($1, $2, NULL, NULL, false, NULL, NULL, true)"
        return await self._body(call, owner, task["id"])

    async def delete(self, owner: Principal, task: Mapping[str, Any]) -> str:
        outcome: str = await self._connection.fetchval(
            f"SELECT {FIRST.schema}.delete_task($1, $2, NULL)", owner.user_id, task["id"]
        )
        return outcome

    async def ids(self, owner: Principal) -> list[int]:
        items = await self._connection.fetchval(
            f"SELECT items FROM {FIRST.schema}.list_tasks($1, NULL, 100, 0, NULL)",  # noqa: S608 - ours
            owner.user_id,
        )
        return [task["id"] for task in orjson.loads(items)]

    async def _body(self, call: str, owner: Principal, *arguments: object) -> dict[str, Any]:
        body = await self._connection.fetchval(
            f"SELECT body FROM {FIRST.schema}.{call}",  # noqa: S608 - ours
            owner.user_id,
            *arguments,
        )
        found: dict[str, Any] = orjson.loads(body)
        return found


@pytest_asyncio.fixture
async def first(empty: ConnectArgs, truth: asyncpg.Connection) -> ConnectArgs:
    """A database of the first release."""
    await migrated_to(empty, "0001")
    async with truth.transaction():
        await functions.install(truth, FIRST)
    return empty


@pytest_asyncio.fixture
async def old(first: ConnectArgs) -> AsyncIterator[OldServer]:
    """A server of the first release, which has its connection before anything is migrated."""
    async with session(first) as connection:
        yield OldServer(connection)


async def test_fa_44_an_upgrade_keeps_every_row(
    first: ConnectArgs, old: OldServer, truth: asyncpg.Connection
) -> None:
    """Each value as it was; what is new has what a task without it has."""
    owner = user("alice")
    task = await old.create(owner, "Buy MILK 🥛")
    await old.toggle(owner, await old.create(owner, "Done"))
    (*tasks, counter) = await rows(truth, owner.user_id)

    await migrate.up(first, SHAPES)

    (*after, counter_after) = await rows(truth, owner.user_id)
    assert [row[:COLUMNS_0001] for row in after] == tasks
    assert [row[COLUMNS_0001:] for row in after] == [(2, None, "buy milk 🥛"), (2, None, "done")]
    assert counter_after == counter
    async with opened(first) as db:
        found = await db.tasks(SHAPE).get(owner, number_of(task))
        assert isinstance(found, Rendered)
        assert orjson.loads(found.body) == task


async def test_fa_44_both_releases_serve_side_by_side(
    first: ConnectArgs, old: OldServer, truth: asyncpg.Connection
) -> None:
    """The old one creates, reads, changes and deletes on the new tables, by an open connection."""
    owner = user("alice")
    before = await old.create(owner, "Before")
    kept = await old.toggle(owner, await old.create(owner, "Kept"))
    await migrate.up(first, SHAPES)

    async with opened(first) as db:
        new = db.tasks(SHAPE)
        of_old = await old.create(owner, "Of the old")
        of_new = orjson.loads((await new.create(owner, NewTask("Of the new", None))).body)
        renamed = await old.rename(owner, of_new, "Renamed by the old")
        changed = await new.change(
            owner, TaskId(of_old["id"]), TaskChange(title="By the new"), if_versions=None
        )
        toggled = await old.toggle(owner, before)
        outcome = await old.delete(owner, before)
        page = await new.page(owner, ALL, known_versions=None)

        assert isinstance(changed, Rendered)
        assert await old.get(owner, of_old) == orjson.loads(changed.body)
    assert (renamed["title"], toggled["completed"], outcome) == (
        "Renamed by the old",
        True,
        "deleted",
    )
    wanted = [of_new["id"], of_old["id"], kept["id"]]
    assert await old.ids(owner) == wanted
    assert [task["id"] for task in orjson.loads(page.items or "")] == wanted
    keys = await truth.fetch("SELECT title_key FROM tasks ORDER BY id DESC")
    assert [key for (key,) in keys] == ["renamed by the old", "by the new", "kept"]


async def test_fa_44_both_releases_start_by_turns(
    first: ConnectArgs,
    old: OldServer,
    truth: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While both serve: neither takes anything from the other, not even where one mends its own."""
    owner = user("alice")
    await migrate.up(first, SHAPES)
    stopping = asyncio.Event()

    async def call() -> int:
        calls = 0
        async with opened(first) as db:
            while not stopping.is_set():
                await old.create(owner, f"Of the old {calls}")
                await db.tasks(SHAPE).create(owner, NewTask(f"Of the new {calls}", None))
                calls += 1
        return calls

    calling = asyncio.create_task(call())
    for _ in range(TURNS):
        for release, shapes in (("0.0.1", [FIRST]), (__version__, SHAPES)):
            with monkeypatch.context() as patched:
                patched.setattr(functions, "__version__", release)
                await startup.prepare(first, shapes, migrates=True, timeout_seconds=20)
                await migrate.up(first, shapes)
    stopping.set()
    calls = await calling

    assert calls >= 1
    assert await truth.fetchval("SELECT count(*) FROM tasks") == 2 * calls
    for shape in SHAPES:
        mark = await truth.fetchval("SELECT obj_description($1::text::regnamespace)", shape.schema)
        assert mark == f"in use by {__version__}"


async def test_the_old_release_keeps_its_functions_for_a_while(
    first: ConnectArgs, old: OldServer, truth: asyncpg.Connection
) -> None:
    """They wait for a roll-back, marked by the new release, which has others."""
    await migrate.up(first, SHAPES)
    await migrate.up(first, SHAPES)

    mark = await truth.fetchval(
        "SELECT obj_description($1::text::regnamespace, 'pg_namespace')", FIRST.schema
    )
    assert mark == await truth.fetchval("SELECT 'superseded ' || current_date")
    assert await old.ids(user("alice")) == []


async def test_the_widest_row_fits_every_index(
    first: ConnectArgs, old: OldServer, truth: asyncpg.Connection
) -> None:
    """An id and a title of 255 characters of four bytes each: from before, and from now."""
    owner = Principal(WIDE)
    task = await old.create(owner, WIDE[::-1])

    await migrate.up(first, SHAPES)
    async with opened(first) as db:
        made = await db.tasks(SHAPE).create(owner, NewTask(WIDE, WIDE * 7))
        changed = await db.tasks(SHAPE).change(
            owner, number_of(task), TaskChange(title=WIDE[1:] + WIDE[0]), if_versions=None
        )

    assert {len(WIDE.encode()), len(WIDE.lower().encode())} == {4 * 255}
    assert isinstance(changed, Rendered)
    assert orjson.loads(made.body)["title"] == WIDE
    assert await truth.fetchval("SELECT count(*) FROM tasks WHERE user_id = $1", WIDE) == 2
    await migrate.down(first, revision="0001")
    await migrate.up(first, SHAPES)


@pytest.mark.parametrize("character", ["\u0130", "\u1e9e", "\u2126", "\u023a", "\U0001e921"])
async def test_a_title_that_grows_in_small_letters_fits(
    first: ConnectArgs, truth: asyncpg.Connection, character: str
) -> None:
    """The key of a title is the title in small letters, as far as the database's language goes."""
    owner = Principal(WIDE)
    await migrate.up(first, SHAPES)

    async with opened(first) as db:
        await db.tasks(SHAPE).create(owner, NewTask(character * 255, None))

    assert await truth.fetchval("SELECT octet_length(title_key) FROM tasks") <= 4 * 255
