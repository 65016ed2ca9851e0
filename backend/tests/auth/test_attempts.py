"""Counting wrong passwords and taken addresses, without any hashing."""

import asyncio
from contextlib import suppress

import pytest

from todo_backend.auth.attempts import NETWORKS, Attempts
from todo_backend.core.rate_limits import RateLimiter, parse
from todo_backend.model.errors import (
    CredentialsWrong,
    DatabaseUnavailable,
    EmailTaken,
    RateLimited,
)

WRONG = 3
EMAIL = "ann@example.com"


def attempts() -> Attempts:
    limits = {"wrong": parse(f"{WRONG}/15 minutes"), "taken": parse("2/hour")}
    return Attempts.limited(RateLimiter(), **limits)


async def sign_in(
    counted: Attempts, client: str, error: BaseException | None, email: str = EMAIL
) -> None:
    async with counted.sign_in(email, client=client):
        if error is not None:
            raise error


async def is_limited(counted: Attempts, client: str, email: str = EMAIL) -> bool:
    try:
        await sign_in(counted, client, None, email)
    except RateLimited:
        return True
    return False


async def given_wrong_passwords(counted: Attempts, client: str, times: int) -> None:
    for _ in range(times):
        with pytest.raises(CredentialsWrong):
            await sign_in(counted, client, CredentialsWrong("wrong password"))


async def test_au_27_guesses_from_very_many_networks_come_to_an_end_too() -> None:
    """Each of them may guess a few times, and all of them together not without end."""
    counted = attempts()
    for number in range(NETWORKS):
        await given_wrong_passwords(counted, f"198.51.100.{number}", WRONG)

    assert await is_limited(counted, "203.0.113.9")
    assert not await is_limited(counted, "203.0.113.9", "ben@example.com")


@pytest.mark.parametrize(
    "error",
    [None, DatabaseUnavailable("away"), asyncio.CancelledError()],
    ids=["right password", "no database", "client gone"],
)
async def test_what_is_no_wrong_password_is_not_counted(error: BaseException | None) -> None:
    """A database that was away for a while locks nobody out afterwards."""
    counted = attempts()
    await given_wrong_passwords(counted, "198.51.100.1", WRONG - 1)

    for _ in range(5):
        with suppress(DatabaseUnavailable, asyncio.CancelledError):
            await sign_in(counted, "198.51.100.1", error)

    await given_wrong_passwords(counted, "198.51.100.1", 1)
    assert await is_limited(counted, "198.51.100.1")


async def test_au_29_guesses_under_way_are_counted_already() -> None:
    """Whoever sends them all at once has no more of them."""
    counted = attempts()
    checked = 0

    async def guess() -> None:
        nonlocal checked
        async with counted.sign_in(EMAIL, client="198.51.100.1"):
            checked += 1
            await asyncio.sleep(0)
            raise CredentialsWrong("wrong password")

    await asyncio.gather(*(guess() for _ in range(50)), return_exceptions=True)

    assert checked == WRONG


async def test_au_33_what_is_no_address_is_counted_by_its_spelling() -> None:
    """It has no account, and must not tell so by having no limit."""
    counted = attempts()
    for text in ("not an address", "NOT an address", " not an address "):
        with pytest.raises(CredentialsWrong):
            await sign_in(counted, "198.51.100.1", CredentialsWrong("none"), text)

    assert await is_limited(counted, "198.51.100.1", "not an address")


async def test_au_23_only_taken_addresses_are_counted_at_a_sign_up() -> None:
    """Those who sign up for the first time do not hinder each other."""
    counted = attempts()
    for error in (None, None, None, EmailTaken(), EmailTaken()):
        with suppress(EmailTaken):
            async with counted.sign_up(client="198.51.100.1"):
                if error is not None:
                    raise error

    with pytest.raises(RateLimited):
        async with counted.sign_up(client="198.51.100.1"):
            pytest.fail("one too many")
