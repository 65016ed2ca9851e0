"""Refresh: a token is good once, its holder may ask again, and a thief ends the session."""

import asyncio
import base64
import hashlib
import time

import asyncpg
import pytest

from tests.database.databases import opened, session, until_blocked
from tests.support.accounts import KEY, Process, principal_of, process_over
from todo_backend.auth.accounts import GRACE_SECONDS, TokenPair
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable, RefreshTokenInvalid, TokenInvalid

OTHER_SECRET = "Another-secret-of-the-tests-0123456789-abc"
MOMENTS = ("issued_at", "expires_at", "spent_at")


async def age(superuser: asyncpg.Connection, pair: TokenPair, *, seconds: float) -> None:
    """Let time pass for one session: everything that is stored of it happened earlier."""
    user_id, session_id = of(pair)
    for table, key, columns in (
        ("sessions", "id", ("created_at", "expires_at", "revoked_at")),
        ("refresh_tokens", "session_id", MOMENTS),
    ):
        earlier = ", ".join(f"{each} = {each} - make_interval(secs => $3)" for each in columns)
        await superuser.execute(
            f"UPDATE {table} SET {earlier} WHERE user_id = $1 AND {key} = $2",  # noqa: S608 - constants
            user_id,
            session_id,
            seconds,
        )


def of(pair: TokenPair) -> tuple[str, str]:
    principal = principal_of(pair)
    assert principal.session_id is not None
    return principal.user_id, principal.session_id


async def unspent(superuser: asyncpg.Connection, pair: TokenPair) -> int:
    found: int = await superuser.fetchval(
        "SELECT count(*) FROM refresh_tokens WHERE session_id = $1 AND spent_at IS NULL",
        of(pair)[1],
    )
    return found


async def refused(process: Process, token: str, reason: str) -> None:
    with pytest.raises(RefreshTokenInvalid) as refusal:
        await process.service.refresh(token)
    assert refusal.value.reason == f"refresh token {reason}"


async def test_au_39_the_first_use_brings_a_new_pair(
    process: Process, superuser: asyncpg.Connection
) -> None:
    """Of the same session, and the token is spent."""
    first = await process.sign_up()

    second = await process.service.refresh(first.refresh_token)

    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert of(second) == of(first)
    assert (await process.authenticate(second)).email == principal_of(first).email
    assert await unspent(superuser, first) == 1
    assert (await process.service.refresh(second.refresh_token)).expires_in == 900


async def test_au_40_a_token_used_again_ends_the_session(
    process: Process, neighbour: Process, superuser: asyncpg.Connection
) -> None:
    """The newest tokens are worth nothing either, although the answer is an error."""
    first = await process.sign_up()
    second = await process.service.refresh(first.refresh_token)
    other = await process.sign_up()
    await age(superuser, first, seconds=GRACE_SECONDS + 1)

    with pytest.raises(RefreshTokenInvalid, match=r"^refresh token reused$") as refusal:
        await process.service.refresh(first.refresh_token)

    assert refusal.value.is_reuse
    assert refusal.value.user_id == of(first)[0]
    for token in (first.refresh_token, second.refresh_token):
        await refused(process, token, "ended")
    for each in (process, neighbour):
        with pytest.raises(TokenInvalid):
            await each.authenticate(second)
    assert await process.service.refresh(other.refresh_token)


async def test_au_41_the_same_request_has_the_same_answer(
    process: Process, neighbour: Process, superuser: asyncpg.Connection
) -> None:
    """Byte for byte, from whichever process, until the grace is over; and there is one child."""
    first = await process.sign_up()
    second = await process.service.refresh(first.refresh_token)

    await age(superuser, first, seconds=GRACE_SECONDS - 2)
    again = [await each.service.refresh(first.refresh_token) for each in (process, neighbour)]

    # Aging has changed when the child was issued, which the access token says.
    aged = KEY.verify(again[0].access_token, now=time.time())
    assert again[0] == again[1]
    assert again[0].refresh_token == second.refresh_token
    assert (aged.principal.user_id, aged.principal.session_id) == of(first)
    assert await unspent(superuser, first) == 1


async def test_au_41_an_answer_given_again_is_identical(process: Process) -> None:
    """The access token too."""
    first = await process.sign_up()

    answers = [await process.service.refresh(first.refresh_token) for _ in range(3)]

    assert answers == [answers[0]] * 3


async def test_au_42_the_grace_is_for_one_generation(process: Process) -> None:
    """Once the child is used, its client has had the answer: who asks again is somebody else."""
    first = await process.sign_up()
    second = await process.service.refresh(first.refresh_token)
    third = await process.service.refresh(second.refresh_token)

    await refused(process, first.refresh_token, "reused")

    await refused(process, third.refresh_token, "ended")


async def test_au_43_many_at_once_get_one_child(
    process: Process, neighbour: Process, superuser: asyncpg.Connection
) -> None:
    """Fifty requests over two processes: all of them succeed, with the same answer."""
    first = await process.sign_up()

    answers = await asyncio.gather(
        *(each.service.refresh(first.refresh_token) for each in (process, neighbour) * 25)
    )

    assert len(set(answers)) == 1
    assert await unspent(superuser, first) == 1


async def test_au_45_only_hashes_are_stored(
    process: Process, superuser: asyncpg.Connection
) -> None:
    """What is stolen from the database is no token, whichever way it is spelled."""
    first = await process.sign_up()
    second = await process.service.refresh(first.refresh_token)

    rows = await superuser.fetch(
        "SELECT t::text, t.hash FROM refresh_tokens t WHERE session_id = $1", of(first)[1]
    )

    hashes = {hashlib.sha256(p.refresh_token.encode()).digest() for p in (first, second)}
    assert {row["hash"] for row in rows} == hashes
    for pair in (first, second):
        raw = base64.urlsafe_b64decode(pair.refresh_token + "=")
        assert not any(pair.refresh_token in str(row) or raw.hex() in str(row) for row in rows)
    for found in hashes:
        spelled = base64.urlsafe_b64encode(found).rstrip(b"=").decode()
        await refused(process, spelled, "unknown")
    assert await process.service.refresh(second.refresh_token)


async def test_au_46_no_two_tokens_are_the_same(process: Process) -> None:
    """Within one second either: 256 bits each, and another id in each access token."""
    pairs = [await process.sign_up()]
    for _ in range(5):
        pairs.append(await process.service.refresh(pairs[-1].refresh_token))

    assert len({pair.refresh_token for pair in pairs}) == 6
    assert len({pair.access_token for pair in pairs}) == 6
    assert {len(base64.urlsafe_b64decode(p.refresh_token + "=")) for p in pairs} == {32}


async def test_au_50_an_access_token_is_no_refresh_token(process: Process) -> None:
    """Nor the reverse."""
    pair = await process.sign_up()

    with pytest.raises(RefreshTokenInvalid):
        await process.service.refresh(pair.access_token)
    with pytest.raises(TokenInvalid):
        KEY.verify(pair.refresh_token, now=time.time())


@pytest.mark.parametrize(
    "text",
    ["", "\0", "x" * 42, "x" * 44, "x" * 10_000, "x" * 42 + "=", "\u00e4" * 43, "\ud800" * 43],
)
async def test_au_51_garbage_is_no_refresh_token(process: Process, text: str) -> None:
    """The database isn't asked about it."""
    with pytest.raises(RefreshTokenInvalid, match="not a refresh token"):
        await process.service.refresh(text)


async def test_a_token_nobody_has_been_given_is_unknown(process: Process) -> None:
    """It has the form of one, and that is all."""
    await refused(process, "x" * 43, "unknown")


async def test_an_unused_token_expires(process: Process, superuser: asyncpg.Connection) -> None:
    """After the days of the setting, and the session isn't revoked for it."""
    pair = await process.sign_up()
    await age(superuser, pair, seconds=7 * 24 * 3600 - 60)
    pair = await process.service.refresh(pair.refresh_token)

    await age(superuser, pair, seconds=7 * 24 * 3600 + 1)

    await refused(process, pair.refresh_token, "expired")
    assert (
        await superuser.fetchval("SELECT revoked_at FROM sessions WHERE id = $1", of(pair)[1])
        is None
    )


async def test_au_52_a_session_ends_however_often_it_is_refreshed(
    process: Process, superuser: asyncpg.Connection
) -> None:
    """Thirty days after signing in; then access tokens are worth nothing either."""
    first = pair = await process.sign_up()
    for _ in range(5):
        await age(superuser, first, seconds=6 * 24 * 3600 - 10)
        pair = await process.service.refresh(pair.refresh_token)
    left = await superuser.fetchval(
        "SELECT expires_at - clock_timestamp() FROM refresh_tokens"
        " WHERE session_id = $1 AND spent_at IS NULL",
        of(first)[1],
    )

    await age(superuser, first, seconds=60)

    assert 0 < left.total_seconds() <= 60
    await refused(process, pair.refresh_token, "ended")
    assert await process.functions.live_sessions([of(first)]) == set()


async def test_au_53_what_the_database_didnt_keep_didnt_happen(
    address: ConnectArgs, process: Process, superuser: asyncpg.Connection
) -> None:
    """A connection cut off in the middle of a refresh: the token is as good as before."""
    pair = await process.sign_up()
    async with session(address) as holder:
        await holder.execute("BEGIN")
        await holder.execute("SELECT FROM sessions WHERE id = $1 FOR UPDATE", of(pair)[1])
        refreshing = asyncio.create_task(process.service.refresh(pair.refresh_token))
        await until_blocked(superuser)
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE $1 = ANY (SELECT unnest(pg_blocking_pids(pid)))",
            await holder.fetchval("SELECT pg_backend_pid()"),
        )
        with pytest.raises(DatabaseUnavailable):
            await refreshing
        await holder.execute("ROLLBACK")

    assert await unspent(superuser, pair) == 1
    assert await process.service.refresh(pair.refresh_token)


async def test_another_secret_gives_no_answer_again(address: ConnectArgs, process: Process) -> None:
    """While a secret is being changed, a retry may reach a process that can't repeat the answer."""
    first = await process.sign_up()
    second = await process.service.refresh(first.refresh_token)
    async with opened(address) as database:
        await refused(process_over(database, secret=OTHER_SECRET), first.refresh_token, "diverged")

    assert await process.service.refresh(first.refresh_token) == second
