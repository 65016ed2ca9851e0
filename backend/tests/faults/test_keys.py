"""Clients that repeat a creation under its key until they have an answer: one task, never two."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.commands.test_workers import workers_of
from tests.faults import happenings
from tests.faults.conftest import Begin, named, settings
from tests.faults.proxy import Proxy, proxied
from tests.faults.stage import Stage
from tests.faults.writers import NO_ANSWER
from tests.support.command import Process, started

pytestmark = pytest.mark.slow

NAME = "backend-with-keys"
SECONDS = 3.0
KILLS = 5


@pytest_asyncio.fixture(scope="module")
async def network(stage: Stage) -> AsyncIterator[Proxy]:
    async with proxied(stage.socket) as found:
        yield found


@pytest.fixture(scope="module")
def far_server(
    stage: Stage, network: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    env = settings(
        tmp_path_factory.mktemp("far") / "data", named(network.address(stage.serving), NAME)
    )
    with started("serve", env=env) as process:
        yield process


async def test_fa_04_fa_30_the_answer_to_a_commit_is_lost(
    far_server: Process, network: Proxy, begin: Begin
) -> None:
    """What was kept and not acknowledged is found again under its key."""
    async with begin(far_server, name=NAME, with_keys=True) as play:
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


async def test_fa_36_workers_are_killed(server: Process, begin: Begin) -> None:
    """Between the commit and the answer too: the key is kept with the task, or neither is."""
    async with begin(server, with_keys=True, breaks=True) as play:
        for _ in range(KILLS):
            os.kill(min(workers_of(server)), signal.SIGKILL)
            await play.ledger.acknowledges(10, since=time.monotonic())
            await asyncio.sleep(SECONDS / KILLS)

    assert NO_ANSWER in play.ledger.count()
    assert play.ledger.sent == play.ledger.acknowledged.keys()
