"""How much time a busy machine takes from those who are measured here.

What the product promises (an answer by the deadline, a write soon after a fault) is kept by its
timers. Between them and a test's clock is the machine, which runs the clients, the server,
PostgreSQL and whatever else there is. It doesn't stretch a timer, but what has to be done before
and after takes several times as long. So a test names what is promised, and asks how much more it
would have been on a machine that does nothing else: `PACE.excess(since, until, promised=…)`.

How the machine is shared is measured meanwhile. Again and again the loop of the tests pauses, and
asks another process for a little work, as a client asks a server. Pause and work are always as
long; what is beyond them, the machine has withheld: the loop was late, the other one waited for a
core, or everything stood still. Whoever was served at that moment has lost as much.

On a calm machine little is withheld, and a promise is held to its tenths of a second. The busier it
is, the longer may a wrong timer be without being seen here, and no test may depend on that. So they
wait for what has to happen (a refusal, a worker that serves) instead of sleeping until it should
have, and a fault lasts until it has been noticed: there it doesn't matter how busy the machine is.
"""

import asyncio
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

_PAUSE_SECONDS: Final = 0.05
_WORK_SECONDS: Final = 0.005
# So long nobody waits for a core: the machine itself stood still, or its disk did.
_STALL_SECONDS: Final = 1.0
_WORKER: Final = f"""
import sys, time
while sys.stdin.buffer.read(1):
    ends = time.process_time() + {_WORK_SECONDS}
    while time.process_time() < ends:
        pass
    sys.stdout.buffer.write(b".")
    sys.stdout.buffer.flush()
"""


@dataclass(frozen=True, slots=True)
class _Beat:
    """A pause and its work, by `time.monotonic`."""

    began: float
    ended: float

    def withheld(self, since: float, until: float) -> float:
        """Seconds that the machine withheld, as many as may lie between these moments."""
        late = self.ended - self.began - _PAUSE_SECONDS - _WORK_SECONDS
        shared = min(self.ended, until) - max(self.began, since)
        return max(min(late, shared), 0)


class Pace:
    """What the machine has given and withheld since `kept` began."""

    def __init__(self) -> None:
        self._beats: list[_Beat] = []
        self._began: float | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Take the pace, in this loop, until the block ends."""
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            _WORKER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        beating = asyncio.create_task(self._beat(worker))
        try:
            yield
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
            self._began = None
            await worker.communicate(b"")  # the end of what it reads

    def withheld(self, since: float, until: float) -> float:
        """Seconds between two moments of `time.monotonic` in which the machine was elsewhere."""
        return sum(self._late(since, until))

    def excess(self, since: float, until: float, *, promised: float) -> float:
        """Seconds beyond what is promised, as they would have been on a calm machine."""
        if until - since <= promised:
            return 0.0
        late = self._late(since, until)
        seconds = until - since - sum(each for each in late if each > _STALL_SECONDS)
        if seconds <= promised:
            return 0.0
        share = (until - since - sum(late)) / seconds
        return (seconds - promised) * share

    def _late(self, since: float, until: float) -> list[float]:
        first = bisect_left(self._beats, since, key=attrgetter("ended"))
        last = bisect_left(self._beats, until, key=attrgetter("began"))
        beats = self._beats[first:last]
        if self._began is not None:  # the one that is under way
            beats.append(_Beat(self._began, time.monotonic()))
        return [beat.withheld(since, until) for beat in beats]

    async def _beat(self, worker: asyncio.subprocess.Process) -> None:
        assert worker.stdin is not None
        assert worker.stdout is not None
        while True:
            began = self._began = time.monotonic()
            await asyncio.sleep(_PAUSE_SECONDS)
            worker.stdin.write(b".")
            await worker.stdout.readexactly(1)
            self._beats.append(_Beat(began, time.monotonic()))


PACE: Final = Pace()
"""The one of the whole run; a fixture keeps it."""
