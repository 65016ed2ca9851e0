"""The details of a validation error: field, value and constraint, and all of them if several."""

import json
from typing import Any

import pytest

from tests.support.users import Caller

REQUIRED = "VALIDATION_REQUIRED_FIELD"
TOO_LONG = "VALIDATION_FIELD_TOO_LONG"
OUT_OF_RANGE = "VALIDATION_OUT_OF_RANGE"
FORMAT = "VALIDATION_INVALID_FORMAT"

TITLE_LENGTH = "must be between 1 and 255 characters"
INTEGER = "must be a whole number in decimal digits, without leading zeros or blanks"
STORABLE = "must not contain the null character or half of a surrogate pair"
NO_VALUE = {"description": "x"}


def problem(field: str, value: object, constraint: str) -> dict[str, object]:
    return {"field": field, "value": value, "constraint": constraint}


async def refusal_of(
    caller: Caller, method: str, path: str, body: object = None, raw: bytes | None = None
) -> dict[str, Any]:
    """Send what is invalid and return the error, whose message is about the first field."""
    content = raw if raw is not None or body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} if content else {}
    response = await caller.client.request(
        method, f"{caller.tasks}{path}", content=content, headers=headers
    )
    assert response.status_code == 422, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() == {"code", "message", "details"}
    details = error["details"]
    assert error["message"] == f"{details['field']} {details['constraint']}"
    return error


@pytest.mark.parametrize(
    ("body", "code", "expected"),
    [
        ({}, REQUIRED, problem("title", None, "is required")),
        ({"description": "x"}, REQUIRED, problem("title", None, "is required")),
        ({"title": None}, REQUIRED, problem("title", None, "must not be null")),
        ({"title": ""}, REQUIRED, problem("title", "", TITLE_LENGTH)),
        ({"title": " \t"}, REQUIRED, problem("title", " \t", TITLE_LENGTH)),
        (
            {"title": "\u200b"},
            REQUIRED,
            problem("title", "\u200b", "must have a visible character"),
        ),
        ({"title": "a" * 256}, TOO_LONG, problem("title", "a" * 100, TITLE_LENGTH)),
        (
            {"title": "\U0001f600" * 256},
            TOO_LONG,
            problem("title", "\U0001f600" * 100, TITLE_LENGTH),
        ),
        ({"title": 5}, FORMAT, problem("title", 5, "must be a string")),
        ({"title": 2**53}, FORMAT, problem("title", str(2**53), "must be a string")),
        ({"title": 0.5}, FORMAT, problem("title", 0.5, "must be a string")),
        ({"title": True}, FORMAT, problem("title", value=True, constraint="must be a string")),
        ({"title": ["a"]}, FORMAT, problem("title", '["a"]', "must be a string")),
        (
            {"title": {"\u00e9": "b" * 200}},
            FORMAT,
            problem("title", '{"\u00e9": "' + "b" * 93, "must be a string"),
        ),
        ({"title": "a\0b"}, FORMAT, problem("title", "a\0b", STORABLE)),
        (
            {"title": "t", "description": "d" * 1001},
            TOO_LONG,
            problem("description", "d" * 100, "must be at most 1000 characters"),
        ),
        (
            {"title": "t", "description": 5},
            FORMAT,
            problem("description", 5, "must be a string"),
        ),
    ],
)
async def test_field_of_a_new_task(
    alice: Caller, body: object, code: str, expected: dict[str, object]
) -> None:
    """The code tells a program what is wrong, and the details tell a form where."""
    error = await refusal_of(alice, "POST", "", body)

    assert (error["code"], error["details"]) == (code, expected)


@pytest.mark.parametrize("half", ["\\ud800", "\\udc00"])
async def test_half_a_surrogate_pair_is_shown_as_its_replacement(alice: Caller, half: str) -> None:
    """What UTF-8 can't carry can't be sent back either."""
    error = await refusal_of(alice, "POST", "", raw=f'{{"title":"a{half}b"}}'.encode())

    assert error["code"] == FORMAT
    assert error["details"] == problem("title", "a\ufffdb", STORABLE)


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"x"', b"0"])
async def test_body_as_a_whole(alice: Caller, raw: bytes) -> None:
    """A body that is no object is named `body`, and is not sent back."""
    error = await refusal_of(alice, "POST", "", raw=raw)

    assert error["code"] == FORMAT
    assert error["details"] == problem("body", None, "must be a JSON object")


async def test_body_that_is_missing(alice: Caller) -> None:
    """POST and PUT need one; PATCH does not."""
    task = await alice.given_task()

    for method, path in (("POST", ""), ("PUT", f"/{task['id']}")):
        error = await refusal_of(alice, method, path)
        assert error["code"] == REQUIRED
        assert error["details"] == problem("body", None, "is required")


@pytest.mark.parametrize("value", ["yes", 1, None])
async def test_completed(alice: Caller, value: object) -> None:
    """A boolean is true or false."""
    task = await alice.given_task()
    constraint = "must not be null" if value is None else "must be true or false"

    for method, path in (("PUT", ""), ("PATCH", "/complete")):
        body = {"title": "t", "completed": value}
        error = await refusal_of(alice, method, f"/{task['id']}{path}", body)
        assert error["code"] == FORMAT
        assert error["details"] == problem("completed", value, constraint)


@pytest.mark.parametrize(
    ("task_id", "value"),
    [("1.5", "1.5"), ("%20", " "), ("%ff", "\ufffd"), ("a" * 300, "a" * 100), ("01", "01")],
)
async def test_id(alice: Caller, task_id: str, value: str) -> None:
    """The id of a path is text that has to spell an integer."""
    error = await refusal_of(alice, "GET", f"/{task_id}")

    assert error["code"] == FORMAT
    assert error["details"] == problem("id", value, INTEGER)


@pytest.mark.parametrize(
    ("query", "code", "expected"),
    [
        ("limit=0", OUT_OF_RANGE, problem("limit", "0", "must be between 1 and 100")),
        ("limit=101", OUT_OF_RANGE, problem("limit", "101", "must be between 1 and 100")),
        ("limit=-1", OUT_OF_RANGE, problem("limit", "-1", "must be between 1 and 100")),
        ("limit=abc", FORMAT, problem("limit", "abc", INTEGER)),
        ("limit=", FORMAT, problem("limit", "", INTEGER)),
        ("limit=1.5", FORMAT, problem("limit", "1.5", INTEGER)),
        ("limit=+5", FORMAT, problem("limit", " 5", INTEGER)),
        ("limit=05", FORMAT, problem("limit", "05", INTEGER)),
        ("limit=5&limit=6", FORMAT, problem("limit", "5, 6", "must be given once")),
        (
            "limit=" + "9" * 200,
            OUT_OF_RANGE,
            problem("limit", "9" * 100, "must be between 1 and 100"),
        ),
        ("offset=-1", OUT_OF_RANGE, problem("offset", "-1", f"must be between 0 and {2**63 - 1}")),
        (
            f"offset={2**63}",
            OUT_OF_RANGE,
            problem("offset", str(2**63), f"must be between 0 and {2**63 - 1}"),
        ),
        (
            "status=done",
            FORMAT,
            problem("status", "done", "must be one of: all, pending, completed"),
        ),
        (
            "status=Completed",
            FORMAT,
            problem("status", "Completed", "must be one of: all, pending, completed"),
        ),
        ("status=", FORMAT, problem("status", "", "must be one of: all, pending, completed")),
        ("search=%00", FORMAT, problem("search", "\0", "must not contain the null character")),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
async def test_query(alice: Caller, query: str, code: str, expected: dict[str, object]) -> None:
    """Parameters are text, and the value is shown as the text that it was."""
    error = await refusal_of(alice, "GET", f"?{query}")

    assert (error["code"], error["details"]) == (code, expected)


# Several --------------------------------------------------------------------------------


async def test_several_problems_are_all_listed(alice: Caller) -> None:
    """The first decides the code and stands where a single one would; `errors` has them all."""
    task = await alice.given_task()
    body = {"title": "a" * 300, "description": 5, "completed": "no"}

    error = await refusal_of(alice, "PUT", f"/{task['id']}", body)

    title = problem("title", "a" * 100, TITLE_LENGTH)
    assert error["code"] == TOO_LONG
    assert error["details"] == {
        **title,
        "errors": [
            title,
            problem("description", 5, "must be a string"),
            problem("completed", "no", "must be true or false"),
        ],
    }


async def test_order_is_the_contracts_and_not_the_clients(alice: Caller) -> None:
    """Whatever order a body has, the same field is the first offender."""
    bodies = [{"title": 1, "description": 2}, {"description": 2, "title": 1}]

    errors = [await refusal_of(alice, "POST", "", body) for body in bodies]

    assert errors[0] == errors[1]
    assert [each["field"] for each in errors[0]["details"]["errors"]] == ["title", "description"]


async def test_id_and_body_are_told_together(alice: Caller) -> None:
    """Path, query and body are validated as one."""
    error = await refusal_of(alice, "PUT", "/x", {})

    assert error["code"] == FORMAT
    assert [each["field"] for each in error["details"]["errors"]] == ["id", "title"]


async def test_every_parameter_of_a_query_is_told(alice: Caller) -> None:
    """A list is asked for with three, and all three can be wrong."""
    error = await refusal_of(alice, "GET", "?offset=x&status=y&limit=0")

    fields = [each["field"] for each in error["details"]["errors"]]
    assert fields == ["status", "limit", "offset"]
    assert error["details"]["field"] == "status"


async def test_single_problem_has_no_list(alice: Caller) -> None:
    """One problem is not several."""
    error = await refusal_of(alice, "POST", "", {"title": 5})

    assert "errors" not in error["details"]
