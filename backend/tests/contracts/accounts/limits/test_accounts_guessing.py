"""How often a password may be guessed, and what that means for whoever knows it."""

import asyncio

import httpx

from tests.contracts.accounts.given import SIGN_IN, Member, fresh_email, given_member
from tests.contracts.accounts.limits.limited import (
    PER_ACCOUNT,
    PER_ADDRESS,
    TOO_OFTEN,
    WRONG,
    counting,
    from_address,
    given_too_many_guesses,
    guess,
    somewhere,
)
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


async def test_au_26_au_28_wrong_passwords_for_one_account_come_to_an_end(
    here: httpx.AsyncClient, ann: Member
) -> None:
    """After a few of them nothing is looked at any more, for a while."""
    await given_too_many_guesses(here, ann.email)

    response = await here.post(SIGN_IN, json={"email": ann.email, "password": WRONG})

    assert (response.status_code, response.content) == (429, TOO_OFTEN)
    assert response.headers["ratelimit-limit"] == str(PER_ACCOUNT)
    assert response.headers["ratelimit-remaining"] == "0"
    assert 0 < int(response.headers["ratelimit-reset"]) <= int(response.headers["retry-after"])
    assert int(response.headers["retry-after"]) <= 15 * 60


async def test_au_26_account_that_nobody_has_is_guarded_alike(here: httpx.AsyncClient) -> None:
    """Or the limit would tell who has an account."""
    email = fresh_email("nobody")
    await given_too_many_guesses(here, email)

    assert await guess(here, email) == 429


async def test_au_27_right_password_is_refused_too_while_limited(
    here: httpx.AsyncClient, ann: Member
) -> None:
    """Otherwise one could go on guessing, and read the answer from the status."""
    await given_too_many_guesses(here, ann.email)

    response = await here.post(SIGN_IN, json={"email": ann.email, "password": ann.password})

    assert (response.status_code, response.content) == (429, TOO_OFTEN)


async def test_au_27_account_stays_open_from_another_network(
    here: httpx.AsyncClient, ann: Member
) -> None:
    """Nobody can lock anybody out by guessing."""
    await given_too_many_guesses(here, ann.email)
    assert await guess(here, ann.email) == 429

    again = await ann.sign_in()

    assert await again.is_signed_in()
    assert await ann.is_signed_in()


async def test_au_27_account_opens_again_by_itself(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """When the window has ended, whatever was tried meanwhile."""
    del address
    async with (
        counting(postgres, RATE_LIMIT_ACCOUNT="1/second") as served,
        from_address(served, somewhere()) as client,
    ):
        member = await given_member(client)
        assert [await guess(client, member.email) for _ in range(2)] == [401, 429]

        await asyncio.sleep(1.1)

        await member.sign_in()


async def test_au_33_spellings_of_one_address_share_a_count(
    here: httpx.AsyncClient, ann: Member
) -> None:
    """They are the same account to a sign-in, too."""
    typed = ann.email
    spellings = [typed, typed.upper(), f" {typed}", f"{typed}\t", typed.title(), typed.swapcase()]

    statuses = [await guess(here, spelling) for spelling in spellings]

    assert statuses == [401] * PER_ACCOUNT + [429]


async def test_au_34_good_sign_ins_in_between_reset_nothing(here: httpx.AsyncClient) -> None:
    """Neither the count of the address nor that of somebody else's account."""
    attacker = await given_member(here)
    statuses = []

    for _ in range(PER_ADDRESS // 2):
        statuses.append(await guess(here, attacker.email, attacker.password))
        statuses.append(await guess(here, fresh_email("victim")))

    assert statuses == [200, 401] * (PER_ADDRESS // 2)
    assert await guess(here, attacker.email, attacker.password) == 429


async def test_au_34_good_sign_in_forgives_no_wrong_password(
    here: httpx.AsyncClient, ann: Member
) -> None:
    """It is only not counted itself, however often somebody signs in."""
    wrong = [await guess(here, ann.email) for _ in range(PER_ACCOUNT - 1)]
    right = [await guess(here, ann.email, ann.password) for _ in range(3)]

    last = [await guess(here, ann.email) for _ in range(2)]

    assert (set(wrong), set(right), last) == ({401}, {200}, [401, 429])
