"""What the tests of the embedded server start, look at and kill."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from todo_backend.database.embedded import binary

QUICK: Final[Mapping[str, str]] = {"fsync": "off"}
# What a program started by another interpreter or another user needs to find the same packages.
PYTHON_PATH: Final = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)

# Whether somebody is executing what `$1` is like.
ACTIVE: Final = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1"

_OWNER: Final = """
import os, sys
from pathlib import Path
from todo_backend.database.embedded import EmbeddedError, EmbeddedPostgres

try:
    server = EmbeddedPostgres.start(Path(sys.argv[1]), options={"fsync": "off"})
except EmbeddedError as error:
    sys.exit(f"EmbeddedError: {error}")
print(os.getpid(), server.pid, server.url, flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """Another Python process that serves a folder; it stops when its standard input ends."""

    process: subprocess.Popen[str]
    pid: int
    postmaster: int
    url: str

    def stop(self) -> str:
        """Let it end by itself; return what it said on its way."""
        return self.process.communicate(timeout=60)[1]

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.process.communicate(timeout=60)


class OwnerFailedError(Exception):
    """The other process ended instead of serving; the text is its standard error."""


def owner(
    data_dir: Path,
    *,
    prefix: Sequence[str] = (),
    python: str = sys.executable,
    path: str | None = None,
) -> Owner:
    """Serve a folder from another process; `prefix` says as whom, `path` replaces its PATH."""
    environment = {
        "PATH": path or os.environ["PATH"],
        "PYTHONPATH": PYTHON_PATH,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = begin_owner(data_dir, prefix=prefix, python=python, environment=environment)
    assert process.stdout is not None
    words = process.stdout.readline().split()
    if not words:
        raise OwnerFailedError(process.communicate(timeout=60)[1])
    return Owner(process, int(words[0]), int(words[1]), words[2])


def begin_owner(
    data_dir: Path,
    *,
    prefix: Sequence[str] = (),
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start the other process without waiting for its server."""
    return subprocess.Popen(  # noqa: S603 - the test's own program
        [*prefix, python, "-c", _OWNER, str(data_dir)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(url: str, question: str, *values: object, password: str | None = None) -> Any:
    """Ask over a connection of its own; the first column of the first row."""

    async def answer() -> Any:
        connection = await asyncpg.connect(url, password=password)
        try:
            return await connection.fetchval(question, *values)
        finally:
            await connection.close()

    return asyncio.run(answer())


def begin_session(url: str, statements: str) -> subprocess.Popen[str]:
    """Start a client that executes the statements; it says nothing until it ends."""
    return subprocess.Popen(  # noqa: S603 - the test's own program
        [binary("psql"), url, "-c", statements],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(*words: str | Path, environment: Mapping[str, str] | None = None) -> int:
    """Run a program of the system to its end; 127 where there is none of that name."""
    try:
        return subprocess.run(  # noqa: S603 - the test's own words
            words, env=environment, capture_output=True, check=False
        ).returncode
    except FileNotFoundError:
        return 127


def processes_in(data_dir: Path) -> set[int]:
    """Whatever works in the cluster's folder, by any name, as Linux sees it."""
    cluster = (data_dir / "postgres").stat()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            folder = (process / "cwd").stat()
        except OSError:
            continue
        if (folder.st_dev, folder.st_ino) == (cluster.st_dev, cluster.st_ino):
            found.add(int(process.name))
    return found


def kill(pids: set[int]) -> None:
    """Kill them all; children may be gone as soon as their postmaster is."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
