"""Refresh tokens: each is good once, and its family ends together."""

import asyncio
import json
from collections import Counter

import httpx
import pytest

from tests.contracts.accounts.given import (
    REFRESH,
    TASKS,
    Member,
    bearer,
    refreshed,
)
from tests.support.users import token_for

INVALID = b'{"detail":"The refresh token is not valid"}'


def assert_refused(response: httpx.Response) -> None:
    assert (response.status_code, response.content) == (401, INVALID)
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert response.headers["cache-control"] == "no-store"


async def test_au_39_refresh_yields_a_new_pair(client: httpx.AsyncClient, ann: Member) -> None:
    """200 without the user, whom the client knows, and both tokens are new and good."""
    response = await refreshed(client, ann.refresh_token)

    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["access_token", "refresh_token", "token_type", "expires_in"]
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    assert body["access_token"] != ann.access_token
    assert body["refresh_token"] != ann.refresh_token
    assert response.headers["cache-control"] == "no-store"
    listed = await client.get(TASKS, headers=bearer(body["access_token"]))
    assert listed.status_code == 200


async def test_refresh_can_go_on(client: httpx.AsyncClient, ann: Member) -> None:
    """Each answer holds the next token, and no token is ever seen again."""
    tokens = [ann.refresh_token]

    for _ in range(5):
        response = await refreshed(client, tokens[-1])
        assert response.status_code == 200, response.text
        tokens.append(response.json()["refresh_token"])

    assert len(set(tokens)) == 6


async def test_au_41_retry_of_a_lost_answer_gets_it(client: httpx.AsyncClient, ann: Member) -> None:
    """A client that repeats its request at once gets the same refresh token, and stays."""
    first = await refreshed(client, ann.refresh_token)

    second = await refreshed(client, ann.refresh_token)

    assert second.status_code == 200
    assert second.json()["refresh_token"] == first.json()["refresh_token"]
    assert (await refreshed(client, first.json()["refresh_token"])).status_code == 200


async def test_au_42_grandparent_ends_the_family(client: httpx.AsyncClient, ann: Member) -> None:
    """A token whose successor has been used is no retry: whoever has it stole it."""
    parent = (await refreshed(client, ann.refresh_token)).json()["refresh_token"]
    child = (await refreshed(client, parent)).json()["refresh_token"]

    assert_refused(await refreshed(client, ann.refresh_token))

    assert_refused(await refreshed(client, child))
    assert_refused(await refreshed(client, parent))
    assert not await ann.is_signed_in()


async def test_au_44_end_of_a_family_is_kept_though_the_answer_is_an_error(
    client: httpx.AsyncClient, ann: Member
) -> None:
    """The refusal of the thief is committed; other sessions of the account go on."""
    other = await ann.sign_in()
    parent = (await refreshed(client, ann.refresh_token)).json()["refresh_token"]
    await refreshed(client, parent)

    for _ in range(2):
        assert_refused(await refreshed(client, ann.refresh_token))

    assert not await ann.is_signed_in()
    assert await other.is_signed_in()
    assert (await refreshed(client, other.refresh_token)).status_code == 200


async def test_au_43_many_refreshes_at_once_make_one_pair(
    client: httpx.AsyncClient, ann: Member
) -> None:
    """Tabs of one browser wake up together: one of them refreshes, and all get the same."""
    responses = await asyncio.gather(*(refreshed(client, ann.refresh_token) for _ in range(50)))

    assert Counter(each.status_code for each in responses) == {200: 50}
    assert len({each.json()["refresh_token"] for each in responses}) == 1
    child = responses[0].json()
    assert (await refreshed(client, child["refresh_token"])).status_code == 200


async def test_au_46_tokens_of_one_second_differ(ann: Member) -> None:
    """Two sessions opened together share nothing."""
    members = await asyncio.gather(*(ann.sign_in() for _ in range(4)))

    assert len({each.access_token for each in members}) == 4
    assert len({each.refresh_token for each in members}) == 4


@pytest.mark.parametrize("length", [0, 1, 43, 64, 1000])
async def test_au_51_unknown_refresh_token_is_refused(
    client: httpx.AsyncClient, ann: Member, length: int
) -> None:
    """Whatever it looks like, and the real one is none the worse for it."""
    assert_refused(await refreshed(client, (ann.refresh_token[::-1] * 100)[:length]))

    assert (await refreshed(client, ann.refresh_token)).status_code == 200


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "missing"),
        (b'{"refresh_token":null}', "missing"),
        (b'{"refresh_token":5}', "invalid"),
        (b'{"refresh_token":["hunter2hunter2"]}', "invalid"),
        (b'{"refresh_token":"hunter2hunter2\\u0000"}', "invalid"),
        (b'{"refresh_token":"hunter2\\ud800"}', "invalid"),
        (json.dumps({"refresh_token": "hunter2" * 1500}).encode(), "too_long"),
    ],
    ids=lambda value: ascii(value)[:40],
)
async def test_au_51_odd_refresh_token_is_invalid(
    client: httpx.AsyncClient, content: bytes, kind: str
) -> None:
    """A validation error that names the field and not what it held."""
    response = await client.post(
        REFRESH, content=content, headers={"content-type": "application/json"}
    )

    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert (error["field"], error["type"]) == ("refresh_token", kind)
    assert "hunter2" not in response.text


async def test_au_50_is_32_no_token_passes_for_the_other(
    client: httpx.AsyncClient, ann: Member
) -> None:
    """An access token refreshes nothing, and a refresh token opens nothing."""
    assert_refused(await refreshed(client, ann.access_token))
    assert_refused(await refreshed(client, token_for(ann.user_id)))

    response = await client.get(TASKS, headers=bearer(ann.refresh_token))

    assert response.status_code == 401
    assert response.content == b'{"detail":"The access token is not valid"}'
    assert await ann.is_signed_in()
