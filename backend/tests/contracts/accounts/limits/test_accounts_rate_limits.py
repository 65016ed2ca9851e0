"""How often sign-up, sign-in and refresh may be tried from one address."""

from secrets import randbelow

import httpx
import pytest

from tests.contracts.accounts.given import (
    JSON,
    SIGN_IN,
    SIGN_OUT,
    SIGN_UP,
    Member,
    bearer,
    fresh_email,
    given_member,
    refreshed,
    sign_up,
)
from tests.contracts.accounts.limits.limited import (
    PER_ADDRESS,
    TAKEN,
    TOO_OFTEN,
    WRONG,
    counting,
    from_address,
    guess,
    somewhere,
)
from tests.support.client import client_for
from tests.support.server import Served
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
async def test_au_30_new_header_with_each_request_resets_nothing(
    postgres: EmbeddedPostgres, address: ConnectArgs, header: str
) -> None:
    """Without TRUSTED_PROXIES a client is who it connects as, in the log too."""
    del address
    async with (
        counting(postgres, TRUSTED_PROXIES="") as served,
        client_for(served.url) as client,
    ):
        statuses = [
            (await client.post(SIGN_IN, headers={header: f"198.51.100.{number}"})).status_code
            for number in range(PER_ADDRESS + 1)
        ]
        await guess(client, fresh_email())

        assert statuses == [422] * PER_ADDRESS + [429]
        assert "198.51.100." not in served.log.getvalue()


async def test_au_31_address_that_the_proxy_saw_is_the_one_that_counts(counted: Served) -> None:
    """What stands left of it is what the client said."""
    real = somewhere()
    statuses = []

    for number in range(PER_ADDRESS + 1):
        async with from_address(counted, f"198.51.100.{number}, {real}") as client:
            statuses.append((await client.post(SIGN_IN)).status_code)

    assert statuses == [422] * PER_ADDRESS + [429]


async def test_au_32_addresses_of_one_64_share_a_count(counted: Served) -> None:
    """One subscriber can have any number of them."""
    network = f"2001:db8:{randbelow(2**16):x}:{randbelow(2**16):x}"
    statuses = []

    for number in range(PER_ADDRESS + 1):
        async with from_address(counted, f"{network}::{number:x}") as client:
            statuses.append((await client.post(SIGN_IN)).status_code)

    assert statuses == [422] * PER_ADDRESS + [429]


async def test_au_35_one_password_for_many_accounts_comes_to_an_end(
    here: httpx.AsyncClient,
) -> None:
    """The accounts differ, the address doesn't."""
    statuses = [await guess(here, fresh_email()) for _ in range(PER_ADDRESS + 3)]

    assert statuses == [401] * PER_ADDRESS + [429] * 3


async def test_au_36_garbage_to_refresh_uses_up_a_count_of_its_own(here: httpx.AsyncClient) -> None:
    """It comes to an end as well, and whoever it came from can still sign in."""
    member = await given_member(here)

    statuses = [(await refreshed(here, "garbage")).status_code for _ in range(PER_ADDRESS + 1)]

    assert statuses == [401] * PER_ADDRESS + [429]
    await member.sign_in()


async def test_good_refreshes_and_sign_outs_do_not_cost(here: httpx.AsyncClient) -> None:
    """Every front end does that by itself, and many may share an address."""
    member = await given_member(here)
    token = member.refresh_token

    for _ in range(PER_ADDRESS + 2):
        response = await refreshed(here, token)
        assert response.status_code == 200
        assert response.headers["ratelimit-remaining"] == str(PER_ADDRESS)
        token = response.json()["refresh_token"]
    outs = [await member.call("POST", SIGN_OUT) for _ in range(PER_ADDRESS + 2)]

    assert {each.status_code for each in outs} == {200}


async def test_au_23_taken_addresses_are_not_told_for_long(
    here: httpx.AsyncClient, ann: Member
) -> None:
    """A list of addresses would take for ever, while those who sign up are not hindered."""
    await given_member(here)
    taken = [(await sign_up(here, email=ann.email)).status_code for _ in range(TAKEN + 1)]

    free = await sign_up(here)

    assert taken == [409] * TAKEN + [429]
    assert (free.status_code, free.headers["ratelimit-limit"]) == (429, str(TAKEN))


async def test_sign_ups_come_to_an_end(here: httpx.AsyncClient) -> None:
    """Every one costs a hash, and fills the database."""
    statuses = [(await here.post(SIGN_UP)).status_code for _ in range(PER_ADDRESS + 1)]

    assert statuses == [422] * PER_ADDRESS + [429]
    assert await guess(here, fresh_email()) == 401


async def test_au_37_every_answer_says_what_is_left(here: httpx.AsyncClient) -> None:
    """Whatever is wrong with a request: the limit comes before the rest of it."""
    answers = [
        await here.post(SIGN_IN, content=b"{", headers=JSON),
        await here.post(SIGN_IN, content=b"{}", headers={"content-type": "text/plain"}),
        await here.post(SIGN_IN, json={}),
        await here.post(SIGN_IN, json={"email": fresh_email(), "password": WRONG}),
    ]

    assert [each.status_code for each in answers] == [400, 415, 422, 401]
    left = [int(each.headers["ratelimit-remaining"]) for each in answers]
    assert left == [PER_ADDRESS - number for number in (1, 2, 3, 4)]
    assert all("retry-after" not in each.headers for each in answers)


async def test_limit_of_an_address_comes_before_token_and_body(here: httpx.AsyncClient) -> None:
    """Nothing of them is read any more."""
    for _ in range(PER_ADDRESS):
        await here.post(SIGN_OUT, headers=bearer("garbage"))

    refused = await here.post(SIGN_OUT, headers=bearer("garbage") | JSON, content=b"{")

    assert (refused.status_code, refused.content) == (429, TOO_OFTEN)


async def test_tasks_have_a_limit_of_their_own(here: httpx.AsyncClient) -> None:
    """Who may not sign in any more can go on with what they are signed in to."""
    member = await given_member(here)
    for _ in range(PER_ADDRESS + 1):
        await guess(here, fresh_email())

    response = await member.call("GET")

    assert (response.status_code, response.headers["ratelimit-limit"]) == (200, "6000")
