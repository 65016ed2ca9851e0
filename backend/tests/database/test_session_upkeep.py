"""Sessions don't pile up: neither those of one user, nor those of users who never come back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import asyncpg
import pytest_asyncio

from tests.database.databases import database, login, opened, session
from todo_backend.database import migrate
from todo_backend.database.accounts import ACCOUNTS, BATCH_SESSIONS, AccountFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.database.walls import ROLES
from todo_backend.model.accounts import NewAccount, NewSession, StoredAccount

TOKENS: Final = """
INSERT INTO refresh_tokens (hash, user_id, session_id, issued_at, expires_at)
    SELECT sha256((s.user_id || s.id || n)::bytea), s.user_id, s.id, now(), now()
    FROM sessions s, generate_series(1, 2) n WHERE s.id LIKE 'session%'
"""


async def given_sessions(
    truth: asyncpg.Connection, *, users: int, expired: int, live: int = 0
) -> None:
    """Give each user so many sessions of either kind, an hour apart, each with two tokens."""
    await truth.execute(
        "INSERT INTO users (id) SELECT 'user' || n FROM generate_series(1, $1::int) n", users
    )
    await truth.execute(
        "INSERT INTO sessions (user_id, id, expires_at)"
        " SELECT u.id, 'session' || n, now() + (n - $1 - 0.5) * interval '1 hour'"
        " FROM users u, generate_series(1, $2::int) n WHERE u.id LIKE 'user%'",
        expired,
        expired + live,
    )
    await truth.execute(TOKENS)


async def left(truth: asyncpg.Connection) -> tuple[int, ...]:
    """Count the sessions that are left of those given, and the good ones of them."""
    row = await truth.fetchrow(
        "SELECT count(*), count(*) FILTER (WHERE expires_at > now()) FROM sessions"
        " WHERE id LIKE 's%'"
    )
    assert row is not None
    return tuple(row)


def new_session(number: int) -> NewSession:
    return NewSession(f"tbs_{number}", sha256(b"%d" % number).digest(), datetime.now(UTC), 60, 60)


async def given_account(functions: AccountFunctions) -> StoredAccount:
    new = NewAccount("ann", "ann@example.test", "ann@example.test", "Ann", "a hash")
    created_at = await functions.create(new, new_session(0))
    assert created_at is not None
    return StoredAccount(new.user_id, new.email, new.name, created_at, new.password_hash)


@pytest_asyncio.fixture
async def functions(migrated: ConnectArgs) -> AsyncIterator[AccountFunctions]:
    """The account functions in a database that the test may spoil."""
    async with opened(migrated) as found:
        yield found.accounts()


async def test_each_new_session_drops_two_that_have_expired(
    functions: AccountFunctions, truth: asyncpg.Connection
) -> None:
    """Of whomever, with their tokens, those first that are longest past: no cron job is needed."""
    await given_sessions(truth, users=3, expired=2, live=1)

    account = await given_account(functions)
    assert await left(truth) == (7, 3)
    oldest = await truth.fetchval("SELECT count(*) FROM sessions WHERE id = 'session1'")
    for number in (1, 2):
        await functions.open_session(account, new_session(number), new_hash=None, sessions_max=9)

    assert oldest == 1
    assert await left(truth) == (3, 3)
    assert await truth.fetchval("SELECT count(*) FROM refresh_tokens") == 3 * 2 + 3


async def test_pruning_takes_what_has_expired_and_nothing_else(
    functions: AccountFunctions, truth: asyncpg.Connection
) -> None:
    """Of every user, in as many batches as it takes."""
    users = BATCH_SESSIONS // 2
    await given_sessions(truth, users=users, expired=3, live=2)

    pruned = await functions.prune_sessions()
    again = await functions.prune_sessions()

    assert (pruned, again) == (3 * users, 0)
    assert await left(truth) == (2 * users, 2 * users)


async def test_pruning_passes_by_what_somebody_holds(
    functions: AccountFunctions, truth: asyncpg.Connection, migrated: ConnectArgs
) -> None:
    """It waits for nobody, and comes to an end."""
    await given_sessions(truth, users=3, expired=1)

    async with session(migrated) as holder:
        await holder.execute("BEGIN; SELECT FROM sessions WHERE user_id = 'user2' FOR UPDATE")
        pruned = await functions.prune_sessions()
        await holder.execute("ROLLBACK")

    assert pruned == 2


async def test_a_login_role_without_power_prunes_sessions(address: ConnectArgs) -> None:
    """It owns the tables, and sees none of the rows that it has dropped."""
    async with login(address, "INHERIT", groups=ROLES) as args:
        await migrate.up(args, [ACCOUNTS])
        async with session(replace(address, database=args.database)) as truth:
            await given_sessions(truth, users=2, expired=2)

        async with opened(args, pool_size=1) as db:
            pruned = await db.accounts().prune_sessions()

    assert pruned == 4


async def test_sessions_due_are_found_by_index(address: ConnectArgs) -> None:
    """However many there are: neither signing in nor pruning reads a table from end to end."""
    scans = (
        "SELECT sum(seq_scan) FROM pg_stat_xact_user_tables"
        " WHERE relname IN ('sessions', 'refresh_tokens', 'accounts')"
    )
    async with database(address) as args, session(args) as truth:
        await migrate.up(args, [ACCOUNTS])
        await given_sessions(truth, users=2000, expired=1, live=4)
        await truth.execute(
            "INSERT INTO accounts (user_id, email, email_key, name, password_hash)"
            " SELECT id, id, id, 'Ann', 'a hash' FROM users"
        )
        await truth.execute("ANALYZE")

        async with truth.transaction():
            before = await truth.fetchval(scans) or 0
            opened_one = await truth.fetchval(
                f"SELECT {ACCOUNTS.schema}.open_session('user7', 'a hash', NULL, 'new',"
                " sha256('new'), now(), 60, 60, 3)"
            )
            await truth.execute(f"SELECT {ACCOUNTS.schema}.prune_sessions(50)")
            after = await truth.fetchval(scans) or 0
        kept = await truth.fetchval("SELECT count(*) FROM sessions WHERE user_id = 'user7'")

    assert (opened_one, kept) == (True, 3)
    assert after == before
