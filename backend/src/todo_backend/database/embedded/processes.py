"""The server's processes: which ones are alive on a cluster, and how they end.

`kill -9` can leave any of three things behind: a postmaster that nobody owns, children whose
postmaster is gone, or a `postmaster.pid` whose number belongs to a stranger by now. Only what is
seen to work on this very cluster is signalled.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from todo_backend.database.embedded.binaries import binary, run
from todo_backend.database.embedded.errors import EmbeddedError

# A fast shutdown writes a checkpoint. PostgreSQL 18.4 never gets there when it is asked while it
# recovers from the crash of a child; an immediate shutdown then leaves the rest to the next start.
_SHUTDOWN_SECONDS: Final = 15
# Children without a postmaster notice and leave by themselves unless they are busy.
_ORPHANS_SECONDS: Final = 1
_FORCED_SECONDS: Final = 5
_POLL_SECONDS: Final = 0.02


def read_pid_file(cluster: Path) -> list[str]:
    """Read the lines of `postmaster.pid`; none where there is no such file.

    Shape: pid, folder, start time, port, socket folder, address, shared memory, state. The later
    lines appear as the start proceeds.
    """
    try:
        return (cluster / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:
        return []


def end_all(cluster: Path) -> None:
    """End every server process on the cluster, as gently as it lets itself be ended.

    Raises: EmbeddedError when some outlive SIGKILL, as a process that waits for a dead disk does.
    """
    alive = _servers(cluster)
    if not alive:
        return
    postmaster = _recorded_pid(cluster) & alive
    _send("INT", postmaster)
    if _are_gone(cluster, _SHUTDOWN_SECONDS if postmaster else _ORPHANS_SECONDS):
        return
    _send("QUIT", _servers(cluster))
    if not _are_gone(cluster, _FORCED_SECONDS):
        kill_all(cluster)


def kill_all(cluster: Path) -> None:
    """End every process on a cluster whose content does not matter, or that nothing else ends.

    Raises: EmbeddedError as `end_all`.
    """
    deadline = time.monotonic() + _FORCED_SECONDS
    while pids := _servers(cluster):
        if time.monotonic() > deadline:
            names = ", ".join(map(str, sorted(pids)))
            raise EmbeddedError(f"Processes of an earlier server on {cluster} do not end: {names}.")
        _send("KILL", pids)
        time.sleep(_POLL_SECONDS)


def clear_pid_file(cluster: Path) -> None:
    """Remove a `postmaster.pid` that would stop a start although no server of the cluster is left.

    PostgreSQL takes any live process of that number for its own, and gives up on an empty file. A
    file whose process is gone stays: PostgreSQL also looks up the shared memory that it names.
    """
    recorded = _recorded_pid(cluster)
    if sys.platform != "win32" and (not recorded or any(map(_exists, recorded))):
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def stop(server: subprocess.Popen[bytes], cluster: Path) -> None:
    """Stop the server that this process started: clients are disconnected, nothing is lost."""
    for name, seconds in (
        ("INT", _SHUTDOWN_SECONDS),
        ("QUIT", _FORCED_SECONDS),
        ("KILL", _FORCED_SECONDS),
    ):
        if server.poll() is None:
            _send(name, [server.pid])
            with suppress(subprocess.TimeoutExpired):
                server.wait(seconds)
    end_all(cluster)  # a postmaster that crashed leaves children


def _recorded_pid(cluster: Path) -> set[int]:
    # A single-user server writes its pid with a minus sign.
    match = re.fullmatch(r"-?([1-9][0-9]{0,8})", "".join(read_pid_file(cluster)[:1]))
    return {int(match[1])} if match else set()


def _servers(cluster: Path) -> set[int]:
    candidates = _recorded_pid(cluster)
    if sys.platform == "linux":
        candidates |= {int(entry.name) for entry in Path("/proc").glob("[0-9]*")}
    return {pid for pid in candidates if _serves(pid, cluster)}


def _serves(pid: int, cluster: Path) -> bool:
    """Whether the process is a server, a child of one, or an initdb, that works on the cluster."""
    if sys.platform == "win32":
        return False  # nothing here tells one process from another; PostgreSQL checks by itself
    if sys.platform != "linux":
        listing = run("ps", "-ww", "-o", "command=", "-p", str(pid)).stdout
        return "postgres" in listing and f"-D {cluster}" in listing
    process = Path("/proc", str(pid))
    try:
        if (process / "comm").read_bytes() not in {b"postgres\n", b"initdb\n"}:
            return False
        # The working folder tells children too, but in a container root may not see that of
        # another user's process; the arguments of a postmaster are for everyone.
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        return os.fsencode(cluster) in arguments or (process / "cwd").samefile(cluster)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False  # gone, a zombie, or not ours


def _are_gone(cluster: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _servers(cluster):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _send(name: str, pids: Iterable[int]) -> None:
    for pid in pids:
        if sys.platform == "win32":  # PostgreSQL emulates signals there
            run(binary("pg_ctl"), "kill", name, str(pid))
        else:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.Signals[f"SIG{name}"])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
