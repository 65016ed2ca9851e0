"""Where requests are counted: the auth endpoints by client address, the tasks by user."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from todo_backend.core.rate_limits import Meter, Quota, Turn
from todo_backend.web.answer import Header
from todo_backend.web.call import Call

LIMIT: Final = b"ratelimit-limit"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a route's requests are counted as.

    They are counted before anything is read, so one whose answer has a status in `free` is given
    back. `is_by_client`: by the client's address, before it is asked who is calling.
    """

    name: str
    is_by_client: bool
    free: frozenset[int] = frozenset()


TASKS: Final = Budget("tasks", is_by_client=False, free=frozenset({304}))
SIGN_UP: Final = Budget("sign-up", is_by_client=True)
SIGN_IN: Final = Budget("sign-in", is_by_client=True)
# Whoever has a good token is no guesser. Many people may share an address, and each front end
# refreshes by itself.
REFRESH: Final = Budget("refresh", is_by_client=True, free=frozenset({200}))
SIGN_OUT: Final = Budget("sign-out", is_by_client=True, free=frozenset({200}))
BUDGETS: Final = (TASKS, SIGN_UP, SIGN_IN, REFRESH, SIGN_OUT)


class Gate:
    """Lets the requests of a route in, as many as its budget allows."""

    __slots__ = ("_free", "_meter", "is_by_client")

    def __init__(self, budget: Budget, meter: Meter) -> None:
        self.is_by_client = budget.is_by_client
        self._free = budget.free
        self._meter = meter

    async def enter(self, call: Call, identity: str) -> Turn:
        """Count a request of this client or user. Raises: RateLimited."""
        turn = await self._meter.take(identity)
        call.record.quota = turn.quota
        return turn

    async def leave(self, call: Call, turn: Turn, status: int) -> None:
        """Give the turn back if an answer with this status is free."""
        if status in self._free:
            await turn.give_back()
            call.record.quota = turn.quota


Gates = Mapping[Budget, Gate]
"""The gate of every budget; empty where nothing is limited."""


def headers_of(quota: Quota) -> tuple[Header, ...]:
    """Say what is left (draft-ietf-httpapi-ratelimit-headers, as of its third version)."""
    return (
        (LIMIT, b"%d" % quota.limit),
        (b"ratelimit-remaining", b"%d" % quota.remaining),
        (b"ratelimit-reset", b"%d" % quota.reset_seconds),
    )
