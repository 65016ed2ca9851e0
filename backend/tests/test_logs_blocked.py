"""A server whose log nobody takes: it serves, and ends when it is asked to."""

import fcntl
import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.canary import SUITE
from tests.support.command import COMMAND, PATIENCE_SECONDS, environment, until
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

REQUESTS = 200
# Less than these requests say, and more than what is said in one go: that comes whole or waits.
PIPE_BYTES = 16_384
STOP_SECONDS = 15.0
TASKS = "/api/fa-28/tasks"


@contextmanager
def serving_into(
    descriptor: int, folder: Path, *, url: str, workers: int = 1
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve with this for its standard error; give the process and its address."""
    env = environment(folder / "data", DATABASE_URL=url, WORKERS=str(workers), ENVIRONMENT="test")
    banner = folder / "out"
    with banner.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - the product's own command
            [*COMMAND, "serve"], env=env, cwd=folder, stdout=out, stderr=descriptor
        )
    pattern = re.compile(r"Todo backend at (http://\S+)")
    try:
        until(lambda: pattern.search(banner.read_text()) or process.poll() is not None)
        found = pattern.search(banner.read_text())
        assert found, banner.read_text()
        yield process, found[1]
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def asked(url: str) -> list[int]:
    """Ask for tasks, again and again over one connection, and return the statuses."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {token_for('fa-28')}"}
    statuses = []
    for _ in range(REQUESTS):
        connection.request("GET", TASKS, headers=headers)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    return statuses


def stopped(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """End a server; return its status, and how many seconds it took."""
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE_SECONDS), time.monotonic() - start


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_fa_28_a_blocked_pipe_stops_no_request(
    postgres: EmbeddedPostgres, address: ConnectArgs, tmp_path: Path, workers: int
) -> None:
    """The log holds more than the pipe does; everything is answered, and the server ends."""
    del address  # migrated before the server starts
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    with serving_into(writing, tmp_path, url=postgres.url, workers=workers) as (process, url):
        os.close(writing)
        statuses = asked(url)
        status, seconds = stopped(process)

    assert statuses == [200] * REQUESTS
    assert status == 0
    assert seconds < STOP_SECONDS
    said = os.read(reading, 65_536).decode()
    os.close(reading)
    SUITE.watch("a blocked server", lambda: said)
    assert "GET /api/{user_id}/tasks" in said


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, the disk of Linux")
def test_fa_28_a_full_disk_stops_no_request(
    postgres: EmbeddedPostgres, address: ConnectArgs, tmp_path: Path
) -> None:
    """No line can be written, from the first one on."""
    del address
    descriptor = os.open("/dev/full", os.O_WRONLY)

    with serving_into(descriptor, tmp_path, url=postgres.url) as (process, url):
        statuses = asked(url)
        status, seconds = stopped(process)
    os.close(descriptor)

    assert statuses == [200] * REQUESTS
    assert status == 0
    assert seconds < STOP_SECONDS
