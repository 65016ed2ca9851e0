"""A secret that was changed: what it has signed before is good by choice, and not by memory."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.contracts.drivers import ENVELOPE
from tests.contracts.people import fresh_id
from tests.support import tokens
from tests.support.canary import SUITE
from tests.support.client import client_for
from tests.support.server import SECRET, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

NEW = "The-secret-after-the-other-one-0123456789"
ROTATED = {"BETTER_AUTH_SECRETS": f"2:{NEW},1:{SECRET}"}
LENIENT = {**ROTATED, "ACCEPT_RETIRED_SECRETS": "true"}
REFUSED = "AUTH_INVALID_CREDENTIALS"


@asynccontextmanager
async def deployed(database_url: str, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    SUITE.keep(SECRET, NEW)
    env = environment(database_url, **settings)
    async with serving(env) as served, client_for(served.url) as client:
        yield client


def cached_session(user_id: str, now: int) -> dict[str, object]:
    """Give the claims of Better Auth's session cache, which the same secret signs."""
    ends = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now + 900))}.000Z"
    session = {"userId": user_id, "expiresAt": ends, "token": "t"}
    user = {"id": user_id, "email": "ann@example.test", "name": "Ann"}
    rest = {"updatedAt": now * 1000, "version": "1", "iat": now, "exp": now + 300}
    return {"session": session, "user": user, **rest}


async def outcome(client: httpx.AsyncClient, user_id: str, token: str) -> object:
    headers = {"authorization": f"Bearer {token}"}
    answer = await client.get(ENVELOPE.tasks_path(user_id), headers=headers)
    return 200 if answer.status_code == 200 else ENVELOPE.code_of(answer.json())


@pytest.mark.parametrize("is_cache", [False, True], ids=["access token", "session cache"])
async def test_jwks_09_a_retired_secret_is_good_by_choice_alone(
    postgres: EmbeddedPostgres, address: ConnectArgs, *, is_cache: bool
) -> None:
    """Through a rotation, step by step: before it, while the old one is accepted, and after."""
    del address  # migrated before the server starts
    ann, now = fresh_id("ann"), int(time.time())
    claims = cached_session(ann, now) if is_cache else {"sub": ann, "exp": now + 900}
    old, new = (tokens.signed(claims, secret=secret) for secret in (SECRET, NEW))
    found = []

    for settings in ({}, LENIENT, ROTATED, {"BETTER_AUTH_SECRET": NEW}):
        async with deployed(postgres.url, **settings) as client:
            # Twice, since a token that was good is remembered.
            found.append([await outcome(client, ann, token) for token in (old, new) * 2])

    assert found == [
        [200, REFUSED] * 2,
        [200, 200] * 2,
        [REFUSED, 200] * 2,
        [REFUSED, 200] * 2,
    ]


async def test_jwks_09_an_own_session_does_not_outlive_its_secret(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """What this backend has signed itself is no exception, and the account is there as before."""
    del address  # migrated before the server starts
    body = {"email": f"{fresh_id('ann')}@example.test", "password": fresh_id("p"), "name": "Ann"}

    async with deployed(postgres.url) as client:
        before = (await client.post("/api/auth/signup", json=body)).json()
    headers = {"authorization": f"Bearer {before['access_token']}"}
    async with deployed(postgres.url, **LENIENT) as client:
        accepted = await client.get("/api/tasks", headers=headers)
    async with deployed(postgres.url, **ROTATED) as client:
        refused = await client.get("/api/tasks", headers=headers)
        again = (await client.post("/api/auth/signin", json=body)).json()
        renewed = {"authorization": f"Bearer {again['access_token']}"}
        signed_in = await client.get("/api/tasks", headers=renewed)

    assert [each.status_code for each in (accepted, refused, signed_in)] == [200, 401, 200]
    assert again["user"]["id"] == before["user"]["id"]
