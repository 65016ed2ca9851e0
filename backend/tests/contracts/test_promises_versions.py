"""`updated_at`: it moves with every modification, never backwards, and with nothing else."""

import re
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.contracts.people import Person

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


async def test_times_are_utc_in_iso_8601(user: Person) -> None:
    """Both times end in Z, say the present, and agree on a task that was never updated."""
    before = datetime.now(UTC)
    task = await user.given_task()

    assert MOMENT.fullmatch(task["created_at"])
    assert task["created_at"] == task["updated_at"]
    # The database has a clock of its own, though here it is the same machine's.
    assert abs(datetime.fromisoformat(task["created_at"]) - before) < timedelta(minutes=1)


async def test_every_modification_moves_it_on(user: Person) -> None:
    """Each change is later than the one before, however fast they come."""
    task = await user.given_task()
    path = user.path(task)

    moments = [moment_of(task)]
    for number in range(3):
        for body in ({"title": f"title {number}"}, {"title": "t", "description": f"{number}"}):
            changed = user.driver.task_of((await user.client.put(path, json=body)).json())
            moments.append(moment_of(changed))
        toggled = user.driver.task_of((await user.client.patch(user.completion(task))).json())
        moments.append(moment_of(toggled))

    assert moments == sorted(set(moments))
    assert (await user.read(task))["created_at"] == task["created_at"]


async def test_it_never_goes_back(user: Person, superuser: asyncpg.Connection) -> None:
    """A clock that was ahead, or is set back, does not make a later change an earlier one."""
    task = await user.given_task()
    ahead = datetime.now(UTC).replace(microsecond=123456) + timedelta(hours=1)
    await superuser.execute(
        "UPDATE tasks SET updated_at = $2 WHERE user_id = $1", user.user_id, ahead
    )
    tags = [await user.tag(task), await user.list_tag()]

    response = await user.client.put(user.path(task), json={"title": "Buy oat milk"})

    assert moment_of(user.driver.task_of(response.json())) > ahead
    assert response.headers["etag"] != tags[0]
    assert await user.list_tag() != tags[1]


@pytest.mark.parametrize("fields", [{}, {"description": "Two bottles"}, {"completed": True}])
async def test_change_to_the_same_changes_nothing(user: Person, fields: dict[str, object]) -> None:
    """A form that was saved without an edit succeeds and keeps the version."""
    task = await user.given_task()
    path = user.path(task)
    task = user.driver.task_of((await user.client.put(path, json=task | fields)).json())
    tags = [await user.tag(task), await user.list_tag()]

    for body in (task, {"title": task["title"]}, {"title": f"  {task['title']}\n"}):
        response = await user.client.put(path, json=body, headers={"if-match": tags[0]})
        assert response.status_code == 200
        assert user.driver.task_of(response.json()) == task

    assert [await user.tag(task), await user.list_tag()] == tags


async def test_setting_completion_twice_is_harmless(user: Person) -> None:
    """What is done already is done, and no newer for it."""
    task = await user.given_task()
    path = user.completion(task)

    first, second = [await user.client.patch(path, json={"completed": True}) for _ in range(2)]

    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert user.driver.task_of(second.json())["completed"] is True


@pytest.mark.parametrize("content", [None, b"{}", b' {"unknown": 1} '], ids=str)
async def test_toggle_always_changes(user: Person, content: bytes | None) -> None:
    """Without a word about completion it is turned round, each time anew."""
    task = await user.given_task()
    headers = {"content-type": "application/json"} if content else {}

    found = []
    for _ in range(3):
        response = await user.client.patch(user.completion(task), content=content, headers=headers)
        found.append(user.driver.task_of(response.json()))

    assert [each["completed"] for each in found] == [True, False, True]
    moments = [moment_of(each) for each in (task, *found)]
    assert moments == sorted(set(moments))


def moment_of(task: dict[str, str]) -> datetime:
    return datetime.fromisoformat(task["updated_at"])
