"""Every error of the rich contract, byte for byte but for its time."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import pytest

from tests.contracts.faulty import CANARY, contract_with_faults, path_of
from tests.contracts.rich.lists import RichCaller
from tests.support import tokens
from tests.support.client import client_for
from tests.support.server import SECRET, Served, environment, serving
from tests.support.users import token_for
from todo_backend.contracts.rich.errors import present
from todo_backend.contracts.rich.schemas import Code
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs
from todo_backend.model import errors as facts

JSON = {"content-type": "application/json"}
FORMAT = "VALIDATION_INVALID_FORMAT"
WHOLE_NUMBER = "must be a whole number in decimal digits, without leading zeros or blanks"
BODY = re.compile(
    rb'\{"detail":("(?:[^"\\]|\\.)*"),"error_code":"(\w+)",'
    rb'"timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"\}'
)
# Of accounts, which this contract has no route for, and of tasks that no shape here tells apart.
ELSEWHERE = {
    facts.CredentialsWrong,
    facts.RefreshTokenInvalid,
    facts.EmailTaken,
    facts.StrangersTask,
}

# The request, its status, code and sentence. `{B}` is the collection, `{T}` a task in it.
CASES: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "no header": (
        {"token": None},
        401,
        "AUTH_MISSING_HEADER",
        "Send the header Authorization: Bearer <token>",
    ),
    "no token": ({"token": "broken"}, 401, "AUTH_INVALID_TOKEN", "The token is not valid"),
    "expired": ({"token": "expired"}, 401, "AUTH_EXPIRED_TOKEN", "The token has expired"),
    "forged": (
        {"token": "forged"},
        401,
        "AUTH_INVALID_CREDENTIALS",
        "The signature of the token does not verify",
    ),
    "another user": (
        {"token": "stranger's", "method": "POST", "content": b"{"},
        403,
        "AUTH_USER_MISMATCH",
        "The token belongs to another user",
    ),
    "no task": ({"path": "{B}/0"}, 404, "RESOURCE_NOT_FOUND", "Task not found"),
    "no route": (
        {"path": "{B}/1/2"},
        404,
        "RESOURCE_NOT_FOUND",
        "There is nothing at this address",
    ),
    "method": (
        {"method": "PATCH"},
        405,
        "RESOURCE_METHOD_NOT_ALLOWED",
        "This address does not take this method",
    ),
    "stale": (
        {"method": "DELETE", "path": "{T}", "headers": {"if-match": '"r-1"'}},
        412,
        "RESOURCE_CONFLICT",
        "The task has changed since the version that If-Match names",
    ),
    "too large": (
        {"method": "POST", "headers": JSON, "content": b" " * 65_537},
        413,
        FORMAT,
        "The body is too large",
    ),
    "too long": ({"path": "{B}?" + "a" * 9000}, 414, FORMAT, "The address is too long"),
    "media type": (
        {"method": "POST", "content": b"{}"},
        415,
        FORMAT,
        "The body must be application/json in UTF-8, without a content encoding",
    ),
    "large headers": (
        {"headers": {"x-large": "a" * 40_000}},
        431,
        FORMAT,
        "The headers are too large",
    ),
    "malformed": (
        {"method": "POST", "headers": JSON, "content": b"{"},
        400,
        FORMAT,
        "The body is not valid JSON",
    ),
    "no title": (
        {"method": "POST", "headers": JSON, "content": b"{}"},
        400,
        "VALIDATION_REQUIRED_FIELD",
        "title is required",
    ),
    "no body": (
        {"method": "POST"},
        400,
        "VALIDATION_REQUIRED_FIELD",
        "body is required",
    ),
    "no number": (
        {"path": "{B}/1.5"},
        400,
        FORMAT,
        f"task_id {WHOLE_NUMBER}",
    ),
    "null": (
        {"method": "PATCH", "path": "{T}/complete", "headers": JSON, "content": b"null"},
        400,
        FORMAT,
        "body must be a JSON object",
    ),
    "several": (
        {"method": "PUT", "path": "{B}/x", "headers": JSON, "content": b'{"priority":1}'},
        400,
        FORMAT,
        f"task_id {WHOLE_NUMBER}; priority must be 'low', 'medium' or 'high'",
    ),
}


def token_that(kind: str, user_id: str) -> str:
    """Make a token that is the user's `own`, has `expired`, is `forged`, or somebody else's."""
    now = int(time.time())
    claims = {"sub": user_id, "iat": now - 90, "exp": now - 60}
    made = {
        "own": token_for(user_id),
        "expired": tokens.signed(claims, secret=SECRET),
        "forged": tokens.signed(claims | {"exp": now + 900}, secret="x" + SECRET),
        "broken": "a.b.c",
        "stranger's": token_for("somebody-else"),
    }
    return made[kind]


def assert_says(response: httpx.Response, status: int, code: str, detail: str) -> None:
    found = BODY.fullmatch(response.content)
    assert found, response.content
    assert (response.status_code, found[2].decode(), json.loads(found[1])) == (status, code, detail)
    assert response.headers["content-type"] == "application/json"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(found[3].decode())) < timedelta(minutes=1)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_error_is_said_like_this(
    rich: Served, alice: RichCaller, case: tuple[dict[str, Any], int, str, str]
) -> None:
    """Status, sentence, code and time, in this order and in these words."""
    task = await alice.given()
    sent, status, code, detail = case
    path = sent.get("path", "{B}").replace("{T}", f"{{B}}/{task['id']}").replace("{B}", alice.tasks)
    headers = dict(sent.get("headers", {}))
    if (token := sent.get("token", "own")) is not None:
        headers["authorization"] = f"Bearer {token_that(token, alice.user_id)}"

    async with client_for(rich.url) as client:
        response = await client.request(
            sent.get("method", "GET"), path, headers=headers, content=sent.get("content")
        )

    assert_says(response, status, code, detail)


@pytest.mark.parametrize(
    ("method", "end"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/complete")]
)
async def test_another_users_task(
    alice: RichCaller, bob: RichCaller, method: str, end: str
) -> None:
    """It is not there, in the very words that are used of a task that never was."""
    task = await alice.given()
    body: dict[str, object] | None = {} if method == "PUT" else None

    response = await bob.client.request(method, f"{bob.tasks}/{task['id']}{end}", json=body)

    assert_says(response, 404, "RESOURCE_NOT_FOUND", "Task not found")
    assert (await alice.listed())["tasks"] == [task]


async def test_database_away() -> None:
    """503: what is wrong with it is for the log."""
    env = environment(
        "postgresql://u:p@127.0.0.1:1/x", DATABASE_TIMEOUT="0.2", API_CONTRACTS="rich"
    )
    headers = {"authorization": f"Bearer {token_for('alice')}"}
    async with (
        serving(env) as served,
        client_for(served.url, headers=headers) as client,
    ):
        response = await client.get("/api/alice/tasks")

    assert_says(
        response, 503, "SYSTEM_DATABASE_ERROR", "The database can't be reached, try again soon"
    )


@pytest.mark.parametrize("debug", [False, True])
async def test_defect(postgres: EmbeddedPostgres, address: ConnectArgs, *, debug: bool) -> None:
    """500, with the exception's type and text for the developer alone."""
    del address  # migrated before the server starts
    env = environment(postgres.url, DEBUG=str(debug), API_CONTRACTS="rich")
    contracts = {"rich": contract_with_faults("rich")}
    async with (
        serving(env, contracts=contracts) as served,
        client_for(served.url) as client,
    ):
        response = await client.get(path_of("RuntimeError"))

    cause = f": RuntimeError: the password is {CANARY}" if debug else ""
    assert_says(response, 500, "SYSTEM_INTERNAL_ERROR", f"An unexpected error occurred{cause}")


SAMPLES: tuple[facts.TodoError, ...] = (
    *(
        kind("reason")
        for kind in (
            facts.CredentialMissing,
            facts.TokenInvalid,
            facts.TokenExpired,
            facts.SignatureInvalid,
            facts.DatabaseUnavailable,
            facts.KeysUnavailable,
        )
    ),
    *(
        kind()
        for kind in (
            facts.WrongUser,
            facts.RouteNotFound,
            facts.RequestMalformed,
            facts.BodyMalformed,
            facts.HeadersTooLarge,
            facts.TargetTooLong,
            facts.MediaTypeUnsupported,
            facts.PreconditionFailed,
            facts.IdempotencyKeyMalformed,
            facts.IdempotencyKeyInUse,
            facts.IdempotencyKeyReused,
            facts.Overloaded,
        )
    ),
    facts.MethodNotAllowed(frozenset()),
    facts.ContentTooLarge(1),
    facts.Invalid(facts.FieldError("title", facts.Rule.REQUIRED, "is required")),
    facts.TaskNotFound(1),
    facts.RateLimited(1, retry_after_seconds=1),
    facts.Unexpected(None),
)


def test_no_fact_is_without_words() -> None:
    """Whatever may reach this contract has its place in the table, and a documented code."""
    kinds = {
        kind
        for kind in vars(facts).values()
        if isinstance(kind, type) and issubclass(kind, facts.TodoError)
    }
    said = [json.loads(present(sample).body) for sample in SAMPLES]

    abstract = {facts.TodoError, facts.Unauthenticated}
    assert {type(sample) for sample in SAMPLES} == kinds - abstract - ELSEWHERE
    assert {body["error_code"] for body in said} <= set(get_args(Code))
    assert all(body["detail"] for body in said)
