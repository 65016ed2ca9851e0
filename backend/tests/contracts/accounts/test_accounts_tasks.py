"""The calls of the accounts contract about tasks, byte for byte."""

import asyncpg
import pytest

from tests.contracts.accounts import golden
from tests.contracts.accounts.given import TASKS, Member

ODD = '"\\/\b\f\n\r\t\x01\x1f\x7f <b>&amp;</b> \u00e9 e\u0301 \u2028 \U0001f600 \u202e\u05d0.'


async def test_a_new_user_has_an_empty_list(ann: Member) -> None:
    """An array without anything in it."""
    response = await ann.call("GET")

    assert (response.status_code, response.content) == (200, b"[]")
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "body", [{"title": "Buy milk"}, {"title": "Buy milk", "description": "Two bottles"}]
)
async def test_task_is_created(
    ann: Member, superuser: asyncpg.Connection, body: dict[str, str]
) -> None:
    """201 with the whole task, pending, and its address."""
    response = await ann.call("POST", json=body)

    row = await golden.row_of(superuser, ann.user_id)
    assert response.status_code == 201
    assert response.content == golden.task(row).encode()
    assert response.headers["location"] == f"/api/tasks/{row['id']}"
    assert (row["title"], row["description"]) == ("Buy milk", body.get("description"))
    assert row["completed"] is False


async def test_task_is_read(ann: Member, superuser: asyncpg.Connection) -> None:
    """200 with the whole task, its owner included."""
    task = await ann.given_task("Buy milk", description="Two bottles")

    response = await ann.call("GET", f"{TASKS}/{task['id']}")

    row = await golden.row_of(superuser, ann.user_id)
    assert (response.status_code, response.content) == (200, golden.task(row).encode())
    assert row["user_id"] == ann.user_id


async def test_task_is_updated(ann: Member, superuser: asyncpg.Connection) -> None:
    """200 with the task as it is now."""
    task = await ann.given_task()
    changed = {"title": "Buy oat milk", "description": "One bottle", "completed": True}

    response = await ann.call("PUT", f"{TASKS}/{task['id']}", json=changed)

    row = await golden.row_of(superuser, ann.user_id)
    assert (response.status_code, response.content) == (200, golden.task(row).encode())
    assert changed.items() <= dict(row).items()


async def test_task_is_deleted(ann: Member, superuser: asyncpg.Connection) -> None:
    """204 without a body, and the same again is 404."""
    task = await ann.given_task()

    response = await ann.call("DELETE", f"{TASKS}/{task['id']}")
    again = await ann.call("DELETE", f"{TASKS}/{task['id']}")

    assert (response.status_code, response.content) == (204, b"")
    assert "content-type" not in response.headers
    assert await golden.rows_of(superuser, ann.user_id) == []
    assert (again.status_code, again.content) == (404, b'{"detail":"Task not found"}')


async def test_task_is_toggled(ann: Member, superuser: asyncpg.Connection) -> None:
    """200 with the task."""
    task = await ann.given_task()

    response = await ann.call("PATCH", f"{TASKS}/{task['id']}/toggle")

    row = await golden.row_of(superuser, ann.user_id)
    assert (response.status_code, response.content) == (200, golden.task(row).encode())
    assert row["completed"] is True


async def test_tasks_are_listed_whole(ann: Member, superuser: asyncpg.Connection) -> None:
    """An array of all of them, newest first, each as it is alone."""
    for title in ("one", "two", "three"):
        await ann.given_task(title, description="Two bottles")

    response = await ann.call("GET")

    rows = await golden.rows_of(superuser, ann.user_id)
    assert [row["title"] for row in rows] == ["three", "two", "one"]
    assert (response.status_code, response.content) == (200, golden.tasks(rows))


async def test_long_list_is_one_array(ann: Member, superuser: asyncpg.Connection) -> None:
    """However many there are, all of them come, and it stays JSON."""
    await ann.given_task()
    await superuser.execute(
        "INSERT INTO tasks (user_id, title)"
        " SELECT $1, 'task ' || n FROM generate_series(1, 2999) n",
        ann.user_id,
    )

    response = await ann.call("GET")

    rows = await golden.rows_of(superuser, ann.user_id)
    assert len(rows) == 3000
    assert (response.status_code, response.content) == (200, golden.tasks(rows))


@pytest.mark.parametrize("query", ["status=completed", "limit=1&offset=5", "sort=title", "q=%00"])
async def test_list_has_no_parameters(ann: Member, query: str) -> None:
    """All of the user's tasks, whatever else is asked for."""
    tasks = [await ann.given_task(title) for title in ("one", "two")]

    response = await ann.call("GET", f"{TASKS}?{query}")

    assert [task["id"] for task in response.json()] == [tasks[1]["id"], tasks[0]["id"]]


async def test_odd_text_is_written_as_json_wants_it(
    ann: Member, superuser: asyncpg.Connection
) -> None:
    """Only what JSON does not allow in a string is escaped, in lists and alone."""
    task = await ann.given_task(ODD, description=ODD)

    single = await ann.call("GET", f"{TASKS}/{task['id']}")
    listed = await ann.call("GET")

    row = await golden.row_of(superuser, ann.user_id)
    assert row["title"] == row["description"] == ODD
    assert single.content == golden.task(row).encode()
    assert listed.content == golden.tasks([row])


@pytest.mark.parametrize(
    "moment",
    ["2026-01-09T10:00:00+00", "2026-07-09T01:00:00.120000+02", "1999-12-31T23:59:59.999999+00"],
)
async def test_times_are_written_in_utc(
    ann: Member, superuser: asyncpg.Connection, moment: str
) -> None:
    """Whatever the fraction, and wherever the moment was."""
    task = await ann.given_task()
    await superuser.execute(
        "UPDATE tasks SET created_at = $2::text::timestamptz, updated_at = $2::text::timestamptz"
        " WHERE user_id = $1",
        ann.user_id,
        moment,
    )

    response = await ann.call("GET", f"{TASKS}/{task['id']}")

    assert response.content == golden.task(await golden.row_of(superuser, ann.user_id)).encode()


# Versions -------------------------------------------------------------------------------


async def test_versions_of_a_task_are_of_this_contract(ann: Member) -> None:
    """The tag is strong, answers 304, guards a change, and is no other contract's."""
    task = await ann.given_task()
    path = f"{TASKS}/{task['id']}"
    tag = (await ann.call("GET", path)).headers["etag"]

    unchanged = await ann.call("GET", path, headers={"if-none-match": tag})
    others = await ann.call("GET", path, headers={"if-none-match": tag.replace("a-", "e-")})
    changed = await ann.call("PUT", path, json={"title": "new"}, headers={"if-match": tag})
    stale = await ann.call("DELETE", path, headers={"if-match": tag})
    toggled = await ann.call("PATCH", f"{path}/toggle", headers={"if-match": tag})

    assert tag.startswith('"a-')
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert others.status_code == changed.status_code == 200
    assert stale.status_code == toggled.status_code == 412
    assert (await ann.call("GET", path)).json() == changed.json()


async def test_version_of_the_list_changes_with_every_task(ann: Member) -> None:
    """The tag is weak and answers 304 for as long as nothing has changed."""
    await ann.given_task()
    tag = (await ann.call("GET")).headers["etag"]

    unchanged = await ann.call("GET", headers={"if-none-match": tag})
    whatever = await ann.call("GET", headers={"if-none-match": "*"})
    await ann.given_task()
    changed = await ann.call("GET", headers={"if-none-match": tag})

    assert tag.startswith('W/"a-')
    for response in (unchanged, whatever):
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


# Isolation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "tail"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/toggle")]
)
async def test_task_of_somebody_else_does_not_exist(
    ann: Member, ben: Member, method: str, tail: str
) -> None:
    """404, byte for byte what a task that never was is answered with."""
    theirs = await ben.given_task("private")
    body = {"title": "mine"} if method == "PUT" else None

    strangers = await ann.call(method, f"{TASKS}/{theirs['id']}{tail}", json=body)
    missing = await ann.call(method, f"{TASKS}/{2**62}{tail}", json=body)

    assert (strangers.status_code, strangers.content) == (404, b'{"detail":"Task not found"}')
    assert (missing.status_code, missing.content) == (404, strangers.content)
    assert (await ann.call("GET")).json() == []
    assert (await ben.call("GET")).json() == [theirs]
