"""On what the figures were made: the lines that stand above them."""

import asyncio
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.seed import Connection

_PACKAGES: Final = (
    "fastapi",
    "uvicorn",
    "uvloop",
    "httptools",
    "sqlmodel",
    "sqlalchemy",
    "asyncpg",
)
_LOOK_SECONDS: Final = 2
_SETTINGS: Final = ("shared_buffers", "fsync", "synchronous_commit", "jit")


async def describe(connection: Connection) -> tuple[str, ...]:
    postgresql = await connection.fetchval("SHOW server_version")
    settings = [f"{name} {await connection.fetchval('SHOW ' + name)}" for name in _SETTINGS]
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{cores} cores ({_processor()}), shared by servers, database and wrk",
        f"{memory_gib:.0f} GiB RAM, {platform.system()} {platform.release()}",
        f"PostgreSQL {postgresql} ({', '.join(settings)})",
        f"Python {platform.python_version()}",
        f"before the start other programs kept {await _busy_cores():.1f} cores busy",
        ", ".join(f"{package} {version(package)}" for package in _PACKAGES),
    )


async def _busy_cores() -> float:
    """Return how many cores' worth of time is not idle while the servers have nothing to do."""
    before, started = _idle_seconds(), time.monotonic()
    await asyncio.sleep(_LOOK_SECONDS)
    elapsed = time.monotonic() - started
    cores = os.cpu_count() or 1
    return max(0.0, cores - (_idle_seconds() - before) / elapsed)


def _idle_seconds() -> float:
    # The first line sums up all processors; its fourth and fifth figures are idle and iowait.
    fields = Path("/proc/stat").read_text().split(maxsplit=6)
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
