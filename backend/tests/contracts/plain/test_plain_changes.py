"""What PUT and PATCH change in the plain contract, and what they leave alone."""

import asyncio
from typing import Any

import pytest

from tests.contracts.plain.golden import given_task
from tests.support.users import Caller


async def put(alice: Caller, task: dict[str, Any], **body: object) -> dict[str, Any]:
    response = await alice.client.put(f"{alice.tasks}/{task['id']}", json=body)
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


async def complete(alice: Caller, task: dict[str, Any], content: str | None) -> dict[str, Any]:
    response = await alice.client.patch(
        f"{alice.tasks}/{task['id']}/complete",
        content=content,
        headers={"content-type": "application/json"} if content else {},
    )
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


@pytest.mark.parametrize(
    "body",
    [
        {"title": "Buy oat milk"},
        {"description": "One bottle"},
        {"description": None},
        {"description": ""},
        {"completed": True},
        {"title": "Buy oat milk", "description": None, "completed": True},
    ],
    ids=str,
)
async def test_put_changes_what_it_names_and_keeps_the_rest(
    alice: Caller, body: dict[str, object]
) -> None:
    """Every field is optional; null erases a description."""
    task = await given_task(alice, description="Two bottles")

    changed = await put(alice, task, **body)

    assert changed == {**task, **body, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > task["updated_at"]


@pytest.mark.parametrize(
    "body", [{}, {"priority": "high", "id": 5, "user_id": "x"}, {"title": "Buy milk"}], ids=str
)
async def test_put_of_nothing_new_changes_nothing(alice: Caller, body: dict[str, object]) -> None:
    """It succeeds all the same, and the task is as old as it was."""
    task = await given_task(alice)

    assert await put(alice, task, **body) == task


@pytest.mark.parametrize(
    "body", [{"title": None}, {"completed": None}, {"title": None, "completed": True}], ids=str
)
async def test_put_takes_no_null_for_what_a_task_always_has(
    alice: Caller, body: dict[str, object]
) -> None:
    """Nothing else of the body is taken either."""
    task = await given_task(alice)

    response = await alice.client.put(f"{alice.tasks}/{task['id']}", json=body)

    assert response.status_code == 400
    assert (await alice.client.get(f"{alice.tasks}/{task['id']}")).json() == task


@pytest.mark.parametrize("completed", [True, False])
async def test_new_task_is_pending(alice: Caller, *, completed: bool) -> None:
    """A task is created to be done: what the body says of that is ignored."""
    task = await given_task(alice, completed=completed, id=5, user_id="somebody-else")

    assert task["completed"] is False
    assert task["user_id"] == alice.user_id


async def test_completion_is_set(alice: Caller) -> None:
    """True and false say what it shall be, whatever it was."""
    task = await given_task(alice)
    wanted = [True, True, False, False, True]

    found = [
        (await complete(alice, task, f'{{"completed":{str(each).lower()}}}'))["completed"]
        for each in wanted
    ]

    assert found == wanted


@pytest.mark.parametrize("content", [None, "{}", '{"title":"ignored"}'])
async def test_completion_is_toggled(alice: Caller, content: str | None) -> None:
    """Without a word about it, it is turned round; the title is not PATCH's to change."""
    task = await given_task(alice)

    found = [await complete(alice, task, content) for _ in range(3)]

    assert [each["completed"] for each in found] == [True, False, True]
    assert {each["title"] for each in found} == {"Buy milk"}


async def test_concurrent_changes_of_different_fields_both_survive(alice: Caller) -> None:
    """The last writer wins, field by field."""
    task = await given_task(alice)

    await asyncio.gather(
        put(alice, task, title="Buy oat milk"),
        put(alice, task, description="Two bottles"),
        put(alice, task, completed=True),
    )

    found = (await alice.client.get(f"{alice.tasks}/{task['id']}")).json()
    assert (found["title"], found["description"]) == ("Buy oat milk", "Two bottles")
    assert found["completed"] is True
