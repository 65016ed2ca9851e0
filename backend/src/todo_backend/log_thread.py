"""Writes log lines from a thread, so that whoever stops reading them stops no request.

A pipe that nobody empties blocks its writer, and a disk may take seconds for a line. Requests hand
their lines over and go on; what doesn't fit into the queue is dropped and counted.
"""

import atexit
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from queue import Empty, SimpleQueue
from typing import Final, TextIO

LINES_MAX: Final = 10_000
"""How many lines may wait: a few megabytes, and some seconds of a busy server."""
FLUSH_SECONDS: Final = 2.0
"""For so long the end of the process waits for its last lines."""

# What a pipe takes from one of several writers without mixing it with the others' (POSIX, write).
_CHUNK_BYTES: Final = 4096
_RETRY_SECONDS: Final = 1.0
# To wake this thread for each line would cost the others more than the line does.
_GATHERING_SECONDS: Final = 0.02
_CLOSING: Final = ""

Write = Callable[[str], object]
"""Takes a line without its end."""


class LogThread:
    """Takes lines from any thread and writes them to a file descriptor, in the order of arrival.

    Once a line had to be dropped, all are dropped until those that wait are written: so the line
    that says how many are missing (`describe_loss` makes it) stands where they would have stood.
    Nothing that goes wrong is raised, and a full disk is tried again.
    """

    def __init__(
        self, descriptor: int, *, describe_loss: Callable[[int], str], lines_max: int = LINES_MAX
    ) -> None:
        self.describe_loss = describe_loss
        self._descriptor = descriptor
        self._lines_max = lines_max
        self._begin()
        if hasattr(os, "register_at_fork"):
            # A fork has the lines that its parent is going to write, and has no thread.
            os.register_at_fork(after_in_child=self._begin)
        atexit.register(self.close)

    def _begin(self) -> None:
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._is_line_open = False

    def __call__(self, line: str) -> None:
        if self._dropped or self._lines.qsize() >= self._lines_max:
            with self._lock:
                self._dropped += 1
            return
        self._lines.put(line)
        if self._thread is None:
            self._start()

    def close(self, *, timeout_seconds: float = FLUSH_SECONDS) -> None:
        """Write what waits, as far as that can be done in this time."""
        thread = self._thread
        if thread is not None:
            self._lines.put(_CLOSING)
            thread.join(timeout_seconds)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="log", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # there is no thread to be had; the next line asks again
                    return
                self._thread = thread

    def _run(self) -> None:
        missing, is_closing = 0, False
        while not is_closing:
            # Nobody adds a line while some are dropped, so none overtakes what is told of them.
            if self._lines.empty():
                missing += self._taken_up()
            missing = self._untold(missing)
            lines = self._waiting_lines(_RETRY_SECONDS if missing else None)
            is_closing = _CLOSING in lines
            lines = [line for line in lines if line != _CLOSING]
            missing = self._untold(missing)
            missing += len(lines) if missing else self._left_of(lines)

    def _untold(self, missing: int) -> int:
        """Say how many lines are missing, if any are; return 0 if that could be written."""
        return missing if missing and self._left_of([self.describe_loss(missing)]) else 0

    def _taken_up(self) -> int:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def _waiting_lines(self, timeout_seconds: float | None) -> list[str]:
        """Wait for a line; return it and those behind it, or nothing when the time is over."""
        try:
            found = [self._lines.get(timeout=timeout_seconds)]
        except Empty:
            return []
        if found[0] != _CLOSING:
            time.sleep(_GATHERING_SECONDS)
        found += (self._lines.get() for _ in range(self._lines.qsize()))
        return found

    def _left_of(self, lines: list[str]) -> int:
        """Write the lines, and return how many of them can't be written now."""
        written = 0
        for chunk in _chunks(lines):
            if not self._is_written(chunk):
                return len(lines) - written
            written += chunk.count(b"\n")
        return 0

    def _is_written(self, chunk: bytes) -> bool:
        if self._is_line_open:
            chunk = b"\n" + chunk
        while chunk:
            try:
                chunk = chunk[os.write(self._descriptor, chunk) :]
            except BlockingIOError:  # somebody has made it non-blocking, for all who share it
                select.select([], [self._descriptor], [])
            except OSError:
                return False
            self._is_line_open = bool(chunk)
        return True


def _chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """Join lines to what is written at once; a longer line is a chunk of its own."""
    chunk = b""
    for line in lines:
        octets = line.encode("utf-8", "backslashreplace") + b"\n"
        if chunk and len(chunk) + len(octets) > _CHUNK_BYTES:
            yield chunk
            chunk = b""
        chunk += octets
    if chunk:
        yield chunk


@cache
def _thread_of(descriptor: int) -> LogThread:
    return LogThread(descriptor, describe_loss=str)


def writer_to(stream: TextIO, *, describe_loss: Callable[[int], str]) -> Write:
    """Return what writes to a stream: by its one thread if it is a file of the system's."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # it has none, or it is closed
        return partial(_write_directly, stream)
    thread = _thread_of(descriptor)
    thread.describe_loss = describe_loss
    return thread


def _write_directly(stream: TextIO, line: str) -> None:
    with suppress(OSError, ValueError):
        stream.write(f"{line}\n")
        stream.flush()
