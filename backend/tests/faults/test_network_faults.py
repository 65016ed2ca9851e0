"""A bad network between the server and its database: slow, silent, cut anywhere."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.database.databases import until
from tests.faults.conftest import FAR, TIMEOUT_SECONDS, Begin
from tests.faults.happenings import refused
from tests.faults.oracles import assert_recovered
from tests.faults.proxy import Proxy
from tests.faults.writers import Ledger
from tests.support.command import Process

pytestmark = pytest.mark.slow

Happen = Callable[[Proxy, Ledger], Awaitable[None]]
SILENCE_SECONDS = 5.0
CUTS = 12
# A statement with its values is longer, and an answer too.
FEW_BYTES = 3
MANY_BYTES = 40


async def slow(network: Proxy, ledger: Ledger) -> None:
    """Each answer takes longer than a request may."""
    network.weather.delay_seconds = TIMEOUT_SECONDS
    try:
        await refused(ledger)
        await asyncio.sleep(SILENCE_SECONDS)
    finally:
        network.weather.delay_seconds = 0


async def uneven(network: Proxy, ledger: Ledger) -> None:
    """Answers come just before and just after their statement is called off."""
    chance = random.Random(49)  # noqa: S311 - a run that can be repeated
    began = time.monotonic()
    ends = began + SILENCE_SECONDS
    try:
        while time.monotonic() < ends:
            network.weather.delay_seconds = chance.uniform(0.3, 0.6) * TIMEOUT_SECONDS
            await asyncio.sleep(0.05)
        await refused(ledger, since=began)
    finally:
        network.weather.delay_seconds = 0


async def silent(network: Proxy, ledger: Ledger) -> None:
    """Nothing comes through, and nobody says so."""
    network.silence()
    try:
        await asyncio.sleep(SILENCE_SECONDS)
        await refused(ledger)
    finally:
        network.speak()


async def reset(network: Proxy, _ledger: Ledger) -> None:
    """Connections are forgotten, five times."""
    for _ in range(5):
        network.reset()
        await asyncio.sleep(0.2)


async def answers_cut(network: Proxy, ledger: Ledger, *, after: int) -> None:
    network.weather.cuts_after = after
    try:
        await _cut(network, ledger)
    finally:
        network.weather.cuts_after = None


async def answers_cut_short(network: Proxy, ledger: Ledger) -> None:
    """The first bytes of an answer come, and then the end."""
    await answers_cut(network, ledger, after=FEW_BYTES)


async def answers_cut_in_the_middle(network: Proxy, ledger: Ledger) -> None:
    await answers_cut(network, ledger, after=MANY_BYTES)


async def answers_swallowed(network: Proxy, ledger: Ledger) -> None:
    """The transaction is committed, and nobody is told."""
    await answers_cut(network, ledger, after=0)


async def questions_cut(network: Proxy, ledger: Ledger) -> None:
    """Part of a statement arrives, and then the end."""
    network.weather.cuts_questions_after = MANY_BYTES
    try:
        await _cut(network, ledger)
    finally:
        network.weather.cuts_questions_after = None


async def questions_orphaned(network: Proxy, ledger: Ledger) -> None:
    """A statement arrives whole, and who asked has gone before it is done."""
    network.weather.cuts_questions_after = 1_000_000
    try:
        await _cut(network, ledger)
    finally:
        network.weather.cuts_questions_after = None


async def _cut(network: Proxy, ledger: Ledger) -> None:
    before = network.cuts
    await refused(ledger)
    await until(lambda: network.cuts >= before + CUTS)


def fault(number: str, happen: Happen) -> Any:
    """Name a case by its number and by what happens."""
    return pytest.param(happen, id=f"{number}-{happen.__name__}")


@pytest.mark.parametrize(
    "happen",
    [
        fault("FA-04", answers_swallowed),
        fault("FA-05", questions_cut),
        fault("FA-05", questions_orphaned),
        fault("FA-06", silent),
        fault("FA-07", slow),
        fault("FA-08", answers_cut_short),
        fault("FA-08", answers_cut_in_the_middle),
        fault("FA-08", reset),
        fault("FA-49", uneven),
    ],
)
async def test_network_is_bad(
    far_server: Process, network: Proxy, begin: Begin, happen: Happen
) -> None:
    """Nobody reads what is another's, nothing is half done, and the first good moment is used."""
    async with begin(far_server, name=FAR) as play:
        await happen(network, play.ledger)
        ended = time.monotonic()
        await play.ledger.acknowledges(10, since=ended)

    assert_recovered(play.ledger, ended)
