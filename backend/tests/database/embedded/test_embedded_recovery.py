"""What a kill, a crash or a half-done start leaves behind, and the start that finds it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.database.embedded.given import (
    ACTIVE,
    QUICK,
    Owner,
    ask,
    begin_owner,
    begin_session,
    kill,
    processes_in,
)
from todo_backend.database.embedded import EmbeddedError, EmbeddedPostgres

Serve = Callable[[Path], EmbeddedPostgres]
Other = Callable[..., Owner]


@pytest.fixture
def stranger() -> Iterator[int]:
    """A process that has nothing to do with PostgreSQL."""
    process = subprocess.Popen(["/bin/sleep", "600"])
    yield process.pid
    process.kill()
    process.wait()


def test_everything_killed(data_dir: Path, serve: Serve, other_owner: Other) -> None:
    """Owner, server and children die at once; what was committed is there at the next start."""
    owner = other_owner(data_dir)
    ask(owner.url, "CREATE TABLE kept AS SELECT 7 AS number")
    kill(processes_in(data_dir))
    owner.kill()
    assert (data_dir / "postgres" / "postmaster.pid").exists()

    server = serve(data_dir)

    assert ask(server.url, "SELECT number FROM kept") == 7


def test_owner_killed(data_dir: Path, serve: Serve, other_owner: Other) -> None:
    """The server that outlives its owner is stopped and started again, its clients are gone."""
    owner = other_owner(data_dir)
    ask(owner.url, "CREATE TABLE kept AS SELECT 7 AS number")
    owner.kill()
    assert owner.postmaster in processes_in(data_dir)

    server = serve(data_dir)

    assert server.pid != owner.postmaster
    assert owner.postmaster not in processes_in(data_dir)
    assert ask(server.url, "SELECT number FROM kept") == 7


def test_owner_of_a_deep_folder_killed(tmp_path: Path, other_owner: Other) -> None:
    """The temporary folder of its socket does not stay for ever."""
    deep = tmp_path / ("d" * 100)
    owner = other_owner(deep)
    left = (deep / "socket").readlink()
    owner.kill()

    with EmbeddedPostgres.start(deep, options=QUICK) as server:
        assert ask(server.url, "SELECT 1") == 1

    assert not left.exists()


def test_busy_child_of_a_killed_server(data_dir: Path, serve: Serve, other_owner: Other) -> None:
    """A child that never looks up from its work would keep the shared memory for ever."""
    owner = other_owner(data_dir)
    client = begin_session(owner.url, "DO $$ BEGIN LOOP END LOOP; END $$")
    while not (child := ask(owner.url, ACTIVE, "DO %")):
        time.sleep(0.01)
    kill({owner.postmaster})
    owner.kill()
    assert child in processes_in(data_dir)

    server = serve(data_dir)

    assert child not in processes_in(data_dir)
    assert ask(server.url, "SELECT 1") == 1
    assert client.communicate(timeout=60)[0]


def test_killed_server_is_no_obstacle_to_stopping(data_dir: Path, serve: Serve) -> None:
    """An owner whose server died can still let go of the folder, and serve it again."""
    server = serve(data_dir)
    kill({server.pid})

    server.stop()

    assert ask(serve(data_dir).url, "SELECT 1") == 1


def test_pid_of_a_stranger(data_dir: Path, serve: Serve, stranger: int) -> None:
    """Pids come round again, in a container within minutes; the stranger is left in peace."""
    line = f"{stranger}\n{data_dir}/postgres\n1700000000\n5432\n{data_dir}/socket\n\n 1 1\nready\n"
    (data_dir / "postgres" / "postmaster.pid").write_text(line)
    (data_dir / "socket" / ".s.PGSQL.5432.lock").write_text(line)

    server = serve(data_dir)

    assert ask(server.url, "SELECT 1") == 1
    os.kill(stranger, 0)


@pytest.mark.parametrize("content", ["", "0\n", "-1\n", "nonsense\n", "99999999999999999999\n"])
def test_pid_file_without_a_pid(data_dir: Path, serve: Serve, content: str) -> None:
    """A power cut leaves an empty file, which PostgreSQL by itself does not get over."""
    (data_dir / "postgres" / "postmaster.pid").write_text(content)

    assert ask(serve(data_dir).url, "SELECT 1") == 1


def test_first_start_killed_in_the_middle(tmp_path: Path, serve: Serve) -> None:
    """A cluster is there whole or not at all, and what was begun is cleared away."""
    data_dir = tmp_path / "data"
    half = begin_owner(data_dir)
    while not list(data_dir.glob("postgres.new-*/base")):
        assert half.poll() is None
        time.sleep(0.001)
    half.kill()
    half.communicate()
    assert not (data_dir / "postgres").exists()

    server = serve(data_dir)

    assert ask(server.url, "SELECT 1") == 1
    assert list(data_dir.glob("postgres.new-*")) == []


def test_two_first_starts_at_once(tmp_path: Path) -> None:
    """One makes the cluster and serves; the other one says so, and harms nothing."""
    begun = [begin_owner(tmp_path / "data") for _ in range(2)]
    ended = [owner.communicate(timeout=60) for owner in begun]

    # An owner stops at the end of its input, so the second may also come after the first.
    refusals = [said for _, said in ended if said]
    served = [line for line, _ in ended if line]
    assert len(served) + len(refusals) == 2
    assert served
    assert all("already uses the data folder" in said for said in refusals)
    assert processes_in(tmp_path / "data") == set()


def test_interrupted_first_start(tmp_path: Path) -> None:
    """Ctrl-C during the first start leaves neither a process nor half a cluster."""
    data_dir = tmp_path / "data"
    half = begin_owner(data_dir)
    while not list(data_dir.glob("postgres.new-*/base")):
        assert half.poll() is None
        time.sleep(0.001)

    half.send_signal(signal.SIGINT)

    assert "KeyboardInterrupt" in half.communicate(timeout=60)[1]
    assert not (data_dir / "postgres").exists()


@pytest.mark.parametrize("content", [None, "", "cut off", "\xff"])
def test_lost_password(data_dir: Path, serve: Serve, content: str | None) -> None:
    """Whoever may read the folder may have a new password; the old one is dead."""
    first = serve(data_dir)
    first.stop()
    (data_dir / "password").unlink()
    if content is not None:
        (data_dir / "password").write_text(content, "latin-1")

    second = serve(data_dir)

    assert ask(second.url, "SELECT 1") == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(first.url, "SELECT 1")


def test_cluster_of_another_release(data_dir: Path) -> None:
    """PostgreSQL does not read the files of another major version."""
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedError, match="made by PostgreSQL 17 and this release has 18"):
        EmbeddedPostgres.start(data_dir, options=QUICK)


def test_folder_of_somebody_else(tmp_path: Path) -> None:
    """What lies in the cluster's place and is no cluster is neither served nor removed."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "diary.txt").write_text("mine")

    with pytest.raises(EmbeddedError, match="is not a PostgreSQL cluster"):
        EmbeddedPostgres.start(tmp_path, options=QUICK)

    assert (tmp_path / "postgres" / "diary.txt").read_text() == "mine"


def test_damaged_cluster(data_dir: Path) -> None:
    """A server that ends during its start passes its reason on, and lets go of the folder."""
    (data_dir / "postgres" / "global" / "pg_control").unlink()

    for _ in range(2):
        with pytest.raises(
            EmbeddedError, match=r"did not start on .*: could not find the database system"
        ):
            EmbeddedPostgres.start(data_dir, options=QUICK)


def test_unknown_option(data_dir: Path) -> None:
    """An option that PostgreSQL refuses is named."""
    with pytest.raises(EmbeddedError, match=r'did not start .*"no_such_setting"'):
        EmbeddedPostgres.start(data_dir, options={"no_such_setting": "1"})


def test_long_log_makes_room(data_dir: Path) -> None:
    """Two logs are kept, so that a server for years does not fill the disk."""
    with (data_dir / "postgres.log").open("ab") as log:
        log.truncate(11 * 1024 * 1024)

    with EmbeddedPostgres.start(data_dir, options=QUICK):
        assert (data_dir / "postgres.log").stat().st_size < 10_000

    assert (data_dir / "postgres.log.1").stat().st_size == 11 * 1024 * 1024


def test_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    """A wrong DATA_DIR is a sentence, not a traceback."""
    (tmp_path / "data").touch()

    with pytest.raises(EmbeddedError, match="is a file: set another DATA_DIR"):
        EmbeddedPostgres.start(tmp_path / "data", options=QUICK)


def test_folder_below_a_file(tmp_path: Path) -> None:
    """The same one level up."""
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedError, match="can't be used: Not a directory"):
        EmbeddedPostgres.start(tmp_path / "file" / "data", options=QUICK)
