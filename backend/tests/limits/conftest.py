"""A server that is attacked, and a user whose list is long."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

import pytest
import pytest_asyncio

from tests.contracts import wire
from tests.database.databases import session
from tests.limits.attacks import JSON, Target
from tests.support.client import client_for
from tests.support.command import Process, environment, started
from tests.support.many import given_many
from tests.support.server import Served, serving
from tests.support.server import environment as environment_of
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

if sys.platform != "linux":
    collect_ignore = ["test_attacks.py"]  # it looks into /proc

LONG_TASKS: Final = 100_000
SEVERAL_TASKS: Final = 1500
"""With descriptions as large as they can be: more than the buffers on a client's way take."""
_WARMING: Final = 200


@dataclass(frozen=True, slots=True)
class Scene:
    """A server, and a user of it."""

    served: Served
    user_id: str

    @property
    def url(self) -> str:
        return self.served.url

    @property
    def tasks(self) -> str:
        return f"/api/{self.user_id}/tasks"

    @property
    def authorization(self) -> tuple[str, str]:
        return ("authorization", f"Bearer {token_for(self.user_id)}")

    def request(self, method: str, *headers: wire.Field, body: bytes | None = None) -> bytes:
        """Spell a request for the user's tasks."""
        return wire.request(method, self.tasks, [self.authorization, JSON, *headers], body)


@pytest_asyncio.fixture(scope="module")
async def attacked(
    postgres: EmbeddedPostgres, address: ConnectArgs, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Process, Target]]:
    """A server that has answered before, so that what it needs anyway is there."""
    async with session(address) as superuser:
        await given_many(superuser, "attacker", LONG_TASKS)
    env = environment(
        tmp_path_factory.mktemp("limits") / "data",
        DATABASE_URL=postgres.url,
        API_CONTRACTS="plain",
        LOG_LEVEL="warning",
    )
    authorization = ("authorization", f"Bearer {token_for('attacker')}")
    with started("serve", env=env) as process:
        target = Target(process.url, "/api/attacker/tasks", authorization)
        async with client_for(process.url, headers=[authorization]) as client:
            for _ in range(_WARMING):
                await client.post(target.tasks, json={"title": ""})
                await client.get("/health")
            await client.get(target.tasks)
        yield process, target


@pytest_asyncio.fixture(scope="module")
async def scene(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Scene]:
    """A server in this process that nobody else asks, and a user with a list of several chunks."""
    user_id = f"listing-{token_hex(6)}"
    async with session(address) as superuser:
        await given_many(superuser, user_id, SEVERAL_TASKS, controls=1000)
    async with serving(environment_of(postgres.url, API_CONTRACTS="plain")) as served:
        yield Scene(served, user_id)
