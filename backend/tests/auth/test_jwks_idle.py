"""A key that was withdrawn while nobody came: who comes next waits for the newer set, not long."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.jwks_server import KeyService
from tests.support.key_stage import HASTY, Stage, stage
from tests.support.signing_keys import signing_key
from todo_backend.auth.bearer import Authenticator
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.issuer import TrustedIssuer
from todo_backend.auth.jwks import PublishedKeys
from todo_backend.auth.kinds import TokenKinds
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.model.errors import TokenInvalid

OLD, NEW = signing_key("EdDSA", "old"), signing_key("ES256", "new")
SECRET = SharedSecret("Test-Secret-Of-Some-Length-0123456789", rules=ClaimRules())
NOW = 1_800_000_000
TOKEN = OLD.token({"sub": "alice", "exp": NOW + 24 * 60 * 60})
MINUTE = 60
PAUSE = 10 * MINUTE


def authenticator(keys: PublishedKeys) -> Authenticator:
    """Take tokens as the application does, by a clock of their own that stands still."""
    kinds = TokenKinds(SECRET, TrustedIssuer(keys, rules=ClaimRules()))
    return Authenticator(kinds, clock=lambda: NOW)


async def outcome(asked: Awaitable[object]) -> object:
    try:
        await asked
    except TokenInvalid as error:
        return type(error)
    return "good"


@pytest.mark.parametrize("pause", [PAUSE, 59 * MINUTE, 23 * 60 * MINUTE])
async def test_jwks_04_a_withdrawn_key_is_refused_after_a_pause(pause: float) -> None:
    """Its first token waits for the set without it, and so does whoever comes at the same time."""
    async with stage(OLD, NEW) as given:
        await given.keys.find("old")
        given.service.publish(NEW.published)
        given.clock.advance(pause)

        found = await asyncio.gather(*(given.outcome(kid) for kid in ["old", "new"] * 50))

        assert found == [TokenInvalid, "new"] * 50
        assert given.fetches == 2


async def test_jwks_04_a_remembered_token_of_a_withdrawn_key_is_refused_after_a_pause() -> None:
    """What was verified before the pause is verified again after it."""
    async with stage(OLD, NEW) as given:
        tokens = authenticator(given.keys)
        before = await outcome(tokens.authenticate(TOKEN))
        given.service.publish(NEW.published)
        given.clock.advance(PAUSE)

        after = [await outcome(tokens.authenticate(TOKEN)) for _ in range(2)]

        assert (before, after) == ("good", [TokenInvalid, TokenInvalid])


async def test_a_token_is_remembered_again_after_a_pause() -> None:
    """Where its key has stayed, one fetch is all that the pause costs."""
    async with stage(OLD) as given:
        tokens = authenticator(given.keys)
        await tokens.authenticate(TOKEN)
        given.clock.advance(PAUSE)
        await tokens.authenticate(TOKEN)
        generation = given.keys.generation()

        found = [await tokens.authenticate(TOKEN) for _ in range(3)]

        assert found[0] is found[1] is found[2]
        assert given.keys.generation() == generation
        assert given.fetches == 2


async def test_a_withdrawn_key_is_refused_after_a_pause_that_began_with_an_outage() -> None:
    """That the last attempt failed an hour ago says nothing about the next one."""
    async with stage(OLD, NEW) as given:
        await given.keys.find("old")
        given.service.break_off()
        during = await given.outcome("else"), await given.outcome("old")
        given.service.publish(NEW.published)
        given.clock.advance(59 * MINUTE)

        after = await given.outcome("old")

        assert during[1] == "old"
        assert after is TokenInvalid


async def test_jwks_02_known_keys_are_good_where_the_pause_ends_in_an_outage() -> None:
    """One attempt is waited for; whoever comes later is served without waiting for the next."""
    async with stage(OLD) as given:
        tokens = authenticator(given.keys)
        await tokens.authenticate(TOKEN)
        given.service.break_off()
        given.clock.advance(PAUSE)
        first = await outcome(tokens.authenticate(TOKEN))
        given.service.hang()
        given.clock.advance(MINUTE)

        later = await outcome(tokens.authenticate(TOKEN)), await given.outcome("old")

        assert (first, later) == ("good", ("good", "old"))
        assert len(given.under_way()) == 1


async def test_jwks_03_known_keys_are_good_where_the_service_hangs_after_a_pause() -> None:
    """Waiting for the newer set has an end, and then the old one it is, for remembered tokens too.

    The fetch goes on, and stays the only one.
    """
    async with stage(OLD, timing=HASTY) as given:
        await given.outcome("old")
        await given.settled()
        given.service.hang()
        given.clock.advance(PAUSE)

        found = (
            await given.outcome("old"),
            await outcome(authenticator(given.keys).authenticate(TOKEN)),
        )

        assert found == ("old", "good")
        assert len(given.under_way()) == 1


def asked_for_a_key(given: Stage) -> Awaitable[object]:
    return given.outcome("old")


def asked_with_a_remembered_token(given: Stage) -> Awaitable[object]:
    return outcome(authenticator(given.keys).authenticate(TOKEN))


@pytest.mark.parametrize("asked", [asked_for_a_key, asked_with_a_remembered_token])
async def test_who_comes_all_the_time_never_waits(
    asked: Callable[[Stage], Awaitable[object]],
) -> None:
    """A set in use is fetched behind everybody's back, each five minutes."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        waiting = []

        for _ in range(12):
            given.clock.advance(5 * MINUTE)
            hold(given.service)
            await asked(given)
            waiting.append(len(given.under_way()))
            given.service.release()
            await given.settled()

        assert waiting == [1] * 12
        assert given.fetches == 13


def hold(service: KeyService) -> None:
    """Answer no more until it is released."""
    service.publish(OLD.published)
    service.hang()
