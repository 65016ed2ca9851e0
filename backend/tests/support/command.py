"""The real `todo-backend`, as a process of its own, with an environment of the test's making."""

import http.client
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tests.support.canary import SUITE
from tests.support.server import SECRET

# Longer than anything here takes on a slow machine: it turns a hang into a failure.
PATIENCE_SECONDS = 60.0
COMMAND = (str(Path(sys.executable).with_name("todo-backend")),)
BACKEND = Path(__file__).parents[2]
_ADDRESS = re.compile(r"(?:Todo backend at|Uvicorn running on) (http://\S+)")
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and everything that it said."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that it failed with."""
        assert self.status not in {0, None}
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def environment(data_dir: Path, **others: str) -> dict[str, str]:
    """Return everything that the command sees; `others` are variables that win."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "DATA_DIR": str(data_dir),
        "PORT": "0",
        "BETTER_AUTH_SECRET": SECRET,
        "RATE_LIMIT_ENABLED": "false",
        **others,
    }


def run(*words: str, env: Mapping[str, str], cwd: Path | None = None) -> Ended:
    """Run `todo-backend` to its end."""
    done = subprocess.run(  # noqa: S603 - the product's own command
        [*COMMAND, *words],
        env=env,
        cwd=cwd or Path(env["DATA_DIR"]).parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    SUITE.watch("todo-backend", lambda: done.stderr)
    return Ended(done.returncode, done.stdout, done.stderr)


@dataclass
class Process:
    """A command that is running. Its lines are read as they come."""

    popen: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _news: "queue.Queue[str | None]" = field(default_factory=queue.Queue)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def follow(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.append(line)
            self._news.put(line)
        self._news.put(None)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for a line like it. Raises: AssertionError when the process ends without one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            if found := re.search(pattern, self.said):
                return found
            try:
                line = self._news.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                line = None
            assert line is not None or re.search(pattern, self.said), self.said

    @property
    def url(self) -> str:
        """Where it serves, once it says so."""
        return self.wait_for(_ADDRESS.pattern)[1]

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if one is given, and wait for the end; return the exit status."""
        if number is not None:
            self.send(number)
        return self.popen.wait(PATIENCE_SECONDS)


@contextmanager
def started(
    *words: str, env: Mapping[str, str], cwd: Path | None = None, program: Sequence[str] = COMMAND
) -> Iterator[Process]:
    """Start a command in a session of its own; whatever is left of it afterwards is killed."""
    popen = subprocess.Popen(  # noqa: S603 - the product's own command
        [*program, *words],
        env=env,
        cwd=cwd or Path(env["DATA_DIR"]).parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    process = Process(popen)
    SUITE.watch("todo-backend", lambda: process.said)
    assert popen.stdout is not None
    reader = threading.Thread(target=process.follow, args=(popen.stdout,))
    reader.start()
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        reader.join()
        popen.stdout.close()


def get(url: str, *, token: str | None = None) -> tuple[int, str]:
    """Ask once, over a connection of its own; status and body."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request("GET", place.path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def until(condition: Callable[[], object]) -> None:
    """Wait until it holds. Raises: AssertionError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(_POLL_SECONDS)


def is_running(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children_of(pid: int) -> list[int]:
    """Return the processes that it has started and that are alive."""
    text = Path("/proc", str(pid), "task", str(pid), "children").read_text()
    return [child for child in map(int, text.split()) if is_running(child)]
