"""Clients that repeat a creation under its key until they have an answer: one task, never two."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.contracts.drivers import DRIVERS, Driver
from tests.database.databases import url_of
from tests.faults import happenings
from tests.faults.conftest import FAR, Begin, named, settings
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage
from tests.faults.workers import clients_of
from tests.faults.writers import NO_ANSWER
from tests.support.command import Process, started

pytestmark = pytest.mark.slow

KILLS = 3
MORTAL = "mortal-backend"


async def test_fa_04_fa_30_the_answer_to_a_commit_is_lost(
    far_server: Process, network: Proxy, begin: Begin
) -> None:
    """What was kept and not acknowledged is found again under its key."""
    async with begin(far_server, name=FAR, with_keys=True) as play:
        for _ in range(10):
            network.weather.cuts_after = 0
            await happenings.refused(play.ledger)
            network.weather.cuts_after = None
            await play.ledger.acknowledges(5, since=time.monotonic())

    assert play.ledger.sent == play.ledger.acknowledged.keys()
    assert play.ledger.replayed()


async def test_fa_01_fa_31_the_database_crashes(server: Process, begin: Begin) -> None:
    """Each creation is acknowledged in the end, once."""
    async with begin(server, with_keys=True) as play:
        for _ in range(3):
            await happenings.crashed(play.stage, play.ledger)
            await play.ledger.acknowledges(10, since=time.monotonic())

    assert play.ledger.sent == play.ledger.acknowledged.keys()


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
async def test_fa_36_workers_are_killed(
    stage: Stage, begin: Begin, tmp_path: Path, driver: Driver
) -> None:
    """Between the commit and the answer: the key is kept with the task."""
    url = named(url_of(stage.serving), MORTAL)
    env = settings(tmp_path / "data", url, API_CONTRACTS=driver.name)
    with started("serve", env=env) as mortal:
        async with begin(mortal, driver=driver, name=MORTAL, with_keys=True, breaks=True) as play:
            for _ in range(KILLS):
                await _kill_after_commit(stage, mortal)
                await play.ledger.acknowledges(10, since=time.monotonic())

    assert NO_ANSWER in play.ledger.count()
    assert len(play.ledger.replayed()) >= KILLS
    assert play.ledger.sent == play.ledger.acknowledged.keys()


async def _kill_after_commit(stage: Stage, server: Process) -> None:
    """Let the worker with most clients send a creation, and die before it hears of its end."""
    clients = await clients_of(server)
    busiest = max(clients, key=lambda pid: clients[pid])
    asking = sum(count > 0 for count in clients.values())
    async with stage.holding_creations(name=MORTAL, sessions=asking):
        os.kill(busiest, signal.SIGSTOP)
    os.kill(busiest, signal.SIGKILL)
