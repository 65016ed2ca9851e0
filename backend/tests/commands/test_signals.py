"""How a server ends: requests first, then the database, and nothing is left running."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from tests.database.databases import session, until_blocked, url_of
from tests.database.embedded.given import kill, processes_in
from tests.support.command import environment, get, started, until
from tests.support.users import token_for
from todo_backend.database.migrate import _LOCK
from todo_backend.database.url import ConnectArgs, parse

TASKS = "/api/user_123/tasks"
_slow = pytest.mark.slow
one_of_the_endings = pytest.mark.parametrize(
    "ending",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=_slow),
        pytest.param(signal.SIGHUP, marks=_slow),
    ],
)


def address_of(data_dir: Path) -> ConnectArgs:
    """Where the database of a running server is; only its own user can read the password."""
    password = (data_dir / "password").read_text().strip()
    return parse(f"postgresql://todo:{password}@/todo?host={data_dir / 'socket'}&port=5432")


@asynccontextmanager
async def locked_tasks(args: ConnectArgs) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Keep everybody from the tasks; what is given waits until somebody has been stopped by it."""
    locker, watcher = [await asyncpg.connect(**args.kwargs()) for _ in range(2)]
    try:
        await locker.execute("BEGIN; LOCK TABLE tasks")
        yield partial(until_blocked, watcher)
    finally:
        # The server may be gone by now, and its end is no error here.
        locker.terminate()
        watcher.terminate()


class Request:
    """A request for the tasks that is under way in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._status: int | None = None
        self._thread = threading.Thread(target=self._run, args=(url,))
        self._thread.start()

    def _run(self, url: str) -> None:
        with suppress(OSError):
            self._status = get(url, token=token_for("user_123"))[0]

    def status(self) -> int | None:
        """The status of its answer; None where the connection ended without one."""
        self._thread.join()
        return self._status


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
@one_of_the_endings
async def test_fa_26_request_in_flight_is_answered(
    data_dir: Path, ending: signal.Signals, workers: str
) -> None:
    """The database outlives the request, and is stopped after it."""
    with started("serve", env=environment(data_dir, WORKERS=workers)) as process:
        url = await asyncio.to_thread(lambda: process.url)
        async with locked_tasks(address_of(data_dir)) as blocked:
            request = Request(f"{url}{TASKS}")
            await blocked()
            process.send(ending)
            await asyncio.to_thread(process.wait_for, "stopping|Terminated")
        assert await asyncio.to_thread(process.end) == 0

    assert request.status() == 200
    assert "Traceback" not in process.said


async def test_fa_26_second_ctrl_c_does_not_wait(data_dir: Path) -> None:
    """The connection ends without an answer; the database is stopped in order all the same."""
    with started("serve", env=environment(data_dir)) as process:
        url = await asyncio.to_thread(lambda: process.url)
        async with locked_tasks(address_of(data_dir)) as blocked:
            request = Request(f"{url}{TASKS}")
            await blocked()
            process.send(signal.SIGINT)
            await asyncio.to_thread(process.wait_for, "stopping")
            process.send(signal.SIGINT)
            assert await asyncio.to_thread(process.end) == 0

    assert request.status() is None
    assert "Traceback" not in process.said
    assert "database system is shut down" in (data_dir / "postgres.log").read_text()


@one_of_the_endings
def test_fa_26_signal_while_the_database_starts(data_dir: Path, ending: signal.Signals) -> None:
    """The start of the database is not cut in two, and what it started is stopped."""
    with started("serve", env=environment(data_dir)) as process:
        until(partial(processes_in, data_dir))
        process.send(ending)
        assert process.end() == 0

    assert process.said == ""


async def test_signal_while_others_migrate(empty: ConnectArgs, no_data: Path) -> None:
    """Whoever waits for another's migration can be ended meanwhile."""
    async with session(empty) as other:
        await other.execute("SELECT pg_advisory_lock($1)", _LOCK)
        with started("serve", env=environment(no_data, DATABASE_URL=url_of(empty))) as process:
            await until_blocked(other)
            assert await asyncio.to_thread(process.end, signal.SIGTERM) == 0

    assert process.said == ""


def test_ctrl_c_during_the_import(no_data: Path) -> None:
    """The half second before anything happens leaves no trace on the terminal either."""
    with started("serve", env=environment(no_data)) as process:
        loaded = Path("/proc", str(process.pid), "maps")
        until(lambda: "pydantic_core" in loaded.read_text())
        # On a machine that was busy just now the import is over, and the signal is noted.
        assert process.end(signal.SIGINT) in {-signal.SIGINT, 130, 0}

    assert process.said == ""


async def test_other_commands_stop_their_database(data_dir: Path) -> None:
    """A migration that is ended leaves no server behind."""
    with started("migrate", "up", env=environment(data_dir)) as process:
        await asyncio.to_thread(until, (data_dir / "socket" / ".s.PGSQL.5432").exists)
        assert await asyncio.to_thread(process.end, signal.SIGTERM) in {0, 143}

    assert "Traceback" not in process.said


def test_fa_25_everything_killed(data_dir: Path) -> None:
    """The next start finds a dead owner, a dead server and its pid file, and serves."""
    with started("serve", env=environment(data_dir)) as process:
        assert process.url
        kill(processes_in(data_dir))
        process.end(signal.SIGKILL)
    assert (data_dir / "postgres" / "postmaster.pid").exists()

    with started("serve", env=environment(data_dir)) as process:
        assert get(f"{process.url}{TASKS}", token=token_for("user_123"))[0] == 200
        assert process.end(signal.SIGTERM) == 0
