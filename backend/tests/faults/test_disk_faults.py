"""A disk without room under the database: writes are refused, reads go on, and room is enough."""

import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.database.databases import url_of
from tests.database.embedded.given import run
from tests.faults.conftest import TIMEOUT_SECONDS, settings
from tests.faults.happenings import refused
from tests.faults.oracles import (
    assert_answered_well,
    assert_counters_agree,
    assert_nothing_lost,
    assert_recovered,
)
from tests.faults.stage import Stage
from tests.faults.writers import writing
from tests.support.command import started

pytestmark = pytest.mark.slow

DISK_MEGABYTES = 220


@pytest_asyncio.fixture
async def small_stage(tmp_path: Path) -> AsyncIterator[tuple[Stage, Path]]:
    """A database on a small disk of its own, in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    size = f"size={DISK_MEGABYTES}m,mode=0700"
    if run("mount", "-t", "tmpfs", "-o", size, "todo-test", disk) != 0:
        pytest.skip("mounting a disk is not allowed here")
    stage = Stage(disk / "data")
    try:
        await stage.prepare()
        yield stage, disk
    finally:
        stage.stop()
        assert run("umount", disk) == 0


async def test_fa_15_disk_without_room(small_stage: tuple[Stage, Path], tmp_path: Path) -> None:
    """53100 is a 503 for who writes; as soon as there is room the next task is created."""
    stage, disk = small_stage
    env = settings(tmp_path / "server", url_of(stage.serving))
    with started("serve", env=env) as process:
        async with writing(process.url) as ledger:
            # A new segment of the log: where one needs the next, PostgreSQL ends, as it has to.
            await stage.execute("SELECT pg_switch_wal()", "CHECKPOINT")
            began = time.monotonic()
            filling = disk / "filling"
            with filling.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free)
            await refused(ledger)
            filling.unlink()
            ended = time.monotonic()
            await ledger.acknowledges(10, since=ended)
        said = process.said

    assert "DiskFullError" in said
    assert ledger.refusals(since=began, reads=False)
    assert_answered_well(ledger, within_seconds=TIMEOUT_SECONDS)
    assert_recovered(ledger, ended)
    async with stage.session() as session:
        await assert_nothing_lost(session, ledger)
        await assert_counters_agree(session)
