"""What an attack does to a server: its memory, its files, and how soon others are answered."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.database.databases import until
from tests.support.command import Process
from tests.support.pace import PACE
from tests.web.test_list_memory import memory_of

MEGABYTE: Final = 2**20
ASKING: Final = Path(__file__).with_name("asking.py")
# Connections of the pool, which opens them as it needs them.
FILES_MARGIN: Final = 8


@dataclass(slots=True)
class Watch:
    """What was seen.

    `growth_bytes`: the most by which the server grew. `asked`: when somebody else did, and how many
    seconds the answer took.
    """

    growth_bytes: int = 0
    left_bytes: int = 0
    asked: list[tuple[float, float]] = field(default_factory=list)

    def late(self, *, promised: float) -> float:
        """Return how many seconds beyond the promise the slowest answer would have taken alone."""
        return max(PACE.excess(at, at + took, promised=promised) for at, took in self.asked)

    def __str__(self) -> str:
        """Say it for docs/operations.md."""
        at = [0, *(1000 * each for each in sorted(took for _, took in self.asked))]
        return (
            f"+{self.growth_bytes / MEGABYTE:.1f} MB, {self.left_bytes / MEGABYTE:.1f} MB left,"
            f" {len(self.asked)} answers, p50 {at[len(at) // 2]:.1f} ms,"
            f" p99 {at[len(at) * 99 // 100]:.1f} ms, last {at[-1]:.1f} ms"
        )


@asynccontextmanager
async def watched(server: Process) -> AsyncIterator[Watch]:
    """Watch a server; afterwards, wait until it has let go of every connection.

    Raises: AssertionError when somebody else got no answer, TimeoutError when files stay open.
    """
    found, place = Watch(), urlsplit(server.url)
    before, files = begin_at(server), files_of(server)
    asking = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ASKING),
        str(place.hostname),
        str(place.port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert asking.stdout is not None
    await asking.stdout.readline()
    try:
        yield found
    finally:
        out, err = await asking.communicate(b"")
    assert asking.returncode == 0, err.decode()
    found.asked = json.loads(out)
    found.growth_bytes = memory_of(server.pid, "VmHWM") - before
    await until(lambda: files_of(server) <= files + FILES_MARGIN)
    found.left_bytes = memory_of(server.pid, "VmRSS") - before


def begin_at(server: Process) -> int:
    """Return the memory that it has, and forget the most that it had."""
    Path("/proc", str(server.pid), "clear_refs").write_text("5")
    return memory_of(server.pid, "VmRSS")


def files_of(server: Process) -> int:
    return len(list(Path("/proc", str(server.pid), "fd").iterdir()))
