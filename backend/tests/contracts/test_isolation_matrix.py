"""Every operation, and every way to name somebody else in it."""

from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.contracts.drivers import Task
from tests.contracts.people import Person
from tests.database.databases import rows

OPERATIONS: Final = ("list", "create", "get", "put", "complete", "delete")
ON_A_TASK: Final = ("get", "put", "complete", "delete")
WITH_A_BODY: Final = ("create", "put")
_METHODS: Final = {"list": "GET", "create": "POST", "get": "GET", "put": "PUT", "delete": "DELETE"}
# Names another in the path: the caller's own task is behind it, or the other's.
IN_PATH: Final = ("path-user", "path-user-and-task", "percent-encoded", "case", "trailing-space")
IGNORED: Final = ("body-user", "body-id", "query-user", "header")


@dataclass(frozen=True, slots=True)
class Scene:
    """Two users and a task of each."""

    user: Person
    mine: Task
    stranger: Person
    theirs: Task

    async def ask(
        self,
        operation: str,
        *,
        segment: str | None = None,
        task: Task | None = None,
        **extra: Any,
    ) -> httpx.Response:
        """Do it as the user; `segment` stands for the user in the path, percent-encoded."""
        driver = self.user.driver
        path = self.user.tasks
        if segment is not None:
            path = driver.collection.replace("{user_id}", segment)
        if operation in ON_A_TASK:
            path += f"/{(task or self.mine)['id']}"
        if operation == "complete":
            path += f"/{driver.completion}"
        body = (
            {"title": "Taken over", **extra.pop("body", {})} if operation in WITH_A_BODY else None
        )
        method = _METHODS.get(operation, "PATCH")
        return await self.user.client.request(method, path, json=body, **extra)


@pytest_asyncio.fixture
async def scene(user: Person, stranger: Person) -> Scene:
    return Scene(user, await user.given_task("Mine"), stranger, await stranger.given_task("Theirs"))


@pytest.mark.parametrize("way", [pytest.param(way, id=f"IS-01-{way}") for way in IN_PATH])
async def test_another_in_the_path_is_refused(
    scene: Scene, superuser: asyncpg.Connection, way: str
) -> None:
    """Whoever the path names, and however: the token's user, letter by letter, or nobody."""
    user, stranger = scene.user, scene.stranger
    if user.driver.refusals.wrong_user is None:
        pytest.skip("this contract has no user in its paths")
    before = [await rows(superuser, each.user_id) for each in (user, stranger)]
    segment = {
        "percent-encoded": "".join(f"%{octet:02x}" for octet in stranger.user_id.encode()),
        "case": user.user_id.upper(),
        "trailing-space": f"{user.user_id}%20",
    }.get(way, stranger.user_id)
    task = scene.mine if way == "path-user" else scene.theirs

    responses = [await scene.ask(name, segment=segment, task=task) for name in OPERATIONS]

    for response in responses:
        user.refused(response, user.driver.refusals.wrong_user)
    assert [await rows(superuser, each.user_id) for each in (user, stranger)] == before


async def test_is_01_is_02_anothers_task_is_refused(
    scene: Scene, superuser: asyncpg.Connection
) -> None:
    """Below one's own path, with an id that is somebody else's: not a byte of theirs changes."""
    before = await rows(superuser, scene.stranger.user_id)

    responses = [await scene.ask(name, task=scene.theirs) for name in ON_A_TASK]

    for response in responses:
        scene.user.refused(response, scene.user.driver.refusals.strangers_task)
    assert await rows(superuser, scene.stranger.user_id) == before


@pytest.mark.parametrize("way", [pytest.param(way, id=f"IS-01-{way}") for way in IGNORED])
async def test_another_anywhere_else_is_ignored(
    scene: Scene, superuser: asyncpg.Connection, way: str
) -> None:
    """In the body, the query or a header: what is done is done for the token's user."""
    stranger, before = scene.stranger, await rows(superuser, scene.stranger.user_id)
    extra: dict[str, dict[str, Any]] = {
        "body-user": {"body": {"user_id": stranger.user_id, "owner_id": stranger.user_id}},
        "body-id": {"body": {"id": scene.theirs["id"], "task_id": scene.theirs["id"]}},
        "query-user": {"params": {"user_id": stranger.user_id}},
        "header": {"headers": {"x-user-id": stranger.user_id, "x-forwarded-user": "root"}},
    }
    operations = WITH_A_BODY if way.startswith("body") else OPERATIONS

    responses = [await scene.ask(name, **extra[way]) for name in operations]

    for response in responses:
        assert response.is_success, response.text
        assert stranger.user_id not in response.text
        assert "Theirs" not in response.text
    assert await rows(superuser, stranger.user_id) == before


async def test_is_22_is_29_every_answer_with_a_tag_is_private(scene: Scene) -> None:
    """No cache in between may give one user's answer to another."""
    responses = [
        await scene.ask("list"),
        await scene.ask("get"),
        await scene.ask("put"),
        await scene.ask("complete"),
    ]

    for response in responses:
        assert response.headers["cache-control"] == "private, no-cache"
        assert "authorization" in response.headers["vary"].lower()


@pytest.mark.parametrize("field", ["bytes=0-10", "items=0-5"])
async def test_is_29_a_range_of_anothers_task_is_none(scene: Scene, field: str) -> None:
    """Nor does asking for a part of it help."""
    response = await scene.ask("get", task=scene.theirs, headers={"range": field})

    scene.user.refused(response, scene.user.driver.refusals.strangers_task)
    assert "content-range" not in response.headers


async def test_is_29_options_tell_the_same_of_any_task(scene: Scene) -> None:
    """The methods of an address are the same, whether a task is there and whosever it is."""
    paths = [scene.user.path(task) for task in (scene.mine, scene.theirs, {"id": 2**60})]

    answers = [await scene.user.client.options(path) for path in paths]

    assert len({(each.status_code, each.headers["allow"]) for each in answers}) == 1
    assert {each.content for each in answers} == {b""}


async def test_is_27_a_user_who_was_deleted_begins_anew(
    scene: Scene, superuser: asyncpg.Connection
) -> None:
    """Whoever comes back under the same id finds nothing of what was there before."""
    await superuser.execute("DELETE FROM users WHERE id = $1", scene.user.user_id)

    listed = await scene.user.listed()
    again = await scene.ask("get")
    new = await scene.user.given_task("Anew")

    assert listed == []
    assert again.status_code == scene.user.driver.refusals.no_task.status
    assert new["id"] != scene.mine["id"]
    assert [task["id"] for task in await scene.user.listed()] == [new["id"]]
