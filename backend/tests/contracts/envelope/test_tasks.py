"""The calls of the envelope contract, byte for byte."""

import asyncpg
import pytest

from tests.contracts.envelope import golden
from tests.support.users import Caller

ODD = '"\\/\b\f\n\r\t\x01\x1f\x7f <b>&amp;</b> \u00e9 e\u0301 \u2028 \U0001f600 \u202e\u05d0.'


async def test_a_new_user_has_an_empty_list(alice: Caller) -> None:
    """Reading needs no row: the database has never heard of this user."""
    response = await alice.client.get(alice.tasks)

    assert response.status_code == 200
    assert response.content == (
        b'{"success":true,"data":{"tasks":[],"total":0,"page":1,"limit":50},'
        b'"message":"Tasks retrieved successfully"}'
    )


@pytest.mark.parametrize(
    "body", [{"title": "Buy milk"}, {"title": "Buy milk", "description": "Two bottles"}]
)
async def test_task_is_created(
    alice: Caller, superuser: asyncpg.Connection, body: dict[str, str]
) -> None:
    """201 with the whole task, pending, and its address."""
    response = await alice.client.post(alice.tasks, json=body)

    row = await golden.row_of(superuser, alice)
    assert response.status_code == 201
    assert response.content == golden.answer(golden.task(row), "Task created successfully")
    assert response.headers["location"] == f"/api/{alice.user_id}/tasks/{row['id']}"
    assert (row["title"], row["description"]) == ("Buy milk", body.get("description"))
    assert row["completed"] is False


async def test_task_is_read(alice: Caller, superuser: asyncpg.Connection) -> None:
    """200 with the whole task."""
    task = await alice.given_task("Buy milk", description="Two bottles")

    response = await alice.client.get(f"{alice.tasks}/{task['id']}")

    row = await golden.row_of(superuser, alice)
    assert response.status_code == 200
    assert response.content == golden.answer(golden.task(row), "Task retrieved successfully")


async def test_task_is_updated(alice: Caller, superuser: asyncpg.Connection) -> None:
    """200 with the task as it is now."""
    task = await alice.given_task()
    changed = {"title": "Buy oat milk", "description": "One bottle", "completed": True}

    response = await alice.client.put(f"{alice.tasks}/{task['id']}", json=changed)

    row = await golden.row_of(superuser, alice)
    assert response.status_code == 200
    assert response.content == golden.answer(golden.task(row), "Task updated successfully")
    assert changed.items() <= dict(row).items()


async def test_task_is_deleted(alice: Caller, superuser: asyncpg.Connection) -> None:
    """200 with null, because clients of this contract read a body everywhere."""
    task = await alice.given_task()

    response = await alice.client.delete(f"{alice.tasks}/{task['id']}")

    assert response.status_code == 200
    assert response.content == golden.answer("null", "Task deleted successfully")
    assert await golden.rows_of(superuser, alice) == []


async def test_task_is_completed(alice: Caller, superuser: asyncpg.Connection) -> None:
    """200 with the task."""
    task = await alice.given_task()

    response = await alice.client.patch(
        f"{alice.tasks}/{task['id']}/complete", json={"completed": True}
    )

    row = await golden.row_of(superuser, alice)
    assert response.status_code == 200
    assert response.content == golden.answer(golden.task(row), "Task completion status updated")
    assert row["completed"] is True


async def test_tasks_are_listed_without_their_owner(
    alice: Caller, superuser: asyncpg.Connection
) -> None:
    """So says the specification: single tasks have a `user_id`, those of a list have none."""
    await alice.given_task("one")
    await alice.given_task("two", description="Two bottles")

    response = await alice.client.get(alice.tasks)

    items = ",".join(map(golden.item, await golden.rows_of(superuser, alice)))
    data = f'{{"tasks":[{items}],"total":2,"page":1,"limit":50}}'
    assert response.status_code == 200
    assert response.content == golden.answer(data, "Tasks retrieved successfully")


async def test_odd_text_is_written_as_json_wants_it(
    alice: Caller, superuser: asyncpg.Connection
) -> None:
    """Only what JSON does not allow in a string is escaped, in lists and alone."""
    task = await alice.given_task(ODD, description=ODD)

    single = await alice.client.get(f"{alice.tasks}/{task['id']}")
    listed = await alice.client.get(alice.tasks)

    row = await golden.row_of(superuser, alice)
    assert row["title"] == row["description"] == ODD
    assert golden.task(row).encode() in single.content
    assert golden.item(row).encode() in listed.content


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-09T10:00:00+00",
        "2026-01-09T10:00:00.5+00",
        "2026-01-09T10:00:00.000001+00",
        "2026-07-09T01:00:00.120000+02",
        "1999-12-31T23:59:59.999999+00",
    ],
)
async def test_times_are_written_in_utc(
    alice: Caller, superuser: asyncpg.Connection, moment: str
) -> None:
    """Whatever the fraction, and wherever the moment was."""
    task = await alice.given_task()
    await superuser.execute(
        "UPDATE tasks SET created_at = $2::text::timestamptz, updated_at = $2::text::timestamptz"
        " WHERE user_id = $1",
        alice.user_id,
        moment,
    )

    response = await alice.client.get(f"{alice.tasks}/{task['id']}")

    row = await golden.row_of(superuser, alice)
    assert golden.task(row).encode() in response.content


async def test_names_of_the_user_are_escaped(odd_user: Caller) -> None:
    """A user id is any text, and stands in a task as JSON and in an address as a URL."""
    response = await odd_user.client.post(odd_user.tasks, json={"title": "Buy milk"})

    assert response.json()["data"]["user_id"] == odd_user.user_id
    assert response.headers["location"].startswith("/api/quote%22%20slash%2F%20%C3%A9%20")
