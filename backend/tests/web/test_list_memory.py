"""A list of 100,000 tasks, read from a server that is a process of its own."""

import http.client
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.support.command import Process, environment, started
from tests.support.many import given_many
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

MEGABYTE: Final = 2**20
GROWTH_MAX_BYTES: Final = 20 * MEGABYTE
_KILOBYTE: Final = 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


def memory_of(pid: int, field: str) -> int:
    """Return a field of /proc/PID/status in bytes."""
    for line in Path("/proc", str(pid), "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * _KILOBYTE
    raise LookupError(field)


def growth_while_listing(server: Process, user_id: str) -> tuple[int, int]:
    """Read a user's list, and return how many bytes it had and by how many the server grew."""
    before = memory_of(server.pid, "VmRSS")
    Path("/proc", str(server.pid), "clear_refs").write_text("5")  # forget the old peak
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {token_for(user_id)}"}
        connection.request("GET", f"/api/{user_id}/tasks", headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        size = 0
        while part := response.read(MEGABYTE):
            size += len(part)
    finally:
        connection.close()
    return size, memory_of(server.pid, "VmHWM") - before


@pytest.mark.parametrize(
    "given", [(100_000, 0), (5_000, 2000)], ids=["many tasks", "tasks as large as they can be"]
)
async def test_memory_does_not_grow_with_the_list(
    postgres: EmbeddedPostgres,
    address: ConnectArgs,
    superuser: asyncpg.Connection,
    tmp_path: Path,
    given: tuple[int, int],
) -> None:
    """What a list takes is a chunk of it, however many there are."""
    del address  # migrated before the server starts
    count, controls = given
    owner, warming = f"memory-{count}", f"warming-{count}"
    await given_many(superuser, owner, count, controls=controls)
    await given_many(superuser, warming, 150)
    env = environment(tmp_path / "data", DATABASE_URL=postgres.url, API_CONTRACTS="plain", PORT="0")

    with started("serve", env=env) as server:
        growth_while_listing(server, warming)
        size, growth = growth_while_listing(server, owner)
    await superuser.execute("DELETE FROM users WHERE id = $1", owner)

    assert size > GROWTH_MAX_BYTES * 0.75
    assert growth < GROWTH_MAX_BYTES
