"""Processes of this backend that are killed under their clients, and databases that come late."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.commands.test_workers import workers_of
from tests.database.databases import until, url_of
from tests.database.embedded.given import kill, processes_in
from tests.faults.conftest import TIMEOUT_SECONDS, Begin, settings
from tests.faults.oracles import MARGIN_SECONDS, assert_answered_well, assert_recovered
from tests.faults.stage import Stage
from tests.faults.workers import all_serving, kill_one
from tests.faults.writers import NO_ANSWER, Ledger, writing
from tests.support.client import client_for
from tests.support.command import Process, environment, get, started
from tests.support.pace import PACE
from tests.support.server import serving

pytestmark = pytest.mark.slow

KILLS = 3
# Far less than a supervisor waits for the answer of a worker.
REPLACED_SECONDS = 15.0
ROUND_SECONDS = 0.5  # between two looks of a supervisor
# A look at it, and a start of PostgreSQL with its recovery on a disk that others use too.
RESTART_SECONDS = 3.0
AGAIN = "the embedded PostgreSQL ended and was started again"
_SETTLED_SECONDS = 1.1


async def test_fa_25_a_killed_worker_loses_nothing(server: Process, begin: Begin) -> None:
    """The others go on, and it is replaced; what it had acknowledged is there."""
    async with begin(server, breaks=True) as play:
        for _ in range(KILLS):
            await kill_one(server)
            await play.ledger.acknowledges(10, since=time.monotonic())
        await all_serving(server)

    assert NO_ANSWER in play.ledger.count()


async def test_fa_25_a_worker_that_dies_before_it_is_up(server: Process) -> None:
    """It is replaced at once, although its supervisor had begun to wait for its answer."""
    before = await all_serving(server)
    os.kill(min(before), signal.SIGKILL)
    await until(lambda: workers_of(server) - before)
    (newcomer,) = workers_of(server) - before
    os.kill(newcomer, signal.SIGSTOP)
    await asyncio.sleep(2 * ROUND_SECONDS)

    os.kill(newcomer, signal.SIGKILL)

    async with asyncio.timeout(REPLACED_SECONDS):
        await until(lambda: workers_of(server) - before - {newcomer})


async def test_fa_22_a_server_that_starts_before_its_database(tmp_path: Path) -> None:
    """It serves 503 until the database is there and migrated, and then it serves."""
    stage = Stage(tmp_path / "late")
    stage.stop()
    env = settings(tmp_path / "data", url_of(stage.address), MIGRATE_ON_START="true")
    with started("serve", env=env) as process:
        async with client_for(process.url) as client:
            health, liveness = await client.get("/health"), await client.get("/livez")
            await asyncio.to_thread(stage.start)
            try:
                await until(lambda: _is_healthy(client))
                async with writing(process.url) as ledger:
                    await ledger.acknowledges(1, since=0)
            finally:
                await asyncio.to_thread(stage.stop)

    assert (health.status_code, liveness.status_code) == (503, 200)
    assert_answered_well(ledger, within_seconds=TIMEOUT_SECONDS)


async def _is_healthy(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health")).status_code == 200


async def test_fa_01_the_embedded_database_is_killed(tmp_path: Path) -> None:
    """The server that owns it starts it again, says so in a line, and answers 503 meanwhile."""
    data_dir = tmp_path / "data"
    env = environment(data_dir, WORKERS="2", RATE_LIMIT_ENABLED="false", LOG_LEVEL="warning")
    with started("serve", env=env) as process:
        async with writing(process.url) as ledger:
            for _ in range(KILLS):
                await _killed(data_dir, ledger, lambda: process.said)
        assert get(f"{process.url}/health")[0] == 200
        said = process.said
        assert process.end(signal.SIGTERM) == 0

    assert_answered_well(ledger, within_seconds=5)
    assert ledger.refusals()
    assert said.count(AGAIN) == KILLS
    assert processes_in(data_dir) == set()


async def test_fa_01_under_another_server(tmp_path: Path) -> None:
    """So it is where uvicorn runs the application, and nobody is above it."""
    env = settings(tmp_path / "data", "", DATA_DIR=str(tmp_path / "data"))
    del env["DATABASE_URL"], env["MIGRATE_ON_START"]
    async with serving(env | {"ENVIRONMENT": "test"}) as served:
        async with writing(served.url) as ledger:
            await _killed(tmp_path / "data", ledger, served.log.getvalue)
        said = served.log.getvalue()

    assert_answered_well(ledger, within_seconds=TIMEOUT_SECONDS)
    assert said.count(AGAIN) == 1
    assert processes_in(tmp_path / "data") == set()


async def _killed(data_dir: Path, ledger: Ledger, said: Callable[[], str]) -> None:
    # One that has ended as soon as it was there is not started again at once.
    await asyncio.sleep(_SETTLED_SECONDS)
    restarts = said().count(AGAIN)
    kill(processes_in(data_dir))
    killed_at = time.monotonic()
    await until(lambda: said().count(AGAIN) > restarts)
    back_at = time.monotonic()
    await ledger.acknowledges(10, since=back_at)

    assert PACE.excess(killed_at, back_at, promised=RESTART_SECONDS) <= MARGIN_SECONDS
    assert_recovered(ledger, back_at)
