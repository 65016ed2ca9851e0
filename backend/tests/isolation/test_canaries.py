"""A hundred users at once try everything on each other: nobody ever sees a trace of another.

`python -m tests.isolation` is the same at any length.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from tests.database.databases import SHAPES, database, session
from tests.database.poolers import PGBOUNCER, pooler, reached_by_tcp
from tests.isolation import stage as stages
from tests.isolation.rewriting import ABLATIONS
from tests.isolation.run import WEIGHTS, Plan, run
from todo_backend.database import migrate
from todo_backend.database.url import ConnectArgs

OPERATIONS: Final = 100_000
ALL_KINDS: Final = {operation.__name__ for operation in WEIGHTS}
walls = pytest.mark.parametrize("wall", ABLATIONS)


async def test_is_13_nothing_leaks_in_a_short_run(
    stage: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """Every contract, 2,000 operations by 40 users over 64 connections."""
    async with stages.in_process(stage) as places:
        report = await run(Plan(2_000, users=40, accounts=6), places, truth)

    assert report.findings == [], str(report)
    assert report.operations >= 2_000


@walls
async def test_is_18_is_19_nothing_leaks_in_a_short_run_without(
    stage: ConnectArgs, truth: asyncpg.Connection, wall: str
) -> None:
    """Either wall keeps users apart when the other is down."""
    await ABLATIONS[wall](truth)
    async with stages.in_process(stage) as places:
        report = await run(Plan(1_000, users=40, accounts=4), places, truth)

    assert report.findings == [], str(report)


async def test_is_20_without_both_walls_it_is_found_at_once(
    stage: ConnectArgs, truth: asyncpg.Connection
) -> None:
    """The control: what these runs would say if users were not kept apart."""
    async with stages.in_process(stage) as places:
        for take_down in ABLATIONS.values():
            await take_down(truth)
        report = await run(Plan(2_000, users=40, accounts=0, stops_at_first=True), places, truth)

    assert report.findings
    assert report.operations < 1_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectArgs]:
    with reached_by_tcp(tmp_path_factory.mktemp("isolation") / "postgres") as found:
        yield found


@pytest_asyncio.fixture
async def migrated(server: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    async with database(server) as args:
        await migrate.up(args, SHAPES)
        yield args


@pytest_asyncio.fixture
async def all_rows(migrated: ConnectArgs) -> AsyncIterator[asyncpg.Connection]:
    async with session(migrated) as connection:
        yield connection


@pytest.mark.slow
async def test_is_13_is_23_nothing_leaks_in_100_000_operations(
    migrated: ConnectArgs, all_rows: asyncpg.Connection, tmp_path: Path
) -> None:
    """By 100 users, over 64 connections to three deployments of two processes each."""
    async with stages.processes(migrated, tmp_path) as places:
        report = await run(Plan(OPERATIONS), places, all_rows)

    assert report.findings == [], str(report)
    assert set(report.kinds) == ALL_KINDS


@pytest.mark.slow
@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed here")
async def test_is_13_is_15_is_17_nothing_leaks_through_a_pooler_with_one_session(
    migrated: ConnectArgs, all_rows: asyncpg.Connection, tmp_path: Path
) -> None:
    """In transaction mode: every transaction of every process follows one of somebody else's."""
    async with (
        pooler(migrated, tmp_path, prepared=False, sessions=1) as pooled,
        stages.processes(pooled, tmp_path, DB_PREPARED_STATEMENTS="off") as places,
    ):
        report = await run(Plan(OPERATIONS, seed=2), places, all_rows)

    assert report.findings == [], str(report)


@pytest.mark.slow
@walls
async def test_is_18_is_19_nothing_leaks_in_100_000_operations_without(
    migrated: ConnectArgs, all_rows: asyncpg.Connection, tmp_path: Path, wall: str
) -> None:
    """Either wall is enough: the policies without filters, and the filters without policies."""
    await ABLATIONS[wall](all_rows)
    async with stages.processes(migrated, tmp_path) as places:
        report = await run(Plan(OPERATIONS, seed=3), places, all_rows)

    assert report.findings == [], str(report)
