"""Two walls between the users: policies on the tables, and filters in the functions.

Each is taken down in a database of its own, to see that the other holds alone; then both, to see
that these tests would notice.
"""

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
import pytest
import pytest_asyncio

from tests.database.databases import ALL, rows, user
from tests.database.walls import (
    CONTRACTS_SHAPES,
    SORTS,
    Walls,
    ablated,
    without_either,
    without_filters,
    without_policies,
)
from todo_backend.database.url import ConnectArgs
from todo_backend.model.attempt import Attempt
from todo_backend.model.principal import Principal
from todo_backend.model.search import Filters, Search
from todo_backend.model.task import (
    NewTask,
    Priority,
    Rendered,
    Status,
    TaskChange,
    TaskId,
    Window,
)

OPERATIONS: Final = 400
PAST: Final = datetime(2020, 2, 3, tzinfo=UTC)
# What lets others' tasks through where the owner is lost; tests/isolation/test_filters.py counts.
FILTERS: Final = (
    Filters(words=("n",)),
    Filters(overdue=True),
    Filters(Status.PENDING, due_after=PAST - timedelta(days=1)),
    Filters(due_before=PAST + timedelta(days=1), priorities=(Priority.MEDIUM,)),
)
# Rows as the functions would make them, had they not lost what tells users apart.
GIVEN: Final = """
WITH owner AS (INSERT INTO users (id) VALUES ($1) RETURNING id),
    counter AS (INSERT INTO task_counters SELECT id, 9, 0, 1 FROM owner)
INSERT INTO tasks (user_id, title) SELECT id, id FROM owner RETURNING id
"""
NAMES: Final = [each.name for each in CONTRACTS_SHAPES]


@pytest_asyncio.fixture(scope="module", params=[without_filters, without_policies])
async def one_wall(
    request: pytest.FixtureRequest, address: ConnectArgs
) -> AsyncIterator[Mapping[str, Walls]]:
    """One of the walls alone, for every contract."""
    async for found in ablated(address, request.param):
        yield found


@pytest.fixture(params=NAMES)
def walls(request: pytest.FixtureRequest, one_wall: Mapping[str, Walls]) -> Walls:
    """One of the walls alone, for one contract."""
    return one_wall[request.param]


@pytest_asyncio.fixture(scope="module")
async def no_wall(address: ConnectArgs) -> AsyncIterator[Mapping[str, Walls]]:
    async for found in ablated(address, without_either):
        yield found


@pytest.fixture(params=NAMES)
def no_walls(request: pytest.FixtureRequest, no_wall: Mapping[str, Walls]) -> Walls:
    return no_wall[request.param]


@pytest.fixture
def alice() -> Principal:
    return user("alice")


@pytest.fixture
def bob() -> Principal:
    return user("bob")


async def test_a_stranger_sees_no_task(walls: Walls, alice: Principal, bob: Principal) -> None:
    """One wall is enough for reading: no item, no total, no version of anybody else's."""
    theirs = await walls.given_task(alice)
    own = await walls.given_task(bob, "Mine, she said")

    pages = await walls.lists(bob)
    nobodys = await walls.lists(user("carol"))

    assert await walls.tasks.get(bob, theirs) is walls.to_strangers
    shown = [[task["id"] for task in orjson.loads(page.items or "")] for page in pages]
    assert all(ids in ([own], []) for ids in shown)
    assert [page.total for page in pages] == [len(ids) for ids in shown]
    assert len([ids for ids in shown if ids]) == len(shown) - 1  # its own completed ones: none
    assert {(page.items, page.total, page.version) for page in nobodys} == {("[]", 0, 0)}


async def test_is_30_a_stranger_finds_no_word(
    walls: Walls, alice: Principal, bob: Principal
) -> None:
    """A search reads only what is the user's own, however many others have the word."""
    word = user("unheard").user_id
    await walls.given_task(alice, f"All about {word}")
    await walls.given_task(bob)

    pages = await walls.lists(bob, words=(word,))

    assert not any(word in (page.items or "") for page in pages)
    assert {page.total for page in pages} == {0, 1}


async def test_a_position_among_other_users_tasks_leads_to_none_of_them(
    walls: Walls, alice: Principal, bob: Principal
) -> None:
    """A page may begin behind any value that a client makes up."""
    first = await walls.given_task(bob)
    theirs = [await walls.given_task(alice) for _ in range(3)]
    last = await walls.given_task(bob)

    for sort in SORTS:
        for page in await walls.behind(bob, sort, theirs[1]):
            shown = {task["id"] for task in orjson.loads(page.items or "")}
            assert shown <= {first, last}
            assert page.total == 2


async def test_is_12_a_stranger_gets_no_replay(
    walls: Walls, alice: Principal, bob: Principal
) -> None:
    """The same key with the same request, of two users, is two keys."""
    draft, attempt = NewTask("Buy milk", None), Attempt("a-key", b"a request")
    theirs = await walls.tasks.create_once(alice, draft, attempt)

    own = await walls.tasks.create_once(bob, draft, attempt)
    again = await walls.tasks.create_once(bob, draft, attempt)

    assert isinstance(theirs, Rendered)
    assert isinstance(own, Rendered)
    assert (own.is_replayed, own.task_id != theirs.task_id) == (False, True)
    assert again == replace(own, is_replayed=True)


@pytest.mark.parametrize("status", Status)
async def test_is_30_a_stranger_counts_no_task(
    walls: Walls, alice: Principal, bob: Principal, status: Status
) -> None:
    """Totals are of one's own tasks, whatever the list shows."""
    done = await walls.given_task(alice)
    await walls.tasks.change(alice, done, TaskChange(completed=True), if_versions=None)
    await walls.given_task(alice)

    page = await walls.tasks.page(bob, Window(status, 10, 0), known_versions=None)

    assert (page.items, page.total) == ("[]", 0)


async def test_a_stranger_changes_nothing(walls: Walls, alice: Principal, bob: Principal) -> None:
    """One wall is enough for writing: the row and the counters stay as they are, bit for bit."""
    theirs = await walls.given_task(alice)
    await walls.given_task(bob)
    before = await rows(walls.truth, alice.user_id)

    everything = TaskChange(title="Taken", description="Taken", completed=True)
    outcomes = [
        await walls.tasks.change(bob, theirs, everything, if_versions=None),
        await walls.tasks.toggle(bob, theirs, if_versions=None),
        await walls.tasks.delete(bob, theirs, if_versions=None),
        await walls.tasks.delete(bob, theirs, if_versions=[1]),
    ]

    assert outcomes == [walls.to_strangers] * 4
    assert await rows(walls.truth, alice.user_id) == before


async def test_work_on_own_tasks_moves_no_other_counter(
    walls: Walls, alice: Principal, bob: Principal
) -> None:
    """The counters, which no client names, are behind both walls as well."""
    await walls.given_task(alice)
    before = await rows(walls.truth, alice.user_id)

    own = await walls.given_task(bob)
    await walls.tasks.toggle(bob, own, if_versions=None)
    await walls.tasks.delete(bob, own, if_versions=None)

    assert await rows(walls.truth, alice.user_id) == before


@pytest.mark.parametrize(
    "look_alike", ["{}' OR ''='", "{}%", "{} ", " {}", "{}\u200b", "", "%", "\\", "NULL", "todo"]
)
async def test_is_26_a_look_alike_is_a_stranger(
    walls: Walls, alice: Principal, look_alike: str
) -> None:
    """A user id is compared code point by code point and never read as anything else."""
    theirs = await walls.given_task(alice)
    stranger = Principal(look_alike.format(alice.user_id))

    pages = await walls.lists(stranger)

    assert {(page.items, page.total) for page in pages} == {("[]", 0)}
    assert await walls.tasks.get(stranger, theirs) is walls.to_strangers
    assert await walls.tasks.delete(stranger, theirs, if_versions=None) is walls.to_strangers


async def test_letter_case_makes_another_user(walls: Walls, alice: Principal) -> None:
    """The collation of the ids is C, whatever language the database speaks."""
    theirs = await walls.given_task(alice)
    stranger = Principal(alice.user_id.upper())

    await walls.given_task(stranger, "Mine")

    assert await walls.tasks.get(stranger, theirs) is walls.to_strangers
    assert await walls.total(alice) == 1


async def test_is_18_is_19_nothing_leaks_in_a_random_run(walls: Walls) -> None:
    """Three users try each other's ids; an answer holds its own reader's canary and no other."""
    chance = random.Random(20261121)  # noqa: S311 - a run that can be repeated
    users = [user(name) for name in ("ann", "ben", "cy")]
    ids = [await walls.given_task(owner, owner.user_id) for owner in users for _ in range(5)]

    for _ in range(OPERATIONS):
        owner, task_id = chance.choice(users), chance.choice(ids)
        answer = await _anything(walls, owner, task_id, chance, ids)
        others = {other.user_id for other in users} - {owner.user_id}
        assert not any(other in answer for other in others)

    for owner in users:
        titles = await walls.truth.fetch(
            "SELECT DISTINCT title FROM tasks WHERE user_id = $1", owner.user_id
        )
        assert {title for (title,) in titles} <= {owner.user_id}


async def _anything(
    walls: Walls, owner: Principal, task_id: TaskId, chance: random.Random, ids: list[TaskId]
) -> str:
    """Do one thing as `owner`, who writes their own name into all they touch."""
    tasks, sort = walls.tasks, chance.choice(SORTS)
    canary = TaskChange(title=owner.user_id, description=owner.user_id)
    answer: object
    match chance.randrange(8):
        case 0:
            answer = await tasks.page(owner, ALL, known_versions=None)
        case 1:
            answer = await tasks.get(owner, task_id)
        case 2:
            answer = await tasks.change(owner, task_id, canary, if_versions=None)
        case 3:
            answer = await tasks.toggle(owner, task_id, if_versions=None)
        case 4:
            answer = await tasks.delete(owner, task_id, if_versions=None)
        case 5:
            answer = await walls.found(owner, Search(chance.choice(FILTERS), sort, limit=100))
        case 6:
            answer = await walls.behind(owner, sort, task_id)
        case _:
            draft = NewTask(owner.user_id, owner.user_id, due_date=chance.choice([None, PAST]))
            answer = await tasks.create(owner, draft)
            ids.append(answer.task_id)
    return str(answer)


async def test_is_20_without_both_walls_everything_leaks(
    no_walls: Walls, alice: Principal, bob: Principal
) -> None:
    """The control: what holds above is held by the walls, and their fall would be seen."""
    theirs = await no_walls.truth.fetchval(GIVEN, alice.user_id)
    await no_walls.truth.fetchval(GIVEN, bob.user_id)

    pages = await no_walls.lists(bob, words=(alice.user_id,))
    found = await no_walls.tasks.get(bob, theirs)
    outcome = await no_walls.tasks.delete(bob, theirs, if_versions=None)
    attempt = Attempt(alice.user_id, b"a request")
    await no_walls.tasks.create_once(alice, NewTask("Hers", None), attempt)
    replay = await no_walls.tasks.create_once(bob, NewTask("His", None), attempt)

    assert isinstance(replay, Rendered)
    assert "Hers" in replay.body
    assert isinstance(found, Rendered)
    assert alice.user_id in found.body
    leaking = [page for page in pages if alice.user_id in (page.items or "")]
    assert len(leaking) == len(pages) - 1  # all but the list of completed ones
    assert all(page.total > 0 for page in leaking)
    assert outcome is None
