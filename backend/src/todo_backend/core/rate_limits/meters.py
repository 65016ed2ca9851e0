"""Counts what is done, where the settings say, and here as well."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from todo_backend.core.rate_limits.haste import Haste
from todo_backend.core.rate_limits.limits import Limit, Quota, require_room, tightest
from todo_backend.core.rate_limits.local import LocalCounters, Window
from todo_backend.core.rate_limits.shared import Counted, SharedCounters, StoreAway, StoreLate
from todo_backend.core.rate_limits.watch import Watch


class RateLimiter:
    """The counters of one process; `shared` counts for several, and may be away at any time.

    While it is away, each process counts for itself, from what it knows: requests go on, and
    nothing is ever free of limits. `clock` counts seconds and is never set back.
    """

    __slots__ = ("_clock", "shared", "watch")

    def __init__(
        self,
        shared: SharedCounters | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.shared = shared
        self.watch = Watch(shared, clock=clock) if shared else None

    def meter(self, name: str, limits: Sequence[Limit], *, haste: Haste = Haste.PATIENT) -> "Meter":
        """Make what counts one kind of thing; equal names count the same in the shared store."""
        return Meter(self, name, limits, haste=haste, clock=self._clock)

    def is_well(self) -> bool:
        """Whether all is counted where it should be, as far as is known.

        Needs a running event loop, and waits for nothing.
        """
        return self.watch is None or self.watch.is_well()

    async def open(self) -> None:
        """Connect with the store, or find it away; that takes no longer than a probe."""
        if self.watch is not None:
            await self.watch.open()

    async def close(self) -> None:
        if self.watch is not None:
            await self.watch.close()


class Meter:
    """Counts one kind of thing by who does it."""

    __slots__ = ("_clock", "_haste", "_limits", "_local", "_name", "_shared", "_watch")

    def __init__(
        self,
        limiter: RateLimiter,
        name: str,
        limits: Sequence[Limit],
        *,
        haste: Haste,
        clock: Callable[[], float],
    ) -> None:
        self._shared = limiter.shared
        self._watch = limiter.watch
        self._name = name
        self._limits = limits
        self._haste = haste
        self._local = LocalCounters(limits)
        self._clock = clock

    async def take(self, identity: str) -> "Turn":
        """Count something that `identity` does. Raises: RateLimited."""
        late = None
        if self._shared is not None and self._shared.answers(self._haste):
            try:
                counted = await self._shared.take(self._name, self._limits, identity, self._haste)
            except StoreAway as away:
                self._doubt()
                late = away.asked if isinstance(away, StoreLate) else None
            else:
                if counted is not None:
                    return self._turn(identity, counted)
        quota, windows = self._local.take(identity, self._clock())
        turn = Turn(self, identity, quota, windows)
        if late is not None:
            late.add_done_callback(partial(self._settle, turn))
        return turn

    async def give_back(self, turn: "Turn") -> None:
        """Count `turn` no more, wherever it was counted."""
        now = self._clock()
        turn.quota = self._local.give_back(turn.windows, now)
        if self._shared is None or not turn.is_shared or not self._shared.answers(self._haste):
            return
        # The store would take it from the window that has begun since.
        open_yet = [
            limit
            for limit, window in zip(self._limits, turn.windows, strict=True)
            if window.ends_at > now
        ]
        try:
            counted = await self._shared.give_back(self._name, open_yet, turn.identity, self._haste)
        except StoreAway:
            self._doubt()
        else:
            if counted is not None and open_yet:
                turn.quota = tightest(counted.levels)

    def _turn(self, identity: str, counted: Counted) -> "Turn":
        self._heard()
        windows = self._local.learn(
            identity, counted.levels, self._clock(), own=0 if counted.is_full else 1
        )
        if counted.is_full:
            require_room(counted.levels)
        return Turn(self, identity, tightest(counted.levels), windows, is_shared=True)

    def _settle(self, turn: "Turn", asked: "asyncio.Task[Counted]") -> None:
        """Take note of what was counted there too, though nobody could wait for it."""
        if not asked.cancelled() and asked.exception() is None:
            counted = asked.result()
            self._local.learn(turn.identity, counted.levels, self._clock(), own=0)
            turn.is_shared = not counted.is_full

    def _heard(self) -> None:
        if self._watch is not None:
            self._watch.heard()

    def _doubt(self) -> None:
        if self._watch is not None:
            self._watch.doubt()


class Turn:
    """Something that was counted; `quota` is what is left.

    `windows` are those of this process. `is_shared`: it was counted in the store as well.
    """

    __slots__ = ("_meter", "identity", "is_shared", "quota", "windows")

    def __init__(
        self,
        meter: Meter,
        identity: str,
        quota: Quota,
        windows: Sequence[Window],
        *,
        is_shared: bool = False,
    ) -> None:
        self._meter = meter
        self.identity = identity
        self.quota = quota
        self.windows = windows
        self.is_shared = is_shared

    async def give_back(self) -> None:
        """Let it be as if it had not happened; `quota` is then what is left with that."""
        await self._meter.give_back(self)
