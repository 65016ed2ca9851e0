"""Ids in paths have one spelling, JSON is typed strictly, and some fields are the server's own."""

from typing import Any

import pytest

from tests.contracts.people import Person

IMPOSSIBLE_IDS = ["0", "-1", str(2**63 - 1), str(2**63), str(-(2**63)), str(10**30), "9" * 5_000]
MISSPELLED_IDS = [
    "+1",
    "01",
    "00",
    "-0",
    "-01",
    "1.0",
    "1.5",
    "1e3",
    "0x1",
    "1_0",
    "%201",
    "1%20",
    "1%0A",
    "1%00",
    "%00",
    "%20",
    "abc",
    "null",
    "%EF%BC%91",  # a full-width 1
    "%D9%A1",  # an Arabic 1
    "%C2%B2",  # a superscript 2
    "%ff",
    "1%ff",
    "..%2f1",
    "1,2",
    "%E2%88%921",  # a minus sign that is not a hyphen
    "--1",
    "-",
]
METHODS = ["GET", "PUT", "DELETE", "PATCH"]


async def send(user: Person, method: str, task_id: str, title: object = "Buy oat milk") -> Any:
    """Send a good request about the task of this id, PATCH to its completion."""
    tail = f"/{user.driver.completion}" if method == "PATCH" else ""
    body = {"PUT": {"title": title}, "PATCH": {"completed": True}}.get(method)
    return await user.client.request(method, f"{user.tasks}/{task_id}{tail}", json=body)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task_id", IMPOSSIBLE_IDS, ids=lambda text: text[:31])
async def test_id_that_no_row_has_is_not_found(user: Person, method: str, task_id: str) -> None:
    """An integer out of the range of ids is one that nobody has."""
    response = await send(user, method, task_id)

    user.refused(response, user.driver.refusals.no_task)


@pytest.mark.parametrize("task_id", IMPOSSIBLE_IDS, ids=lambda text: text[:31])
async def test_id_that_no_row_has_is_found_out_after_the_body(user: Person, task_id: str) -> None:
    """The row comes last, also where the id alone tells that there is none."""
    response = await send(user, "PUT", task_id, title=5)

    body = user.refused(response, user.driver.refusals.wrong_format)
    assert user.driver.fields_of(body) == ["title"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task_id", MISSPELLED_IDS)
async def test_misspelled_id_is_refused(user: Person, method: str, task_id: str) -> None:
    """What some parsers take for an integer is a validation error that names the id."""
    response = await send(user, method, task_id)

    body = user.refused(response, user.driver.refusals.wrong_format)
    assert user.driver.fields_of(body) == [user.driver.id_name]


async def test_every_spelling_but_one_of_a_real_id_is_refused(user: Person) -> None:
    """A task has one address."""
    task_id = str((await user.given_task())["id"])
    spellings = [f"0{task_id}", f"%2B{task_id}", f"{task_id}.0", f"{task_id}%20", f"%09{task_id}"]

    statuses = [(await send(user, "GET", spelling)).status_code for spelling in spellings]

    assert statuses == [user.driver.refusals.wrong_format.status] * len(spellings)
    # A digit may be percent-encoded: that is the same address (RFC 3986, section 2.3).
    encoded = "".join(f"%3{digit}" for digit in task_id)
    assert (await send(user, "GET", encoded)).status_code == 200


@pytest.mark.parametrize("value", ["true", "false", "yes", "1", "", 0, 1, 2, 1.0, None, [], {}])
async def test_boolean_is_a_boolean(user: Person, value: object) -> None:
    """What other languages take for true or false is a validation error and changes nothing."""
    task = await user.given_task()

    by_put = await user.client.put(user.path(task), json={"title": "t", "completed": value})
    by_patch = await user.client.patch(user.completion(task), json={"completed": value})

    for response in (by_put, by_patch):
        body = user.refused(response, user.driver.refusals.wrong_format)
        assert user.driver.fields_of(body) == ["completed"]
    assert await user.read(task) == task


@pytest.mark.parametrize("field", ["title", "description"])
@pytest.mark.parametrize("value", [0, 1.5, True, [], {}, ["Buy milk"], {"$ne": ""}], ids=str)
async def test_text_is_text(user: Person, field: str, value: object) -> None:
    """Nothing is turned into a string."""
    response = await user.client.post(user.tasks, json={"title": "Buy milk", field: value})

    body = user.refused(response, user.driver.refusals.wrong_format)
    assert user.driver.fields_of(body) == [field]


@pytest.mark.parametrize("content", ["[]", "null", '"x"', "5", "true", '[{"title":"Buy milk"}]'])
async def test_body_is_an_object(user: Person, content: str) -> None:
    """Any other JSON is well-formed and wrong; `null` is not the absence of a body."""
    task = await user.given_task()
    headers = {"content-type": "application/json"}
    calls = [("POST", user.tasks), ("PUT", user.path(task)), ("PATCH", user.completion(task))]

    for method, path in calls:
        response = await user.client.request(method, path, content=content, headers=headers)
        user.refused(response, user.driver.refusals.wrong_format)

    assert await user.read(task) == task


async def test_every_wrong_field_is_named(user: Person) -> None:
    """A form can mark all of its fields at once, where the contract has a place to name them."""
    too_long = "a" * (user.driver.description_max + 1)
    response = await user.client.post(user.tasks, json={"title": 5, "description": too_long})

    body = user.refused(response, user.driver.refusals.wrong_format)
    named = ["title", "description"] if user.driver.names_every_field else ["title"]
    assert user.driver.fields_of(body) == named


FOREIGN: dict[str, object] = {
    "id": 99_999_999,
    "created_at": "1999-01-01T00:00:00Z",
    "updated_at": "1999-01-01T00:00:00Z",
    "owner": "bob",
    "version": 99,
    "is_admin": True,
    "deleted_at": None,
    "_sa_instance_state": "x",
    "__proto__": {"completed": True},
    "Title": "another",
    "": 0,
}


async def test_is_31_fields_that_are_the_servers_are_ignored(
    user: Person, stranger: Person
) -> None:
    """Whose a task is, its id and its times come from the server, and strange fields go nowhere."""
    foreign = {**FOREIGN, "user_id": stranger.user_id}

    created = await user.given_task("Buy milk", **foreign)
    response = await user.client.put(user.path(created), json={"title": "Buy oat milk", **foreign})

    changed = user.driver.task_of(response.json())
    assert created["id"] != FOREIGN["id"]
    assert created["created_at"] == created["updated_at"] > "2020"
    assert created.get("user_id", user.user_id) == user.user_id
    assert changed == {
        **created,
        "title": "Buy oat milk",
        "updated_at": changed["updated_at"],
    }
    assert changed["updated_at"] > created["updated_at"]
    assert created.keys().isdisjoint(FOREIGN.keys() - {"id", "created_at", "updated_at"})
    assert await stranger.listed() == []


async def test_is_01_user_in_the_query_widens_nothing(user: Person, stranger: Person) -> None:
    """A list is the caller's, whatever else the request says about users."""
    await stranger.given_task()
    query = {"user_id": stranger.user_id, "owner": stranger.user_id, "token": "x"}

    response = await user.client.get(user.tasks, params=query, headers={"x-user-id": "bob"})

    assert response.status_code == 200
    assert user.driver.tasks_of(response.json()) == []
