"""What an issuer's key service may do to those who trust it, over HTTP."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contracts.drivers import ENVELOPE
from tests.contracts.issuing import KEY, KEYS, Stage, staged
from tests.support import tokens
from tests.support.server import SECRET
from tests.support.signing_keys import signing_key
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

NEW = signing_key("ES256", "new")


@pytest_asyncio.fixture
async def stage(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Stage]:
    """A deployment that has not asked for keys yet."""
    del address  # migrated before the server starts
    async with staged(ENVELOPE, postgres.url) as found:
        yield found


async def test_jwks_03_one_fetch_for_all_who_wait(stage: Stage) -> None:
    """Whoever comes while the service thinks shares what it says."""
    stage.service.hang()
    waiting = [asyncio.ensure_future(stage.ask()) for _ in range(50)]
    await stage.service.asked()
    stage.service.release()

    answers = await asyncio.gather(*waiting)

    assert {answer.status_code for answer in answers} == {200}
    assert stage.fetches == 1


@pytest.mark.slow
async def test_jwks_03_a_service_that_hangs_holds_nobody_for_long(stage: Stage) -> None:
    """Two seconds and no more, and one fetch however many there are."""
    stage.service.hang()

    answers = await asyncio.gather(*(stage.ask() for _ in range(20)))

    for answer in answers:
        stage.refused(answer, 503, "AUTH_KEYS_UNAVAILABLE")
    assert max(answer.elapsed.total_seconds() for answer in answers) <= 2
    assert stage.fetches == 1
    stage.service.release()


async def test_jwks_04_rotation_is_followed_at_the_first_request(stage: Stage) -> None:
    """One fetch for the new key, which is good at once beside the old one."""
    before = await stage.statuses(KEY)
    stage.service.publish(KEY.published, NEW.published)

    found = await asyncio.gather(*(stage.ask(key) for key in (NEW, KEY, NEW, KEY)))

    assert before + [answer.status_code for answer in found] == [200] * 5
    assert stage.fetches == 2


async def test_jwks_04_a_withdrawn_key_ends_with_the_next_fetch(stage: Stage) -> None:
    """A token that was good and is remembered ends with it."""
    claims = stage.claims()
    token = KEY.token(claims)
    before = await stage.present(token, claims["sub"])
    stage.service.publish(NEW.published)

    until_then = await stage.present(token, claims["sub"])
    fetched = await stage.ask(NEW)
    after = await stage.present(token, claims["sub"])

    found = [each.status_code for each in (before, until_then, fetched)]
    assert found == [200, 200, 200]
    stage.refused(after, 401, "AUTH_INVALID_TOKEN")


async def test_jwks_05_tokens_of_unknown_keys_cause_hardly_a_fetch(stage: Stage) -> None:
    """However many there are they are refused, and users with good tokens notice nothing."""
    await stage.ask()
    stranger = signing_key("EdDSA", "stranger")

    found = await asyncio.gather(
        *(stage.ask(stranger, header={"kid": f"random-{number}"}) for number in range(200)),
        *(stage.ask(key) for key in KEYS),
    )

    for answer in found[:200]:
        stage.refused(answer, 401, "AUTH_INVALID_TOKEN")
    assert [answer.status_code for answer in found[200:]] == [200] * len(KEYS)
    assert stage.fetches == 2


@pytest.mark.parametrize(
    "change",
    [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"d": "AQAB"}, {"alg": "RSA-OAEP"}, {"alg": "none"}],
    ids=lambda change: "-".join(map(str, *change.items())),
)
async def test_jwks_07_keys_that_are_for_something_else(
    stage: Stage, change: dict[str, Any]
) -> None:
    """A key that must not verify tokens verifies none, and the one beside it does."""
    odd = signing_key("RS256", "odd")
    stage.service.publish({**odd.published, **change}, KEY.published)

    stage.refused(await stage.ask(odd), 401, "AUTH_INVALID_TOKEN")
    assert await stage.statuses(KEY) == [200]


async def test_jwks_07_a_name_that_two_keys_have(stage: Stage) -> None:
    """Neither of them is meant by it."""
    twins = [signing_key(alg, "twin") for alg in ("EdDSA", "ES256")]
    stage.service.publish(*(twin.published for twin in twins), KEY.published)

    assert await stage.statuses(*twins, KEY) == [401, 401, 200]


async def test_jwks_07_a_secret_that_is_published_is_none(stage: Stage) -> None:
    """Were it one of the keys, anybody could sign by it."""
    secret = "published-for-all-to-see-0123456789-abcdef"
    octets = base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
    shared = {"kty": "oct", "k": octets, "alg": "HS256", "kid": "shared"}
    stage.service.publish(shared, KEY.published)
    claims = stage.claims()
    token = tokens.signed(claims, secret=secret, header={"alg": "HS256", "kid": "shared"})

    stage.refused(await stage.present(token, claims["sub"]), 401, "AUTH_INVALID_CREDENTIALS")
    assert await stage.statuses(KEY) == [200]


async def test_jwks_08_a_key_is_bound_to_its_algorithm(stage: Stage) -> None:
    """Not the header decides: it may name no other than the key's, and no key for HS256."""
    crossed = [(key, other.alg) for key in KEYS for other in KEYS if key is not other]

    for key, alg in [*crossed, (KEY, "none"), (KEY, "HS384")]:
        stage.refused(await stage.ask(key, header={"alg": alg}), 401, "AUTH_INVALID_TOKEN")
    stage.refused(await stage.ask(header={"alg": "HS256"}), 401, "AUTH_INVALID_TOKEN")


async def test_jwks_08_the_secret_signs_for_no_published_key(stage: Stage) -> None:
    """A MAC under the name of a key is none of its signatures, though the secret is right."""
    claims = stage.claims()
    headers = [{"alg": key.alg, "kid": key.published["kid"]} for key in KEYS]

    answers = [
        await stage.present(tokens.signed(claims, secret=SECRET, header=each), claims["sub"])
        for each in headers
    ]

    assert {answer.status_code for answer in answers} == {401}
