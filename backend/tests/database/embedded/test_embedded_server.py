"""The embedded server while all is well: what it offers, and what it keeps to itself."""

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.database.embedded.given import (
    ACTIVE,
    PYTHON_PATH,
    QUICK,
    Owner,
    ask,
    begin_session,
    processes_in,
    run,
)
from todo_backend.database.embedded import EmbeddedError, EmbeddedPostgres, binary

FORGETFUL = """
import os, sys
from pathlib import Path
from todo_backend.database.embedded import EmbeddedPostgres

server = EmbeddedPostgres.start(Path(sys.argv[1]), options={"fsync": "off"})
if child := os.fork():
    os.waitpid(child, 0)
    print(Path("/proc", str(server.pid)).exists())
"""
Serve = Callable[[Path], EmbeddedPostgres]


def test_the_role_finds_its_database(running: EmbeddedPostgres) -> None:
    """A URL is all a client needs, and text and time mean the same on every machine."""
    found = ask(
        running.url,
        """SELECT ROW(current_user, datname, pg_encoding_to_char(encoding), datlocprovider::text,
                      datlocale, current_setting('timezone'), current_setting('data_checksums'))
             FROM pg_database WHERE datname = current_database()""",
    )

    assert tuple(found) == ("todo", "todo", "UTF8", "b", "C.UTF-8", "UTC", "on")


def test_a_wrong_password_is_refused(running: EmbeddedPostgres) -> None:
    """The socket alone lets nobody in."""
    password = urlsplit(running.url).password
    assert password

    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(running.url, "SELECT 1", password=password[:-1])


def test_every_way_in_asks_for_a_password(running: EmbeddedPostgres) -> None:
    """No rule trusts a local user, a host or a replica."""
    methods = ask(running.url, "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules")

    assert methods == ["scram-sha-256"]


def test_it_does_not_listen_on_the_network(running: EmbeddedPostgres) -> None:
    """Its one address is a socket in a folder that is its owner's alone."""
    addresses = ask(running.url, "SELECT current_setting('listen_addresses')")
    folder = ask(running.url, "SELECT current_setting('unix_socket_directories')")

    assert addresses == ""
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700


def test_options_win_over_the_settings(running: EmbeddedPostgres) -> None:
    """The tests' servers trade durability for speed."""
    assert ask(running.url, "SELECT current_setting('fsync')") == "off"


def test_its_files_are_its_owners(running: EmbeddedPostgres) -> None:
    """Nobody else reads the data, the password or the log."""
    names = ("postgres", "password", "postgres.log", "lock")
    modes = {name: stat.S_IMODE((running.data_dir / name).stat().st_mode) & 0o077 for name in names}

    assert modes == dict.fromkeys(names, 0)


def test_its_representation_has_no_password(running: EmbeddedPostgres) -> None:
    """A handle may end up in a log."""
    password = urlsplit(running.url).password

    assert password
    assert password not in repr(running)


def test_the_log_has_no_data(running: EmbeddedPostgres) -> None:
    """Neither statements, nor parameters, nor keys of rows reach the log when something fails."""
    with pytest.raises(asyncpg.UniqueViolationError):
        ask(
            running.url,
            "WITH made AS (INSERT INTO pg_ts_config SELECT * FROM pg_ts_config) SELECT $1::text",
            "secret-parameter",
        )

    log = (running.data_dir / "postgres.log").read_text()
    assert "duplicate key" in log
    assert not any(word in log for word in ("secret-parameter", "INSERT", "DETAIL"))


def test_a_second_start_names_the_first(running: EmbeddedPostgres) -> None:
    """Two servers on one folder would ruin it; the sentence says whom to stop."""
    with pytest.raises(EmbeddedError, match=rf"process {os.getpid()}\) already uses .*DATA_DIR"):
        EmbeddedPostgres.start(running.data_dir, options=QUICK)


def test_a_second_start_names_another_process(
    data_dir: Path, other_owner: Callable[..., Owner]
) -> None:
    """The same between processes; and the refusal leaves the first one alone."""
    first = other_owner(data_dir)

    with pytest.raises(EmbeddedError, match=rf"process {first.pid}\) already uses"):
        EmbeddedPostgres.start(data_dir, options=QUICK)

    assert first.postmaster in processes_in(data_dir)
    assert first.stop() == ""


def test_stop_leaves_nothing_running(data_dir: Path) -> None:
    """All of its processes end with it, and stopping twice is harmless."""
    server = EmbeddedPostgres.start(data_dir, options=QUICK)
    assert server.pid in processes_in(data_dir)

    server.stop()
    server.stop()

    assert processes_in(data_dir) == set()
    assert not any((data_dir / "socket").iterdir())


def test_an_owner_that_ends_leaves_nothing_running(data_dir: Path) -> None:
    """Whoever forgets to stop the server stops it at the end, but not at the end of a fork."""
    said = subprocess.check_output(  # noqa: S603 - the test's own program
        [sys.executable, "-c", FORGETFUL, str(data_dir)], env={"PYTHONPATH": PYTHON_PATH}, text=True
    )

    assert said == "True\n"
    assert processes_in(data_dir) == set()


def test_stop_does_not_wait_for_clients(data_dir: Path, serve: Serve) -> None:
    """A client in the middle of a transaction is disconnected."""
    server = serve(data_dir)
    client = begin_session(server.url, "BEGIN; SELECT pg_sleep(600)")
    while not ask(server.url, ACTIVE, "BEGIN%"):
        time.sleep(0.01)

    server.stop()

    assert "terminating connection" in client.communicate(timeout=60)[0]


def test_data_survives_a_restart(data_dir: Path, serve: Serve) -> None:
    """The same folder means the same rows and the same password."""
    first = serve(data_dir)
    ask(first.url, "CREATE TABLE kept AS SELECT 7 AS number")
    first.stop()

    second = serve(data_dir)

    assert second.url == first.url
    assert ask(second.url, "SELECT number FROM kept") == 7


def test_it_holds_nothing_of_its_owners(data_dir: Path, serve: Serve) -> None:
    """A pipe that is waited on ends with its owner, though the server goes on."""
    reading, writing = os.pipe2(os.O_NONBLOCK)  # without O_CLOEXEC: a program may inherit it

    server = serve(data_dir)
    os.close(writing)

    assert os.read(reading, 1) == b""
    os.close(reading)
    assert os.getsid(server.pid) != os.getsid(0)


def test_it_knows_no_secret_of_its_owners(
    data_dir: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner's environment has the application's secrets in it."""
    monkeypatch.setenv("BETTER_AUTH_SECRET", "not-for-the-database")
    monkeypatch.setenv("PGPORT", "1")

    server = serve(data_dir)

    environment = Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"not-for-the-database" not in environment
    assert b"PGPORT" not in environment


def test_a_deep_folder_gets_a_short_socket(tmp_path: Path) -> None:
    """A socket's path is limited to about 100 bytes; a data folder's is not."""
    deep = tmp_path.joinpath(*["a folder, with a comma and ümläuts"] * 6)

    with EmbeddedPostgres.start(deep, options=QUICK) as server:
        folder = (deep / "socket").readlink()
        assert ask(server.url, "SELECT 1") == 1
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert not folder.exists()


def test_an_odd_path_is_spelled_right(template: Path, tmp_path: Path, serve: Serve) -> None:
    """Blanks, percent signs and letters beyond ASCII survive the URL."""
    odd = shutil.copytree(template, tmp_path / "50% ä&b=c?d#e")

    server = serve(odd)

    assert ask(server.url, "SELECT 1") == 1
    assert not (odd / "socket").is_symlink()


def test_the_clients_of_the_same_release_are_there() -> None:
    """A folder of one release has them all; backups need a pg_dump no older than the server."""
    for name in ("psql", "pg_dump", "pgbench"):
        assert run(binary(name), "--version") == 0


def test_an_unknown_program_is_refused() -> None:
    """A later wheel may leave one out."""
    with pytest.raises(EmbeddedError, match="no pg_nothing of PostgreSQL 18"):
        binary("pg_nothing")


def test_without_the_wheel_it_names_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever installed the package without the extra learns the extra's name."""
    monkeypatch.setattr("sys.path", [])

    with pytest.raises(EmbeddedError, match=r"todo-backend\[embedded\], or set DATABASE_URL"):
        binary("postgres")
