"""Two walls between the users: policies on the tables, and filters in the functions.

Each is taken down in a database of its own, to see that the other holds alone; then both, to see
that these tests would notice.
"""

import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson
import pytest
import pytest_asyncio

from tests.database.databases import (
    ALL,
    SHAPE,
    SHAPES,
    database,
    opened,
    rows,
    session,
    user,
)
from todo_backend.database import functions, migrate
from todo_backend.database.functions import Shape
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.tables import OWNED
from todo_backend.model.task import NewTask, Refusal, Status, TaskChange, TaskId, Window

# How sql/tasks.sql spells "of this user", on the rows of tasks (t) and of task_counters (c).
FILTER: Final = re.compile(r"\b[ct]\.user_id = p_user_id\b")
FILTER_COUNT: Final = 9
OPERATIONS: Final = 400


class WithoutFilters(Shape):
    """The functions as they would be if nobody had thought of a filter."""

    def script(self) -> str:
        text, removed = FILTER.subn("true", super().script())
        assert removed == FILTER_COUNT, "sql/tasks.sql has other filters than this test knows"
        assert "user_id =" not in text, "sql/tasks.sql spells a filter in another way"
        return text


@dataclass(frozen=True, slots=True)
class Walls:
    """The task functions with a wall missing, and a connection that sees every row."""

    tasks: TaskFunctions
    truth: asyncpg.Connection


async def without_filters(truth: asyncpg.Connection) -> Shape:
    shape = WithoutFilters("unfiltered", SHAPE.sql)
    async with truth.transaction():
        assert await functions.install(truth, shape)
    return shape


async def without_policies(truth: asyncpg.Connection) -> Shape:
    for table in OWNED:
        await truth.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    return SHAPE


async def without_either(truth: asyncpg.Connection) -> Shape:
    await without_policies(truth)
    return await without_filters(truth)


async def _walls(address: ConnectArgs, ablation: Any) -> AsyncIterator[Walls]:
    async with database(address) as args, session(args) as truth:
        await migrate.up(args, SHAPES)
        shape = await ablation(truth)
        async with opened(args) as found:
            yield Walls(found.tasks(shape), truth)


@pytest_asyncio.fixture(scope="module", params=[without_filters, without_policies])
async def walls(request: pytest.FixtureRequest, address: ConnectArgs) -> AsyncIterator[Walls]:
    """One of the walls alone."""
    async for found in _walls(address, request.param):
        yield found


@pytest_asyncio.fixture(scope="module")
async def no_walls(address: ConnectArgs) -> AsyncIterator[Walls]:
    async for found in _walls(address, without_either):
        yield found


@pytest.fixture
def alice() -> Principal:
    return user("alice")


@pytest.fixture
def bob() -> Principal:
    return user("bob")


async def given_task(walls: Walls, owner: Principal, title: str = "Buy milk") -> TaskId:
    return (await walls.tasks.create(owner, NewTask(title, None))).task_id


async def test_a_stranger_sees_no_task(walls: Walls, alice: Principal, bob: Principal) -> None:
    """One wall is enough for reading: no item, no total, no version of anybody else's."""
    theirs = await given_task(walls, alice)
    own = await given_task(walls, bob, "Mine")

    page = await walls.tasks.page(bob, ALL, known_versions=None)
    nobodys = await walls.tasks.page(user("carol"), ALL, known_versions=None)

    assert await walls.tasks.get(bob, theirs) is None
    assert [task["id"] for task in orjson.loads(page.items or "")] == [own]
    assert page.total == 1
    assert (nobodys.items, nobodys.total, nobodys.version) == ("[]", 0, 0)


@pytest.mark.parametrize("status", Status)
async def test_a_stranger_counts_no_task(
    walls: Walls, alice: Principal, bob: Principal, status: Status
) -> None:
    """Totals are of one's own tasks, whatever the list shows."""
    done = await given_task(walls, alice)
    await walls.tasks.change(alice, done, TaskChange(completed=True), if_versions=None)
    await given_task(walls, alice)

    page = await walls.tasks.page(bob, Window(status, 10, 0), known_versions=None)

    assert (page.items, page.total) == ("[]", 0)


async def test_a_stranger_changes_nothing(walls: Walls, alice: Principal, bob: Principal) -> None:
    """One wall is enough for writing: the row and the counters stay as they are, bit for bit."""
    theirs = await given_task(walls, alice)
    await given_task(walls, bob)
    before = await rows(walls.truth, alice.user_id)

    everything = TaskChange(title="Taken", description="Taken", completed=True)
    outcomes = [
        await walls.tasks.change(bob, theirs, everything, if_versions=None),
        await walls.tasks.toggle(bob, theirs, if_versions=None),
        await walls.tasks.delete(bob, theirs, if_versions=None),
        await walls.tasks.delete(bob, theirs, if_versions=[1]),
    ]

    assert outcomes == [Refusal.MISSING] * 4
    assert await rows(walls.truth, alice.user_id) == before


async def test_work_on_own_tasks_moves_no_other_counter(
    walls: Walls, alice: Principal, bob: Principal
) -> None:
    """The counters, which no client names, are behind both walls as well."""
    await given_task(walls, alice)
    before = await rows(walls.truth, alice.user_id)

    own = await given_task(walls, bob)
    await walls.tasks.toggle(bob, own, if_versions=None)
    await walls.tasks.delete(bob, own, if_versions=None)

    assert await rows(walls.truth, alice.user_id) == before


@pytest.mark.parametrize(
    "look_alike", ["{}' OR ''='", "{}%", "{} ", " {}", "{}\u200b", "", "%", "\\", "NULL", "todo"]
)
async def test_a_look_alike_is_a_stranger(walls: Walls, alice: Principal, look_alike: str) -> None:
    """A user id is compared code point by code point and never read as anything else."""
    theirs = await given_task(walls, alice)
    stranger = Principal(look_alike.format(alice.user_id))

    page = await walls.tasks.page(stranger, ALL, known_versions=None)

    assert (page.items, page.total) == ("[]", 0)
    assert await walls.tasks.get(stranger, theirs) is None
    assert await walls.tasks.delete(stranger, theirs, if_versions=None) is Refusal.MISSING


async def test_letter_case_makes_another_user(walls: Walls, alice: Principal) -> None:
    """The collation of the ids is C, whatever language the database speaks."""
    theirs = await given_task(walls, alice)
    stranger = Principal(alice.user_id.upper())

    await given_task(walls, stranger, "Mine")

    assert await walls.tasks.get(stranger, theirs) is None
    assert (await walls.tasks.page(alice, ALL, known_versions=None)).total == 1


async def test_nothing_leaks_in_a_random_run(walls: Walls) -> None:
    """Three users try each other's ids; an answer holds its own reader's canary and no other."""
    chance = random.Random(20261121)  # noqa: S311 - a run that can be repeated
    users = [user(name) for name in ("ann", "ben", "cy")]
    ids = [await given_task(walls, owner, owner.user_id) for owner in users for _ in range(5)]

    for _ in range(OPERATIONS):
        owner, task_id = chance.choice(users), chance.choice(ids)
        answer = await _anything(walls.tasks, owner, task_id, chance, ids)
        others = {other.user_id for other in users} - {owner.user_id}
        assert not any(other in answer for other in others)

    for owner in users:
        titles = await walls.truth.fetch(
            "SELECT DISTINCT title FROM tasks WHERE user_id = $1", owner.user_id
        )
        assert {title for (title,) in titles} <= {owner.user_id}


async def _anything(
    tasks: TaskFunctions,
    owner: Principal,
    task_id: TaskId,
    chance: random.Random,
    ids: list[TaskId],
) -> str:
    """Do one thing as `owner`, who writes their own name into all they touch."""
    canary = TaskChange(title=owner.user_id, description=owner.user_id)
    match chance.randrange(6):
        case 0:
            return (await tasks.page(owner, ALL, known_versions=None)).items or ""
        case 1:
            return str(await tasks.get(owner, task_id))
        case 2:
            return str(await tasks.change(owner, task_id, canary, if_versions=None))
        case 3:
            return str(await tasks.toggle(owner, task_id, if_versions=None))
        case 4:
            return str(await tasks.delete(owner, task_id, if_versions=None))
    made = await tasks.create(owner, NewTask(owner.user_id, owner.user_id))
    ids.append(made.task_id)
    return str(made)


async def test_without_both_walls_everything_leaks(
    no_walls: Walls, alice: Principal, bob: Principal
) -> None:
    """The control: what holds above is held by the walls, and their fall would be seen."""
    theirs = await given_task(no_walls, alice)

    page = await no_walls.tasks.page(bob, ALL, known_versions=None)
    found = await no_walls.tasks.get(bob, theirs)
    outcome = await no_walls.tasks.delete(bob, theirs, if_versions=None)

    assert found is not None
    assert alice.user_id in found.body
    assert page.total > 0
    assert outcome is None
