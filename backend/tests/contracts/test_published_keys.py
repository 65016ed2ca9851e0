"""Tokens that an issuer has signed by keys of its own, in every contract."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.contracts.drivers import DRIVERS, Driver
from tests.contracts.issuing import KEY, KEYS, Stage, staged
from tests.contracts.people import fresh_id
from tests.support.signing_keys import signing_key
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture(params=DRIVERS, ids=lambda driver: driver.name)
async def stage(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[Stage]:
    """Every contract in turn."""
    del address  # migrated before the server starts
    driver: Driver = request.param
    async with staged(driver, postgres.url) as found:
        yield found


async def test_every_algorithm_of_better_auth_is_accepted(stage: Stage) -> None:
    """By the address of the server alone, and its keys are asked for once."""
    assert await stage.statuses(*KEYS) == [200] * len(KEYS)
    assert stage.service.paths == ["/api/auth/jwks"]


@pytest.mark.parametrize(
    "changes", [{"iss": "https://else.example"}, {"aud": "else"}, {"iss": None}, {"aud": None}]
)
async def test_a_token_for_somebody_else_is_refused(
    stage: Stage, changes: dict[str, str | None]
) -> None:
    """The same keys sign what is meant for others."""
    response = await stage.ask(changes=changes)

    stage.refused(response, 401, "AUTH_INVALID_TOKEN")


async def test_another_key_is_refused(stage: Stage) -> None:
    """It has the name of a good one, and its signature is none of theirs."""
    stranger = signing_key("EdDSA", "stranger")

    response = await stage.ask(replace(stranger, published=KEY.published))

    stage.refused(response, 401, "AUTH_INVALID_CREDENTIALS")


async def test_jwks_01_nobody_is_signed_out_while_the_keys_are_away(stage: Stage) -> None:
    """Nobody can tell whether the token is good, so a client is asked to come back."""
    await stage.service.stop()

    response = await stage.ask()

    stage.refused(response, 503, "AUTH_KEYS_UNAVAILABLE")
    assert int(response.headers["retry-after"]) >= 1
    await stage.service.start()


async def test_jwks_02_known_keys_are_good_while_the_service_is_away(stage: Stage) -> None:
    """Users that the server has never seen are served as well; only a new key has to wait."""
    known = await stage.ask()
    await stage.service.stop()

    later, unknown = await stage.ask(), await stage.ask(signing_key("ES256", "new"))

    assert (known.status_code, later.status_code) == (200, 200)
    stage.refused(unknown, 503, "AUTH_KEYS_UNAVAILABLE")
    await stage.service.start()


async def test_a_token_of_the_shared_secret_is_good_as_well(stage: Stage) -> None:
    """Whoever has both kinds of front end needs both; the keys are not asked for."""
    user_id = fresh_id("ann")

    response = await stage.present(token_for(user_id), user_id)

    assert response.status_code == 200
    assert stage.service.paths == []
