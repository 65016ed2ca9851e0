"""Users with a token and a client of their own."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import httpx

from tests.support.canary import SUITE
from tests.support.client import client_for
from tests.support.server import SECRET
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.shared_secret import SharedSecret

_KEY = SharedSecret(SECRET, rules=ClaimRules())


def token_for(user_id: str, *, lifetime_seconds: int = 900) -> str:
    token = _KEY.issue(user_id, now=time.time(), lifetime_seconds=lifetime_seconds)
    SUITE.keep(token)
    return token


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user; `tasks` is the path of their collection (envelope, plain, rich)."""

    user_id: str
    client: httpx.AsyncClient

    @property
    def tasks(self) -> str:
        return f"/api/{quote(self.user_id, safe='')}/tasks"

    async def given_task(self, title: str = "Buy milk", **fields: Any) -> dict[str, Any]:
        """Create a task and return it as the envelope contract shows it."""
        response = await self.client.post(self.tasks, json={"title": title, **fields})
        assert response.status_code == 201, response.text
        task: dict[str, Any] = response.json()["data"]
        return task


@asynccontextmanager
async def caller(url: str, user_id: str) -> AsyncIterator[Caller]:
    headers = {"authorization": f"Bearer {token_for(user_id)}"}
    async with client_for(url, headers=headers) as client:
        yield Caller(user_id, client)


@asynccontextmanager
async def fresh_caller(url: str, name: str) -> AsyncIterator[Caller]:
    """Sign a user in whom the database has never seen; `name` starts the id."""
    async with caller(url, f"{name}-{token_hex(6)}") as found:
        yield found
