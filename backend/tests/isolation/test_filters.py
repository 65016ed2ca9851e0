"""Whatever a list is narrowed by, and however long it is, either wall keeps it its reader's own."""

from datetime import UTC, datetime
from typing import Final

import asyncpg
import orjson
import pytest

from tests.database.databases import opened, user
from tests.database.walls import SORTS
from tests.isolation.rewriting import ABLATIONS
from tests.support.many import given_many
from todo_backend.contracts import CONTRACTS
from todo_backend.database.search import SearchFunctions
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.search import Filters, FoundPage, Search, Sort
from todo_backend.model.task import Listing, NewTask, Order, Priority, Status, TaskChange

PAST, BETWEEN, FUTURE = (datetime(year, 2, 3, tzinfo=UTC) for year in (2020, 2021, 2091))
RENT: Final = NewTask("Pay the rent", None, Priority.HIGH, PAST)
LEASE: Final = NewTask("Renew the lease", None, Priority.LOW, FUTURE)
LAMP: Final = NewTask("Mend a lamp", None)
TAX: Final = NewTask("Pay a tax", "With the form", Priority.HIGH, PAST)
DONE: Final = (LAMP, TAX)
LET_THROUGH: Final = (
    (Filters(), {RENT, LEASE, LAMP, TAX}),
    (Filters(Status.PENDING), {RENT, LEASE}),
    (Filters(Status.COMPLETED, words=("mend",)), {LAMP}),
    (Filters(Status.COMPLETED, due_before=BETWEEN), {TAX}),
    (Filters(overdue=True), {RENT}),
    (Filters(overdue=True, words=("the", "PAY")), {RENT}),
    (Filters(due_before=BETWEEN), {RENT, TAX}),
    (Filters(due_after=BETWEEN), {LEASE}),
    (Filters(priorities=(Priority.HIGH,)), {RENT, TAX}),
    (Filters(Status.PENDING, (Priority.LOW, Priority.MEDIUM)), {LEASE}),
    (Filters(words=("the",)), {RENT, LEASE, TAX}),
)
LONG: Final = 250
walls = pytest.mark.parametrize("wall", ABLATIONS)


async def _given_tasks(tasks: TaskFunctions, *owners: Principal) -> None:
    """Give all of them the same tasks, in turns, so that they lie between each other's."""
    for draft in (RENT, LEASE, LAMP, TAX):
        for owner in owners:
            made = await tasks.create(owner, draft)
            done = TaskChange(completed=draft in DONE)
            await tasks.change(owner, made.task_id, done, if_versions=None)


async def _pages(
    search: SearchFunctions, owner: Principal, filters: Filters, sort: Sort
) -> list[FoundPage]:
    """Read one task after the other, until a page says that it is the last one."""
    found = [await search.page(owner, Search(filters, sort, limit=1), known_versions=None)]
    while found[-1].end is not None:
        behind = Search(filters, sort, limit=1, after=found[-1].end)
        found.append(await search.page(owner, behind, known_versions=None))
    return found


@walls
async def test_is_30_a_narrowed_list_is_its_readers_own(
    stage: ConnectArgs, truth: asyncpg.Connection, wall: str
) -> None:
    """It shows, counts and goes on to no task of anybody else's, in any order."""
    await ABLATIONS[wall](truth)
    shape, alice, bob, carol = CONTRACTS["rich"].shape, *map(user, ("alice", "bob", "carol"))
    async with opened(stage) as db:
        await _given_tasks(db.tasks(shape), alice, bob, carol)

        for filters, expected in LET_THROUGH:
            for sort in SORTS:
                pages = await _pages(db.search(shape), bob, filters, sort)

                shown = [task for page in pages for task in orjson.loads(page.items or "")]
                assert {task["user_id"] for task in shown} == {bob.user_id}
                titles = sorted(draft.title for draft in expected)
                assert sorted(task["title"] for task in shown) == titles
                assert {page.total for page in pages} == {len(expected)}
                assert len(pages) == len(expected)


async def test_is_20_without_both_walls_a_narrowed_list_is_everybodys(
    stage: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """The control: every one of these filters lets others' tasks through."""
    for take_down in ABLATIONS.values():
        await take_down(truth)
    shape, alice, bob = CONTRACTS["rich"].shape, user("alice"), user("bob")
    async with opened(stage) as db:
        # The counters, which creating moves, are everybody's now.
        await given_many(truth, alice.user_id, 1)
        await given_many(truth, bob.user_id, 1)
        await truth.execute("DELETE FROM tasks")
        await _given_tasks(db.tasks(shape), alice, bob)

        for filters, expected in LET_THROUGH:
            found = [await _pages(db.search(shape), bob, filters, sort) for sort in SORTS]

            assert {len(pages) for pages in found} == {2 * len(expected)}


@walls
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("order", Order)
async def test_is_30_a_long_list_is_its_readers_own(
    stage: ConnectArgs, truth: asyncpg.Connection, wall: str, order: Order, status: Status
) -> None:
    """Each chunk of it, which goes on behind the one before, as much as the first."""
    await ABLATIONS[wall](truth)
    alice, bob, carol = map(user, ("alice", "bob", "carol"))
    for owner in (alice, bob, carol):
        await given_many(truth, owner.user_id, LONG)
    is_shown = {"all": "true", "pending": "NOT completed", "completed": "completed"}[status]
    stored = await truth.fetch(
        f"SELECT id FROM tasks WHERE user_id = $1 AND {is_shown}",  # noqa: S608 - written above
        bob.user_id,
    )
    async with opened(stage) as db:
        tasks = db.tasks(CONTRACTS["plain"].shape)

        found = await tasks.listing(bob, Listing(status, order), known_versions=None)
        assert found.chunks is not None
        chunks = [chunk async for chunk in found.chunks]

    shown = [task["id"] for chunk in chunks for task in orjson.loads(f"[{chunk.items}]")]
    assert sorted(shown) == sorted(id_ for (id_,) in stored)
    assert found.total == len(stored)
