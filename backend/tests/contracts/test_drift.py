"""A server that is attacked for long is afterwards what it was: nothing piles up in it."""

import asyncio
from pathlib import Path

import pytest

from tests.contracts import hostile, wire
from tests.contracts.hostile import Row, Scene
from tests.contracts.people import Person, fresh_id

ROUNDS = 3
DRIFT_KIB = 20 * 1024
_PAUSES = 100
_PAUSE_SECONDS = 0.05


def resident_kib() -> int:
    [line] = [
        each for each in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in each
    ]
    return int(line.split()[1])


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def send_all(user: Person, rows: list[Row]) -> None:
    """Send every hostile request, each on a connection of its own."""
    task = await user.given_task()
    scene = Scene(
        collection=user.tasks,
        completion=user.driver.completion,
        alice=user.user_id,
        bob=fresh_id("bob"),
        task_id=str(task["id"]),
        other_id="1",
        tag='"x"',
    )
    for row in rows:
        octets = hostile.request(row, scene, authorization=user.authorization)
        async with wire.connected(user.deployment.url) as connection:
            response = await connection.exchange(octets, method=row["method"].upper())
        assert response.status_code < 500, row["id"]


async def settled(tasks: int, files: int) -> tuple[int, int]:
    """Wait until there are no more tasks and files than before, and return how many there are."""
    for _ in range(_PAUSES):
        if len(asyncio.all_tasks()) <= tasks and open_files() <= files:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    return len(asyncio.all_tasks()), open_files()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells what a process has")
async def test_g_10_nothing_piles_up(user: Person) -> None:
    """After rounds of hostile requests: as many tasks and open files, and hardly more memory."""
    rows = hostile.rows()
    await send_all(user, rows)
    tasks, files = len(asyncio.all_tasks()), open_files()
    tasks, files = await settled(tasks, files)
    memory = resident_kib()

    for _ in range(ROUNDS):
        await send_all(user, rows)

    assert await settled(tasks, files) == (tasks, files)
    assert resident_kib() - memory < DRIFT_KIB
