"""The versions of tasks and lists, which clients compare to know whether something has changed."""

import asyncio
from typing import Final

import asyncpg

from tests.database.databases import ALL, SHAPE, given_task, session, user
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.task import (
    Refusal,
    Rendered,
    TaskChange,
    TaskId,
)

ROUNDS: Final = 20


async def list_version(tasks: TaskFunctions, owner: Principal) -> int:
    return (await tasks.page(owner, ALL, known_versions=None)).version


async def test_the_list_version_grows_with_each_change_and_only_then(
    tasks: TaskFunctions,
) -> None:
    """It is the list's validator: equal versions promise equal lists."""
    owner = user("alice")
    empty = await list_version(tasks, owner)
    task = await given_task(tasks, owner)
    versions = [empty, await list_version(tasks, owner)]

    for change in (TaskChange(title="New"), TaskChange(completed=True), TaskChange(description="")):
        await tasks.change(owner, task.task_id, change, if_versions=None)
        versions.append(await list_version(tasks, owner))
        await tasks.change(owner, task.task_id, change, if_versions=None)  # to the same values
        await tasks.change(owner, task.task_id, TaskChange(title="x"), if_versions=[1])
        await tasks.delete(owner, task.task_id, if_versions=[1])
        await tasks.toggle(owner, TaskId(task.task_id + 10**6), if_versions=None)
        await tasks.get(owner, task.task_id)
        await given_task(tasks, user("bob"))
        assert await list_version(tasks, owner) == versions[-1]
    await tasks.delete(owner, task.task_id, if_versions=None)
    versions.append(await list_version(tasks, owner))

    assert versions == sorted(set(versions))


async def test_concurrent_changes_get_versions_of_their_own(tasks: TaskFunctions) -> None:
    """Two changes never leave the same version behind, of the task or of the list."""
    owner = user("alice")
    task = await given_task(tasks, owner)
    before = await list_version(tasks, owner)

    outcomes = await asyncio.gather(
        *(tasks.toggle(owner, task.task_id, if_versions=None) for _ in range(50))
    )

    versions = {outcome.version for outcome in outcomes if isinstance(outcome, Rendered)}
    assert len(versions) == 50
    assert min(versions) > task.version
    assert await list_version(tasks, owner) >= before + 50


async def test_one_of_two_with_the_same_condition_wins(tasks: TaskFunctions) -> None:
    """Concurrent changes under the same If-Match: one is made, the others are conflicts."""
    owner = user("alice")
    for _ in range(ROUNDS):
        task = await given_task(tasks, owner)
        wanted = [TaskChange(title=f"by {n}") for n in range(4)]

        outcomes = await asyncio.gather(
            *(
                tasks.change(owner, task.task_id, change, if_versions=[task.version])
                for change in wanted
            )
        )

        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Rendered)]
        assert outcomes.count(Refusal.CONFLICT) == 3
        assert await tasks.get(owner, task.task_id) == winner


async def test_a_clock_set_back_takes_no_version_back(
    tasks: TaskFunctions, superuser: asyncpg.Connection
) -> None:
    """Task and list were changed in what is now the future: later changes are later still."""
    owner = user("alice")
    task = await given_task(tasks, owner)
    await superuser.execute(
        "UPDATE tasks SET updated_at = now() + interval '1 day' WHERE id = $1", task.task_id
    )
    await superuser.execute(
        "UPDATE task_counters SET version = version * 2 WHERE user_id = $1", owner.user_id
    )
    versions = [(await _known(tasks, owner, task.task_id)).version]
    lists = [await list_version(tasks, owner)]

    for _ in range(3):
        changed = await tasks.toggle(owner, task.task_id, if_versions=[versions[-1]])
        assert isinstance(changed, Rendered)
        versions.append(changed.version)
        lists.append(await list_version(tasks, owner))

    assert versions == sorted(set(versions))
    assert lists == sorted(set(lists))
    assert (await _known(tasks, owner, task.task_id)).version == versions[-1]


async def _known(tasks: TaskFunctions, owner: Principal, task_id: TaskId) -> Rendered:
    found = await tasks.get(owner, task_id)
    assert isinstance(found, Rendered)
    return found


async def test_settings_of_the_session_change_no_answer(
    address: ConnectArgs, tasks: TaskFunctions
) -> None:
    """Whatever the database or its user has set, a task is written and versioned as ever."""
    owner = user("alice")
    task = await given_task(tasks, owner)
    settings = (
        "SET timezone = 'Asia/Kolkata'; SET datestyle = 'German'; SET extra_float_digits = -9"
    )
    async with session(address) as connection:
        await connection.execute(f"{settings}; SET escape_string_warning = off; SET jit = on")

        found = await connection.fetchrow(
            f"SELECT * FROM {SHAPE.schema}.get_task($1, $2)",  # noqa: S608 - a name of our own
            owner.user_id,
            task.task_id,
        )

    assert found is not None
    assert tuple(found) == ("found", task.body, task.task_id, task.version)
