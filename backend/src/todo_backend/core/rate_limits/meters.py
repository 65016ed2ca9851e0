"""Counts what is done, where the settings say, and here while that place is away."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from todo_backend.core.rate_limits.limits import Limit, Quota
from todo_backend.core.rate_limits.local import LocalCounters, Window
from todo_backend.core.rate_limits.shared import SharedCounters, StoreAway

RETRY_SECONDS: Final = 1.0
"""After so long it is asked in the background whether the store is back."""
IDLE_SECONDS: Final = 5.0
"""What was heard from the store longer ago says nothing of how it is."""

_log: Final = structlog.get_logger("todo_backend.rate_limits")


class RateLimiter:
    """The counters of one process; `shared` counts for several, and may be away at any time.

    While it is away, each process counts for itself, from nothing: requests go on, and nothing is
    ever free of limits. `clock` counts seconds and is never set back.
    """

    __slots__ = ("_clock", "_heard_at", "_is_away", "_probing", "_shared")

    def __init__(
        self,
        shared: SharedCounters | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._clock = clock
        self._is_away = False
        self._heard_at: float | None = None
        self._probing: asyncio.Task[None] | None = None

    def meter(self, name: str, limits: Sequence[Limit]) -> "Meter":
        """Make what counts one kind of thing; equal names count the same in the shared store."""
        return Meter(self, name, limits, clock=self._clock)

    def is_well(self) -> bool:
        """Whether the store was there when last heard of; if that is long ago, it is asked now.

        Needs a running event loop, and doesn't wait for the answer.
        """
        if self._shared is not None and not self._is_away and self._is_long_ago():
            self._probe(self._shared)
        return not self._is_away

    async def open(self) -> None:
        """Connect with the store, or find it away; that takes no longer than a probe."""
        if self._shared is not None:
            try:
                await self._shared.probe()
            except StoreAway as away:
                self.lost(away)
            else:
                self.heard()

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])
        if self._shared is not None:
            await self._shared.close()

    @property
    def store(self) -> SharedCounters | None:
        """The shared counters, if they are believed to be there."""
        return None if self._is_away else self._shared

    def heard(self) -> None:
        """Note that the store has answered."""
        self._heard_at = self._clock()

    def lost(self, away: StoreAway) -> None:
        """Note that it has not: nobody waits for it again before it is back."""
        if self._is_away or self._shared is None:
            return
        self._is_away = True
        _log.warning(
            "the rate limit store is away, each process counts for itself", reason=str(away)
        )
        self._probe(self._shared)

    def _is_long_ago(self) -> bool:
        return self._heard_at is None or self._clock() - self._heard_at > IDLE_SECONDS

    def _probe(self, shared: SharedCounters) -> None:
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._until_back(shared))

    async def _until_back(self, shared: SharedCounters) -> None:
        while True:
            if self._is_away:
                await asyncio.sleep(RETRY_SECONDS)
            try:
                await shared.probe()
            except StoreAway as away:
                self.lost(away)
                continue
            break
        self.heard()
        if self._is_away:
            self._is_away = False
            _log.info("the rate limit store is back")


class Meter:
    """Counts one kind of thing by who does it."""

    __slots__ = ("_clock", "_limiter", "_limits", "_local", "_name")

    def __init__(
        self,
        limiter: RateLimiter,
        name: str,
        limits: Sequence[Limit],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._limiter = limiter
        self._name = name
        self._limits = limits
        self._local = LocalCounters(limits)
        self._clock = clock

    async def take(self, identity: str) -> "Turn":
        """Count something that `identity` does. Raises: RateLimited."""
        store = self._limiter.store
        if store is not None:
            try:
                quota = await store.take(self._name, self._limits, identity)
            except StoreAway as away:
                self._limiter.lost(away)
            else:
                self._limiter.heard()
                return Turn(self, identity, quota, None)
        quota, windows = self._local.take(identity, self._clock())
        return Turn(self, identity, quota, windows)

    async def give_back(self, turn: "Turn") -> None:
        """Count `turn` no more, where it was counted."""
        if turn.windows is not None:
            turn.quota = self._local.give_back(turn.windows, self._clock())
            return
        store = self._limiter.store
        if store is not None:
            try:
                turn.quota = await store.give_back(self._name, self._limits, turn.identity)
            except StoreAway as away:
                self._limiter.lost(away)


class Turn:
    """Something that was counted; `quota` is what is left. `windows` are those of this process."""

    __slots__ = ("_meter", "identity", "quota", "windows")

    def __init__(
        self, meter: Meter, identity: str, quota: Quota, windows: Sequence[Window] | None
    ) -> None:
        self._meter = meter
        self.identity = identity
        self.quota = quota
        self.windows = windows

    async def give_back(self) -> None:
        """Let it be as if it had not happened; `quota` is then what is left with that."""
        await self._meter.give_back(self)
