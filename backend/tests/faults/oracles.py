"""What holds of every fault, whatever it is."""

from typing import Final

import asyncpg

from tests.faults.writers import NO_ANSWER, Ledger, stored
from tests.support.pace import PACE

RECOVERY_SECONDS: Final = 2.0
# What it takes besides on two cores that also run the clients, the proxy and the database, but
# nothing else (tests/support/pace.py).
MARGIN_SECONDS: Final = 1.0
_EXPECTED: Final = {200, 201, 503, 504}


def assert_answered_well(
    ledger: Ledger, *, within_seconds: float, breaks: bool = False, with_keys: bool = False
) -> None:
    """Everybody got an answer in time, and one that says when to come back where it is no success.

    Nobody got another's. `breaks`: some may have got none, because their server has gone.
    `with_keys`: a request may have come while the one that it repeats was still under way.
    """
    assert ledger.strange == []
    expected = _EXPECTED | ({NO_ANSWER} if breaks else set()) | ({409} if with_keys else set())
    unexpected = [answer for answer in ledger.answers if answer.status not in expected]
    assert unexpected == [], unexpected[:3]
    assert [each for each in ledger.refusals() if not (each.retry_after or "").isdigit()] == []
    latest = max(
        PACE.excess(each.at - each.seconds, each.at, promised=within_seconds)
        for each in ledger.answers
    )
    assert latest <= MARGIN_SECONDS


def assert_recovered(ledger: Ledger, ended_at: float) -> None:
    """The first write after the end of a fault came soon, and nobody restarted anything."""
    first = ledger.written(since=ended_at)[0]
    promised = RECOVERY_SECONDS - MARGIN_SECONDS
    assert PACE.excess(ended_at, first.at, promised=promised) <= MARGIN_SECONDS


def assert_nobody_is_refused(
    ledger: Ledger, *, within_seconds: float, reads: bool | None = None
) -> None:
    """No request was, unless the machine has withheld half of its time."""
    refused = [
        answer
        for answer in ledger.refusals(reads=reads)
        if PACE.withheld(answer.at - answer.seconds, answer.at) < within_seconds / 2
    ]
    assert refused == []


async def assert_nothing_lost(session: asyncpg.Connection, ledger: Ledger) -> None:
    """What was acknowledged is stored, once; what was sent once is stored once at most.

    So it is when writers repeat themselves under a key.
    """
    found = await stored(session, ledger)
    titles = [title for _, _, title in found]
    assert len(titles) == len(set(titles))
    ids = {title: number for number, _, title in found}
    lost = {title for title, number in ledger.acknowledged.items() if ids.get(title) != number}
    assert lost == set()
    assert all(title.startswith(f"{owner} ") for _, owner, title in found)


async def assert_refused_is_not_kept(session: asyncpg.Connection, ledger: Ledger) -> None:
    """What was refused did not happen later either."""
    assert {title for _, _, title in await stored(session, ledger)} == set(ledger.acknowledged)


async def assert_counters_agree(session: asyncpg.Connection) -> None:
    """A change and its count were kept together, or neither was."""
    wrong = await session.fetch(
        "SELECT c.user_id FROM task_counters c, LATERAL (SELECT count(*) AS total,"
        " count(*) FILTER (WHERE completed) AS completed FROM tasks t"
        " WHERE t.user_id = c.user_id) found"
        " WHERE c.total <> found.total OR c.completed <> found.completed"
    )
    assert wrong == []
