"""A server that counts, and clients of it at addresses of the test's choice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import randbelow

import httpx

from tests.contracts.accounts.given import SIGN_IN, said
from tests.support.client import client_for
from tests.support.server import Served, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres

PER_ADDRESS = 12
PER_ACCOUNT = 5
TAKEN = 4
WRONG = "wrong horse"
TOO_OFTEN = said("Too many requests, try again later")


@asynccontextmanager
async def counting(postgres: EmbeddedPostgres, **others: str) -> AsyncIterator[Served]:
    limits = {
        "API_CONTRACTS": "accounts",
        "RATE_LIMIT_ENABLED": "true",
        "RATE_LIMIT_AUTH": f"{PER_ADDRESS}/hour",
        "RATE_LIMIT_ACCOUNT": f"{PER_ACCOUNT}/15 minutes",
        "RATE_LIMIT_TAKEN_EMAIL": f"{TAKEN}/hour",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    async with serving(environment(postgres.url, **limits | others)) as served:
        yield served


@asynccontextmanager
async def from_address(served: Served, forwarded: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-forwarded-for": forwarded}
    async with client_for(served.url, headers=headers) as client:
        yield client


def somewhere() -> str:
    """Return an address that nobody has used before."""
    return f"203.{randbelow(256)}.{randbelow(256)}.{randbelow(256)}"


async def guess(client: httpx.AsyncClient, email: str, password: str = WRONG) -> int:
    response = await client.post(SIGN_IN, json={"email": email, "password": password})
    return response.status_code


async def given_too_many_guesses(client: httpx.AsyncClient, email: str) -> None:
    statuses = [await guess(client, email) for _ in range(PER_ACCOUNT)]
    assert statuses == [401] * PER_ACCOUNT
