"""Tokens of the real JWT plugin, taken by the real server for its address alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt

from tests.better_auth.application import SECRET, Application, Issuer, SignedUp, running
from tests.database.databases import session, url_of
from tests.support.client import client_for
from tests.support.server import environment, serving
from todo_backend.auth.inquiries import CONFIRMED_SECONDS
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

DRAFT = {"title": "Buy milk"}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def header_of(token: str) -> dict[str, Any]:
    return jwt.get_unverified_header(token)


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@asynccontextmanager
async def trusting(
    app: Application, database_url: str, **others: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of a deployment that is told where the application is, and `others`."""
    env = environment(database_url, BETTER_AUTH_URL=app.url, **others)
    async with serving(env) as served, client_for(served.url) as client:
        yield client


async def outcome(client: httpx.AsyncClient, person: SignedUp, token: str) -> Any:
    """Ask for the person's tasks: 200, or the code of the refusal."""
    answer = await client.get(f"/api/{person.user_id}/tasks", headers=bearer(token))
    return 200 if answer.status_code == 200 else answer.json()["error"]["code"]


async def rotate(home: ConnectArgs) -> None:
    """Let the newest key come to its end, so the next token is signed by another one."""
    async with session(home) as truth:
        await truth.execute('UPDATE jwks SET "expiresAt" = now() WHERE "expiresAt" IS NULL')


async def withdraw(home: ConnectArgs, kid: str) -> None:
    """Let the time be over for which a key is published beyond its end."""
    async with session(home) as truth:
        await truth.execute(
            "UPDATE jwks SET \"expiresAt\" = now() - interval '31 days' WHERE id = $1", kid
        )


async def test_both_ways_to_a_token_lead_to_the_tasks(
    issuer: Issuer, postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """Neither its secret nor its database is known here; a stranger's token opens nothing."""
    del address  # migrated before the server starts
    ann, bob = await issuer.app.sign_up("Ann"), await issuer.app.sign_up("Bob")
    tokens = [await issuer.app.jwt(ann), await issuer.app.jwt_of_session(ann)]
    path = f"/api/{ann.user_id}/tasks"

    async with trusting(issuer.app, postgres.url) as client:
        for token in tokens:
            created = await client.post(path, json=DRAFT, headers=bearer(token))
            assert created.status_code == 201
            assert created.json()["data"]["user_id"] == ann.user_id
        listed = await client.get(path, headers=bearer(tokens[0]))
        at_accounts = await client.get("/api/tasks", headers=bearer(tokens[1]))
        stranger = await client.get(path, headers=bearer(await issuer.app.jwt(bob)))
        forged = tokens[0][:-20] + ("A" if tokens[0][-20] != "A" else "B") + tokens[0][-19:]
        refused = await outcome(client, ann, forged)

    assert {header_of(token)["alg"] for token in tokens} == {issuer.alg}
    assert listed.json()["data"]["total"] == len(at_accounts.json()) == 2
    assert stranger.status_code == 403
    assert refused == "AUTH_INVALID_CREDENTIALS"


async def test_jwks_04_rotation_at_the_issuer(
    installed: Path, empty: ConnectArgs, postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """A new key is good at once, an old one as long as it is published and no longer."""
    del address  # migrated before the server starts
    async with running(installed, url_of(empty)) as app, trusting(app, postgres.url) as client:
        ann = await app.sign_up()
        first = await app.jwt(ann)
        assert await outcome(client, ann, first) == 200

        await rotate(empty)
        second = await app.jwt(ann)
        after_the_first = [await outcome(client, ann, token) for token in (second, first)]
        published = {key["kid"] for key in await app.published()}
        await withdraw(empty, header_of(first)["kid"])
        not_noticed = await outcome(client, ann, first)
        await rotate(empty)
        third = await app.jwt(ann)
        after_the_second = [await outcome(client, ann, token) for token in (third, second, first)]

    kids = [header_of(token)["kid"] for token in (first, second, third)]
    assert len(set(kids)) == 3
    assert published == set(kids[:2])
    assert after_the_first == [200, 200]
    assert not_noticed == 200
    assert after_the_second == [200, 200, "AUTH_INVALID_TOKEN"]


async def test_a_key_of_another_algorithm_stands_beside_the_first(
    installed: Path, empty: ConnectArgs, postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """Whoever changes the algorithm signs nobody out, and neither key verifies for the other."""
    del address  # migrated before the server starts
    async with running(installed, url_of(empty)) as app, trusting(app, postgres.url) as client:
        ann = await app.sign_up()
        before = await app.jwt(ann)
        found = [await outcome(client, ann, before)]

        await rotate(empty)  # until then the key that is there is used
        changed = {"KEY_ALG": "ES256", "BASE_URL": app.url}
        async with running(installed, url_of(empty), **changed) as another:
            after = await another.jwt(ann)
        found += [await outcome(client, ann, token) for token in (after, before)]
        text = f"{after.rpartition('.')[0]}.{before.rpartition('.')[2]}"
        mixed = await outcome(client, ann, text)
        published = {key["alg"] for key in await app.published()}

    assert [header_of(token)["alg"] for token in (before, after)] == ["EdDSA", "ES256"]
    assert published == {"EdDSA", "ES256"}
    assert found == [200, 200, 200]
    assert mixed == "AUTH_INVALID_CREDENTIALS"


async def test_a_sign_out_ends_the_session_and_not_the_token(
    installed: Path, empty: ConnectArgs
) -> None:
    """The session token is looked up, so it dies at once; a JWT is good until it expires."""
    settings = {"BETTER_AUTH_SECRET": SECRET, "JWT_LEEWAY_SECONDS": "0"}
    async with (
        running(installed, url_of(empty)) as app,
        running(installed, url_of(empty), BASE_URL=app.url, TOKEN_SECONDS="1") as hasty,
        trusting(app, url_of(empty), **settings) as client,
    ):
        ann = await app.sign_up()
        token, short = await app.jwt(ann), await hasty.jwt(ann)
        before = [await outcome(client, ann, each) for each in (ann.signed_token, token)]

        await app.sign_out(ann)
        await asyncio.sleep(CONFIRMED_SECONDS)
        after = [await outcome(client, ann, each) for each in (ann.signed_token, token)]
        await asyncio.sleep(max(0.0, claims_of(short)["exp"] - time.time()))
        expired = await outcome(client, ann, short)

    assert (before, after) == ([200, 200], ["AUTH_INVALID_TOKEN", 200])
    assert claims_of(token)["exp"] - claims_of(token)["iat"] == 15 * 60
    assert expired == "AUTH_EXPIRED_TOKEN"


async def test_jwks_02_known_keys_outlive_their_issuer(
    installed: Path, empty: ConnectArgs, postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """While it is away its tokens are good, and what nobody can tell then is a 503."""
    del address  # migrated before the server starts
    async with AsyncExitStack() as stack:
        async with running(installed, url_of(empty)) as app:
            client = await stack.enter_async_context(trusting(app, postgres.url))
            ann = await app.sign_up()
            remembered, known = await app.jwt(ann), await app.jwt_of_session(ann)
            before = await outcome(client, ann, remembered)
            await rotate(empty)
            unknown = await app.jwt(ann)

        after = [await outcome(client, ann, token) for token in (remembered, known, unknown)]
        health = (await client.get("/health")).json()

    assert (before, after) == (200, [200, 200, "AUTH_KEYS_UNAVAILABLE"])
    assert (health["status"], health["degraded"]) == ("degraded", ["signing keys"])
