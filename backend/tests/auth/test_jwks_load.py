"""What unknown keys and outages cost: few fetches, few lines, and nothing left behind."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.support.jwks_server import KeyService
from tests.support.key_stage import HASTY, errors_logged, stage
from tests.support.signing_keys import signing_key
from todo_backend.auth.public_keys import PublicKey
from todo_backend.model.errors import KeysUnavailable, TokenInvalid

OLD, NEW = signing_key("EdDSA", "old"), signing_key("ES256", "new")
ENCRYPTION = signing_key("RS256", "e", use="enc")
NO_KEYS = "no keys from the key service"


async def test_jwks_05_unknown_keys_cause_one_fetch_in_thirty_seconds() -> None:
    """However many there are and whoever sends them; good ones are found all the while."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        kids = [kid for n in range(500) for kid in (f"random-{n}", "old")]

        at_once = await asyncio.gather(*(given.outcome(kid) for kid in kids))
        one_by_one = [await given.outcome(kid) for kid in kids]
        fetches = given.fetches
        given.clock.advance(29)
        await given.outcome("random")
        early = given.fetches
        given.clock.advance(1)
        await given.outcome("random")

        assert at_once == one_by_one == [TokenInvalid, "old"] * 500
        assert (fetches, early, given.fetches) == (2, 2, 3)


async def test_jwks_05_unknown_keys_cause_one_fetch_though_none_is_known() -> None:
    """The first fetch is as good as one on their account."""
    async with stage(OLD) as given:
        found = await asyncio.gather(*(given.outcome(f"random-{n}") for n in range(500)))

        assert found == [TokenInvalid] * 500
        assert given.fetches == 1


async def test_jwks_05_two_rotations_in_a_row_are_both_followed() -> None:
    """A key that was found did not use up the fetch for those that are not."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        given.service.publish(OLD.published, NEW.published)
        first = await given.outcome("new")
        third = signing_key("EdDSA", "third")
        given.service.publish(NEW.published, third.published)

        second = await given.outcome("third")

        assert (first, second) == ("new", "third")


def redirected(service: KeyService) -> None:
    service.answer("", status="302 Found", location="http://169.254.169.254/latest/meta-data/")


def redirected_at_home(service: KeyService) -> None:
    service.answer("", status="308 Permanent Redirect", location="/elsewhere")


def encoded(service: KeyService) -> None:
    service.answer("{}", content_encoding="gzip")


@pytest.mark.parametrize(
    ("misbehave", "trouble"),
    [
        (lambda it: it.answer("<!doctype html><title>Sign in</title>"), "not a key set: not JSON"),
        (lambda it: it.answer("oops", status="500 Oops"), "answers 500"),
        (lambda it: it.answer("", status="204 No Content"), "answers 204"),
        (lambda it: it.answer("{}"), "not a key set: no list of keys"),
        (lambda it: it.answer('{"keys":[{"kty":"OKP"', content_length="9999"), "RemoteProtocol"),
        (lambda it: it.answer('{"keys":[{"kty":"OKP"'), "not a key set: not JSON"),
        (lambda it: it.answer(b"\xff\xfe"), "not a key set: not UTF-8"),
        (lambda it: it.answer("[" * 100_000), "not a key set: JSON nested too deeply"),
        (lambda it: it.flood(), "answers more than 1048576 bytes"),
        (lambda it: it.break_off(), "can't be reached: RemoteProtocolError"),
        (redirected, "answers 302, and redirects are not followed"),
        (redirected_at_home, "answers 308, and redirects are not followed"),
        (encoded, "answers in an encoding that was not asked for"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
async def test_jwks_06_what_is_no_key_set_changes_nothing(misbehave: object, trouble: str) -> None:
    """The old keys are kept, no other address is asked, and one line says what happened."""
    assert callable(misbehave)
    async with stage(OLD) as given:
        await given.keys.find("old")
        misbehave(given.service)

        with errors_logged() as errors:
            found = [await given.outcome(kid) for kid in ("new", "old", "new", "old")]

        assert found == [KeysUnavailable, "old"] * 2
        assert trouble in str(given.keys.trouble)
        assert set(given.service.paths) == {"/api/auth/jwks"}
        assert given.fetches == 2
        assert given.service.bytes_taken < 2**26  # what the sockets hold is the system's to say
        assert errors == [NO_KEYS]


async def test_an_outage_is_one_line_and_its_end_another() -> None:
    """Attempts grow rarer, up to one in 30 seconds, and only while somebody asks."""
    async with stage(OLD) as given:
        given.service.break_off()
        moments = []

        with capture_logs() as lines:
            for second in range(120):
                before = given.fetches
                await given.outcome("old")
                moments += [second] * (given.fetches - before)
                given.clock.advance(1)
            given.service.publish(OLD.published)
            given.clock.advance(30)
            found = await given.outcome("old")

        assert moments == [0, 1, 3, 7, 15, 31, 61, 91]
        assert found == "old"
        assert [line["event"] for line in lines] == [NO_KEYS, "keys from the key service again"]


async def test_known_keys_are_found_at_once_while_the_service_hangs() -> None:
    """Who holds a good token doesn't wait for an attempt, and the attempt stays the only one."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        given.service.break_off()
        given.clock.advance(60 * 60)
        await given.outcome("old")
        given.service.hang()

        found = []
        for _ in range(3):
            given.clock.advance(60)
            found.append((await given.outcome("old"), len(given.under_way())))
            given.keys.generation()

        assert found == [("old", 1)] * 3


async def test_known_keys_cause_no_more_attempts_than_others() -> None:
    """However many tokens are verified, the service is asked when it is time."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        given.service.break_off()
        given.clock.advance(5 * 60)

        for _ in range(10):
            await given.outcome("old")
            await given.settled()

        assert given.fetches == 2


async def test_a_new_key_is_found_as_soon_as_the_service_is_back() -> None:
    """What an unknown key may cause otherwise, an outage doesn't use up."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        given.service.break_off()
        during = await given.outcome("new")
        given.service.publish(OLD.published, NEW.published)
        given.clock.advance(1)

        after = await given.outcome("new")

        assert (during, after) == (KeysUnavailable, "new")


async def test_the_time_to_come_again_is_that_of_the_next_attempt() -> None:
    """A client that heeds Retry-After meets an attempt."""
    async with stage(OLD) as given:
        given.service.break_off()
        for seconds in (1, 2, 4, 8):
            with pytest.raises(KeysUnavailable) as refused:
                await given.keys.find("old")
            given.clock.advance(seconds)

            assert refused.value.retry_after_seconds == seconds


async def test_keys_that_are_left_out_are_told_once() -> None:
    """An encryption key beside the others is no fault; a set without a usable key is one."""
    async with stage(OLD) as given:
        given.service.publish(ENCRYPTION.published, OLD.published)

        with capture_logs() as lines:
            for _ in range(3):
                await given.outcome("old")
                given.clock.advance(300)
                await given.settled()
            given.service.publish(ENCRYPTION.published)
            await given.outcome("new")

        told = [(line["log_level"], line["used"], line["why"]) for line in lines]
        assert told == [("info", 1, "key 1: use is not sig"), ("error", 0, "key 1: use is not sig")]


async def test_an_issuer_may_withdraw_all_its_keys() -> None:
    """An empty list is an answer: no token is good any more, and waiting would not help."""
    async with stage(OLD) as given:
        await given.keys.find("old")
        generation = given.keys.generation()
        given.service.publish()

        found = [await given.outcome(kid) for kid in ("new", "old")]

        assert found == [TokenInvalid, TokenInvalid]
        assert given.keys.generation() != generation


async def test_nothing_is_left_when_it_is_closed() -> None:
    """Neither a task nor a connection, and whoever waits is told to come again."""
    async with stage(OLD, timing=HASTY) as given:
        given.service.hang()
        waiting = asyncio.ensure_future(given.outcome("old"))
        await given.service.asked()
        before = len(given.under_way())

        await given.keys.close()

        assert (before, len(given.under_way())) == (1, 0)
        assert await waiting is KeysUnavailable
        assert await given.outcome("old") is KeysUnavailable
        assert given.fetches == 1


async def test_one_who_goes_away_takes_nobody_along() -> None:
    """The fetch goes on for the others."""
    async with stage(OLD) as given:
        given.service.hang()
        leaving, staying = (asyncio.ensure_future(given.outcome("old")) for _ in range(2))
        await given.service.asked()
        leaving.cancel()
        given.service.release()

        assert await staying == "old"
        assert given.fetches == 1


async def test_a_defect_of_ours_is_not_met_by_every_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is raised, so that it is seen, and a second later it is tried again."""
    async with stage(OLD) as given:

        def broken(_: bytes) -> PublicKey:
            raise ZeroDivisionError

        monkeypatch.setattr("todo_backend.auth.public_keys.read", broken)

        with pytest.raises(ZeroDivisionError):
            await given.keys.find("old")
        at_once = await given.outcome("old")
        monkeypatch.undo()
        given.clock.advance(1)
        later = await given.outcome("old")

        assert (at_once, later) == (KeysUnavailable, "old")
