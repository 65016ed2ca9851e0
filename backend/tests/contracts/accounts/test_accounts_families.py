"""One product behind two families of URLs: the same people, the same tasks, either token."""

from urllib.parse import quote

import httpx
import pytest

from tests.contracts.accounts.given import TASKS, Member, bearer
from tests.support.client import client_for
from tests.support.server import Served
from tests.support.users import Caller, fresh_caller, token_for


async def test_default_deployment_serves_both(served: Served) -> None:
    """The fixtures of this file are on the deployment that nobody has configured."""
    async with client_for(served.url) as client:
        response = await client.get("/")

    assert response.json()["contracts"] == ["envelope", "accounts"]


async def test_token_of_sign_up_opens_the_other_family(ann: Member) -> None:
    """Their id is the user of the path, and nobody else's is."""
    task = await ann.given_task("Buy milk", description="Two bottles")

    own = await ann.call("GET", f"/api/{ann.user_id}/tasks")
    strangers = await ann.call("GET", "/api/somebody/tasks")

    [shown] = own.json()["data"]["tasks"]
    assert shown == {key: task[key] for key in shown}
    assert strangers.status_code == 403


async def test_token_of_better_auth_opens_this_family(client: httpx.AsyncClient) -> None:
    """Whoever a trusted issuer vouches for has tasks here, from the first one on."""
    headers = bearer(token_for('quote" slash/ \u00e9'))

    empty = await client.get(TASKS, headers=headers)
    created = await client.post(TASKS, json={"title": "Buy milk"}, headers=headers)
    listed = await client.get(TASKS, headers=headers)

    assert empty.json() == []
    assert created.status_code == 201
    assert created.json()["user_id"] == 'quote" slash/ \u00e9'
    assert created.json() in listed.json()


async def test_task_of_one_family_is_the_task_of_the_other(ann: Member) -> None:
    """Created, changed and deleted here, it is so there, and the other way round."""
    there = f"/api/{ann.user_id}/tasks"
    mine = await ann.given_task("made here")
    theirs = (await ann.call("POST", there, json={"title": "made there"})).json()["data"]

    await ann.call("PATCH", f"{there}/{mine['id']}/complete")
    await ann.call("PUT", f"{TASKS}/{theirs['id']}", json={"description": "seen"})

    seen_here = {task["id"]: task for task in (await ann.call("GET")).json()}
    seen_there = {
        task["id"]: task for task in (await ann.call("GET", there)).json()["data"]["tasks"]
    }
    assert seen_here.keys() == seen_there.keys() == {mine["id"], theirs["id"]}
    assert seen_there[mine["id"]]["completed"] is seen_here[mine["id"]]["completed"] is True
    assert seen_there[theirs["id"]]["description"] == "seen"
    assert (await ann.call("DELETE", f"{there}/{mine['id']}")).status_code == 200
    assert (await ann.call("GET", f"{TASKS}/{mine['id']}")).status_code == 404


async def test_version_of_one_family_is_no_version_of_the_other(ann: Member) -> None:
    """The bytes differ, so what a client knows of one form says nothing of the other."""
    task = await ann.given_task()
    tag = (await ann.call("GET", f"{TASKS}/{task['id']}")).headers["etag"]

    path = f"/api/{ann.user_id}/tasks/{task['id']}"
    response = await ann.call("GET", path, headers={"if-none-match": tag})

    assert response.status_code == 200


async def test_token_of_an_ended_session_opens_neither_family(ann: Member) -> None:
    """Signed out is signed out."""
    await ann.call("POST", "/api/auth/signout")

    for path in (TASKS, f"/api/{ann.user_id}/tasks"):
        assert (await ann.call("GET", path)).status_code == 401


@pytest.mark.parametrize("user_id", ["tasks", "auth"])
async def test_user_with_the_name_of_a_path_has_a_list(served: Served, user_id: str) -> None:
    """`/api/tasks/tasks` is the list of a user called "tasks": no task has such a number."""
    headers = bearer(token_for(user_id))
    async with client_for(served.url, headers=headers) as client:
        created = await client.post(f"/api/{user_id}/tasks", json={"title": "Buy milk"})
        listed = await client.get(f"/api/{user_id}/tasks?limit=1")
        single = await client.get(created.headers["location"])

    assert created.headers["location"].startswith(f"/api/{user_id}/tasks/")
    assert listed.json()["data"]["tasks"][0]["title"] == "Buy milk"
    assert single.json()["data"] == created.json()["data"]


@pytest.fixture(name="odd_id")
def _odd_id() -> str:
    return 'slash/ "quote" \u00e9 %2F'


async def test_any_user_of_the_other_family_is_one_here(served: Served, odd_id: str) -> None:
    """Here no path names them, so nothing has to be escaped."""
    async with fresh_caller(served.url, odd_id) as caller:
        task = await caller.given_task()
        response = await caller.client.get(f"{TASKS}/{task['id']}")

    assert response.status_code == 200
    assert response.json()["user_id"] == caller.user_id


async def test_errors_are_those_of_the_family(ann: Member, alice: Caller) -> None:
    """A request that matches no route is answered in the format of the first contract."""
    here = await ann.call("GET", f"{TASKS}/0")
    there = await ann.call("GET", f"/api/{quote(ann.user_id)}/tasks/0")
    nowhere = await alice.client.get("/nowhere")

    assert here.json().keys() == {"detail"}
    assert there.json().keys() == nowhere.json().keys() == {"success", "error"}
