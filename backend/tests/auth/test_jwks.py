"""Keys that are fetched when they are needed, kept through outages, and gone when withdrawn."""

import asyncio

import pytest

from tests.support.key_stage import HASTY, errors_logged, stage
from tests.support.signing_keys import signing_key
from todo_backend.model.errors import KeysUnavailable, TokenInvalid

OLD, NEW = signing_key("EdDSA", "old"), signing_key("ES256", "new")


async def test_the_first_fetch_waits_for_the_first_token() -> None:
    """A start depends on nobody, and what is known is not fetched again."""
    async with stage(OLD, NEW) as given:
        assert given.fetches == 0

        found = [await given.outcome(kid) for kid in ("old", "new", "old")]

        assert found == ["old", "new", "old"]
        assert given.fetches == 1


async def test_jwks_01_service_that_was_never_reached() -> None:
    """Nobody can tell whether a token is genuine: 503 and not 401, with the time to come again."""
    async with stage(OLD) as given:
        await given.service.stop()

        with errors_logged() as errors, pytest.raises(KeysUnavailable) as refused:
            await given.keys.find("old")

        assert refused.value.retry_after_seconds == 1
        assert refused.value.reason == f"key service: {given.keys.trouble}"
        assert errors == ["no keys from the key service"]


async def test_jwks_01_service_that_comes_up_later() -> None:
    """The start of the other server is waited for without a restart of this one."""
    async with stage(OLD) as given:
        await given.service.stop()
        before = await given.outcome("old")
        await given.service.start()
        at_once = await given.outcome("old")
        given.clock.advance(1)

        after = await given.outcome("old")

        assert (before, at_once, after) == (KeysUnavailable, KeysUnavailable, "old")
        assert given.keys.trouble is None


async def test_jwks_02_known_keys_outlive_an_outage() -> None:
    """For 24 hours the last set is good; then nothing is."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        generation = given.keys.generation()
        await given.service.stop()
        hour = 60 * 60
        found = []

        for _ in range(23):
            given.clock.advance(hour)
            found.append(await given.outcome("old"))
        given.clock.advance(hour)
        too_late = await given.outcome("old")

        assert found == ["old"] * 23
        assert too_late is KeysUnavailable
        assert given.keys.generation() != generation


async def test_jwks_02_unknown_key_during_an_outage() -> None:
    """It may be a new one, so nobody is logged out for it."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        await given.service.stop()

        found = [await given.outcome(kid) for kid in ("new", "old", "new")]

        assert found == [KeysUnavailable, "old", KeysUnavailable]


async def test_jwks_03_one_fetch_for_a_thousand_requests() -> None:
    """Whoever needs the keys waits for the fetch that is under way."""
    async with stage(OLD) as given:
        given.service.hang()
        waiting = [asyncio.ensure_future(given.outcome("old")) for _ in range(1000)]
        await given.service.asked()
        given.service.release()

        found = await asyncio.gather(*waiting)

        assert found == ["old"] * 1000
        assert given.fetches == 1


async def test_jwks_03_nobody_waits_for_long() -> None:
    """A request is answered long before a service that hangs, whose answer serves later ones."""
    async with stage(OLD, timing=HASTY) as given:
        given.service.hang()

        found = await asyncio.gather(*(given.outcome("old") for _ in range(1000)))
        given.service.release()
        await given.settled()
        later = await given.outcome("old")

        assert found == [KeysUnavailable] * 1000
        assert later == "old"
        assert given.fetches == 1


async def test_jwks_03_a_fetch_has_an_end_too() -> None:
    """A service that never answers is given up, and asked anew."""
    async with stage(OLD, fetch_seconds=0.05) as given:
        given.service.hang()

        found = await given.outcome("old")

        assert found is KeysUnavailable
        assert given.keys.trouble == "no whole answer in time"


async def test_jwks_04_a_new_key_is_fetched_for_its_first_token() -> None:
    """Exactly one fetch more, whoever else waits; the old key is good as long as it is there."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        generation = given.keys.generation()
        given.service.publish(OLD.published, NEW.published)

        found = await asyncio.gather(*(given.outcome(kid) for kid in ["new", "old"] * 100))

        assert found == ["new", "old"] * 100
        assert given.fetches == 2
        assert given.keys.generation() == generation


async def test_jwks_04_a_key_that_has_left_is_unknown_from_the_next_fetch_on() -> None:
    """What it had verified has to be verified again."""
    async with stage(OLD, NEW) as given:
        await given.keys.find("old")
        generation = given.keys.generation()
        given.service.publish(NEW.published)
        given.clock.advance(5 * 60)
        until_then = await given.outcome("old")
        await given.settled()

        found = [await given.outcome(kid) for kid in ("old", "new")]

        assert until_then == "old"
        assert found == [TokenInvalid, "new"]
        assert given.keys.generation() != generation


async def test_a_key_that_was_replaced_under_its_name_is_another_key() -> None:
    """What counts is the key and not what it is called."""
    async with stage(OLD) as given:
        before, generation = await given.keys.find("old"), given.keys.generation()
        given.service.publish(NEW.published | {"kid": "old"})
        given.clock.advance(5 * 60)

        given.keys.generation()
        await given.settled()

        assert (await given.keys.find("old")).alg == "ES256" != before.alg
        assert given.keys.generation() != generation


async def test_remembered_tokens_keep_the_set_fresh() -> None:
    """Where no token has to be verified for long, the set is fetched again all the same."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        given.clock.advance(4 * 60)
        given.keys.generation()
        await given.settled()
        early = given.fetches
        given.clock.advance(60)

        for _ in range(10):
            given.keys.generation()
        await given.settled()

        assert (early, given.fetches) == (1, 2)


async def test_asking_whether_all_is_well_counts_as_use() -> None:
    """It fetches the first set and keeps it fresh, and no more than tokens would."""
    async with stage(OLD) as given:
        answers = []
        for seconds in (0, 1, 299, 1):
            given.clock.advance(seconds)
            answers += [given.keys.is_well(), given.keys.is_well()]
            await given.settled()

        assert all(answers)
        assert given.fetches == 2


async def test_asking_whether_all_is_well_notices_the_end_of_an_outage() -> None:
    """Attempts are as rare as with tokens, and none is made when it is closed."""
    async with stage(OLD) as given:
        given.service.break_off()
        attempts: list[int] = []
        for second in range(16):
            given.keys.is_well()
            await given.settled()
            attempts += [second] * (given.fetches - len(attempts))
            given.clock.advance(1)
        during = given.keys.is_well()
        given.service.publish(OLD.published)
        given.clock.advance(15)
        given.keys.is_well()
        await given.settled()

        assert attempts == [0, 1, 3, 7, 15]
        assert (during, given.keys.is_well()) == (False, True)
        await given.keys.close()
        given.clock.advance(3600)
        given.keys.is_well()
        assert given.under_way() == []
