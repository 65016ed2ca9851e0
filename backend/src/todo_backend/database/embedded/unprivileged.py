"""PostgreSQL refuses to run as root: whom to run it as instead, without touching the system.

A user namespace lets root's own files look like those of an ordinary user, and changes none of
them. Containers often forbid namespaces; there `setpriv` takes on an unprivileged uid that keeps
one capability: to reach what lies in folders that only root may enter.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from todo_backend.database.embedded.binaries import run
from todo_backend.database.embedded.errors import EmbeddedError

if sys.platform != "win32":
    import pwd


@dataclass(frozen=True, slots=True)
class User:
    """A user and a group of the system, with or without a name."""

    uid: int
    gid: int


# No system gives this uid to anybody, and it lies inside the 65,536 ids that a container has.
_UNASSIGNED: Final = User(65533, 65533)


@dataclass(frozen=True, slots=True)
class RunAs:
    """How to run a program of PostgreSQL: words to put before it, and whose files it needs.

    `owner` is None where the files of the calling user are right as they are. `maker` is somebody
    else who runs initdb and the single-user server, which refuse a user without a name.
    """

    prefix: tuple[str, ...] = ()
    owner: User | None = None
    maker: "RunAs | None" = None

    def give(self, path: Path) -> None:
        """Hand one file or folder to the server's user; a folder that is not its own, whole."""
        if sys.platform == "win32" or self.owner is None:
            return
        if path.lstat().st_uid == self.owner.uid:
            return
        # The folder itself goes last: until then an interrupted hand-over is seen and redone.
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.lchown(Path(folder, name), self.owner.uid, self.owner.gid)
        os.lchown(path, self.owner.uid, self.owner.gid)


def choose(data_dir: Path, *, cluster: Path, program: Path) -> RunAs:
    """How this process can run `program` on `cluster`, a folder in `data_dir` that may not exist.

    Files of an ordinary user stay that user's, also when root starts the server.
    Raises: EmbeddedError when this is root and there is no way to be anybody else.
    """
    if sys.platform == "win32":
        return RunAs()
    is_root = _caller().uid == 0
    existing = cluster if cluster.exists() else data_dir
    for way in _ways_of_root(existing) if is_root else _ways_of_a_user():
        if not way.prefix or _reaches(way, data_dir, program):
            return way
    raise EmbeddedError(
        "PostgreSQL does not run as root, and neither user namespaces nor setpriv work here: "
        "start as an ordinary user, or set DATABASE_URL."
    )


def _ways_of_root(existing: Path) -> Iterator[RunAs]:
    status = existing.stat()
    owner = User(status.st_uid, status.st_gid)
    if owner.uid == 0:
        yield from _in_a_namespace()
        owner = _UNASSIGNED
    if setpriv := shutil.which("setpriv"):
        named = _named_user()
        yield RunAs(_become(setpriv, owner), owner, RunAs(_become(setpriv, named), named))


def _ways_of_a_user() -> Iterator[RunAs]:
    if not _has_name(_caller().uid):  # `docker run --user 12345`
        yield from _in_a_namespace()
    yield RunAs()


def _in_a_namespace() -> Iterator[RunAs]:
    if unshare := shutil.which("unshare"):
        named = _named_user()
        mapping = (f"--map-user={named.uid}", f"--map-group={named.gid}")
        yield RunAs((unshare, "--user", *mapping, "--"), _caller())


def _become(setpriv: str, user: User) -> tuple[str, ...]:
    identity = (f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups")
    reaching = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return (setpriv, *identity, *reaching, "--no-new-privs", "--")


def _caller() -> User:
    if sys.platform == "win32":
        return _UNASSIGNED
    return User(os.geteuid(), os.getegid())


def _named_user() -> User:
    if sys.platform != "win32":
        for name in ("nobody", "daemon", "bin"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return User(entry.pw_uid, entry.pw_gid)
    return _UNASSIGNED


def _has_name(uid: int) -> bool:
    if sys.platform != "win32":
        try:
            pwd.getpwuid(uid)
        except KeyError:
            return False
    return True


def _reaches(candidate: RunAs, data_dir: Path, program: Path) -> bool:
    enters = ("/bin/sh", "-c", 'test -x "$0" && test -x "$1"', data_dir, program)
    return run(*candidate.prefix, *enters).returncode == 0
