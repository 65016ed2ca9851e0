"""Servers that are replaced one by one behind a load balancer, while clients go on writing."""

import asyncio
import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.database.databases import url_of
from tests.faults.conftest import settings
from tests.faults.oracles import assert_counters_agree, assert_nothing_lost
from tests.faults.stage import Stage
from tests.faults.writers import writing
from tests.support.command import Process, started
from tests.support.nginx import MISSING, NGINX, free_port, nginx, recommended

pytestmark = pytest.mark.slow

ROLLS = int(os.environ.get("ROLLS", "10"))
"""How many times each server is replaced."""
DRAIN_SECONDS = "2"
KEEPALIVE = "100ms"
"""Shorter than the drain by two seconds, as in the document: so late a busy machine may be."""


class Replica:
    """One of the servers behind the load balancer, always at the same address."""

    def __init__(self, folder: Path, url: str, *, port: int, workers: str) -> None:
        self._env = settings(
            folder,
            url,
            PORT=str(port),
            WORKERS=workers,
            SHUTDOWN_DRAIN_SECONDS=DRAIN_SECONDS,
        )
        self._stack = ExitStack()
        self._process: Process | None = None

    def start(self) -> None:
        self._process = self._stack.enter_context(started("serve", env=self._env))
        assert self._process.url

    def stop(self) -> int:
        """End it as a service manager does; return the exit status."""
        assert self._process is not None
        with self._stack:
            return self._process.end(signal.SIGTERM)

    def restart(self) -> int:
        status = self.stop()
        self.start()
        return status


@pytest.mark.skipif(NGINX is None, reason=MISSING)
@pytest.mark.parametrize(("workers", "rolls"), [("1", ROLLS), ("2", 2)])
async def test_fa_24_fa_23_rolling_restarts_fail_nobody(
    stage: Stage, tmp_path: Path, workers: str, rolls: int
) -> None:
    """Not one answer is an error, though nginx repeats no creation that it has sent."""
    ports = [free_port() for _ in range(3)]
    front, *behind = ports
    changes = {
        "8000": str(front),
        "8001": str(behind[0]),
        "8002": str(behind[1]),
        "keepalive_timeout 3s": f"keepalive_timeout {KEEPALIVE}",
    }
    replicas = [
        Replica(tmp_path / "data", url_of(stage.serving), port=port, workers=workers)
        for port in behind
    ]
    await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in replicas))

    with nginx(tmp_path / "nginx", recommended(changes), port=front) as url:
        async with writing(url) as ledger:
            statuses = [
                await asyncio.to_thread(replica.restart)
                for _ in range(rolls)
                for replica in replicas
            ]
    for replica in replicas:
        await asyncio.to_thread(replica.stop)

    print(f"{len(statuses)} restarts, {len(ledger.answers)} answers")  # noqa: T201 - docs/operations.md has it
    assert set(statuses) == {0}
    assert ledger.strange == []
    assert set(ledger.count()) == {200, 201}
    async with stage.session() as session:
        await assert_nothing_lost(session, ledger)
        await assert_counters_agree(session)
