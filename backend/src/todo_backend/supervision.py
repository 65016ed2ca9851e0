"""uvicorn under our own signals: one process, or workers that are replaced when they die."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, parent_process, resource_tracker
from typing import Final

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from todo_backend.draining import LINGER_SECONDS, DrainedServer, Draining
from todo_backend.endings import Endings

Announce = Callable[[], None]

# What a worker needs beyond the grace of its requests.
_STOP_MARGIN_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.1
# Who is well answers within it, so that the first one to serve is announced without delay.
_ANSWER_SECONDS: Final = 0.05
_log: Final = structlog.get_logger("todo_backend.serving")


def run_one(
    config: uvicorn.Config,
    sockets: list[socket.socket],
    *,
    endings: Endings,
    draining: Draining,
    announce: Announce,
) -> bool:
    """Serve in this process until a signal; False when it ends without having been asked to."""
    _Server(config, endings=endings, draining=draining, announce=announce).run(sockets=sockets)
    return endings.is_asked


def run_workers(
    config: uvicorn.Config,
    sockets: list[socket.socket],
    *,
    endings: Endings,
    draining: Draining,
    announce: Announce,
) -> bool:
    """Serve by `config.workers` processes until a signal; False when they all fail to start."""
    workers = _Workers(config, sockets=sockets, draining=draining, announce=announce)
    # uvicorn's handlers stand since the line above; ours see to the ends.
    endings.listen()
    if not endings.is_asked:
        with endings.told(workers.note):
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


class _Server(DrainedServer):
    """Announces itself when it accepts requests.

    SIGTERM lets it drain first, Ctrl-C ends that, and a second Ctrl-C cuts requests short.
    """

    def __init__(
        self, config: uvicorn.Config, *, endings: Endings, draining: Draining, announce: Announce
    ) -> None:
        super().__init__(config, draining)
        self._endings = endings
        self._announce = announce
        self._drained_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._announce()

    async def on_tick(self, counter: int) -> bool:
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _log.info("stopping; Ctrl-C again cuts running requests short")
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would leave the closing terminal out, and send the signal again at the end,
        # which would skip the stop of the database.
        with self._endings.told(self._note):
            self.should_exit = self._endings.is_asked
            yield

    def _note(self, number: signal.Signals) -> None:
        drains = self.draining.seconds > 0 and self.started and not self.should_exit
        if number != signal.SIGTERM or not drains:
            self.handle_exit(number, None)
        elif self._drained_at is None:
            self.draining.begin()
            self._drained_at = time.monotonic() + self.draining.seconds


class _Worker(Process):
    """A process that serves, and drains when its supervisor does."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], draining: Draining
    ) -> None:
        self._draining = draining
        self._asked_at: float | None = None
        self.is_serving = False
        super().__init__(config, sockets)

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = DrainedServer(self.config, self._draining)
        return self._server

    def ask(self) -> None:
        """Hear what it has answered, and ask again; never wait, as one that hangs would have us."""
        with suppress(OSError, EOFError):  # it is ending, and silent from now on
            if self.parent_conn.poll():
                self.is_serving = self.parent_conn.recv()
                self._asked_at = None
            if self._asked_at is None:
                self._asked_at = time.monotonic()
                self.parent_conn.send(b"ping")

    def is_silent(self, seconds: float) -> bool:
        """Whether it has owed an answer for longer than that."""
        return self._asked_at is not None and time.monotonic() - self._asked_at > seconds


class _Workers(Multiprocess):
    """Announces itself when the first worker accepts requests."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        sockets: list[socket.socket],
        draining: Draining,
        announce: Announce,
    ) -> None:
        super().__init__(config, sockets)
        self._draining = draining
        self._announce: Announce | None = announce
        self._drain: threading.Timer | None = None
        self._workers: list[_Worker] = []

    def note(self, number: signal.Signals) -> None:
        """Take a signal: it is acted on soon, but the workers know at once that they will go."""
        if number == signal.SIGTERM and self._drains:
            self._draining.begin()
        self.signal_queue.append(number)

    @property
    def _drains(self) -> bool:
        return self._draining.seconds > 0 and self._announce is None

    def init_processes(self) -> None:
        self._workers = [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """Replace who has died or hangs; give up where the application can't start.

        Nothing here waits for a worker: signals are obeyed between two of these calls.
        """
        for index, worker in enumerate(self._workers):
            if worker.process.is_alive():
                worker.ask()
                if worker.is_silent(self.config.timeout_worker_healthcheck):
                    worker.kill()  # dead by the next call
            elif worker.exitcode == STARTUP_FAILURE:
                self.should_exit.set()
            elif not self.should_exit.is_set():
                self._workers[index] = self._started()
        if self._announce and not self.should_exit.is_set() and self._is_anyone_serving():
            self._announce()
            self._announce = None

    def _is_anyone_serving(self) -> bool:
        pipes = [each.parent_conn for each in self._workers if not each.parent_conn.closed]
        connection.wait(pipes, _ANSWER_SECONDS)
        for each in self._workers:
            each.ask()
        return any(each.is_serving for each in self._workers)

    def _started(self) -> _Worker:
        worker = _Worker(self.config, self.sockets, self._draining)
        with _deaf_children():
            worker.start()
        # With this copy of its end of the pipe open, it would seem to be there after its death.
        worker.child_conn.close()
        return worker

    def handle_term(self) -> None:
        """Drain first. A second one changes nothing; Ctrl-C ends it."""
        if not self._drains:
            super().handle_term()
        elif self._drain is None:
            self._drain = threading.Timer(self._draining.seconds, self.should_exit.set)
            self._drain.daemon = True
            self._drain.start()

    def handle_hup(self) -> None:
        """End as one process does: the terminal that closes takes the database along."""
        self.should_exit.set()

    def handle_ttin(self) -> None:
        """Change nothing: `config.workers` says how many there are."""

    handle_ttou = handle_ttin

    def terminate_all(self) -> None:
        """End the workers, and with them the port: nobody is left to answer who connects."""
        for each in self.sockets:
            each.close()
        for worker in self._workers:
            worker.terminate()

    def join_all(self) -> None:
        """Wait for the workers; not for ever, and not at all after a second Ctrl-C.

        One that hangs is killed in the end, when none of the others can still have a request.
        """
        grace = self.config.timeout_graceful_shutdown or 0
        deadline = time.monotonic() + grace + LINGER_SECONDS + _STOP_MARGIN_SECONDS
        for worker in self._workers:
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
