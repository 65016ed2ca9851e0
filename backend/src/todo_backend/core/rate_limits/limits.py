"""A limit, what is left of one, and when there is nothing left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from limits import parse_many

from todo_backend.model.errors import RateLimited

AMOUNT_MAX: Final = 1_000_000_000
SECONDS_MAX: Final = 366 * 24 * 60 * 60
# More digits than an amount or a window can have; int() refuses thousands of them by itself.
_TEXT_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` times within `seconds`, which begin with the first time."""

    amount: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Quota:
    """What a client is told: of `limit` times `remaining` are left, and all in `reset_seconds`."""

    limit: int
    remaining: int
    reset_seconds: int


Level = tuple[Limit, int, float]
"""A limit, how often its window has been used, and the seconds until the window ends."""


def parse(text: str) -> tuple[Limit, ...]:
    """Read limits in the notation of the library, such as `10/minute;100/hour`.

    Raises: ValueError, whose words hold the text.
    """
    if len(text) > _TEXT_MAX:
        raise ValueError("longer than any limits")
    found = tuple(Limit(item.amount, item.get_expiry()) for item in parse_many(text))
    if not all(0 < each.amount <= AMOUNT_MAX and each.seconds <= SECONDS_MAX for each in found):
        raise ValueError("an amount or a window that is none")
    return found


def require_room(levels: Sequence[Level]) -> None:
    """Raise RateLimited if a window is used up, saying when the last of those ends."""
    full = [level for level in levels if level[1] >= level[0].amount]
    if full:
        limit, _, seconds = max(full, key=lambda level: level[2])
        raise RateLimited(limit.amount, retry_after_seconds=_whole(seconds, limit))


def tightest(levels: Sequence[Level]) -> Quota:
    """Return what is left of the limit that will be reached first."""
    limit, count, seconds = levels[0]
    for other in levels[1:]:
        if other[0].amount - other[1] < limit.amount - count:
            limit, count, seconds = other
    return Quota(limit.amount, max(limit.amount - count, 0), _whole(seconds, limit))


def _whole(seconds: float, limit: Limit) -> int:
    # Whatever a clock or a store says, nobody waits longer than the window is, or for no time.
    return min(max(math.ceil(seconds), 1), limit.seconds)
