"""Members of the default deployment."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from tests.contracts import declared, oracles, records
from tests.contracts.accounts.given import (
    REFRESH,
    SIGN_IN,
    SIGN_OUT,
    SIGN_UP,
    Member,
    given_member,
)
from tests.contracts.drivers import ACCOUNTS, ENVELOPE
from tests.support.client import client_for
from tests.support.server import Served

AUTH = {SIGN_UP, SIGN_IN, REFRESH, SIGN_OUT}


@pytest_asyncio.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A front end whose every answer is held against the promises."""

    async def held(response: httpx.Response) -> None:
        await response.aread()
        request = response.request
        path = request.url.raw_path.decode()
        # Of what is no route, the contract that is listed first tells.
        is_ours = path.startswith("/api/tasks") or path.partition("?")[0] in AUTH
        oracles.check(
            response,
            ACCOUNTS if is_ours else ENVELOPE,
            head=request.method == "HEAD",
            has_address=path.partition("?")[0] not in AUTH,
        )
        declared.check(served, request.method, path, response)
        records.note(served, response)

    hooks = {"response": [held]}
    async with client_for(served.url, event_hooks=hooks) as found:
        yield found


@pytest_asyncio.fixture
async def ann(client: httpx.AsyncClient) -> Member:
    """Somebody who has just signed up."""
    return await given_member(client)


@pytest_asyncio.fixture
async def ben(client: httpx.AsyncClient) -> Member:
    """Somebody else who has."""
    return await given_member(client, name="Ben")
