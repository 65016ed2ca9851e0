"""Every error code of the envelope contract, byte for byte."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio

from tests.contracts.faulty import CANARY, contract_with_faults, path_of
from tests.support import tokens
from tests.support.client import client_for
from tests.support.server import SECRET, Served, environment, serving
from tests.support.users import Caller, token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

JSON = {"content-type": "application/json"}
STALE = {"if-match": '"e-1"'}


@dataclass(frozen=True)
class Case:
    """A request and the error that it is answered with. `{B}` is the collection, `{T}` a task."""

    method: str
    path: str
    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    token: str | None = "own"


def token_that(kind: str, user_id: str) -> str | None:
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


CASES = {
    "no header": Case(
        "GET",
        "{B}",
        401,
        "AUTH_MISSING_HEADER",
        "Send the header Authorization: Bearer <token>",
        token=None,
    ),
    "no token": Case(
        "GET", "{B}", 401, "AUTH_INVALID_TOKEN", "The token is not valid", token="broken"
    ),
    "expired": Case(
        "GET", "{B}", 401, "AUTH_EXPIRED_TOKEN", "The token has expired", token="expired"
    ),
    "forged": Case(
        "GET",
        "{B}",
        401,
        "AUTH_INVALID_CREDENTIALS",
        "The signature of the token does not verify",
        token="forged",
    ),
    "stranger": Case(
        "GET",
        "{B}",
        403,
        "AUTH_USER_MISMATCH",
        "The token belongs to another user",
        token="stranger's",
    ),
    "no task": Case("GET", "{B}/0", 404, "RESOURCE_NOT_FOUND", "Task not found"),
    "no task to delete": Case("DELETE", "{B}/0", 404, "RESOURCE_NOT_FOUND", "Task not found"),
    "no route": Case(
        "GET", "{B}/1/2", 404, "RESOURCE_NOT_FOUND", "There is nothing at this address"
    ),
    "no route at all": Case(
        "GET", "/nowhere", 404, "RESOURCE_NOT_FOUND", "There is nothing at this address", token=None
    ),
    "method": Case(
        "PATCH",
        "{B}",
        405,
        "RESOURCE_METHOD_NOT_ALLOWED",
        "This address does not take this method",
    ),
    "stale": Case(
        "DELETE",
        "{B}/{T}",
        412,
        "RESOURCE_CONFLICT",
        "The task has changed since the version that If-Match names",
        headers=STALE,
    ),
    "too large": Case(
        "POST",
        "{B}",
        413,
        "VALIDATION_INVALID_FORMAT",
        "The body is too large",
        headers=JSON,
        content=b" " * 65_537,
    ),
    "too long": Case(
        "GET", "{B}?" + "a" * 9000, 414, "VALIDATION_INVALID_FORMAT", "The address is too long"
    ),
    "media type": Case(
        "POST",
        "{B}",
        415,
        "VALIDATION_INVALID_FORMAT",
        "The body must be application/json in UTF-8, without a content encoding",
        content=b"{}",
    ),
    "malformed": Case(
        "POST",
        "{B}",
        400,
        "VALIDATION_INVALID_FORMAT",
        "The body is not valid JSON",
        headers=JSON,
        content=b"{",
    ),
    "large headers": Case(
        "GET",
        "{B}",
        431,
        "VALIDATION_INVALID_FORMAT",
        "The headers are too large",
        headers={"x-large": "a" * 40_000},
    ),
}


def error(code: str, message: str, details: object = None) -> bytes:
    said = {"code": code, "message": message} | ({"details": details} if details else {})
    body = {"success": False, "error": said}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_error_is_said_like_this(
    alice: Caller, anonymous: httpx.AsyncClient, case: Case
) -> None:
    """Status, code, sentence, and no details where there is nothing more to say."""
    task = await alice.given_task()
    path = case.path.replace("{B}", alice.tasks).replace("{T}", str(task["id"]))
    headers = dict(case.headers)
    if case.token is not None:
        headers["authorization"] = f"Bearer {token_that(case.token, alice.user_id)}"

    response = await anonymous.request(case.method, path, headers=headers, content=case.content)

    assert response.status_code == case.status
    assert response.content == error(case.code, case.message)
    assert response.headers["content-type"] == "application/json"


# The server's own -----------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def cut_off() -> AsyncIterator[Served]:
    """A server whose database was never there."""
    url = "postgresql://u:p@127.0.0.1:1/x"
    async with serving(environment(url, DATABASE_TIMEOUT="0.2")) as served:
        yield served


async def test_database_away(cut_off: Served) -> None:
    """503: what is wrong with it is for the log."""
    headers = {"authorization": f"Bearer {token_for('alice')}"}
    async with client_for(cut_off.url, headers=headers) as client:
        response = await client.get("/api/alice/tasks")

    assert response.status_code == 503
    assert response.content == error(
        "SYSTEM_DATABASE_ERROR", "The database can't be reached, try again soon"
    )


async def answer_of(env: dict[str, str], fault: str) -> httpx.Response:
    """Ask a deployment of the contract with faults to run into one of them."""
    contracts = {"envelope": contract_with_faults("envelope")}
    async with (
        serving(env, contracts=contracts) as served,
        client_for(served.url) as client,
    ):
        return await client.get(path_of(fault))


async def test_defect(postgres: EmbeddedPostgres, address: ConnectArgs) -> None:
    """500 without a word about its cause."""
    del address  # migrated before the server starts
    response = await answer_of(environment(postgres.url, DEBUG="false"), "RuntimeError")

    assert response.status_code == 500
    assert response.content == error("SYSTEM_INTERNAL_ERROR", "An unexpected error occurred")


async def test_defect_in_debug_mode(postgres: EmbeddedPostgres, address: ConnectArgs) -> None:
    """500 with the type and the text of the exception, for the developer at the other end."""
    del address  # migrated before the server starts
    response = await answer_of(environment(postgres.url, DEBUG="true"), "RuntimeError")

    assert response.status_code == 500
    assert response.content == error(
        "SYSTEM_INTERNAL_ERROR",
        "An unexpected error occurred",
        {"type": "RuntimeError", "message": f"the password is {CANARY}"},
    )
