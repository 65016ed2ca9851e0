"""What `/health` says of that which the server can work without."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.database.databases import opened
from tests.support.client import client_for
from tests.support.jwks_server import KeyService, key_service
from tests.support.server import environment, serving
from tests.support.signing_keys import signing_key
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs
from todo_backend.web import utility
from todo_backend.web.answer import Answer
from todo_backend.web.call import Call, Record
from todo_backend.web.utility import Check

KEY = signing_key("EdDSA", "k")
PATIENCE_SECONDS = 30.0


async def nothing() -> Any:
    raise AssertionError("a GET has no body to be read")


async def health_of(address: ConnectArgs, *checks: Check) -> tuple[int, dict[str, Any]]:
    """Ask a deployment with these checks; the time is left out."""
    async with opened(address) as database:
        operations = utility.operations(database, contracts=[], errors={}, checks=checks)
        (health,) = (each for each in operations if each.path == "/health")
        answer = await health.answer(Call({"headers": []}, nothing, path={}, record=Record("r")))
    assert isinstance(answer, Answer)
    body = json.loads(answer.body)
    assert body.pop("timestamp").endswith("Z")
    return answer.status, body


@pytest.mark.parametrize(
    ("well", "expected"),
    [
        ({}, {"status": "healthy"}),
        ({"keys": True, "store": True}, {"status": "healthy"}),
        ({"keys": False, "store": True}, {"status": "degraded", "degraded": ["keys"]}),
        ({"keys": False, "store": False}, {"status": "degraded", "degraded": ["keys", "store"]}),
    ],
)
async def test_what_is_in_trouble_is_named(
    address: ConnectArgs, well: dict[str, bool], expected: dict[str, Any]
) -> None:
    """In the order of the checks; it is 200 all the same, since the rest is served."""
    checks = [Check(name, lambda is_well=is_well: is_well) for name, is_well in well.items()]  # type: ignore[misc]  # mypy can't infer the default

    status, body = await health_of(address, *checks)

    assert (status, body) == (200, {**expected, "database": "connected"})


@pytest_asyncio.fixture
async def keys() -> AsyncIterator[KeyService]:
    """A key service that nobody has asked yet."""
    async with key_service(KEY.published) as service:
        yield service


@pytest_asyncio.fixture
async def client(
    postgres: EmbeddedPostgres, address: ConnectArgs, keys: KeyService
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a deployment that trusts the keys of the service."""
    del address  # migrated before the server starts
    env = environment(postgres.url, BETTER_AUTH_URL=keys.url.removesuffix("/api/auth/jwks"))
    async with serving(env) as served, client_for(served.url) as found:
        yield found


async def until(client: httpx.AsyncClient, status: str) -> dict[str, Any]:
    """Ask for the health until it is this, as whoever watches a server does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            response = await client.get("/health")
            assert response.status_code == 200
            body: dict[str, Any] = response.json()
            if body["status"] == status:
                return body
            await asyncio.sleep(0.05)


async def test_jwks_01_a_server_without_keys_is_degraded(
    client: httpx.AsyncClient, keys: KeyService
) -> None:
    """It has started, serves whom it can, and says what it lacks, until that is there."""
    await keys.stop()
    user = {"authorization": f"Bearer {token_for('ann')}"}
    other = {"authorization": f"Bearer {KEY.token({'sub': 'ann'})}"}

    refused = await client.get("/api/ann/tasks", headers=other)
    degraded = (await client.get("/health")).json()
    served = await client.get("/api/ann/tasks", headers=user)
    await keys.start()
    healthy = await until(client, "healthy")

    assert (refused.status_code, served.status_code) == (503, 200)
    assert degraded.keys() == {"status", "database", "degraded", "timestamp"}
    assert (degraded["status"], degraded["database"]) == ("degraded", "connected")
    assert degraded["degraded"] == ["signing keys"]
    assert healthy.keys() == {"status", "database", "timestamp"}


async def test_trouble_with_keys_is_noticed_without_a_token(
    client: httpx.AsyncClient, keys: KeyService
) -> None:
    """Whoever watches the server learns of it before the first user does."""
    await keys.stop()

    body = await until(client, "degraded")

    assert body["degraded"] == ["signing keys"]


async def test_a_watched_server_has_its_keys_already(
    client: httpx.AsyncClient, keys: KeyService
) -> None:
    """Its health has been asked for, so the first token finds the set there."""
    await client.get("/health")
    await keys.asked()
    assert (await until(client, "healthy"))["database"] == "connected"

    response = await client.get(
        "/api/ann/tasks", headers={"authorization": f"Bearer {KEY.token({'sub': 'ann'})}"}
    )

    assert response.json()["error"]["code"] == "AUTH_INVALID_TOKEN"  # it has no claims beside sub
    assert len(keys.requests) == 1
