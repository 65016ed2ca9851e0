"""What the plain contract says to a person whose request breaks a rule: one sentence."""

import json

import httpx
import pytest

from tests.contracts.plain.golden import error, given_task
from tests.support.users import Caller

TITLE_LENGTH = "Title must be between 1 and 200 characters"
INTEGER = "must be a whole number in decimal digits, without leading zeros or blanks"
STORABLE = "must not contain the null character or half of a surrogate pair"
MOST = 2**63 - 1


async def sent(
    caller: Caller, method: str, path: str, body: object = None, raw: bytes | None = None
) -> httpx.Response:
    content = raw if raw is not None or body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} if content else {}
    url = f"{caller.tasks}{path}"
    return await caller.client.request(method, url, content=content, headers=headers)


def refused(response: httpx.Response, detail: str) -> None:
    assert response.content == error("VALIDATION_ERROR", detail)
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Title is required"),
        ({"description": "x"}, "Title is required"),
        ({"title": None}, "Title must not be null"),
        ({"title": ""}, TITLE_LENGTH),
        ({"title": " \t"}, TITLE_LENGTH),
        ({"title": "a" * 201}, TITLE_LENGTH),
        ({"title": "\U0001f600" * 201}, TITLE_LENGTH),
        ({"title": "\u200b"}, "Title must have a visible character"),
        ({"title": 5}, "Title must be a string"),
        ({"title": ["a"]}, "Title must be a string"),
        ({"title": "a\0b"}, f"Title {STORABLE}"),
        ({"title": "t", "description": "d" * 1001}, "Description must be at most 1000 characters"),
        ({"title": "t", "description": 5}, "Description must be a string"),
        ({"description": 5, "title": 5}, "Title must be a string"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_field_of_a_new_task(alice: Caller, body: object, detail: str) -> None:
    """The sentence names the first field that is wrong, and the rule."""
    refused(await sent(alice, "POST", "", body), detail)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"title": None}, "Title must not be null"),
        ({"title": ""}, TITLE_LENGTH),
        ({"title": "a" * 201}, TITLE_LENGTH),
        ({"description": "d" * 1001}, "Description must be at most 1000 characters"),
        ({"completed": None}, "Completed must not be null"),
        ({"completed": "yes"}, "Completed must be true or false"),
        ({"completed": 1}, "Completed must be true or false"),
        ({"completed": 1, "title": 5}, "Title must be a string"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_field_of_a_change(alice: Caller, body: object, detail: str) -> None:
    """What is sent is held to the same rules, and what isn't to none."""
    task = await given_task(alice)

    refused(await sent(alice, "PUT", f"/{task['id']}", body), detail)


@pytest.mark.parametrize("title", ["a" * 200, "\U0001f600" * 200, "  " + "a" * 200 + "\n"])
async def test_longest_texts(alice: Caller, title: str) -> None:
    """Characters are code points, counted without the white space around a title."""
    task = await given_task(alice, title, description="\u00e9" * 1000)

    assert task["title"] == title.strip()


@pytest.mark.parametrize("half", ["\\ud800", "\\udc00"])
async def test_half_a_surrogate_pair(alice: Caller, half: str) -> None:
    """UTF-8 can't carry it."""
    response = await sent(alice, "POST", "", raw=f'{{"title":"a{half}b"}}'.encode())

    refused(response, f"Title {STORABLE}")


@pytest.mark.parametrize("completed", ["yes", 1, None])
async def test_completion(alice: Caller, completed: object) -> None:
    """A boolean is true or false."""
    task = await given_task(alice)
    rule = "must not be null" if completed is None else "must be true or false"

    response = await sent(alice, "PATCH", f"/{task['id']}/complete", {"completed": completed})

    refused(response, f"Completed {rule}")


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"x"', b"0"])
async def test_body_as_a_whole(alice: Caller, raw: bytes) -> None:
    """Wherever there is one, it is an object."""
    task = await given_task(alice)

    for method, path in (("POST", ""), ("PUT", f"/{task['id']}"), ("PATCH", "/1/complete")):
        refused(await sent(alice, method, path, raw=raw), "The body must be a JSON object")


async def test_body_that_is_missing(alice: Caller) -> None:
    """POST and PUT need one, if only `{}` for the latter; PATCH does not."""
    task = await given_task(alice)

    for method, path in (("POST", ""), ("PUT", f"/{task['id']}")):
        refused(await sent(alice, method, path), "The body is required")


@pytest.mark.parametrize("task_id", ["1.5", "%20", "%ff", "a" * 300, "01", "+1", "1_0"])
async def test_id(alice: Caller, task_id: str) -> None:
    """The id of a path is text that has to spell an integer."""
    refused(await sent(alice, "GET", f"/{task_id}"), f"Task id {INTEGER}")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=0", f"Limit must be between 1 and {MOST}"),
        ("limit=-1", f"Limit must be between 1 and {MOST}"),
        (f"limit={2**63}", f"Limit must be between 1 and {MOST}"),
        ("limit=abc", f"Limit {INTEGER}"),
        ("limit=", f"Limit {INTEGER}"),
        ("limit=5&limit=6", "Limit must be given once"),
        ("offset=-1", f"Offset must be between 0 and {MOST}"),
        (f"offset={2**63}", f"Offset must be between 0 and {MOST}"),
        ("status=done", "Status must be one of: all, pending, completed"),
        ("status=", "Status must be one of: all, pending, completed"),
        ("sort=Title", "Sort must be one of: created, title"),
        ("sort=-created", "Sort must be one of: created, title"),
        ("search=%00", "Search must not contain the null character"),
        ("%00=1", "The query must not contain the null character"),
        ("offset=x&status=y&limit=0", "Status must be one of: all, pending, completed"),
    ],
)
async def test_query(alice: Caller, query: str, detail: str) -> None:
    """Parameters are named as they are spelled, but for the capital."""
    refused(await sent(alice, "GET", f"?{query}"), detail)
