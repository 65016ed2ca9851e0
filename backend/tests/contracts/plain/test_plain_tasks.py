"""The calls of the plain contract, byte for byte."""

import asyncpg
import pytest

from tests.contracts.plain import golden
from tests.contracts.plain.golden import given_task
from tests.support.users import Caller

ODD = '"\\/\b\f\n\r\t\x01\x1f\x7f <b>&amp;</b> \u00e9 e\u0301 \u2028 \U0001f600 \u202e\u05d0.'


async def test_a_new_user_has_an_empty_list(alice: Caller) -> None:
    """Reading needs no row: the database has never heard of this user."""
    response = await alice.client.get(alice.tasks)

    assert response.status_code == 200
    assert response.content == b'{"tasks":[],"count":0}'


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
    assert response.content == golden.task(row)
    assert response.headers["location"] == f"/api/{alice.user_id}/tasks/{row['id']}"
    assert (row["title"], row["description"]) == ("Buy milk", body.get("description"))
    assert row["completed"] is False


async def test_task_is_read(alice: Caller, superuser: asyncpg.Connection) -> None:
    """200 with the whole task."""
    task = await given_task(alice, description="Two bottles")

    response = await alice.client.get(f"{alice.tasks}/{task['id']}")

    assert response.status_code == 200
    assert response.content == golden.task(await golden.row_of(superuser, alice))


async def test_task_is_updated(alice: Caller, superuser: asyncpg.Connection) -> None:
    """200 with the task as it is now."""
    task = await given_task(alice)
    changed = {"title": "Buy oat milk", "description": "One bottle", "completed": True}

    response = await alice.client.put(f"{alice.tasks}/{task['id']}", json=changed)

    row = await golden.row_of(superuser, alice)
    assert response.status_code == 200
    assert response.content == golden.task(row)
    assert changed.items() <= dict(row).items()


async def test_task_is_deleted(alice: Caller, superuser: asyncpg.Connection) -> None:
    """204 without a body, nor the headers of one."""
    task = await given_task(alice)

    response = await alice.client.delete(f"{alice.tasks}/{task['id']}")

    assert response.status_code == 204
    assert response.content == b""
    assert response.headers.keys().isdisjoint({"content-type", "content-length", "etag"})
    assert await golden.rows_of(superuser, alice) == []


async def test_task_is_completed(alice: Caller, superuser: asyncpg.Connection) -> None:
    """200 with the task."""
    task = await given_task(alice)

    response = await alice.client.patch(f"{alice.tasks}/{task['id']}/complete")

    row = await golden.row_of(superuser, alice)
    assert response.status_code == 200
    assert response.content == golden.task(row)
    assert row["completed"] is True


async def test_tasks_are_listed_as_they_are_alone(
    alice: Caller, superuser: asyncpg.Connection
) -> None:
    """Newest first, each with its owner, and their number."""
    await given_task(alice, "one")
    await given_task(alice, "two", description="Two bottles")

    response = await alice.client.get(alice.tasks)

    assert response.status_code == 200
    assert response.content == golden.tasks(await golden.rows_of(superuser, alice), 2)
    assert response.headers["content-type"] == "application/json"


async def test_odd_text_is_written_as_json_wants_it(
    alice: Caller, superuser: asyncpg.Connection
) -> None:
    """Only what JSON does not allow in a string is escaped, in lists and alone."""
    task = await given_task(alice, ODD, description=ODD)

    single = await alice.client.get(f"{alice.tasks}/{task['id']}")
    listed = await alice.client.get(alice.tasks)

    row = await golden.row_of(superuser, alice)
    assert row["title"] == row["description"] == ODD
    assert single.content == golden.task(row)
    assert listed.content == golden.tasks([row], 1)


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
    task = await given_task(alice)
    await superuser.execute(
        "UPDATE tasks SET created_at = $2::text::timestamptz, updated_at = $2::text::timestamptz"
        " WHERE user_id = $1",
        alice.user_id,
        moment,
    )

    response = await alice.client.get(f"{alice.tasks}/{task['id']}")

    assert response.content == golden.task(await golden.row_of(superuser, alice))


async def test_names_of_the_user_are_escaped(
    odd_user: Caller, superuser: asyncpg.Connection
) -> None:
    """A user id is any text, and stands in a task as JSON and in an address as a URL."""
    response = await odd_user.client.post(odd_user.tasks, json={"title": "Buy milk"})

    row = await golden.row_of(superuser, odd_user)
    location = response.headers["location"]
    assert response.content == golden.task(row)
    assert location.startswith("/api/quote%22%20slash%2F%20%C3%A9%20")
    assert (await odd_user.client.get(location)).content == golden.task(row)


async def test_versions_of_another_contract_are_none_of_this_one(alice: Caller) -> None:
    """The bytes of the other one's task were different, so its tag must not match."""
    task = await given_task(alice)
    path = f"{alice.tasks}/{task['id']}"
    single = (await alice.client.get(path)).headers["etag"]
    listed = (await alice.client.get(alice.tasks)).headers["etag"]

    known = [
        await alice.client.get(path, headers={"if-none-match": single}),
        await alice.client.get(alice.tasks, headers={"if-none-match": listed}),
    ]
    others = [
        await alice.client.get(path, headers={"if-none-match": single.replace("p-", "e-")}),
        await alice.client.get(alice.tasks, headers={"if-none-match": listed.replace("p-", "e-")}),
    ]

    assert single.startswith('"p-')
    assert listed.startswith('W/"p-')
    assert [response.status_code for response in (*known, *others)] == [304, 304, 200, 200]
    assert [response.content for response in known] == [b"", b""]
