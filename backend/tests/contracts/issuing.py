"""A deployment that trusts an issuer, and that issuer's keys, tokens and moods."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import httpx

from tests.contracts.drivers import Driver
from tests.contracts.people import fresh_id
from tests.support.client import client_for
from tests.support.jwks_server import KeyService, key_service
from tests.support.server import environment, serving
from tests.support.signing_keys import SigningKey, signing_key

KEYS: Final = [signing_key(alg, alg) for alg in ("EdDSA", "ES256", "ES512", "PS256", "RS256")]
KEY: Final = KEYS[0]
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployment that trusts a Better Auth server, and that server's keys."""

    driver: Driver
    service: KeyService
    client: httpx.AsyncClient

    @property
    def origin(self) -> str:
        return self.service.url.removesuffix("/api/auth/jwks")

    @property
    def fetches(self) -> int:
        return len(self.service.requests)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Name somebody whom nobody has seen, as Better Auth does; None takes a claim out."""
        user_id, now = fresh_id("ann"), int(time.time())
        claims = {"sub": user_id, "id": user_id, "email": "ann@example.test", "iat": now}
        claims |= {"exp": now + 900, "iss": self.origin, "aud": self.origin}
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    async def ask(
        self,
        key: SigningKey = KEY,
        *,
        changes: Mapping[str, Any] = NOTHING,
        header: Mapping[str, Any] = NOTHING,
    ) -> httpx.Response:
        """Ask for the tasks of somebody whom a token of this key names."""
        claims = self.claims(**changes)
        return await self.present(key.token(claims, **header), claims["sub"])

    async def present(self, token: str, user_id: str) -> httpx.Response:
        """Ask for the tasks of a user by a token."""
        headers = {"authorization": f"Bearer {token}"}
        return await self.client.get(self.driver.tasks_path(user_id), headers=headers)

    async def statuses(self, *keys: SigningKey) -> list[int]:
        return [(await self.ask(key)).status_code for key in keys]

    def refused(self, response: httpx.Response, status: int, code: str) -> None:
        """Assert the refusal; `code` is the one of the contracts that have it."""
        assert response.status_code == status, response.text
        said = self.driver.code_of(response.json())
        assert said in {None, code, "UNAUTHORIZED", "SERVICE_UNAVAILABLE"}


@asynccontextmanager
async def staged(driver: Driver, database_url: str) -> AsyncIterator[Stage]:
    """Set up a deployment and an issuer with all of `KEYS`, who know each other by address."""
    async with key_service(*(key.published for key in KEYS)) as service:
        url = service.url.removesuffix("/api/auth/jwks")
        env = environment(database_url, API_CONTRACTS=driver.name, BETTER_AUTH_URL=url)
        async with serving(env) as served, client_for(served.url) as client:
            yield Stage(driver, service, client)
