"""The workers of a server, as Linux sees them: who serves, and whom.

A process that has been started is no worker yet: it imports what it serves first, which takes
seconds on a busy machine. Who kills the others meanwhile measures the start of Python.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.commands.test_workers import workers_of
from tests.database.databases import until
from tests.support.command import Process

WORKERS: Final = 2
_LISTENING: Final = "0A"
_ESTABLISHED: Final = "01"


async def all_serving(server: Process) -> set[int]:
    """Wait until as many as there should be take connections; return them."""
    port = urlsplit(server.url).port
    found: set[int] = set()

    def serve() -> bool:
        listeners = _sockets(port, _LISTENING)
        found.clear()
        found.update(pid for pid in workers_of(server) if _watches(pid, listeners))
        return len(found) == WORKERS

    await until(serve)
    return found


async def clients_of(server: Process) -> dict[int, int]:
    """Count the clients of each worker, as soon as all are there."""
    pids = await all_serving(server)
    clients = _sockets(urlsplit(server.url).port, _ESTABLISHED)
    return {pid: len(clients & set(_descriptors(pid).values())) for pid in pids}


async def kill_one(server: Process) -> None:
    """Kill the worker with most clients, as soon as another one is there to take them."""
    clients = await clients_of(server)
    os.kill(max(clients, key=lambda pid: clients[pid]), signal.SIGKILL)


def _sockets(port: int | None, state: str) -> set[str]:
    """Return the server's ends of connections to this port, under their names in /proc/…/fd."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        f"socket:[{row[9]}]"
        for row in rows
        if row[3] == state and int(row[1].rpartition(":")[2], 16) == port
    }


def _descriptors(pid: int) -> dict[str, str]:
    """Return what a process has open, by number; nothing if it is gone."""
    found = {}
    with suppress(OSError):
        for entry in Path("/proc", str(pid), "fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                found[entry.name] = str(entry.readlink())
    return found


def _watches(pid: int, sockets: set[str]) -> bool:
    """Whether the process's event loop waits for news of one of the sockets."""
    descriptors = _descriptors(pid)
    ours = {number for number, name in descriptors.items() if name in sockets}
    for number, name in descriptors.items():
        if name == "anon_inode:[eventpoll]":
            with suppress(OSError):
                lines = Path("/proc", str(pid), "fdinfo", number).read_text().splitlines()
                watched = {line.split()[1] for line in lines if line.startswith("tfd:")}
                if ours & watched:
                    return True
    return False
