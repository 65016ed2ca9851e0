"""How often something may be done."""

from todo_backend.core.rate_limits.haste import Haste
from todo_backend.core.rate_limits.limits import Limit, Quota, parse
from todo_backend.core.rate_limits.meters import Meter, RateLimiter, Turn
from todo_backend.core.rate_limits.shared import SharedCounters

__all__ = ["Haste", "Limit", "Meter", "Quota", "RateLimiter", "SharedCounters", "Turn", "parse"]
