"""Every error of the accounts contract, byte for byte."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.contracts.accounts.given import (
    JSON,
    REFRESH,
    SIGN_IN,
    SIGN_OUT,
    SIGN_UP,
    TASKS,
    Member,
    said,
)
from tests.support import tokens
from tests.support.client import client_for
from tests.support.server import SECRET, Served, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


@dataclass(frozen=True)
class Case:
    """A request and the sentence that it is answered with. `{T}` is the path of a task."""

    method: str
    path: str
    status: int
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    token: str | None = "own"
    challenge: str | None = None


def token_that(kind: str, ann: Member) -> str:
    """Make a token that is Ann's `own`, has `expired`, or is `forged` or `broken`."""
    now = int(time.time())
    claims = {"sub": ann.user_id, "iat": now - 90, "exp": now - 60}
    made = {
        "own": ann.access_token,
        "expired": tokens.signed(claims, secret=SECRET),
        "forged": tokens.signed(claims | {"exp": now + 900}, secret="x" + SECRET),
        "broken": "a.b.c",
    }
    return made[kind]


BARE = "Bearer"
INVALID = 'Bearer error="invalid_token"'
NOT_VALID = "The access token is not valid"
UNKNOWN = b'{"email":"nobody@example.com","password":"wrong"}'
CASES = {
    "no header": Case("GET", TASKS, 401, "Not signed in", token=None, challenge=BARE),
    "broken": Case("GET", TASKS, 401, NOT_VALID, token="broken", challenge=INVALID),
    "forged": Case("GET", TASKS, 401, NOT_VALID, token="forged", challenge=INVALID),
    "expired": Case(
        "GET", TASKS, 401, "The access token has expired", token="expired", challenge=INVALID
    ),
    "no header to sign out": Case(
        "POST", SIGN_OUT, 401, "Not signed in", token=None, challenge=BARE
    ),
    "garbage to sign out": Case(
        "POST", SIGN_OUT, 401, NOT_VALID, token="broken", challenge=INVALID
    ),
    "wrong credentials": Case(
        "POST", SIGN_IN, 401, "Wrong email or password", JSON, UNKNOWN, None, BARE
    ),
    "wrong refresh token": Case(
        "POST",
        REFRESH,
        401,
        "The refresh token is not valid",
        JSON,
        b'{"refresh_token":"x"}',
        None,
        INVALID,
    ),
    "no task": Case("GET", f"{TASKS}/0", 404, "Task not found"),
    "no route": Case("GET", f"{TASKS}/1/2/3", 404, "There is nothing at this address"),
    "no auth route": Case("POST", "/api/auth/nowhere", 404, "There is nothing at this address"),
    "method": Case("PATCH", TASKS, 405, "This address does not take this method"),
    "method of auth": Case("GET", SIGN_IN, 405, "This address does not take this method"),
    "stale": Case(
        "DELETE",
        "{T}",
        412,
        "The task has changed since the version that If-Match names",
        {"if-match": '"a-1"'},
    ),
    "too large": Case("POST", TASKS, 413, "The body is too large", JSON, b" " * 65_537),
    "too large for auth": Case("POST", SIGN_IN, 413, "The body is too large", JSON, b" " * 65_537),
    "too long": Case("GET", f"{TASKS}?" + "a" * 9000, 414, "The address is too long"),
    "media type": Case(
        "POST",
        TASKS,
        415,
        "The body must be application/json in UTF-8, without a content encoding",
        {"content-type": "text/plain"},
        b"{}",
    ),
    "headers": Case("GET", TASKS, 431, "The headers are too large", {"x-padding": "a" * 40_000}),
    "malformed": Case("POST", TASKS, 400, "The body is not valid JSON", JSON, b"{"),
    "malformed auth": Case("POST", SIGN_UP, 400, "The body is not valid JSON", JSON, b'{"a":1,}'),
}


@pytest_asyncio.fixture(scope="module")
async def alone(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    """A deployment of this contract and no other, so that what it finds nowhere is its own too."""
    del address  # migrated before the server starts
    async with serving(environment(postgres.url, API_CONTRACTS="accounts")) as running:
        yield running


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_error_is_said_like_this(alone: Served, ann: Member, case: Case) -> None:
    """One sentence, and the challenge that a 401 carries."""
    task = await ann.given_task()
    headers = dict(case.headers)
    if case.token is not None:
        headers["authorization"] = f"Bearer {token_that(case.token, ann)}"

    async with client_for(alone.url) as client:
        response = await client.request(
            case.method,
            case.path.replace("{T}", f"{TASKS}/{task['id']}"),
            headers=headers,
            content=case.content,
        )

    assert response.status_code == case.status
    assert response.content == said(case.detail)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers.get("www-authenticate") == case.challenge


# Validation -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (TASKS, {}, [("title", "Title is required", "missing")]),
        (TASKS, {"title": None}, [("title", "Title must not be null", "missing")]),
        (
            TASKS,
            {"title": " "},
            [("title", "Title must be between 1 and 200 characters", "missing")],
        ),
        (
            TASKS,
            {"title": "a" * 201, "description": "d" * 2001},
            [
                ("title", "Title must be between 1 and 200 characters", "too_long"),
                ("description", "Description must be at most 2000 characters", "too_long"),
            ],
        ),
        (TASKS, {"title": 5}, [("title", "Title must be a string", "invalid")]),
        (TASKS, [], [("body", "Body must be a JSON object", "invalid")]),
        (
            SIGN_UP,
            {"email": "ann", "password": "short", "name": ""},
            [
                ("email", "Email must be a valid e-mail address", "invalid"),
                ("password", "Password must be between 8 and 1024 characters", "invalid"),
                ("name", "Name must be between 1 and 255 characters", "missing"),
            ],
        ),
        (
            SIGN_UP,
            {"email": "", "password": "", "name": "n" * 256},
            [
                ("email", "Email must be a valid e-mail address", "missing"),
                ("password", "Password must be between 8 and 1024 characters", "missing"),
                ("name", "Name must be between 1 and 255 characters", "too_long"),
            ],
        ),
        (
            SIGN_UP,
            {"email": "ann@example.com", "password": "password1", "name": "Ann"},
            [("password", "Password must not be one of the most common passwords", "invalid")],
        ),
        (
            REFRESH,
            {"refresh_token": 5},
            [("refresh_token", "Refresh token must be a string", "invalid")],
        ),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_invalid_fields_are_said_like_this(
    ann: Member, path: str, body: object, expected: list[tuple[str, str, str]]
) -> None:
    """The first sentence for a page that shows one, and all of them for a form."""
    response = await ann.call("POST", path, json=body)

    errors = [{"field": f, "message": m, "type": t} for f, m, t in expected]
    document = {"detail": expected[0][1], "errors": errors}
    assert response.status_code == 422
    assert response.content == json.dumps(document, separators=(",", ":")).encode()


@pytest.mark.parametrize("task_id", ["1.5", "01", "abc", "%00", "+1"])
async def test_misspelled_id_is_said_like_this(ann: Member, task_id: str) -> None:
    """It is a parameter, and named like a field."""
    response = await ann.call("GET", f"{TASKS}/{task_id}")

    message = "Id must be a whole number in decimal digits, without leading zeros or blanks"
    assert response.status_code == 422
    assert response.json() == {
        "detail": message,
        "errors": [{"field": "id", "message": message, "type": "invalid"}],
    }
