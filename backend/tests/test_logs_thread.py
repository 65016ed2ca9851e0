"""The thread that writes the log: nothing waits for it, and what it can't write is counted."""

import fcntl
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from todo_backend.log_thread import LogThread

PATIENCE_SECONDS = 30.0
SOURCE = Path(__file__).parents[1] / "src"
FORKING = """
import os
import structlog
from todo_backend import observability

observability.configure(level="info", form="json")
structlog.get_logger().info("before")
child = os.fork()
structlog.get_logger().info("parent" if child else "child")
if child:
    os.waitpid(child, 0)
"""
ENDING = """
import structlog, sys
from todo_backend import observability

observability.configure(level="info", form="text")
for number in range(2000):
    structlog.get_logger().info(f"line {number}")
sys.exit(3)
"""


@dataclass
class Pipe:
    """A pipe that holds little, and what has come out of it."""

    reading: int
    writing: int
    said: str = ""

    def read_until(self, pattern: str) -> list[str]:
        """Read up to a line like this, and return all lines in the order of their arrival."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not re.search(f"^{pattern}\n", self.said, re.MULTILINE):
            assert time.monotonic() < deadline, self.said[-200:]
            self.said += os.read(self.reading, 65_536).decode()
        return self.said.splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield Pipe(reading, writing)
    os.close(reading)
    os.close(writing)


def log_to(descriptor: int, *, lines_max: int = 10_000) -> closing[LogThread]:
    return closing(
        LogThread(descriptor, describe_loss=lambda lines: f"lost {lines}", lines_max=lines_max)
    )


def test_fa_28_a_reader_that_stops_costs_lines_alone(pipe: Pipe) -> None:
    """They are handed over at once; where some are missing, the log says so, and how many."""
    lines = [f"first {number:04}" for number in range(5000)]
    with log_to(pipe.writing, lines_max=1000) as log:
        for line in lines:
            log(line)
        pipe.read_until(r"lost \d+")
        log("afterwards")
        said = pipe.read_until("afterwards")

    *kept, loss, last = said
    assert kept == lines[: len(kept)]
    assert 1000 <= len(kept) < len(lines)
    assert (loss, last) == (f"lost {len(lines) - len(kept)}", "afterwards")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, the disk of Linux")
def test_fa_28_a_full_disk_costs_lines_alone(pipe: Pipe) -> None:
    """When there is room again, what follows is written, after the number of those that weren't."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with log_to(descriptor) as log:
        for number in range(100):
            log(f"never {number}")
        time.sleep(0.2)
        os.dup2(pipe.writing, descriptor)
        log("afterwards")
        said = pipe.read_until("afterwards")
    os.close(descriptor)

    assert said == ["lost 100", "afterwards"]


def test_fa_28_what_is_missing_is_told_although_nothing_follows(pipe: Pipe) -> None:
    """A quiet server says what it lost as soon as it can."""
    closed, descriptor = os.pipe()
    os.close(closed)
    with log_to(descriptor) as log:
        log("to nobody")
        time.sleep(0.2)
        os.dup2(pipe.writing, descriptor)
        said = pipe.read_until("lost 1")
    os.close(descriptor)

    assert said == ["lost 1"]


def test_fa_28_the_end_waits_for_no_reader(pipe: Pipe) -> None:
    """The lines that nobody takes are given up after a moment."""
    log = LogThread(pipe.writing, describe_loss=str)
    for _ in range(1000):
        log("x" * 100)

    log.close(timeout_seconds=0.1)

    # The thread goes on, for all who are still there.
    log("afterwards")
    assert len(pipe.read_until("x+")) >= 1


def test_lines_of_many_threads_stay_whole_and_in_order(pipe: Pipe) -> None:
    """Each thread's lines come as it wrote them, the long ones too, in a pipe that holds little."""
    with log_to(pipe.writing) as log:

        def write(name: str) -> None:
            for number in range(200):
                log(f"{name} {number} {name * (10_000 if number == 100 else 10)}")

        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        reader = threading.Thread(target=pipe.read_until, args=("end",))
        reader.start()
        for thread in threads:
            thread.join()
        log("end")
        reader.join()

    said = [line.split() for line in pipe.said.splitlines()[:-1]]
    for name in "abc":
        mine = [line for line in said if line[0] == name]
        assert [int(number) for _, number, _ in mine] == list(range(200))
        assert {len(text) for *_, text in mine} == {10, 10_000}


def test_a_stream_that_others_made_non_blocking_is_waited_for(pipe: Pipe) -> None:
    """A terminal multiplexer or Node may do that to a pipe it shares; no line is lost by it."""
    os.set_blocking(pipe.writing, False)
    lines = [f"{number:04}{'x' * 50}" for number in range(1000)]
    with log_to(pipe.writing) as log:
        for line in lines:
            log(line)
        log("end")
        said = pipe.read_until("end")

    assert said == [*lines, "end"]


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_a_fork_writes_its_own_lines_once() -> None:
    """What waits in the parent is the parent's; the child begins a thread of its own."""
    ended = run(FORKING)

    found = re.findall(r'"event":"(\w+)"', ended.stderr)
    assert sorted(found) == ["before", "child", "parent"]
    assert found.index("before") < found.index("parent")


def test_the_end_of_the_process_writes_what_waits() -> None:
    """No line is lost because the process was quick to end."""
    ended = run(ENDING)

    assert ended.returncode == 3
    assert re.findall(r"\[line (\d+)\]", ended.stderr) == [str(each) for each in range(2000)]
