"""Clients that repeat a creation under its key until they have an answer: one task, never two."""

import asyncio
import os
import signal
import time

import pytest

from tests.commands.test_workers import workers_of
from tests.faults import happenings
from tests.faults.conftest import FAR, Begin
from tests.faults.proxy import Proxy
from tests.faults.writers import NO_ANSWER
from tests.support.command import Process

pytestmark = pytest.mark.slow

SECONDS = 3.0
KILLS = 5


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


async def test_fa_36_workers_are_killed(server: Process, begin: Begin) -> None:
    """Between the commit and the answer too: the key is kept with the task, or neither is."""
    async with begin(server, with_keys=True, breaks=True) as play:
        for _ in range(KILLS):
            os.kill(min(workers_of(server)), signal.SIGKILL)
            await play.ledger.acknowledges(10, since=time.monotonic())
            await asyncio.sleep(SECONDS / KILLS)

    assert NO_ANSWER in play.ledger.count()
    assert play.ledger.sent == play.ledger.acknowledged.keys()
