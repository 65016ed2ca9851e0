"""Many clients at once: nothing is lost, counted twice or half done."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tests.contracts import wire
from tests.contracts.drivers import Task
from tests.contracts.people import Person

JSON = ("content-type", "application/json")


async def toggled(user: Person, task: Task, *, clients: int, rounds: int) -> None:
    """Have so many clients turn a task round at once, so many times; check each round."""
    octets = wire.request("PATCH", user.completion(task), [user.authorization])
    was_done: bool = task["completed"]
    async with AsyncExitStack() as stack:
        connected = [wire.connected(user.deployment.url) for _ in range(clients)]
        connections = [await stack.enter_async_context(each) for each in connected]
        for _ in range(rounds):
            answers = await asyncio.gather(*(each.exchange(octets) for each in connections))
            # In whichever order they came, every second one made it done.
            found = [user.driver.task_of(answer.json())["completed"] for answer in answers]
            assert found.count(not was_done) == (clients + 1) // 2
            was_done ^= clients % 2 == 1
    assert (await user.read(task))["completed"] is was_done


@pytest.mark.parametrize(
    ("clients", "rounds"),
    [pytest.param(2, 1000, marks=pytest.mark.slow), (2, 100), (3, 100), (8, 50)],
)
async def test_fa_39_toggles_are_counted_one_by_one(
    user: Person, clients: int, rounds: int
) -> None:
    """Clients that turn the same task round at once do so one after the other."""
    task = await user.given_task()

    await toggled(user, task, clients=clients, rounds=rounds)


def single_changes(user: Person, number: int) -> list[dict[str, Any]]:
    """Return changes of one field each, which together make a task another one."""
    others = {"description": f"as of {number}", **user.driver.own_fields}
    if user.driver.put_needs_title:
        return [{"title": f"title {number}"}]
    return [{"title": f"title {number}"}, *({name: others[name]} for name in others)]


async def test_changes_of_different_fields_all_survive(user: Person) -> None:
    """The last writer wins field by field: who completes a task does not undo a new title."""
    for number in range(25):
        task = await user.given_task()
        changes = single_changes(user, number)

        answers = await asyncio.gather(
            *(user.client.put(user.path(task), json=change) for change in changes),
            user.client.patch(user.completion(task), json={"completed": True}),
        )

        assert {answer.status_code for answer in answers} == {200}
        expected = {name: value for change in changes for name, value in change.items()}
        found = await user.read(task)
        assert (expected | {"completed": True}).items() <= found.items()
        # The last of them has shown all of it.
        assert found in [user.driver.task_of(answer.json()) for answer in answers]


@pytest.mark.parametrize("methods", [("PUT", "PUT"), ("PUT", "PATCH"), ("PATCH", "PATCH")])
async def test_fa_37_of_two_with_the_same_tag_one_wins(
    user: Person, methods: Sequence[str]
) -> None:
    """However close together they come, the second finds the version gone and changes nothing."""
    for _ in range(15):
        task = await user.given_task()
        tag = await user.tag(task)

        answers = await asyncio.gather(
            *(change(user, task, method, tag, title=f"by {n}") for n, method in enumerate(methods))
        )

        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 412)
        user.refused(lost, user.driver.refusals.stale)
        winner = user.driver.task_of(won.json())
        assert await user.read(task) == winner
        assert await user.tag(task) == won.headers["etag"] != tag


async def change(user: Person, task: Task, method: str, tag: str, *, title: str) -> httpx.Response:
    path = user.completion(task) if method == "PATCH" else user.path(task)
    body = {"title": title} if method == "PUT" else None
    return await user.client.request(method, path, json=body, headers={"if-match": tag})


async def test_fa_40_of_many_deletions_one_is_it(user: Person) -> None:
    """The others find no task, whether they name its version or not."""
    for number in range(5):
        task = await user.given_task()
        headers = {"if-match": await user.tag(task)} if number % 2 else {}

        answers = await asyncio.gather(
            *(user.client.delete(user.path(task), headers=headers) for _ in range(4))
        )

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [user.driver.deleted_status, 404, 404, 404]
    assert await user.listed() == []


async def test_first_tasks_of_a_user_may_come_together(user: Person) -> None:
    """The user that none of them found is made once, and each task is there."""
    bodies = [json.dumps({"title": f"title {number}"}).encode() for number in range(12)]
    octets = [wire.request("POST", user.tasks, [user.authorization, JSON], body) for body in bodies]

    async with AsyncExitStack() as stack:
        connected = [wire.connected(user.deployment.url) for _ in octets]
        connections = [await stack.enter_async_context(each) for each in connected]
        answers = await asyncio.gather(
            *(each.exchange(one) for each, one in zip(connections, octets, strict=True))
        )

    tasks = [user.driver.task_of(answer.json()) for answer in answers]
    assert [answer.status_code for answer in answers] == [201] * len(octets)
    assert len({task["id"] for task in tasks}) == len(octets)
    listed = [task["title"] for task in await user.listed()]
    assert sorted(listed) == sorted(task["title"] for task in tasks)
