"""uvicorn under our own signals: one process, or workers that are replaced when they die."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, parent_process, resource_tracker
from typing import Final

import structlog
import uvicorn
from uvicorn.supervisors import Multiprocess

from todo_backend.endings import Endings

Announce = Callable[[], None]

# What a worker needs beyond the grace of its requests.
_STOP_MARGIN_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.1
_READY_SECONDS: Final = 0.05
_log: Final = structlog.get_logger("todo_backend.serving")


def run_one(
    config: uvicorn.Config, sockets: list[socket.socket], *, endings: Endings, announce: Announce
) -> bool:
    """Serve in this process until a signal; False when it ends without having been asked to."""
    _Server(config, endings=endings, announce=announce).run(sockets=sockets)
    return endings.is_asked


def run_workers(
    config: uvicorn.Config, sockets: list[socket.socket], *, endings: Endings, announce: Announce
) -> bool:
    """Serve by `config.workers` processes until a signal; False when they all fail to start."""
    workers = _Workers(config, sockets=sockets, announce=announce)
    # uvicorn's handlers stand since the line above; ours see to the ends.
    endings.listen()
    if not endings.is_asked:
        with endings.told(workers.signal_queue.append):
            workers.run()
    return endings.is_asked


def end_with_parent() -> None:
    """End this worker, in good order, when the process that started it is gone without a word."""
    parent = parent_process()
    if parent is not None:
        watching = threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True)
        watching.start()


def _watch(sentinel: int) -> None:
    connection.wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


class _Server(uvicorn.Server):
    """Announces itself when it accepts requests. A second Ctrl-C cuts the requests short."""

    def __init__(self, config: uvicorn.Config, *, endings: Endings, announce: Announce) -> None:
        super().__init__(config)
        self._endings = endings
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _log.info("stopping; Ctrl-C again cuts running requests short")
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would leave the closing terminal out, and send the signal again at the end,
        # which would skip the stop of the database.
        with self._endings.told(lambda number: self.handle_exit(number, None)):
            self.should_exit = self._endings.is_asked
            yield


class _Workers(Multiprocess):
    """Announces itself when the first worker accepts requests."""

    def __init__(
        self, config: uvicorn.Config, *, sockets: list[socket.socket], announce: Announce
    ) -> None:
        super().__init__(config, sockets)
        self._announce: Announce | None = announce

    def init_processes(self) -> None:
        with _deaf_children():
            super().init_processes()

    def keep_subprocess_alive(self) -> None:
        with _deaf_children():
            super().keep_subprocess_alive()
        if self._announce and any(each.is_ready(_READY_SECONDS) for each in self.processes):
            self._announce()
            self._announce = None

    def handle_hup(self) -> None:
        """End as one process does: the terminal that closes takes the database along."""
        self.should_exit.set()

    def terminate_all(self) -> None:
        """End the workers, and with them the port: nobody is left to answer who connects."""
        for each in self.sockets:
            each.close()
        super().terminate_all()

    def join_all(self) -> None:
        """Wait for the workers; not for ever, and not at all after a second Ctrl-C."""
        grace = self.config.timeout_graceful_shutdown or 0
        deadline = time.monotonic() + grace + _STOP_MARGIN_SECONDS
        for worker in self.processes:
            while worker.process.is_alive():
                if signal.SIGINT in self.signal_queue or time.monotonic() > deadline:
                    worker.kill()
                worker.process.join(_POLL_SECONDS)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Start processes to which Ctrl-C and the closing terminal, sent to all at once, mean nothing.

    Their parent is told as well, and tells them in its turn. A blocked signal is inherited, and
    waits for this process; an ignored one would be lost.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Python's helper process; its start would unblock what the next line blocks.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
