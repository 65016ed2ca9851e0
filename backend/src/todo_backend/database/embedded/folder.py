"""The data folder: who owns it, the password kept in it, the log, and where the socket goes."""

import os
import re
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from todo_backend.database.embedded.errors import DataFolderInUse, EmbeddedError
from todo_backend.database.embedded.unprivileged import RunAs

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# sun_path has 104 bytes on macOS, 108 on Linux, the final NUL included.
_SOCKET_PATH_LIMIT: Final = 103
_SOCKET_FILES: Final = (".s.PGSQL.5432", ".s.PGSQL.5432.lock")
# Windows locks bytes, and locked ones can't be read: not those of the pid.
_LOCKED_BYTE: Final = 1024
_LOG_LIMIT_BYTES: Final = 10 * 1024 * 1024
_PASSWORD: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # safe in a URL; 256 bits
_FAILURE: Final = re.compile(
    r"(?:PANIC|FATAL|^postgres|^initdb): +(?!warning|hint|detail)(?:error: +)?(.+?)\.?$",
    re.MULTILINE,
)


def make(data_dir: Path) -> None:
    """Create the folder (0700) unless it is there; one that is there keeps its mode."""
    if data_dir.exists() and not data_dir.is_dir():
        raise EmbeddedError(f"The data folder {data_dir} is a file: set another DATA_DIR.")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


def own(data_dir: Path) -> int:
    """Own the folder until `disown(…)` of what this returns, or until this process ends anyhow.

    Python opens the descriptor non-inheritable, so neither the server nor any other program that
    this process starts keeps the folder owned after it.
    Raises: EmbeddedError when another process, or this one, owns it already.
    """
    lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _claim(lock, data_dir)
    except BaseException:
        os.close(lock)
        raise
    return lock


def disown(lock: int) -> None:
    """Let go of the folder, for forks of this process too: they share the lock."""
    if sys.platform == "win32":
        os.lseek(lock, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(lock, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


def password(data_dir: Path) -> str | None:
    """Read the password of the login role; None when there is none, or none that was made here."""
    try:
        text = (data_dir / "password").read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return text if _PASSWORD.fullmatch(text) else None


def keep_password(data_dir: Path, text: str, *, run_as: RunAs) -> None:
    """Write the password, readable by its owner alone; it is never there in part."""
    draft = data_dir / "password.new"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(descriptor)
    run_as.give(draft)
    draft.replace(data_dir / "password")


def open_log(data_dir: Path, *, run_as: RunAs) -> IO[bytes]:
    """Open the server's log for appending; a log past its limit becomes `postgres.log.1` first."""
    path = data_dir / "postgres.log"
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_name("postgres.log.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    run_as.give(path)
    return os.fdopen(descriptor, "ab")


def log_since(data_dir: Path, position: int) -> str:
    """Read what the server has logged from a byte of its log on."""
    with (data_dir / "postgres.log").open("rb") as file:
        file.seek(position)
        return file.read().decode("utf-8", "replace")


def reason(said: str, *, data_dir: Path) -> str:
    """Find out why a program of PostgreSQL failed, from what it said before it ended."""
    if failure := _FAILURE.search(said):
        return failure[1]
    # A full disk takes no log line either.
    if shutil.disk_usage(data_dir).free < 1024 * 1024:
        return "the disk is full"
    return f"it gave no reason; {data_dir / 'postgres.log'} may know more"


def make_socket_folder(data_dir: Path, *, run_as: RunAs) -> Path:
    """Provide an empty folder (0700) for the server's socket, until `clear_socket_folder(…)`.

    It is `socket` in the data folder, or, where that path is too long for a socket or has a comma,
    which separates hosts in a URL, a temporary folder that `socket` links to.
    """
    link = data_dir / "socket"
    clear_socket_folder(data_dir)
    if _fits(link):
        folder = link
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    else:
        folder = _temporary_folder()
        link.symlink_to(folder)
    run_as.give(folder)
    return folder


def clear_socket_folder(data_dir: Path) -> None:
    """Remove a socket, its lock file and a temporary folder, also those of a killed server."""
    clear_socket(data_dir)
    link = data_dir / "socket"
    if link.is_symlink():
        with suppress(FileNotFoundError):
            link.readlink().rmdir()
        link.unlink()


def clear_socket(data_dir: Path) -> None:
    """Remove what a killed server has left in the folder of its socket.

    The lock file names a pid, which another process may have by now.
    """
    for name in _SOCKET_FILES:
        (data_dir / "socket" / name).unlink(missing_ok=True)


def _fits(folder: Path) -> bool:
    path = os.fsencode(folder / _SOCKET_FILES[0])
    return len(path) <= _SOCKET_PATH_LIMIT and not set(b',"') & set(path)


def _temporary_folder() -> Path:
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder
        if _fits(Path(parent, "todo-12345678")):
            return Path(tempfile.mkdtemp(prefix="todo-", dir=parent))
    raise EmbeddedError("No folder has a path short enough for a socket: set a shorter DATA_DIR.")


def _claim(lock: int, data_dir: Path) -> None:
    if not _lock(lock):
        holder = os.read(lock, 20).decode("ascii", "ignore").strip()
        process = f" (process {holder})" if holder else ""
        raise DataFolderInUse(
            f"Another server{process} already uses the data folder {data_dir}: "
            "stop it, or set another DATA_DIR."
        )
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    return True
