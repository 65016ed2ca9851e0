"""What PUT and PATCH change in the envelope contract, and what they leave alone."""

import asyncio
from typing import Any

import pytest

from tests.support.users import Caller


async def put(alice: Caller, task: dict[str, Any], **body: object) -> dict[str, Any]:
    response = await alice.client.put(f"{alice.tasks}/{task['id']}", json=body)
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()["data"]
    return changed


async def complete(alice: Caller, task: dict[str, Any], content: str | None) -> dict[str, Any]:
    response = await alice.client.patch(
        f"{alice.tasks}/{task['id']}/complete",
        content=content,
        headers={"content-type": "application/json"} if content else {},
    )
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()["data"]
    return changed


async def test_put_keeps_what_it_does_not_name(alice: Caller) -> None:
    """An edit form that does not send a field must not erase it."""
    task = await alice.given_task("Buy milk", description="Two bottles")
    done = await complete(alice, task, '{"completed":true}')

    changed = await put(alice, task, title="Buy oat milk")

    assert changed == {**done, "title": "Buy oat milk", "updated_at": changed["updated_at"]}
    assert (changed["description"], changed["completed"]) == ("Two bottles", True)


@pytest.mark.parametrize(
    ("sent", "kept"), [(None, None), ("", ""), (" ", " "), ("One bottle", "One bottle")]
)
async def test_put_sets_the_description_that_it_names(
    alice: Caller, sent: str | None, kept: str | None
) -> None:
    """Null erases; an empty text is a text."""
    task = await alice.given_task("Buy milk", description="Two bottles")

    changed = await put(alice, task, title="Buy milk", description=sent)

    assert changed["description"] == kept


@pytest.mark.parametrize("completed", [True, False])
async def test_put_sets_the_completion_that_it_names(alice: Caller, *, completed: bool) -> None:
    """Either way, from either state."""
    task = await alice.given_task()

    for _ in range(2):
        changed = await put(alice, task, title="Buy milk", completed=completed)
        assert changed["completed"] is completed
        await complete(alice, task, None)


@pytest.mark.parametrize("body", [{}, {"title": None}, {"description": "x"}, {"completed": True}])
async def test_put_requires_a_title(alice: Caller, body: dict[str, object]) -> None:
    """Absent or null, nothing else of the form is taken either."""
    task = await alice.given_task()

    response = await alice.client.put(f"{alice.tasks}/{task['id']}", json=body)

    assert response.status_code == 422
    assert response.json()["error"]["code"] == "VALIDATION_REQUIRED_FIELD"
    found = await alice.client.get(f"{alice.tasks}/{task['id']}")
    assert found.json()["data"] == task


@pytest.mark.parametrize("completed", [True, False])
async def test_new_task_is_pending(alice: Caller, *, completed: bool) -> None:
    """A task is created to be done: what the body says of that is ignored."""
    task = await alice.given_task("Buy milk", completed=completed)

    assert task["completed"] is False


async def test_completion_is_set(alice: Caller) -> None:
    """True and false say what it shall be, whatever it was."""
    task = await alice.given_task()
    wanted = [True, True, False, False, True]

    found = [
        (await complete(alice, task, f'{{"completed":{str(each).lower()}}}'))["completed"]
        for each in wanted
    ]

    assert found == wanted


@pytest.mark.parametrize("content", [None, "{}", '{"title":"ignored"}'])
async def test_completion_is_toggled(alice: Caller, content: str | None) -> None:
    """Without a word about it, it is turned round; the title is not PATCH's to change."""
    task = await alice.given_task()

    found = [await complete(alice, task, content) for _ in range(3)]

    assert [each["completed"] for each in found] == [True, False, True]
    assert {each["title"] for each in found} == {"Buy milk"}


async def test_concurrent_toggles_all_count(alice: Caller) -> None:
    """An even number of them ends where it began."""
    task = await alice.given_task()

    answers = await asyncio.gather(*(complete(alice, task, None) for _ in range(8)))

    assert sorted(answer["completed"] for answer in answers) == [False] * 4 + [True] * 4
    found = (await alice.client.get(f"{alice.tasks}/{task['id']}")).json()["data"]
    assert found["completed"] is False
