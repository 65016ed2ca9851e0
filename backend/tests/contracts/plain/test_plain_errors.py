"""Every error code of the plain contract, byte for byte."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio

from tests.contracts.faulty import contract_with_faults, path_of
from tests.contracts.plain.golden import error, given_task
from tests.support import tokens
from tests.support.client import client_for
from tests.support.server import SECRET, Served, environment, serving
from tests.support.users import Caller, token_for
from todo_backend.contracts.plain import PLAIN
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs
from todo_backend.model import errors as facts

JSON = {"content-type": "application/json"}
STALE = {"if-match": '"p-1"'}
BAD_TOKEN = "Invalid or expired authentication token"


@dataclass(frozen=True)
class Case:
    """A request and the error that it is answered with. `{B}` is the collection, `{T}` a task."""

    method: str
    path: str
    status: int
    code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    token: str | None = "own"


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


NO_TASK = "Task with id 0 not found"
CASES = {
    "no header": Case(
        "GET", "{B}", 401, "UNAUTHORIZED", "Missing authentication token", token=None
    ),
    "no token": Case("GET", "{B}", 401, "UNAUTHORIZED", BAD_TOKEN, token="broken"),
    "expired": Case("GET", "{B}", 401, "UNAUTHORIZED", BAD_TOKEN, token="expired"),
    "forged": Case("GET", "{B}", 401, "UNAUTHORIZED", BAD_TOKEN, token="forged"),
    "stranger": Case(
        "GET", "{B}", 403, "FORBIDDEN", "Access denied: user_id mismatch", token="stranger's"
    ),
    "no task": Case("GET", "{B}/0", 404, "NOT_FOUND", NO_TASK),
    "no task to change": Case(
        "PUT", "{B}/0", 404, "NOT_FOUND", NO_TASK, headers=JSON, content=b"{}"
    ),
    "no task to complete": Case("PATCH", "{B}/0/complete", 404, "NOT_FOUND", NO_TASK),
    "no task to delete": Case("DELETE", "{B}/0", 404, "NOT_FOUND", NO_TASK),
    "no such number": Case(
        "GET",
        "{B}/9223372036854775808",
        404,
        "NOT_FOUND",
        "Task with id 9223372036854775808 not found",
    ),
    "no route": Case("GET", "{B}/1/2", 404, "NOT_FOUND", "There is nothing at this address"),
    "no route at all": Case(
        "GET", "/nowhere", 404, "NOT_FOUND", "There is nothing at this address", token=None
    ),
    "method": Case(
        "PATCH", "{B}", 405, "METHOD_NOT_ALLOWED", "This address does not take this method"
    ),
    "stale": Case(
        "DELETE",
        "{B}/{T}",
        412,
        "CONFLICT",
        "The task has changed since the version that If-Match names",
        headers=STALE,
    ),
    "too large": Case(
        "POST",
        "{B}",
        413,
        "VALIDATION_ERROR",
        "The body is too large",
        headers=JSON,
        content=b" " * 65_537,
    ),
    "too long": Case(
        "GET", "{B}?" + "a" * 9000, 414, "VALIDATION_ERROR", "The address is too long"
    ),
    "media type": Case(
        "POST",
        "{B}",
        415,
        "VALIDATION_ERROR",
        "The body must be application/json in UTF-8, without a content encoding",
        content=b"{}",
    ),
    "malformed": Case(
        "POST",
        "{B}",
        400,
        "VALIDATION_ERROR",
        "The body is not valid JSON",
        headers=JSON,
        content=b"{",
    ),
    "large headers": Case(
        "GET",
        "{B}",
        431,
        "VALIDATION_ERROR",
        "The headers are too large",
        headers={"x-large": "a" * 40_000},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_error(nobody: httpx.AsyncClient, alice: Caller, case: Case) -> None:
    """Detail and code, and nothing else."""
    task = await given_task(alice)
    path = case.path.replace("{B}", alice.tasks).replace("{T}", str(task["id"]))
    headers = dict(case.headers)
    if case.token is not None:
        headers["authorization"] = f"Bearer {token_that(case.token, alice.user_id)}"

    response = await nobody.request(case.method, path, headers=headers, content=case.content)

    assert response.status_code == case.status
    assert response.headers["content-type"] == "application/json"
    assert response.content == error(case.code, case.detail)


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {"title": "Taken"}),
        ("PUT", "", {}),
        ("PATCH", "/complete", None),
        ("PATCH", "/complete", {"completed": True}),
        ("DELETE", "", None),
    ],
)
async def test_another_users_task(
    alice: Caller, bob: Caller, method: str, suffix: str, body: dict[str, object] | None
) -> None:
    """403 at the address that the caller's own task would have, and nothing happens to it."""
    task = await given_task(alice)

    response = await bob.client.request(method, f"{bob.tasks}/{task['id']}{suffix}", json=body)

    assert response.status_code == 403
    assert response.content == error("FORBIDDEN", "Access denied: task belongs to another user")
    found = await alice.client.get(f"{alice.tasks}/{task['id']}")
    assert found.json() == task


async def test_deleted_task_of_another_user(alice: Caller, bob: Caller) -> None:
    """It is nobody's: 404, like one that never was."""
    task = await given_task(alice)
    await alice.client.delete(f"{alice.tasks}/{task['id']}")

    response = await bob.client.get(f"{bob.tasks}/{task['id']}")

    assert response.status_code == 404
    assert response.content == error("NOT_FOUND", f"Task with id {task['id']} not found")


# The server's own -----------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def cut_off() -> AsyncIterator[Served]:
    """A server whose database was never there."""
    url = "postgresql://u:p@127.0.0.1:1/x"
    env = environment(url, DATABASE_TIMEOUT="0.2", API_CONTRACTS="plain")
    async with serving(env) as served:
        yield served


@pytest.mark.parametrize("path", ["/api/alice/tasks", "/api/alice/tasks/1"])
async def test_database_away(cut_off: Served, path: str) -> None:
    """503: what is wrong with it is for the log."""
    headers = {"authorization": f"Bearer {token_for('alice')}"}
    async with client_for(cut_off.url, headers=headers) as client:
        response = await client.get(path)

    assert response.status_code == 503
    assert response.content == error(
        "SERVICE_UNAVAILABLE", "The database can't be reached, try again soon"
    )


@pytest.mark.parametrize(
    ("fact", "detail"),
    [
        (facts.KeysUnavailable("dns"), "The token can't be verified right now, try again soon"),
        (facts.Overloaded(), "The server is busy, try again soon"),
    ],
)
def test_what_passes_by_itself(fact: facts.TodoError, detail: str) -> None:
    """503, in a sentence that says what to do: what is wrong is for the log."""
    answer = PLAIN.present(fact)

    assert answer.status == 503
    assert answer.body == error("SERVICE_UNAVAILABLE", detail)


@pytest.mark.parametrize("debug", ["false", "true"])
async def test_defect(postgres: EmbeddedPostgres, address: ConnectArgs, debug: str) -> None:
    """500 without a word about its cause: this contract has no place for it in any mode."""
    del address  # migrated before the server starts
    contracts = {"plain": contract_with_faults("plain")}
    env = environment(postgres.url, DEBUG=debug, API_CONTRACTS="plain")
    async with (
        serving(env, contracts=contracts) as served,
        client_for(served.url) as client,
    ):
        response = await client.get(path_of("RuntimeError"))

    assert response.status_code == 500
    assert response.content == error("SERVER_ERROR", "Internal server error")
