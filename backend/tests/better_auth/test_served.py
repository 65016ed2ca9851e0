"""The real server and a real Better Auth, which know each other by settings alone."""

import asyncio
from pathlib import Path

import pytest

from tests.better_auth.application import SECRET, SignedUp, running
from tests.database.databases import database, url_of
from tests.support.client import client_for
from tests.support.server import environment, serving
from todo_backend.auth.inquiries import CONFIRMED_SECONDS
from todo_backend.database.url import ConnectArgs

FRONT_END = "http://localhost:3000"
DRAFT = {"title": "Buy milk"}


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


def cookie(person: SignedUp) -> dict[str, str]:
    return {"cookie": f"better-auth.session_token={person.cookies['session_token']}"}


@pytest.mark.parametrize("is_apart", [False, True], ids=["one database", "two databases"])
async def test_session_tokens_are_served(
    installed: Path, address: ConnectArgs, empty: ConnectArgs, *, is_apart: bool
) -> None:
    """Signed tokens and the session cache reach their user's tasks, until the sign-out."""
    async with database(address) as other:
        theirs = other if is_apart else empty
        env = environment(url_of(empty), BETTER_AUTH_SECRET=SECRET)
        if is_apart:
            env["BETTER_AUTH_DATABASE_URL"] = url_of(theirs)
        async with (
            running(installed, url_of(theirs), COOKIE_CACHE="jwt") as app,
            serving(env) as served,
            client_for(served.url) as client,
        ):
            ann, bob = await app.sign_up("Ann"), await app.sign_up("Bob")
            path = f"/api/{ann.user_id}/tasks"

            for token in (ann.signed_token, *ann.cookies.values()):
                answer = await client.post(path, json=DRAFT, headers=bearer(token))
                assert answer.status_code == 201
            stranger = await client.get(path, headers=bearer(bob.signed_token))
            assert stranger.status_code == 403
            bare = await client.get(path, headers=bearer(ann.bare_token))
            assert bare.json()["error"]["code"] == "AUTH_INVALID_TOKEN"

            await app.sign_out(ann)
            await asyncio.sleep(CONFIRMED_SECONDS)
            gone = await client.get(path, headers=bearer(ann.signed_token))
            assert gone.status_code == 401


async def test_the_cookie_is_served_where_it_is_accepted(
    installed: Path, empty: ConnectArgs
) -> None:
    """And what changes something has to come from the front end."""
    env = environment(url_of(empty), BETTER_AUTH_SECRET=SECRET, ACCEPT_SESSION_COOKIE="true")
    async with (
        running(installed, url_of(empty)) as app,
        serving(env) as served,
        client_for(served.url) as client,
    ):
        ann = await app.sign_up()
        path = f"/api/{ann.user_id}/tasks"
        origins = [{}, {"origin": "http://evil.example"}, {"origin": FRONT_END}]

        found = [
            (await client.post(path, json=DRAFT, headers=cookie(ann) | each)).status_code
            for each in origins
        ]

        assert found == [401, 401, 201]
        assert (await client.get(path, headers=cookie(ann))).status_code == 200


async def test_the_cookie_is_nothing_where_it_is_not(installed: Path, empty: ConnectArgs) -> None:
    """As it is by default."""
    env = environment(url_of(empty), BETTER_AUTH_SECRET=SECRET)
    async with (
        running(installed, url_of(empty)) as app,
        serving(env) as served,
        client_for(served.url) as client,
    ):
        ann = await app.sign_up()
        headers = cookie(ann) | {"origin": FRONT_END}

        answer = await client.get(f"/api/{ann.user_id}/tasks", headers=headers)

        assert answer.json()["error"]["code"] == "AUTH_MISSING_HEADER"
