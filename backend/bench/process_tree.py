"""Memory and processor time of a process and its descendants, from Linux' /proc."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


def exists(pid: int) -> bool:
    return (_PROC / str(pid)).exists()


def resident_bytes(pid: int) -> int:
    """Sum of resident sets; pages that processes share count once for each of them."""
    return sum(_resident_pages(member) for member in _members(pid)) * _PAGE_BYTES


def processor_seconds(pid: int) -> float:
    return sum(_processor_ticks(member) for member in _members(pid)) / _TICKS_PER_SECOND


def _members(pid: int) -> Iterator[int]:
    yield pid
    for children in (_PROC / str(pid)).glob("task/*/children"):
        for child in _read(children).split():
            yield from _members(int(child))


def _resident_pages(pid: int) -> int:
    fields = _read(_PROC / str(pid) / "statm").split()
    return int(fields[1]) if fields else 0


def _processor_ticks(pid: int) -> int:
    # The name, in parentheses, may hold blanks; utime and stime are the 12th and 13th after it.
    fields = _read(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if fields else 0


def _read(path: Path) -> str:
    """Return the text, or none of it: a process may end between two looks at it."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
