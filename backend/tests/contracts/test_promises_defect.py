"""A defect of ours: 500 in the contract's form, readable, logged with its stack and no values."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contracts import oracles, wire
from tests.contracts.drivers import Driver
from tests.contracts.faulty import CANARY, FAULTS, contract_with_faults, path_of
from tests.contracts.people import Deployment, Person, fresh_id, signed_in
from tests.support.server import ORIGIN, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs


@pytest_asyncio.fixture(scope="module")
async def faulty(
    driver: Driver, postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[Deployment]:
    """The contract with routes that raise."""
    del address  # migrated before the server starts
    env = environment(postgres.url, API_CONTRACTS=driver.name)
    contracts = {driver.name: contract_with_faults(driver.name)}
    async with serving(env, contracts=contracts) as served:
        yield Deployment(driver, served, has_faults=True)


@pytest_asyncio.fixture
async def unlucky(faulty: Deployment) -> AsyncIterator[Person]:
    """A user of the faulty deployment."""
    async with signed_in(faulty, fresh_id("unlucky")) as person:
        yield person


def logged(deployment: Deployment, request_id: str) -> list[dict[str, Any]]:
    lines = map(json.loads, deployment.served.log.getvalue().splitlines())
    return [line for line in lines if line.get("request_id") == request_id]


@pytest.mark.parametrize("fault", FAULTS)
async def test_is_24_defect_is_said_without_its_text(unlucky: Person, fault: str) -> None:
    """The client learns that it was not its fault, and nothing of what it was."""
    response = await unlucky.client.get(path_of(fault), headers={"origin": ORIGIN})

    unlucky.refused(response, unlucky.driver.refusals.defect)
    oracles.assert_readable(response, ORIGIN)
    assert CANARY not in response.text
    assert fault not in response.text


@pytest.mark.parametrize("fault", FAULTS)
async def test_defect_is_logged_with_its_stack(
    faulty: Deployment, unlucky: Person, fault: str
) -> None:
    """Whoever mends it finds it by the request's id: its type and its way, not its values."""
    response = await unlucky.client.get(path_of(fault), headers={"x-request-id": f"to-{fault}"})
    assert response.status_code == 500

    defect, access = logged(faulty, f"to-{fault}")
    assert defect["level"] == "error"
    assert defect["error"].startswith(fault)
    assert any(FAULTS[fault].__name__ in frame for frame in defect["stack"])
    assert access["status"] == 500
    assert access["error"] == fault
    assert CANARY not in faulty.served.log.getvalue()


async def test_connection_outlives_a_defect(faulty: Deployment, unlucky: Person) -> None:
    """One request failed; the next ones on the same connection, and other ones, do not."""
    async with wire.connected(faulty.url) as connection:
        for fault in FAULTS:
            failed = await connection.exchange(wire.request("GET", path_of(fault)))
            assert failed.status_code == 500
            assert connection.is_open
            good = await connection.exchange(
                wire.request("GET", unlucky.tasks, [unlucky.authorization])
            )
            assert good.status_code == 200
            oracles.check(good, faulty.driver)


async def test_pipelined_requests_outlive_a_defect(faulty: Deployment, unlucky: Person) -> None:
    """What was sent behind the failing request is answered."""
    async with wire.connected(faulty.url) as connection:
        await connection.send(
            wire.request("GET", path_of("RuntimeError"))
            + wire.request("GET", unlucky.tasks, [unlucky.authorization])
        )
        statuses = [(await connection.read()).status_code for _ in range(2)]

    assert statuses == [500, 200]
