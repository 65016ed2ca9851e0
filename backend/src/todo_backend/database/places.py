"""Who may have a connection now, and who waits for one.

The line is fair: a place that comes free goes to the head of it. Writes leave one place to the
reads, which would otherwise wait behind writes that wait for a lock (docs/adr/0004).
"""

import asyncio
import itertools
import time
from collections import deque
from typing import Final

import asyncpg

from todo_backend.model.errors import DatabaseUnavailable

_Turn = asyncio.Future[asyncpg.Connection | None]


class Places:
    """At most `size` places for connections, of which writes hold all but one (the one of one).

    What is handed over is a connection, or None: the place of one that is gone, to open another.
    Whoever waits while a place is free is a write, and then writes hold all that they may.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._writes_at_most: Final = max(size - 1, 1)
        self._writes = 0
        self._arrivals = itertools.count()
        self._reads_in_line: deque[tuple[int, _Turn]] = deque()
        self._writes_in_line: deque[tuple[int, _Turn]] = deque()
        self.taken = 0
        self.idle: deque[asyncpg.Connection] = deque()

    @property
    def waiting(self) -> int:
        lines = (self._reads_in_line, self._writes_in_line)
        return sum(not turn.done() for line in lines for _, turn in line)

    def admits_a_write(self) -> bool:
        """Whether a write may have a place that is free; a read always may."""
        return self._writes < self._writes_at_most

    def occupy_by_write(self) -> None:
        """Count a place whose idle connection a write uses; it is given back as a write's."""
        self._writes += 1

    async def take(self, deadline: float, *, is_write: bool) -> asyncpg.Connection | None:
        """Take a free place, or wait in line for what is handed over.

        Raises: DatabaseUnavailable at the deadline.
        """
        if self.taken < self._size and (not is_write or self.admits_a_write()):
            self.taken += 1
            self._writes += is_write
            return None
        turn: _Turn = asyncio.get_running_loop().create_future()
        line = self._writes_in_line if is_write else self._reads_in_line
        line.append((next(self._arrivals), turn))
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # What was handed over in the moment of giving up goes to the next in line.
                self.give_back(turn.result(), of_write=is_write)
            else:
                turn.cancel()
            if isinstance(error, TimeoutError):
                raise DatabaseUnavailable("no connection came free") from error
            raise

    def give_back(self, connection: asyncpg.Connection | None, *, of_write: bool = False) -> None:
        """Give the next in line a connection, or (None) the place of one that is gone."""
        self._writes -= of_write
        is_line = self._reads_in_line or self._writes_in_line
        turn = self._next_in_line() if is_line else None
        if turn is not None:
            turn.set_result(connection)
        elif connection is None:
            self.taken -= 1
        else:
            self.idle.append(connection)

    def _next_in_line(self) -> _Turn | None:
        """Return whose turn it is: who came first, or the first read if no write may go now."""
        reads, writes = self._reads_in_line, self._writes_in_line
        for line in (reads, writes):
            while line and line[0][1].done():
                line.popleft()
        is_write = bool(writes) and not (reads and reads[0][0] < writes[0][0])
        if is_write and self.admits_a_write():
            self._writes += 1
            return writes.popleft()[1]
        return reads.popleft()[1] if reads else None
