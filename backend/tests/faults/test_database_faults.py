"""Whatever happens to the database: nothing acknowledged is lost, and nobody restarts anything.

One server with two workers goes through all of it, one fault after the other.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.faults import happenings
from tests.faults.conftest import TIMEOUT_SECONDS, Begin
from tests.faults.oracles import (
    assert_nobody_is_refused,
    assert_recovered,
    assert_refused_is_not_kept,
)
from tests.faults.stage import Stage
from tests.faults.writers import Ledger
from tests.support.client import client_for
from tests.support.command import Process

pytestmark = pytest.mark.slow

Happen = Callable[[Stage, Ledger], Awaitable[None]]


def fault(number: str, happen: Happen) -> Any:
    """Name a case by its number and by what happens."""
    return pytest.param(happen, id=f"{number}-{happen.__name__}")


@asynccontextmanager
async def watching(url: str, ledger: Ledger) -> AsyncIterator[None]:
    """Ask after the server's health again and again, for the ledger."""
    ledger.health.update({"/livez": set(), "/health": set()})

    async def look() -> None:
        async with client_for(url) as client:
            while True:
                for path, statuses in ledger.health.items():
                    statuses.add((await client.get(path)).status_code)
                await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait([looking])
        assert looking.cancelled()


@pytest.mark.parametrize(
    "happen",
    [
        fault("FA-01", happenings.crashed),
        fault("FA-01", happenings.killed),
        fault("FA-02", happenings.down),
        fault("FA-06", happenings.frozen),
        fault("FA-16", happenings.crowded),
        fault("FA-17", happenings.disowned),
        fault("FA-19", happenings.other_password),
    ],
)
async def test_database_goes_away(server: Process, begin: Begin, happen: Happen) -> None:
    """503 while it is away, and the first write succeeds soon after it is back."""
    async with begin(server) as play, watching(server.url, play.ledger):
        began = time.monotonic()
        await happen(play.stage, play.ledger)
        ended = time.monotonic()
        await play.ledger.acknowledges(10, since=ended)

    assert play.ledger.refusals(since=began)
    assert_recovered(play.ledger, ended)
    assert play.ledger.health == {"/livez": {200}, "/health": {200, 503}}


@pytest.mark.parametrize(
    "happen",
    [
        fault("FA-11", happenings.locked),
        fault("FA-14", happenings.read_only),
    ],
)
async def test_writes_are_refused_and_reads_go_on(
    server: Process, begin: Begin, happen: Happen
) -> None:
    """What only a write needs is missing: who reads is answered, and what was refused is undone."""
    async with begin(server) as play, watching(server.url, play.ledger):
        began = time.monotonic()
        await happen(play.stage, play.ledger)
        ended = time.monotonic()
        await play.ledger.acknowledges(10, since=ended)

    assert play.ledger.refusals(since=began, reads=False)
    assert_nobody_is_refused(play.ledger, within_seconds=TIMEOUT_SECONDS, reads=True)
    assert_recovered(play.ledger, ended)
    assert play.ledger.health == {"/livez": {200}, "/health": {200}}
    async with play.stage.session() as session:
        await assert_refused_is_not_kept(session, play.ledger)


@pytest.mark.parametrize(
    "happen",
    [
        fault("FA-03", happenings.ended_sessions),
        fault("FA-17", happenings.cancelled_statements),
    ],
)
async def test_sessions_are_ended(server: Process, begin: Begin, happen: Happen) -> None:
    """Reads whose session ends are sent again; a write is refused at most, and then never kept."""
    async with begin(server) as play:
        await happen(play.stage, play.ledger)
        ended = time.monotonic()
        await play.ledger.acknowledges(10, since=ended)

    assert_recovered(play.ledger, ended)


async def test_fa_21_redefined_tables_are_not_noticed(server: Process, begin: Begin) -> None:
    """Statements that were prepared before are prepared anew, and not one request fails."""
    async with begin(server) as play:
        await happenings.redefined(play.stage, play.ledger)
        await play.ledger.acknowledges(10, since=time.monotonic())

    assert_nobody_is_refused(play.ledger, within_seconds=TIMEOUT_SECONDS)
