"""The task functions under many hands at once: what the counters and rows then say."""

import asyncio
import random
from typing import Final

import asyncpg
import orjson
import pytest

from tests.database.databases import given_task, session, until_blocked, user
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.task import (
    Refusal,
    Rendered,
    Status,
    TaskChange,
    TaskId,
    Window,
)

TOGGLES: Final = 25
ROUNDS: Final = 20
OPERATIONS: Final = 1000
BATCH: Final = 50
CONTENDED: Final = 3
# Of every user: what the counters say, and what there is.
COUNTED: Final = """
SELECT u.id, c.total, c.completed, count(t.id), count(t.id) FILTER (WHERE t.completed)
FROM users u LEFT JOIN task_counters c ON c.user_id = u.id LEFT JOIN tasks t ON t.user_id = u.id
WHERE u.id = ANY ($1) GROUP BY 1, 2, 3
"""


async def anything(
    tasks: TaskFunctions, owner: Principal, known: list[TaskId], chance: random.Random
) -> None:
    """Create, rename, set, toggle or delete one of the tasks, which may be gone."""
    act = chance.choice(["create", "create", "rename", "set", "toggle", "delete"])
    if act == "create" or not known:
        known.append((await given_task(tasks, owner)).task_id)
        return
    task_id = chance.choice(known[-CONTENDED:])
    match act:
        case "rename":
            change = TaskChange(title=chance.choice("abc"))
            await tasks.change(owner, task_id, change, if_versions=None)
        case "set":
            change = TaskChange(completed=chance.random() < 0.5)
            await tasks.change(owner, task_id, change, if_versions=None)
        case "toggle":
            await tasks.toggle(owner, task_id, if_versions=None)
        case "delete":
            await tasks.delete(owner, task_id, if_versions=None)


@pytest.mark.parametrize("owners", [1, 3])
async def test_counters_count_what_there_is(
    tasks: TaskFunctions,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    owners: int,
) -> None:
    """After 1,000 operations by several connections, of which none met a deadlock."""
    monkeypatch.setattr("todo_backend.database.pool._ROLLED_BACK", ())  # none is run again
    chance = random.Random(owners)  # noqa: S311 - a run that can be repeated
    known: dict[Principal, list[TaskId]] = {user("owner"): [] for _ in range(owners)}

    for _ in range(OPERATIONS // BATCH):
        batch = [chance.choice(list(known)) for _ in range(BATCH)]
        await asyncio.gather(*(anything(tasks, owner, known[owner], chance) for owner in batch))

    counted = await superuser.fetch(COUNTED, [owner.user_id for owner in known])
    assert len(counted) == owners
    for _, total, completed, tasks_there, completed_there in counted:
        assert (total, completed) == (tasks_there, completed_there)


async def test_the_list_counts_what_its_filter_shows(tasks: TaskFunctions) -> None:
    """`total` of every status is the number of items that it has."""
    owner = user("alice")
    made = [await given_task(tasks, owner) for _ in range(7)]
    for task in made[:3]:
        await tasks.toggle(owner, task.task_id, if_versions=None)
    await tasks.delete(owner, made[0].task_id, if_versions=None)

    pages = {
        status: await tasks.page(owner, Window(status, 100, 0), known_versions=None)
        for status in Status
    }

    totals = {status: page.total for status, page in pages.items()}
    assert totals == {Status.ALL: 6, Status.PENDING: 4, Status.COMPLETED: 2}
    assert totals == {status: len(orjson.loads(page.items or "")) for status, page in pages.items()}


async def test_first_sight_of_a_user_by_many_at_once(
    tasks: TaskFunctions, superuser: asyncpg.Connection
) -> None:
    """Twenty requests of a user whom nobody knows: one user, one row of counters, twenty tasks."""
    owner = user("alice")

    made = await asyncio.gather(*(given_task(tasks, owner) for _ in range(20)))

    (counted,) = await superuser.fetch(COUNTED, [owner.user_id])
    assert len({task.task_id for task in made}) == 20
    assert tuple(counted) == (owner.user_id, 20, 0, 20, 0)


async def test_a_user_deleted_meanwhile_is_made_again(
    address: ConnectArgs, tasks: TaskFunctions, superuser: asyncpg.Connection
) -> None:
    """Never a task without its user, and no defect: the request is run again from its start."""
    owner = user("alice")
    async with session(address) as other:
        await other.execute("INSERT INTO users (id) VALUES ($1)", owner.user_id)
        await other.execute("BEGIN")
        await other.execute("INSERT INTO task_counters VALUES ($1, 0, 0, 0)", owner.user_id)

        creation = asyncio.create_task(given_task(tasks, owner))
        await until_blocked(superuser)
        await other.execute("DELETE FROM users WHERE id = $1", owner.user_id)
        await other.execute("COMMIT")
        await creation

    (counted,) = await superuser.fetch(COUNTED, [owner.user_id])
    assert tuple(counted) == (owner.user_id, 1, 0, 1, 0)


async def test_toggles_are_atomic(tasks: TaskFunctions) -> None:
    """Each of 25 concurrent toggles counts: 13 to `true`, 12 back, the parity right 20 times."""
    owner = user("alice")
    task_id = (await given_task(tasks, owner)).task_id
    is_completed = False

    for _ in range(ROUNDS):
        outcomes = await asyncio.gather(
            *(tasks.toggle(owner, task_id, if_versions=None) for _ in range(TOGGLES))
        )
        states = [
            orjson.loads(outcome.body)["completed"]
            for outcome in outcomes
            if isinstance(outcome, Rendered)
        ]
        changed_to_the_other = states.count(not is_completed)
        assert (len(states), changed_to_the_other) == (TOGGLES, TOGGLES // 2 + 1)
        is_completed = not is_completed
        found = await tasks.get(owner, task_id)
        assert isinstance(found, Rendered)
        assert orjson.loads(found.body)["completed"] is is_completed


async def test_changes_of_different_fields_survive_each_other(tasks: TaskFunctions) -> None:
    """The last writer wins field by field, not row by row."""
    owner = user("alice")
    for number in range(ROUNDS):
        task_id = (await given_task(tasks, owner)).task_id
        wanted = {"title": f"title {number}", "description": f"text {number}", "completed": True}

        await asyncio.gather(
            *(
                tasks.change(owner, task_id, TaskChange(**{field: value}), if_versions=None)  # type: ignore[arg-type] # each value is its field's
                for field, value in wanted.items()
            )
        )

        found = await tasks.get(owner, task_id)
        assert isinstance(found, Rendered)
        assert orjson.loads(found.body).items() >= wanted.items()


async def test_one_of_many_deletes_a_task(
    tasks: TaskFunctions, superuser: asyncpg.Connection
) -> None:
    """Deletions, changes and toggles of one task at once: it goes once, and is counted once."""
    owner = user("alice")
    await given_task(tasks, owner)
    for _ in range(ROUNDS):
        task_id = (await given_task(tasks, owner)).task_id

        outcomes = await asyncio.gather(
            *(tasks.delete(owner, task_id, if_versions=None) for _ in range(3)),
            tasks.toggle(owner, task_id, if_versions=None),
            tasks.change(owner, task_id, TaskChange(title="Late"), if_versions=None),
        )

        assert outcomes[:3].count(None) == 1
        assert outcomes[:3].count(Refusal.MISSING) == 2
    (counted,) = await superuser.fetch(COUNTED, [owner.user_id])
    assert tuple(counted) == (owner.user_id, 1, 0, 1, 0)


async def test_an_id_is_never_used_again(tasks: TaskFunctions) -> None:
    """Not by another task, not by another user, not after the newest was deleted."""
    owners = [user("alice"), user("bob")]
    seen: list[TaskId] = []

    for round_number in range(10):
        owner = owners[round_number % 2]
        task_id = (await given_task(tasks, owner)).task_id
        seen.append(task_id)
        await tasks.delete(owner, task_id, if_versions=None)
        assert await tasks.get(owner, task_id) is Refusal.MISSING

    assert seen == sorted(set(seen))
