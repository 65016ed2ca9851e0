"""A disk that is full, or read-only: one clear sentence, and a later start that works."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.database.embedded.given import QUICK, ask, processes_in, run
from todo_backend.database.embedded import EmbeddedError, EmbeddedPostgres

Serve = Callable[[Path], EmbeddedPostgres]
Mount = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    if run("mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "todo-test", place) != 0:
        pytest.skip("mounting a disk is not allowed here")
    yield place
    assert run("umount", place) == 0


def remount(disk: Path, options: str) -> None:
    assert run("mount", "-o", f"remount,{options}", disk) == 0


def fill(disk: Path) -> Path:
    file = disk / "filling"
    free = shutil.disk_usage(disk).free
    with file.open("wb") as filling:
        os.posix_fallocate(filling.fileno(), 0, free)
    return file


def test_disk_too_small_for_a_cluster(disk: Path, serve: Serve) -> None:
    """The first start fails whole, and succeeds once there is room."""
    with pytest.raises(EmbeddedError, match=r"could not make its cluster .*: .*No space left"):
        serve(disk / "data")
    assert list((disk / "data").glob("postgres*")) == []

    remount(disk, "size=256m")

    assert ask(serve(disk / "data").url, "SELECT 1") == 1


def test_disk_that_has_filled_up(disk: Path, serve: Serve) -> None:
    """Nothing is left running by the failed start, and nothing is lost."""
    remount(disk, "size=256m")
    server = serve(disk / "data")
    ask(server.url, "CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    filling = fill(disk)

    with pytest.raises(EmbeddedError, match=r"No space left|the disk is full"):
        serve(disk / "data")

    assert processes_in(disk / "data") == set()
    filling.unlink()
    assert ask(serve(disk / "data").url, "SELECT number FROM kept") == 7


def test_full_disk_at_the_first_start(disk: Path) -> None:
    """Not even the lock can be written."""
    fill(disk)

    with pytest.raises(EmbeddedError, match="can't be used: No space left on device"):
        EmbeddedPostgres.start(disk / "data", options=QUICK)


def test_read_only_disk(disk: Path) -> None:
    """Whether the folder is there or not."""
    (disk / "data").mkdir()
    remount(disk, "ro")

    for name in ("data", "new"):
        with pytest.raises(EmbeddedError, match=rf"{name} can't be used: Read-only file system"):
            EmbeddedPostgres.start(disk / name, options=QUICK)


@pytest.mark.skipif(os.geteuid() == 0, reason="the mode of a folder does not bind root")
def test_read_only_folder(tmp_path: Path) -> None:
    """The same by the folder's mode."""
    tmp_path.chmod(0o500)

    with pytest.raises(EmbeddedError, match="can't be used: Permission denied"):
        EmbeddedPostgres.start(tmp_path / "data", options=QUICK)
