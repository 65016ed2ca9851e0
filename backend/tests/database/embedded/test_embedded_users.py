"""Who may start the embedded server: an ordinary user, root, and root in a container."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.database.embedded.given import (
    PYTHON_PATH,
    QUICK,
    Owner,
    OwnerFailedError,
    ask,
    kill,
    processes_in,
    run,
)
from todo_backend.database.embedded import EmbeddedPostgres

Other = Callable[..., Owner]

NOBODY = 65534
# A user without a name, as containers are given on their command line.
NAMELESS = 54321
NAMESPACE = ("unshare", "--user", "--map-user=1", "true")
# What a container's root may do by default, CAP_SYS_PTRACE and CAP_SYS_ADMIN not among it.
AS_CONTAINER_ROOT = (
    "setpriv",
    "--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap",
    "--",
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture(scope="module")
def open_python() -> str:
    """An interpreter of this version that a user without any rights can run."""
    version = f"python3.{sys.version_info.minor}"
    trial = "from todo_backend.database.embedded import binary; binary('psql')"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        words = (*as_user(NOBODY), python, "-c", trial)
        if run(*words, environment={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHON_PATH}) == 0:
            return python
    pytest.skip("the interpreter or its packages are in a folder that only root may enter")


@pytest.fixture(params=[NOBODY, NAMELESS])
def their_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of some user's, below one that everybody may enter."""
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, request.param, request.param)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def without_unshare(tmp_path: Path) -> str:
    """A PATH on which namespaces can't be had, as in a container that forbids them."""
    programs = tmp_path / "programs"
    programs.mkdir()
    setpriv = shutil.which("setpriv")
    assert setpriv
    (programs / "setpriv").symlink_to(setpriv)
    return str(programs)


def as_user(uid: int) -> tuple[str, ...]:
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--")


def owners_in(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def uid_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


@needs_root
def test_ordinary_user(open_python: str, their_folder: Path, other_owner: Other) -> None:
    """Nothing but a folder of one's own is needed, at the first start and later."""
    user = their_folder.stat().st_uid
    if user == NAMELESS and run(*as_user(user), *NAMESPACE) != 0:
        pytest.skip("initdb wants a user with a name where user namespaces are forbidden")

    for _ in range(2):
        server = other_owner(their_folder / "data", prefix=as_user(user), python=open_python)
        assert ask(server.url, "SELECT 1") == 1
        assert uid_of(server.postmaster) == user
        assert server.stop() == ""

    assert processes_in(their_folder / "data") == set()
    assert owners_in(their_folder / "data") == {user}


@needs_root
def test_root_on_a_folder_of_an_ordinary_user(
    open_python: str, their_folder: Path, other_owner: Other
) -> None:
    """Root leaves no file behind that the folder's owner could not use afterwards."""
    user = their_folder.stat().st_uid
    with EmbeddedPostgres.start(their_folder, options=QUICK) as server:
        assert ask(server.url, "SELECT 1") == 1
        assert uid_of(server.pid) == user
    assert owners_in(their_folder) == {user}

    after = other_owner(their_folder, prefix=as_user(user), python=open_python)

    assert ask(after.url, "SELECT 1") == 1
    assert after.stop() == ""


@needs_root
def test_root_keeps_its_own_files(data_dir: Path) -> None:
    """In a user namespace the server is root to the rest of the system, and powerless."""
    if run(*NAMESPACE) != 0:
        pytest.skip("user namespaces are forbidden here")

    with EmbeddedPostgres.start(data_dir, options=QUICK) as server:
        assert ask(server.url, "SELECT 1") == 1
        status = Path(f"/proc/{server.pid}/status").read_text()

    assert "CapEff:\t0000000000000000" in status
    assert owners_in(data_dir) == {0}


@needs_root
def test_root_without_namespaces(tmp_path: Path, without_unshare: str, other_owner: Other) -> None:
    """An unprivileged user serves, below a folder of root's whose mode stays as it is."""
    tmp_path.chmod(0o700)

    server = other_owner(tmp_path / "data", path=without_unshare)

    assert ask(server.url, "SELECT 1") == 1
    assert uid_of(server.postmaster) not in {0, NOBODY}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert tmp_path.stat().st_uid == 0
    assert server.stop() == ""


@needs_root
def test_lost_password_without_namespaces(
    data_dir: Path, without_unshare: str, other_owner: Other
) -> None:
    """The password is made anew there too, and the server's user keeps its files."""
    first = other_owner(data_dir, path=without_unshare)
    assert first.stop() == ""
    (data_dir / "password").unlink()

    second = other_owner(data_dir, path=without_unshare)

    assert ask(second.url, "SELECT 1") == 1
    assert uid_of(second.postmaster) == (data_dir / "postgres").stat().st_uid
    assert second.stop() == ""


@needs_root
def test_namespaces_come_and_go(data_dir: Path, without_unshare: str, other_owner: Other) -> None:
    """A folder made with namespaces is served without them, and with them again."""
    for path in (without_unshare, None, without_unshare):
        server = other_owner(data_dir, path=path)
        assert ask(server.url, "SELECT 1") == 1
        assert server.stop() == ""


@needs_root
def test_root_of_a_container(data_dir: Path, without_unshare: str, other_owner: Other) -> None:
    """Few capabilities are enough, also to end what a killed owner left running."""
    first = other_owner(data_dir, prefix=AS_CONTAINER_ROOT, path=without_unshare)
    first.kill()
    assert first.postmaster in processes_in(data_dir)

    second = other_owner(data_dir, prefix=AS_CONTAINER_ROOT, path=without_unshare)

    assert ask(second.url, "SELECT 1") == 1
    assert first.postmaster not in processes_in(data_dir)
    assert second.stop() == ""


@needs_root
def test_root_that_finds_only_children(
    data_dir: Path, without_unshare: str, other_owner: Other
) -> None:
    """Without the right to look at them, their leaving is waited for."""
    first = other_owner(data_dir, prefix=AS_CONTAINER_ROOT, path=without_unshare)
    kill({first.postmaster})
    first.kill()

    second = other_owner(data_dir, prefix=AS_CONTAINER_ROOT, path=without_unshare)

    assert ask(second.url, "SELECT 1") == 1
    assert second.stop() == ""


@needs_root
def test_root_with_no_way_out(data_dir: Path, tmp_path: Path, other_owner: Other) -> None:
    """Neither program is there: the sentence says what else to do."""
    with pytest.raises(OwnerFailedError, match="as an ordinary user, or set DATABASE_URL"):
        other_owner(data_dir, path=str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root can enter every folder")
def test_folder_of_another_user() -> None:
    """What may not be entered is named."""
    with pytest.raises(Exception, match="Permission denied"):
        EmbeddedPostgres.start(Path("/root/data"), options=QUICK)
