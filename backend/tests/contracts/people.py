"""Users of one contract's deployment, whose every answer is held against the promises."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import httpx

from tests.contracts import declared, oracles, records
from tests.contracts.drivers import Driver, Refusal, Task
from tests.support.client import client_for
from tests.support.server import Served
from tests.support.users import token_for


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running server that serves the contract of `driver` and no other.

    `has_faults`: the test makes it fail.
    """

    driver: Driver
    served: Served
    has_faults: bool = False

    @property
    def url(self) -> str:
        return self.served.url


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in user; `tasks` is the path of their collection."""

    deployment: Deployment
    user_id: str
    client: httpx.AsyncClient

    @property
    def driver(self) -> Driver:
        return self.deployment.driver

    @property
    def tasks(self) -> str:
        return self.driver.tasks_path(self.user_id)

    @property
    def authorization(self) -> tuple[str, str]:
        return "authorization", self.client.headers["authorization"]

    def path(self, task: Task) -> str:
        return f"{self.tasks}/{task['id']}"

    def completion(self, task: Task) -> str:
        return f"{self.path(task)}/{self.driver.completion}"

    async def given_task(self, title: str = "Buy milk", **fields: Any) -> Task:
        response = await self.client.post(self.tasks, json={"title": title, **fields})
        assert response.status_code == 201, response.text
        return self.driver.task_of(response.json())

    async def read(self, task: Task) -> Task:
        response = await self.client.get(self.path(task))
        assert response.status_code == 200, response.text
        return self.driver.task_of(response.json())

    async def listed(self) -> list[Task]:
        response = await self.client.get(self.tasks)
        assert response.status_code == 200, response.text
        return self.driver.tasks_of(response.json())

    async def list_tag(self) -> str:
        tag: str = (await self.client.get(self.tasks)).headers["etag"]
        return tag

    async def tag(self, task: Task) -> str:
        tag: str = (await self.client.get(self.path(task))).headers["etag"]
        return tag

    def refused(self, response: httpx.Response, expected: Refusal) -> Any:
        """Assert that this is the refusal, and return its parsed body."""
        return oracles.refused(response, self.driver, expected)


@asynccontextmanager
async def visiting(deployment: Deployment, user_id: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client, signed in unless `user_id` is None, that checks each of its answers."""
    headers = {} if user_id is None else {"authorization": f"Bearer {token_for(user_id)}"}

    async def held(response: httpx.Response) -> None:
        await response.aread()
        request = response.request
        oracles.check(
            response,
            deployment.driver,
            head=request.method == "HEAD",
            has_own_form="access-control-request-method" in request.headers
            or request.url.path == "/health",
            has_faults=deployment.has_faults,
        )
        if response.status_code != 500:  # a defect, made by a route that nobody has described
            target = request.url.raw_path.decode()
            declared.check(deployment.served, request.method, target, response)
        records.note(deployment.served, response)

    async with client_for(
        deployment.url, headers=headers, event_hooks={"response": [held]}
    ) as client:
        yield client


@asynccontextmanager
async def signed_in(deployment: Deployment, user_id: str) -> AsyncIterator[Person]:
    async with visiting(deployment, user_id) as client:
        yield Person(deployment, user_id, client)


def fresh_id(name: str) -> str:
    """Make the id of a user that the database has never seen; it needs no percent-encoding."""
    return f"{name}-{token_hex(6)}"
