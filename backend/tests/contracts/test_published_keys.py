"""Tokens that an issuer has signed by keys of its own, in every contract."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from tests.contracts.drivers import DRIVERS, Driver
from tests.contracts.people import fresh_id
from tests.support.jwks_server import KeyService, key_service
from tests.support.server import environment, serving
from tests.support.signing_keys import SigningKey, signing_key
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

KEYS: Final = [signing_key(alg, alg) for alg in ("EdDSA", "ES256", "ES512", "PS256", "RS256")]
KEY: Final = KEYS[0]


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployment that trusts a Better Auth server, and that server's keys."""

    driver: Driver
    service: KeyService
    client: httpx.AsyncClient

    @property
    def origin(self) -> str:
        return self.service.url.removesuffix("/api/auth/jwks")

    async def ask(
        self, key: SigningKey = KEY, *, changes: Mapping[str, Any] = MappingProxyType({})
    ) -> httpx.Response:
        """Ask for the tasks of somebody whom a token of Better Auth's form names."""
        user_id = fresh_id("ann")
        now = int(time.time())
        claims = {"sub": user_id, "id": user_id, "email": "ann@example.test", "iat": now}
        claims |= {"exp": now + 900, "iss": self.origin, "aud": self.origin}
        members = {
            name: value for name, value in ({**claims, **changes}).items() if value is not None
        }
        return await self.client.get(
            self.driver.tasks_path(user_id),
            headers={"authorization": f"Bearer {key.token(members)}"},
        )

    def refused(self, response: httpx.Response, status: int, code: str) -> None:
        """Assert the refusal; `code` is the one of the contracts that have it."""
        assert response.status_code == status, response.text
        said = self.driver.code_of(response.json())
        assert said in {None, code, "UNAUTHORIZED", "SERVICE_UNAVAILABLE"}


@pytest_asyncio.fixture(params=DRIVERS, ids=lambda driver: driver.name)
async def stage(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[Stage]:
    del address  # migrated before the server starts
    driver: Driver = request.param
    async with key_service(*(key.published for key in KEYS)) as service:
        url = service.url.removesuffix("/api/auth/jwks")
        env = environment(postgres.url, API_CONTRACTS=driver.name, BETTER_AUTH_URL=url)
        async with serving(env) as served, httpx.AsyncClient(base_url=served.url) as client:
            yield Stage(driver, service, client)


async def test_every_algorithm_of_better_auth_is_accepted(stage: Stage) -> None:
    """By the address of the server alone, and its keys are asked for once."""
    responses = [await stage.ask(key) for key in KEYS]

    assert [response.status_code for response in responses] == [200] * len(KEYS)
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


async def test_nobody_is_signed_out_while_the_keys_are_away(stage: Stage) -> None:
    """Nobody can tell whether the token is good, so a client is asked to come back."""
    await stage.service.stop()

    response = await stage.ask()

    stage.refused(response, 503, "AUTH_KEYS_UNAVAILABLE")
    assert int(response.headers["retry-after"]) >= 1
    await stage.service.start()


async def test_a_token_of_the_shared_secret_is_good_as_well(stage: Stage) -> None:
    """Whoever has both kinds of front end needs both; the keys are not asked for."""
    user_id = fresh_id("ann")

    response = await stage.client.get(
        stage.driver.tasks_path(user_id), headers={"authorization": f"Bearer {token_for(user_id)}"}
    )

    assert response.status_code == 200
    assert stage.service.paths == []
