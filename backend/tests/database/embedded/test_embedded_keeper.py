"""A server that ends without having been asked to, and is looked after."""

import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.database.embedded.given import QUICK, ask, kill, processes_in
from tests.support.command import until
from todo_backend.database.embedded import EmbeddedPostgres

AGAIN = "the embedded PostgreSQL ended and was started again"
TRYING = "the embedded PostgreSQL ended, trying to start it"
Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is logged meanwhile."""
    with capture_logs() as found:
        yield found


@pytest.fixture
def kept(data_dir: Path, lines: Lines) -> Iterator[EmbeddedPostgres]:
    """A server that is looked after."""
    del lines  # before the server, which may say something
    with EmbeddedPostgres.start(data_dir, options=QUICK) as server:
        server.look_after()
        yield server


def answers(server: EmbeddedPostgres) -> bool:
    try:
        return bool(ask(server.url, "SELECT 1"))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


def test_killed_server_is_started_again(kept: EmbeddedPostgres, lines: Lines) -> None:
    """At the same address, with what was committed, and a line says so."""
    ask(kept.url, "CREATE TABLE kept AS SELECT 7 AS number")
    before = kept.pid

    kill(processes_in(kept.data_dir))
    until(lambda: answers(kept))

    assert ask(kept.url, "SELECT number FROM kept") == 7
    assert kept.pid != before
    until(lambda: lines)
    assert [line["event"] for line in lines] == [AGAIN]


def test_killed_postmaster_alone_is_started_again(kept: EmbeddedPostgres) -> None:
    """Its children, which nobody leads any more, are no obstacle."""
    before = kept.pid

    kill({before})
    until(lambda: kept.pid != before and answers(kept))

    assert ask(kept.url, "SELECT 1") == 1


def test_server_that_can_not_be_started(kept: EmbeddedPostgres, lines: Lines) -> None:
    """It is tried again until somebody has mended what is in the way, and said once."""
    control = kept.data_dir / "postgres" / "global" / "pg_control"
    aside = control.rename(control.with_name("aside"))
    kill(processes_in(kept.data_dir))
    until(lambda: lines)
    time.sleep(1.5)  # for another attempt, which says nothing new

    aside.rename(control)
    until(lambda: answers(kept))

    until(lambda: len(lines) > 1)
    assert [line["event"] for line in lines] == [TRYING, AGAIN]
    assert "could not find the database system" in lines[0]["reason"]


def test_stop_while_it_can_not_be_started(kept: EmbeddedPostgres, lines: Lines) -> None:
    """Whoever wants to stop it is not kept waiting, and the folder is free."""
    (kept.data_dir / "postgres" / "global" / "pg_control").unlink()
    kill(processes_in(kept.data_dir))
    until(lambda: lines)

    kept.stop()

    assert processes_in(kept.data_dir) == set()
    assert [line["event"] for line in lines] == [TRYING]


def test_stop_is_an_end(kept: EmbeddedPostgres, lines: Lines) -> None:
    """What was asked to end stays ended."""
    kept.stop()

    time.sleep(0.3)  # longer than it takes to notice
    assert processes_in(kept.data_dir) == set()
    assert lines == []
