"""Counters in the memory of this process.

The library has such a store too, but each of its hits looks at every key that there is: 2 ms with
20,000 of them. A look here costs the same however many there are, and the clock is one that
nobody sets.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from todo_backend.core.rate_limits.limits import Level, Limit, Quota, require_room, tightest

ENTRIES: Final = 100_000
# So far may a window's end here be from the shared store's word for it, which takes its way.
_SKEW_SECONDS: Final = 1.0
# More than one, so that what has ended goes faster than anything new comes.
_SWEPT_AT_ONCE: Final = 4


class Window:
    """How often one identity has used one limit; `ends_at` is on the caller's clock.

    `count` is as far as it is known here, which is never less than `own`, what was counted here.
    """

    __slots__ = ("count", "ends_at", "own")

    def __init__(self, ends_at: float) -> None:
        self.count = 0
        self.own = 0
        self.ends_at = ends_at


class LocalCounters:
    """The windows of a few limits that count the same thing."""

    __slots__ = ("_entries", "_limits", "_open")

    def __init__(self, limits: Sequence[Limit], *, entries: int = ENTRIES) -> None:
        self._limits = tuple(limits)
        self._entries = entries
        # All windows of a limit are equally long, so they end in the order in which they begin. One
        # that had begun before it was heard of here ends earlier, and is forgotten with the others.
        self._open: tuple[OrderedDict[str, Window], ...] = tuple(OrderedDict() for _ in limits)

    def take(self, identity: str, now: float) -> tuple[Quota, Sequence[Window]]:
        """Count one; return what is left, and what `give_back` wants. Raises: RateLimited."""
        windows = [
            self._current(windows, limit.seconds, identity, now)
            for windows, limit in zip(self._open, self._limits, strict=True)
        ]
        require_room(self._levels(windows, now))
        for window in windows:
            window.count += 1
            window.own += 1
        return tightest(self._levels(windows, now)), windows

    def learn(
        self, identity: str, levels: Sequence[Level], now: float, *, own: int
    ) -> Sequence[Window]:
        """Know what the shared store has said, so nobody has to start from nothing without it.

        `own` of that are news of this process. Returns what `give_back` wants.
        """
        return [
            self._learned(windows, level, identity, now, own)
            for windows, level in zip(self._open, levels, strict=True)
        ]

    def give_back(self, windows: Sequence[Window], now: float) -> Quota:
        """Count one less in those windows, even if they have ended; return what is left."""
        for window in windows:
            window.count -= 1
            window.own -= 1
        return tightest(self._levels(windows, now))

    def _levels(self, windows: Sequence[Window], now: float) -> list[Level]:
        return [
            (limit, window.count, window.ends_at - now)
            for limit, window in zip(self._limits, windows, strict=True)
        ]

    def _learned(
        self, windows: OrderedDict[str, Window], level: Level, identity: str, now: float, own: int
    ) -> Window:
        limit, count, seconds = level
        found = windows.get(identity)
        if (
            found is not None
            and found.ends_at <= now + _SKEW_SECONDS
            and found.ends_at + limit.seconds / 2 < now + seconds
        ):
            del windows[identity]  # it has ended there already, and this is the next one
        window = self._current(windows, limit.seconds, identity, now)
        window.own += own
        # Answers overtake each other, and a store that was restarted has forgotten some.
        window.count = max(window.count, count, window.own)
        window.ends_at = min(window.ends_at, now + seconds)
        return window

    def _current(
        self, windows: OrderedDict[str, Window], seconds: int, identity: str, now: float
    ) -> Window:
        found = windows.get(identity)
        if found is not None and found.ends_at > now:
            return found
        if found is not None:
            del windows[identity]
        for _ in range(_SWEPT_AT_ONCE):
            if not windows or (
                len(windows) < self._entries and next(iter(windows.values())).ends_at > now
            ):
                break
            windows.popitem(last=False)
        window = windows[identity] = Window(now + seconds)
        return window
