"""What holds of every fault, whatever it is."""

from typing import Final

import asyncpg

from tests.faults.writers import NO_ANSWER, Ledger, stored

RECOVERY_SECONDS: Final = 2.0
# For two cores that also run the clients, the proxy and the database.
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
    slowest = max(answer.seconds for answer in ledger.answers)
    assert slowest <= within_seconds + MARGIN_SECONDS


def assert_recovered(ledger: Ledger, ended_at: float) -> None:
    """The first write after the end of a fault came soon, and nobody restarted anything."""
    first = ledger.written(since=ended_at)[0]
    assert first.at - ended_at <= RECOVERY_SECONDS


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
