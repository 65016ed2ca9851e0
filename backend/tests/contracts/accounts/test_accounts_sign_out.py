"""Signing out: the session ends, for everybody who holds one of its tokens, and for nobody else."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.contracts.accounts.given import SIGN_OUT, TASKS, Member, bearer, refreshed
from tests.support.client import client_for
from tests.support.server import environment, serving
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres

SIGNED_OUT = b'{"detail":"Signed out"}'


def assert_signed_out(response: httpx.Response) -> None:
    assert (response.status_code, response.content) == (200, SIGNED_OUT)
    assert response.headers["cache-control"] == "no-store"


async def test_au_47_au_48_session_ends(client: httpx.AsyncClient, ann: Member) -> None:
    """The refresh token at once, and the access token at once on the process that was asked."""
    response = await ann.call("POST", SIGN_OUT)

    assert_signed_out(response)
    assert (await refreshed(client, ann.refresh_token)).status_code == 401
    refused = await ann.call("GET")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_au_48_every_access_token_of_the_session_ends(
    client: httpx.AsyncClient, ann: Member
) -> None:
    """Those of before a refresh too."""
    newer = (await refreshed(client, ann.refresh_token)).json()["access_token"]

    assert_signed_out(await client.post(SIGN_OUT, headers=bearer(newer)))

    assert not await ann.is_signed_in()


async def test_au_48_other_processes_hear_of_it(postgres: EmbeddedPostgres, ann: Member) -> None:
    """A server that has just taken the token for good finds out by itself, and soon."""
    async with (
        serving(environment(postgres.url)) as other,
        client_for(other.url, headers=ann.headers) as client,
    ):
        before = await client.get(TASKS)
        await ann.call("POST", SIGN_OUT)
        for _ in range(60):
            after = await client.get(TASKS)
            if after.status_code != 200:
                break
            await asyncio.sleep(0.05)

    assert (before.status_code, after.status_code) == (200, 401)


@pytest.mark.parametrize("body", [None, {}, {"refresh_token": None}, {"everywhere": True}])
async def test_au_49_second_sign_out_is_no_error(ann: Member, body: object) -> None:
    """Who wants to be signed out is, and hears so."""
    options: dict[str, Any] = {} if body is None else {"json": body}

    for _ in range(3):
        assert_signed_out(await ann.call("POST", SIGN_OUT, **options))

    assert not await ann.is_signed_in()


@pytest.mark.parametrize("authorization", [None, "Bearer a.b.c", "Basic YTpi", "Bearer"])
async def test_au_49_nobody_can_not_be_signed_out(
    client: httpx.AsyncClient, ann: Member, authorization: str | None
) -> None:
    """401 without a token, whatever the body names, which stays as it was."""
    headers = {} if authorization is None else {"authorization": authorization}

    response = await client.post(
        SIGN_OUT, headers=headers, json={"refresh_token": ann.refresh_token}
    )

    assert response.status_code == 401
    assert await ann.is_signed_in()
    assert (await refreshed(client, ann.refresh_token)).status_code == 200


async def test_other_session_of_the_same_user_can_be_named(
    client: httpx.AsyncClient, ann: Member
) -> None:
    """The refresh token in the body is of a session of theirs, so that ends too."""
    other, third = await ann.sign_in(), await ann.sign_in()

    response = await ann.call("POST", SIGN_OUT, json={"refresh_token": other.refresh_token})

    assert_signed_out(response)
    assert (await refreshed(client, other.refresh_token)).status_code == 401
    assert not await other.is_signed_in()
    assert await third.is_signed_in()


async def test_au_49_refresh_token_of_somebody_else_ends_nothing(
    client: httpx.AsyncClient, ann: Member, ben: Member
) -> None:
    """A stolen or mistyped token in the body is none of the caller's business."""
    for token in (ben.refresh_token, "garbage", ann.access_token, ""):
        response = await ann.call("POST", SIGN_OUT, json={"refresh_token": token})
        assert_signed_out(response)

    assert await ben.is_signed_in()
    assert (await refreshed(client, ben.refresh_token)).status_code == 200


async def test_token_of_better_auth_has_no_session_to_end(
    client: httpx.AsyncClient, ann: Member
) -> None:
    """Who signed in elsewhere signs out there: nothing ends here, of their own account neither."""
    headers = bearer(token_for(ann.user_id))

    assert_signed_out(await client.post(SIGN_OUT, headers=headers))

    assert await ann.is_signed_in()


@pytest.mark.parametrize("value", [5, True, ["hunter2hunter2"], "hunter2hunter2\0", "x" * 5000])
async def test_odd_refresh_token_is_invalid(ann: Member, value: object) -> None:
    """And nobody is signed out by half."""
    response = await ann.call("POST", SIGN_OUT, json={"refresh_token": value})

    assert response.status_code == 422
    assert [each["field"] for each in response.json()["errors"]] == ["refresh_token"]
    assert "hunter2" not in response.text
    assert await ann.is_signed_in()
