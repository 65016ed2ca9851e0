"""A creation whose answer is lost on the way from the database: it has been made, or it hasn't."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

import httpx
import pytest_asyncio

from tests.contracts.drivers import Driver
from tests.contracts.people import Deployment, Person, fresh_id, signed_in
from tests.faults.proxy import Proxy, proxied
from tests.support.server import environment, serving
from todo_backend.database.url import ConnectArgs

# Of the next answer of the database: nobody learns that the statement has been run.
NOTHING: Final = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """A deployment whose way to the database can be cut after each COMMIT."""

    deployment: Deployment
    proxy: Proxy

    def begin(self) -> None:
        self.proxy.weather.cuts_after = NOTHING

    def end(self) -> None:
        self.proxy.weather.cuts_after = None

    async def end_after(self, cuts: int) -> None:
        until = self.proxy.cuts + cuts
        while self.proxy.cuts < until:  # noqa: ASYNC110 - before the next connection is open
            await asyncio.sleep(0)
        self.end()


@pytest_asyncio.fixture(scope="module")
async def cut(driver: Driver, address: ConnectArgs) -> AsyncIterator[Cut]:
    socket = f"{address.hosts[0]}/.s.PGSQL.{address.ports[0]}"
    async with proxied(socket) as proxy:
        env = environment(proxy.address(address), API_CONTRACTS=driver.name, DB_POOL_SIZE="2")
        async with serving(env) as served:
            yield Cut(Deployment(driver, served, has_faults=True), proxy)


@pytest_asyncio.fixture
async def remote(cut: Cut) -> AsyncIterator[Person]:
    """Somebody whom the database has seen once, and who has no task any more."""
    async with signed_in(cut.deployment, fresh_id("remote")) as person:
        await person.client.delete(person.path(await person.given_task()))
        yield person


async def create(user: Person, key: str | None) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return await user.client.post(user.tasks, json={"title": "Buy milk"}, headers=headers)


async def numbers(user: Person) -> list[int]:
    return [task["id"] for task in await user.listed()]


async def test_fa_04_a_lost_answer_is_asked_for_again(cut: Cut, remote: Person) -> None:
    """With a key the server itself may try again: the client hears of nothing."""
    key = token_hex(16)
    cut.begin()

    response, _ = await asyncio.gather(create(remote, key), cut.end_after(1))

    assert response.status_code == 201
    assert await numbers(remote) == [remote.driver.task_of(response.json())["id"]]


async def test_fa_04_a_client_that_was_told_503_tries_again(cut: Cut, remote: Person) -> None:
    """As often as it likes: it gets the answer that it was not told, and there is one task."""
    key = token_hex(16)
    cut.begin()
    lost = [await create(remote, key) for _ in range(2)]
    cut.end()

    found = [await create(remote, key) for _ in range(2)]

    for response in lost:
        remote.refused(response, remote.driver.refusals.database_away)
    for response in found:
        assert response.status_code == 201
        assert response.headers["idempotent-replayed"] == "true"
        assert await numbers(remote) == [remote.driver.task_of(response.json())["id"]]


async def test_fa_30_without_a_key_nobody_knows(cut: Cut, remote: Person) -> None:
    """The server doesn't try again: 503, and the task is there nevertheless; a retry makes two."""
    cut.begin()
    lost = await create(remote, None)
    cut.end()
    made = await remote.listed()

    again = await create(remote, None)

    remote.refused(lost, remote.driver.refusals.database_away)
    assert len(made) == 1
    assert again.status_code == 201
    assert len(await remote.listed()) == 2
