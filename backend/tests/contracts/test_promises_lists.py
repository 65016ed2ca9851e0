"""Lists are newest first, and nobody sees, guesses or changes somebody else's task."""

import re

import asyncpg
import httpx
import pytest

from tests.contracts.people import Person

LONG = 5000
# Where an error says when it happened, that alone may differ.
TIME = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z")
GIVEN = """
    INSERT INTO tasks (user_id, title, description, created_at, updated_at)
    SELECT $1, 'title ' || n, repeat('x', 100), moment, moment
    FROM generate_series(1, $2::integer) n,
        LATERAL (SELECT '2026-01-01'::timestamptz + n * interval '1 s') at (moment)
"""
COUNTED = "UPDATE task_counters SET total = $2, version = version + 1 WHERE user_id = $1"


async def test_empty_list_is_a_list(user: Person) -> None:
    """Nothing is no error, before the first task and after the last."""
    assert await user.listed() == []

    task = await user.given_task()
    await user.client.delete(user.path(task))

    assert await user.listed() == []


async def test_list_is_newest_first(user: Person) -> None:
    """An edited or completed task keeps its place."""
    tasks = [await user.given_task(str(number)) for number in range(5)]
    await user.client.put(user.path(tasks[1]), json={"title": "1, edited"})
    await user.client.patch(user.completion(tasks[3]))

    listed = [task["id"] for task in await user.listed()]

    assert listed == [task["id"] for task in reversed(tasks)]


async def test_ties_are_broken_by_id(user: Person, superuser: asyncpg.Connection) -> None:
    """Tasks of the same moment stand with the higher id first."""
    tasks = [await user.given_task(str(number)) for number in range(4)]
    await superuser.execute(
        "UPDATE tasks SET created_at = '2026-01-01' WHERE user_id = $1", user.user_id
    )

    listed = [task["id"] for task in await user.listed()]

    assert listed == [task["id"] for task in reversed(tasks)]


async def test_is_30_list_shows_the_callers_tasks_alone(user: Person, stranger: Person) -> None:
    """Two users with tasks of their own see no more than those."""
    mine = [await user.given_task(title) for title in ("mine", "mine too")]
    theirs = await stranger.given_task("theirs")

    assert [task["id"] for task in await user.listed()] == [mine[1]["id"], mine[0]["id"]]
    assert [task["id"] for task in await stranger.listed()] == [theirs["id"]]


async def test_long_list_is_whole_or_a_page(user: Person, superuser: asyncpg.Connection) -> None:
    """Where a list has no end all of it comes, in chunks, and once; elsewhere a page of it does."""
    await user.client.delete(user.path(await user.given_task()))
    await superuser.execute(GIVEN, user.user_id, LONG)
    await superuser.execute(COUNTED, user.user_id, LONG)

    response = await user.client.get(user.tasks)
    head = await user.client.head(user.tasks)
    again = await user.client.get(user.tasks, headers={"if-none-match": response.headers["etag"]})

    expected = LONG if user.driver.streams_lists else 50
    titles = [task["title"] for task in user.driver.tasks_of(response.json())]
    assert titles == [f"title {number}" for number in range(LONG, LONG - expected, -1)]
    assert ("transfer-encoding" in response.headers) == user.driver.streams_lists
    assert head.headers["etag"] == again.headers["etag"] == response.headers["etag"]
    assert (head.status_code, again.status_code) == (200, 304)


async def test_ids_are_never_reused(user: Person) -> None:
    """The id of a deleted task belongs to nobody else."""
    first = await user.given_task()
    await user.client.delete(user.path(first))

    second = await user.given_task()

    assert second["id"] > first["id"]


# Somebody else's ------------------------------------------------------------------------

CALLS = ["GET", "HEAD", "PUT", "DELETE", "PATCH"]


async def about(user: Person, method: str, task_id: int, **headers: str) -> httpx.Response:
    """Ask, as `user`, something good of the task of this id, whoever owns it."""
    path = f"{user.tasks}/{task_id}"
    if method == "PATCH":
        path += f"/{user.driver.completion}"
    body = {"title": "Taken over"} if method == "PUT" else None
    return await user.client.request(method, path, json=body, headers=headers)


def without_its_own(response: httpx.Response) -> dict[str, str]:
    return {k: v for k, v in response.headers.items() if k not in {"x-request-id", "date"}}


@pytest.mark.parametrize("method", CALLS)
async def test_is_02_is_29_strangers_task_looks_like_none(
    user: Person, stranger: Person, method: str
) -> None:
    """The answers about a stranger's task and about none at all can't be told apart."""
    theirs = await stranger.given_task()
    gone = await stranger.given_task()
    await stranger.client.delete(stranger.path(gone))
    refusal = user.driver.refusals.strangers_task

    about_theirs = await about(user, method, theirs["id"])
    about_none = await about(user, method, gone["id"])

    assert about_theirs.status_code == refusal.status
    if refusal == user.driver.refusals.no_task:
        assert TIME.sub(b"", about_theirs.content) == TIME.sub(b"", about_none.content)
        assert without_its_own(about_theirs) == without_its_own(about_none)
    assert await stranger.read(theirs) == theirs


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("is_current", [True, False])
async def test_is_29_condition_tells_nothing_of_strangers(
    user: Person, stranger: Person, method: str, *, is_current: bool
) -> None:
    """Who may see a task is asked before whether it has changed."""
    theirs = await stranger.given_task()
    tag = await stranger.tag(theirs) if is_current else '"another"'
    condition = {("if-none-match" if method in {"GET", "HEAD"} else "if-match"): tag}

    response = await about(user, method, theirs["id"], **condition)

    assert response.status_code == user.driver.refusals.strangers_task.status
    assert "etag" not in response.headers
    assert await stranger.read(theirs) == theirs


async def test_deleted_task_is_gone(user: Person) -> None:
    """Deleting is for good, and the second time there is nothing to delete."""
    task = await user.given_task()
    response = await user.client.delete(user.path(task))
    assert response.status_code == user.driver.deleted_status
    assert (response.content == b"") == (user.driver.deleted_status == 204)

    for method in CALLS:
        assert (await about(user, method, task["id"])).status_code == 404


async def test_refused_request_leaves_no_trace(user: Person, superuser: asyncpg.Connection) -> None:
    """A user is created with the first task, not by asking and not by a refused attempt."""
    await user.listed()
    await user.client.post(user.tasks, json={"title": ""})
    await about(user, "PUT", 1)

    found = await superuser.fetchval("SELECT count(*) FROM users WHERE id = $1", user.user_id)
    assert found == 0

    await user.given_task()
    found = await superuser.fetchval("SELECT count(*) FROM users WHERE id = $1", user.user_id)
    assert found == 1
