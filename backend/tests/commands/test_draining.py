"""Between the signal and the end: everything is served, and whoever asks is sent elsewhere."""

import http.client
import json
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.database.databases import url_of
from tests.support.command import Process, environment, get, started, until
from tests.support.users import token_for
from todo_backend.database.url import ConnectArgs

TASKS = "/api/user_123/tasks"
LONG = "300"
"""Longer than anybody here waits for an end."""


def draining_environment(args: ConnectArgs, no_data: Path, **others: str) -> dict[str, str]:
    return environment(no_data, DATABASE_URL=url_of(args), **others)


def health(process: Process) -> tuple[int, str, str]:
    status, text = get(f"{process.url}/health")
    body = json.loads(text)
    return status, body["status"], body["database"]


@pytest.mark.parametrize("workers", ["1", pytest.param("3", marks=pytest.mark.slow)])
def test_fa_26_sigterm_drains_and_another_changes_nothing(
    migrated: ConnectArgs, no_data: Path, workers: str
) -> None:
    """New connections are served, each of every worker that may take them; Ctrl-C ends it."""
    env = draining_environment(migrated, no_data, WORKERS=workers, SHUTDOWN_DRAIN_SECONDS=LONG)
    with started("serve", env=env) as process:
        before = health(process)
        process.send(signal.SIGTERM)
        until(lambda: health(process)[0] == 503)
        process.send(signal.SIGTERM)
        during = {health(process) for _ in range(20)}
        served = get(f"{process.url}{TASKS}", token=token_for("user_123"))[0]
        is_running = process.popen.poll() is None

        status = process.end(signal.SIGINT)

    assert before == (200, "healthy", "connected")
    assert during == {(503, "draining", "connected")}
    assert (served, is_running, status) == (200, True, 0)
    assert "Traceback" not in process.said


def test_fa_23_each_answer_is_the_last_of_its_connection(
    migrated: ConnectArgs, no_data: Path
) -> None:
    """Whoever keeps connections lets go of them by itself; then the server ends by itself."""
    env = draining_environment(migrated, no_data, SHUTDOWN_DRAIN_SECONDS="2")
    with started("serve", env=env) as process:
        kept = http.client.HTTPConnection(urlsplit(process.url).netloc)
        words = []
        for _ in range(2):
            kept.request("GET", "/livez")
            response = kept.getresponse()
            response.read()
            words.append(response.headers["connection"])
            process.send(signal.SIGTERM)
            until(lambda: health(process)[0] == 503)
        is_closed = kept.sock is None
        status = process.end()

    assert words == [None, "close"]
    assert is_closed
    assert status == 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGHUP])
def test_fa_26_only_sigterm_drains(
    migrated: ConnectArgs, no_data: Path, ending: signal.Signals
) -> None:
    """Whoever sits at the terminal doesn't wait."""
    env = draining_environment(migrated, no_data, SHUTDOWN_DRAIN_SECONDS=LONG)
    with started("serve", env=env) as process:
        assert process.url

        assert process.end(ending) == 0


def test_fa_26_sigpipe_ends_nothing(migrated: ConnectArgs, no_data: Path) -> None:
    """It is what writing to somebody who has gone brings."""
    with started("serve", env=draining_environment(migrated, no_data)) as process:
        assert process.url
        process.send(signal.SIGPIPE)

        assert get(f"{process.url}{TASKS}", token=token_for("user_123"))[0] == 200
        assert process.end(signal.SIGTERM) == 0
