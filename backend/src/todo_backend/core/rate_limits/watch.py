"""Whether the shared store can be asked."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from todo_backend.core.rate_limits.shared import Pace, SharedCounters, StoreAway

PAUSE_SECONDS: Final = 1.0
"""After so long it is asked in the background whether the store is back, then after twice that."""
PAUSE_SECONDS_MAX: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""A store that goes again sooner than this is trusted no sooner than the last time."""
IDLE_SECONDS: Final = 5.0
"""What was heard from the store longer ago says nothing of how it is."""
SLOW: Final = "the rate limit store is slow, each process counts for itself what can't wait"
AWAY: Final = "the rate limit store is away, each process counts for itself"
BACK: Final = "the rate limit store is back"

_log: Final = structlog.get_logger("todo_backend.rate_limits")


class Watch:
    """Finds out in the background how the store is, when somebody has reason to doubt it.

    One answer that is late or wrong may be a connection's fault. So it says nothing until a probe
    has found the same: then nobody waits for the store before another probe finds it well.
    """

    __slots__ = (
        "_back_at",
        "_clock",
        "_doubts",
        "_heard_at",
        "_pause",
        "_probing",
        "_store",
        "_told",
    )

    def __init__(self, store: SharedCounters, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._told = Pace.QUICK
        self._heard_at: float | None = None
        self._back_at: float | None = None
        self._pause = PAUSE_SECONDS
        self._doubts = asyncio.Event()
        self._probing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect with the store, or find it away; that takes no longer than a probe."""
        if not await self._is_well_now():
            self._begin()

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])
        await self._store.close()

    def is_well(self) -> bool:
        """Whether it was there when last heard of; if that is long ago, it is asked now."""
        if self._heard_at is None or self._clock() - self._heard_at > IDLE_SECONDS:
            self._begin()
        return self._store.pace is Pace.QUICK

    def heard(self) -> None:
        """Note that the store has answered."""
        self._heard_at = self._clock()

    def doubt(self) -> None:
        """Note that it has not, to somebody."""
        if self._store.pace is not Pace.SILENT:
            self._store.is_in_doubt = True
            self._doubts.set()
            self._begin()

    def _begin(self) -> None:
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._until_well())

    async def _until_well(self) -> None:
        while not await self._is_well_now():
            await self._rest()

    async def _rest(self) -> None:
        """Wait a while, or until somebody who still relies on the store has a doubt."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self._doubts.wait()
        self._pause = min(2 * self._pause, PAUSE_SECONDS_MAX)

    async def _is_well_now(self) -> bool:
        self._doubts.clear()
        try:
            pace, reason = await self._store.measure(), "TimeoutError"
        except StoreAway as away:
            pace, reason = Pace.SILENT, str(away)
        self._store.pace = pace
        self._store.is_in_doubt = False
        if pace is Pace.SILENT:
            self._store.give_up()
        else:
            self.heard()
        if pace is not self._told:
            self._tell(pace, reason)
        return pace is Pace.QUICK

    def _tell(self, pace: Pace, reason: str) -> None:
        now = self._clock()
        if pace is Pace.QUICK:
            self._back_at = now
            _log.info(BACK)
        else:
            if self._told is Pace.QUICK and (
                self._back_at is None or now - self._back_at > STEADY_SECONDS
            ):
                self._pause = PAUSE_SECONDS
            _log.warning(AWAY if pace is Pace.SILENT else SLOW, reason=reason)
        self._told = pace
