"""The server itself: started, found ready, stopped."""

import atexit
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self
from urllib.parse import quote

from todo_backend.database.embedded import cluster as clusters
from todo_backend.database.embedded import folder, processes, unprivileged
from todo_backend.database.embedded.binaries import binary, environment
from todo_backend.database.embedded.errors import EmbeddedError
from todo_backend.database.embedded.keeper import GivenUp, Keeper
from todo_backend.database.embedded.unprivileged import RunAs

# Recovery after a crash replays at most max_wal_size below.
_START_SECONDS: Final = 120
_LEFTOVER_SECONDS: Final = 5
_POLL_SECONDS: Final = 0.005
if sys.platform == "win32":
    _CREATION_FLAGS: Final = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _CREATION_FLAGS: Final = 0

_SETTINGS: Final[Mapping[str, str]] = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Users' data stays out of the log: no statement, no parameter, no DETAIL with a key in it.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # A small machine: few processes, little disk, and a container's /dev/shm of 64 MB.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_wal_size": "512MB",
}
# After a crash one call for all files instead of one for each: ready in a third of a second, where
# it took two to five on a busy disk.
_RECOVERY: Final[Mapping[str, str]] = (
    {"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}
)


@dataclass(frozen=True, slots=True)
class _Address:
    """Where clients reach the server: the settings that say so, and the URL without a password."""

    settings: Mapping[str, str]
    host: str
    port: int

    def url(self, password: str) -> str:
        login = f"postgresql://{clusters.ROLE}:{password}"
        if not self.host.startswith("/"):
            return f"{login}@{self.host}:{self.port}/{clusters.DATABASE}"
        # The port is spelled out because libpq and asyncpg would look for PGPORT.
        return f"{login}@/{clusters.DATABASE}?host={quote(self.host)}&port={self.port}"


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running server on a data folder that this process owns until `stop`.

    `url` holds the password; it stays the same when the server is started again.
    """

    data_dir: Path
    url: str = field(repr=False)
    _keeper: Keeper = field(repr=False)
    _owner: int = field(repr=False)
    _cleanup: ExitStack = field(repr=False)

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return self._keeper.pid

    @classmethod
    def start(cls, data_dir: Path, *, options: Mapping[str, str] | None = None) -> Self:
        """Start the server of a data folder, both made when new, and wait until it accepts clients.

        `options` are server settings that win over the ones given here. What a killed owner left
        behind, its running server included, is ended first.
        Raises: EmbeddedError, with nothing left running.
        """
        program = binary("postgres")
        data_dir = data_dir.absolute()
        try:
            with ExitStack() as stack:
                folder.make(data_dir)
                stack.callback(folder.disown, folder.own(data_dir))
                return cls._start(data_dir.resolve(), program, options or {}, stack)
        except OSError as problem:
            what = f" ({problem.filename})" if problem.filename else ""
            raise EmbeddedError(
                f"The data folder {data_dir} can't be used: {problem.strerror or problem}{what}."
            ) from problem

    @classmethod
    def _start(
        cls, data_dir: Path, program: Path, options: Mapping[str, str], stack: ExitStack
    ) -> Self:
        cluster = data_dir / "postgres"
        clusters.check(cluster)
        processes.end_all(cluster)
        processes.clear_pid_file(cluster)
        clusters.remove_drafts(data_dir)
        run_as = unprivileged.choose(data_dir, cluster=cluster, program=program)
        run_as.give(data_dir / "lock")
        sync = options.get("fsync", "on") != "off"
        password = clusters.provide(data_dir, cluster, run_as=run_as, sync=sync)
        stack.callback(folder.clear_socket_folder, data_dir)
        address = _address(data_dir, run_as=run_as)
        settings = {**_SETTINGS, **_RECOVERY, **address.settings, **options}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = (*run_as.prefix, str(program), "-D", str(cluster), *words)
        launch = partial(_launch, command, data_dir, cluster, run_as=run_as)
        keeper = Keeper(launch, data_dir=data_dir, cluster=cluster)
        stack.callback(keeper.stop)
        started = cls(data_dir, address.url(password), keeper, os.getpid(), stack.pop_all())
        atexit.register(started.stop)
        return started

    def look_after(self) -> None:
        """Start the server again whenever it ends without `stop`, as after a crash."""
        self._keeper.watch()

    def stop(self) -> None:
        """Disconnect the clients, stop the server, wait for its end and let go of the folder.

        A process that ends without a call gets one. A second call does nothing, nor does a call in
        a fork of the process that started the server.
        """
        if os.getpid() == self._owner:
            atexit.unregister(self.stop)
            self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _address(data_dir: Path, *, run_as: RunAs) -> _Address:
    if sys.platform == "win32":
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        listening = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        return _Address({**listening, "port": str(port)}, "127.0.0.1", port)
    place = str(folder.make_socket_folder(data_dir, run_as=run_as))
    listening = {"listen_addresses": "", "unix_socket_directories": place}
    return _Address({**listening, "unix_socket_permissions": "0700", "port": "5432"}, place, 5432)


def _launch(
    command: tuple[str, ...],
    data_dir: Path,
    cluster: Path,
    *,
    run_as: RunAs,
    is_given_up: GivenUp,
) -> subprocess.Popen[bytes]:
    """Start the server and wait until it accepts clients; try again while orphans are leaving."""
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while True:
        with folder.open_log(data_dir, run_as=run_as) as log:
            log_start = log.seek(0, os.SEEK_END)
            server = _spawn(command, log)
        try:
            if _becomes_ready(server, cluster, is_given_up):
                return server
        except BaseException:
            processes.stop(server, cluster)
            raise
        said = folder.log_since(data_dir, log_start)
        if "pre-existing shared memory block" not in said or time.monotonic() > deadline:
            why = folder.reason(said, data_dir=data_dir)
            raise EmbeddedError(f"PostgreSQL did not start on {cluster}: {why}.")
        time.sleep(_POLL_SECONDS)


def _spawn(command: tuple[str, ...], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the words are this package's own, and no shell reads them
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        # A session of its own keeps the terminal's Ctrl-C away: its owner stops it, last of all.
        start_new_session=True,
        creationflags=_CREATION_FLAGS,
    )


def _becomes_ready(server: subprocess.Popen[bytes], cluster: Path, is_given_up: GivenUp) -> bool:
    """Wait; False when the server ended instead."""
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None:
        lines = processes.read_pid_file(cluster)
        if lines[:1] == [str(server.pid)] and lines[7:8] and lines[7].strip() == "ready":
            return True
        if is_given_up():
            raise EmbeddedError(f"The start of PostgreSQL on {cluster} was given up.")
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"PostgreSQL did not accept connections on {cluster} within {_START_SECONDS} s; "
                f"{cluster.with_name('postgres.log')} says what it was doing."
            )
        time.sleep(_POLL_SECONDS)
    return False
