"""What goes wrong on the server's side, and that there is a sentence for all of it."""

import inspect
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contracts.accounts.given import REFRESH, SIGN_IN, SIGN_UP, TASKS, said
from tests.contracts.faulty import CANARY, contract_with_faults, path_of
from tests.support.client import client_for
from tests.support.server import Served, environment, serving
from tests.support.users import token_for
from todo_backend.contracts.accounts.errors import present
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs
from todo_backend.model import errors as facts
from todo_backend.model.errors import TodoError


@pytest_asyncio.fixture(scope="module")
async def cut_off() -> AsyncIterator[Served]:
    """A server whose database was never there."""
    url = "postgresql://u:p@127.0.0.1:1/x"
    async with serving(
        environment(url, DATABASE_TIMEOUT="0.2", API_CONTRACTS="accounts")
    ) as served:
        yield served


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", TASKS, None),
        ("POST", TASKS, {"title": "Buy milk"}),
        (
            "POST",
            SIGN_UP,
            {"email": "ann@example.com", "password": "a good passphrase", "name": "Ann"},
        ),
        ("POST", SIGN_IN, {"email": "ann@example.com", "password": "a good passphrase"}),
        ("POST", REFRESH, {"refresh_token": "A" * 43}),
    ],
    ids=["list", "create", "sign up", "sign in", "refresh"],
)
async def test_database_away(
    cut_off: Served, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """503: what is wrong with it is for the log, and nobody is told to sign in again."""
    headers = {"authorization": f"Bearer {token_for('alice')}"}
    async with client_for(cut_off.url, headers=headers) as client:
        response = await client.request(method, path, json=body)

    assert response.status_code == 503
    assert response.content == said("The database can't be reached, try again soon")
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("debug", ["true", "false"])
async def test_defect(postgres: EmbeddedPostgres, address: ConnectArgs, debug: str) -> None:
    """500 without a word about its cause, since a sentence for a person has no place for it."""
    del address  # migrated before the server starts
    contracts = {"accounts": contract_with_faults("accounts")}
    async with (
        serving(environment(postgres.url, DEBUG=debug), contracts=contracts) as served,
        client_for(served.url) as client,
    ):
        response = await client.get(path_of("RuntimeError"))

    assert response.status_code == 500
    assert response.content == said("An unexpected error occurred")
    assert CANARY not in response.text


def test_busy_server_says_when_to_come_back() -> None:
    """More sign-ins than there are cores for them are turned away, and may try again."""
    answer = present(facts.Overloaded(retry_after_seconds=3))

    assert (answer.status, answer.body) == (503, said("The server is busy, try again soon"))
    assert (b"retry-after", b"3") in answer.headers


NEVER_RAISED = {
    facts.Unauthenticated: "only its kinds are raised",
    facts.StrangersTask: "only for a contract that tells strangers' tasks apart",
    facts.WrongUser: "no path of this contract names a user",
}


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for _, kind in inspect.getmembers(facts, inspect.isclass)
        if issubclass(kind, TodoError) and kind not in {TodoError, *NEVER_RAISED}
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_fact_has_a_sentence(kind: type[TodoError]) -> None:
    """Whatever can go wrong is said, with a status and no more than a sentence."""
    values: dict[str, Any] = {
        "errors": facts.FieldError("title", facts.Rule.REQUIRED, "is required"),
        "allowed": frozenset({"GET"}),
        "limit": 1,
        "task_id": 1,
        "reason": "for the log alone",
        "cause": RuntimeError("for the log alone"),
    }
    parameters = inspect.signature(kind.__init__).parameters
    named = {"retry_after_seconds": 1} if "retry_after_seconds" in parameters else {}

    answer = present(kind(*(values[name] for name in parameters if name in values), **named))

    assert 400 <= answer.status < 600
    assert json.loads(answer.body).keys() - {"errors"} == {"detail"}
    assert b"for the log alone" not in answer.body
