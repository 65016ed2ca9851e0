"""Who has to go when there are too many connections, or when they hold too much.

Nobody is asked while there is room, so this costs nothing until then. A server that is attacked
so loses those who wait, and keeps those who ask.
"""

import sys
from collections.abc import Callable, Iterable
from functools import cache
from operator import attrgetter
from typing import Final, Protocol

from todo_backend.web.limits import (
    CONNECTIONS_MAX,
    SPARE_FILES,
    UNFINISHED_MAX_BYTES,
    UNSENT_MAX_BYTES,
    WAITING_BYTES,
    WAITING_LIST_BYTES,
)

# Several at once: to find them, all are looked at.
_AT_ONCE: Final = 1 / 32
_LOOK_SHARE: Final = 1 / 8
# Who holds less goes only where letting go of the others is not enough.
_SMALL_BYTES: Final = 16 * 1024
_unlooked: Final = [0]


class Member(Protocol):
    """A connection, as seen from here."""

    since: float
    """When the connection, its last answer or its request began."""

    @property
    def waits(self) -> bool:
        """Whether no whole request of its client is being answered."""

    @property
    def unfinished_bytes(self) -> int:
        """What has come of a request that is not there to its end."""

    @property
    def unsent_bytes(self) -> int:
        """What its client does not take of an answer."""

    def drop(self) -> None:
        """End it without a word; it then is no member any more."""


@cache
def connections_max() -> int:
    """Say how many clients this process may have; it opens as many files as it may.

    Where the operating system sets a low limit that can be raised, it is.
    """
    if sys.platform == "win32":
        return CONNECTIONS_MAX
    import resource  # noqa: PLC0415 - there is none on Windows

    wanted = CONNECTIONS_MAX + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(1, min(CONNECTIONS_MAX, soft - SPARE_FILES))


def has_made_room(newcomer: Member, members: Iterable[Member]) -> bool:
    """Let those go who have waited longest; False if nobody but the newcomer waits."""
    waiting = sorted(
        (each for each in members if each.waits and each is not newcomer), key=attrgetter("since")
    )
    for each in waiting[: max(1, int(connections_max() * _AT_ONCE))]:
        each.drop()
    return bool(waiting)


def is_time_to_look(octets: int) -> bool:
    """Count what has come of unfinished requests; True whenever that is a share of the bound."""
    _unlooked[0] += octets
    if _unlooked[0] < UNFINISHED_MAX_BYTES * _LOOK_SHARE:
        return False
    _unlooked[0] = 0
    return True


def relieve_input(members: Iterable[Member]) -> None:
    """Keep what has come of unfinished requests within its bound: the oldest ones go."""
    _relieve(members, attrgetter("unfinished_bytes"), most=UNFINISHED_MAX_BYTES)


def relieve_output(members: Iterable[Member]) -> None:
    """Keep what clients don't take within its bound: who has taken nothing for longest goes."""
    _relieve(members, _held_by_answer, most=UNSENT_MAX_BYTES)


def _held_by_answer(member: Member) -> int:
    unsent = member.unsent_bytes
    # What is less has not stopped its answer.
    return unsent + WAITING_LIST_BYTES if unsent > WAITING_BYTES else 0


def _relieve(members: Iterable[Member], held: Callable[[Member], int], *, most: int) -> None:
    holding = [(each.since, held(each), each) for each in members]
    excess = sum(size for _, size, _ in holding) - most
    if excess <= 0:
        return
    holding.sort(key=lambda found: (found[1] <= _SMALL_BYTES, found[0]))
    for _, size, each in holding:
        if size:
            each.drop()
            excess -= size
            if excess <= 0:
                return
