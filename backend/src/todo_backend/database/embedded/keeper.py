"""Looks after the server: one that ends unasked is started again.

PostgreSQL recovers by itself from the crash of one of its sessions. Nobody else would notice the
end of the postmaster: by `kill -9`, or by the kernel when memory runs out.
"""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import structlog

from todo_backend.database.embedded import folder, processes
from todo_backend.database.embedded.errors import EmbeddedError

GivenUp = Callable[[], bool]
"""Whether nobody wants the server any more that is being started."""

_LOOK_SECONDS: Final = 0.1
# Between two attempts, and before the first one where a server has ended as soon as it was there.
_PAUSE_SECONDS: Final = 1.0
_log: Final = structlog.get_logger("todo_backend.database")


class Launch(Protocol):
    """Starts the server and waits until it accepts clients."""

    def __call__(self, *, is_given_up: GivenUp) -> subprocess.Popen[bytes]:
        """Raises: EmbeddedError, with nothing left running."""
        ...


class Keeper:
    """Has a server that runs, or runs again soon, until it is told to stop it."""

    def __init__(self, launch: Launch, *, data_dir: Path, cluster: Path) -> None:
        self._launch = launch
        self._data_dir = data_dir
        self._cluster = cluster
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._server = launch(is_given_up=self._stopping.is_set)
        self._started_at = time.monotonic()

    @property
    def pid(self) -> int:
        return self._server.pid

    def watch(self) -> None:
        """Start the server again whenever it ends; a thread does so."""
        # A daemon: Python waits for other threads before it comes to what is registered for its
        # end, and that is what stops the server of a process that forgets to.
        self._thread = threading.Thread(target=self._watch, daemon=True, name="postgres-keeper")
        self._thread.start()

    def stop(self) -> None:
        """Stop the server, or give up starting it again."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        processes.stop(self._server, self._cluster)

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            if self._server.poll() is not None:
                self._start_again()

    def _start_again(self) -> None:
        ended_at = time.monotonic()
        if ended_at - self._started_at < _PAUSE_SECONDS:
            self._stopping.wait(_PAUSE_SECONDS)
        said = None
        while not self._stopping.is_set():
            try:
                self._clear()
                self._server = self._launch(is_given_up=self._stopping.is_set)
            except (EmbeddedError, OSError) as problem:
                # An OSError's own words name the file.
                if said != str(problem) and not self._stopping.is_set():
                    said = str(problem)
                    _log.error("the embedded PostgreSQL ended, trying to start it", reason=said)
                self._stopping.wait(_PAUSE_SECONDS)
            else:
                self._started_at = time.monotonic()
                seconds = round(self._started_at - ended_at, 2)
                _log.error("the embedded PostgreSQL ended and was started again", seconds=seconds)
                return

    def _clear(self) -> None:
        """Clear away what a killed server leaves behind, as a start of the folder does."""
        processes.end_all(self._cluster)
        processes.clear_pid_file(self._cluster)
        folder.clear_socket(self._data_dir)
