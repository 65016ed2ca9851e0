"""What PUT and PATCH change in the accounts contract, and what they leave alone."""

from typing import Any

import pytest

from tests.contracts.accounts.given import TASKS, Member


async def put(ann: Member, task: dict[str, Any], body: object) -> dict[str, Any]:
    response = await ann.call("PUT", f"{TASKS}/{task['id']}", json=body)
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


async def toggle(ann: Member, task: dict[str, Any], content: str | None) -> dict[str, Any]:
    response = await ann.call(
        "PATCH",
        f"{TASKS}/{task['id']}/toggle",
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
        {"description": ""},
        {"description": None},
        {"completed": False},
        {"title": "Buy oat milk", "completed": False},
    ],
    ids=str,
)
async def test_put_changes_what_it_names(ann: Member, body: dict[str, object]) -> None:
    """Every field is optional, and those that are absent keep their values."""
    task = await ann.given_task("Buy milk", description="Two bottles")
    done = await toggle(ann, task, None)

    changed = await put(ann, task, body)

    assert changed == {**done, **body, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] != done["updated_at"]


@pytest.mark.parametrize(
    "body", [{}, {"title": "Buy milk"}, {"completed": False}, {"user_id": "bob", "id": 5}], ids=str
)
async def test_put_of_nothing_new_changes_nothing(ann: Member, body: dict[str, object]) -> None:
    """Not the time of the last change either."""
    task = await ann.given_task("Buy milk")

    assert await put(ann, task, body) == task


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": None}, "title"),
        ({"completed": None}, "completed"),
        ({"title": "", "completed": True}, "title"),
        ({"title": " \u200b"}, "title"),
        ({"title": "a" * 201}, "title"),
        ({"description": "d" * 2001}, "description"),
        ({"description": 5}, "description"),
        ({"completed": "true"}, "completed"),
        ({"completed": 1, "title": "new"}, "completed"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_put_of_something_invalid_changes_nothing(
    ann: Member, body: dict[str, object], field: str
) -> None:
    """Nothing else of the body is taken either."""
    task = await ann.given_task("Buy milk", description="Two bottles")

    response = await ann.call("PUT", f"{TASKS}/{task['id']}", json=body)

    assert response.status_code == 422
    assert [each["field"] for each in response.json()["errors"]] == [field]
    assert (await ann.call("GET", f"{TASKS}/{task['id']}")).json() == task


@pytest.mark.parametrize("char", ["a", "\U0001f600"])
async def test_limits_are_counted_in_code_points(ann: Member, char: str) -> None:
    """200 and 2000 of them pass, blanks around a title don't count."""
    task = await ann.given_task(f"  {char * 200} ", description=char * 2000)

    assert (task["title"], task["description"]) == (char * 200, char * 2000)


@pytest.mark.parametrize("completed", [True, False])
async def test_new_task_is_pending(ann: Member, *, completed: bool) -> None:
    """A task is created to be done: what the body says of that is ignored."""
    assert (await ann.given_task(completed=completed))["completed"] is False


async def test_completion_is_set(ann: Member) -> None:
    """True and false say what it shall be, whatever it was."""
    task = await ann.given_task()
    wanted = [True, True, False, False, True]

    found = [
        (await toggle(ann, task, f'{{"completed":{str(each).lower()}}}'))["completed"]
        for each in wanted
    ]

    assert found == wanted


@pytest.mark.parametrize("content", [None, "{}", '{"title":"ignored"}'])
async def test_completion_is_toggled(ann: Member, content: str | None) -> None:
    """Without a word about it, it is turned round; the title is not PATCH's to change."""
    task = await ann.given_task()

    found = [await toggle(ann, task, content) for _ in range(3)]

    assert [each["completed"] for each in found] == [True, False, True]
    assert {each["title"] for each in found} == {"Buy milk"}


@pytest.mark.parametrize("content", ['{"completed":null}', '{"completed":"yes"}', "null", "[]"])
async def test_odd_toggle_is_refused(ann: Member, content: str) -> None:
    """A boolean or nothing."""
    task = await ann.given_task()

    response = await ann.call(
        "PATCH",
        f"{TASKS}/{task['id']}/toggle",
        content=content,
        headers={"content-type": "application/json"},
    )

    assert response.status_code == 422
    assert (await ann.call("GET", f"{TASKS}/{task['id']}")).json() == task
