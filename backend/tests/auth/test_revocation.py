"""A session that is over is over on every process, at once or half a second later."""

import asyncio

import asyncpg
import pytest

from tests.support.accounts import PASSWORD, Process, fresh_address, principal_of
from todo_backend.auth.accounts import SESSIONS_MAX, TokenPair
from todo_backend.auth.inquiries import CONFIRMED_SECONDS
from todo_backend.model.errors import CredentialsWrong, RefreshTokenInvalid, TokenInvalid
from todo_backend.model.principal import Principal


async def is_signed_in(process: Process, pair: TokenPair) -> bool:
    try:
        await process.authenticate(pair)
    except TokenInvalid:
        return False
    return True


async def test_au_47_nothing_is_refreshed_after_signing_out(process: Process) -> None:
    """Neither the token of that moment nor those before it."""
    first = await process.sign_up()
    second = await process.service.refresh(first.refresh_token)

    await process.service.sign_out(principal_of(second), None)

    for pair in (first, second):
        with pytest.raises(RefreshTokenInvalid, match="ended"):
            await process.service.refresh(pair.refresh_token)


async def test_au_48_an_access_token_ends_with_its_session(
    process: Process, neighbour: Process
) -> None:
    """At once where the sign-out arrived, and elsewhere when the last confirmation is too old."""
    pair = await process.sign_up()
    assert await is_signed_in(process, pair)
    assert await is_signed_in(neighbour, pair)

    await process.service.sign_out(principal_of(pair), None)

    assert not await is_signed_in(process, pair)
    await asyncio.sleep(CONFIRMED_SECONDS)
    assert not await is_signed_in(neighbour, pair)


async def test_au_49_signing_out_twice_is_no_error(process: Process, neighbour: Process) -> None:
    """Nor is it for a token whose session ended elsewhere, and nobody else is signed out by it."""
    address = fresh_address()
    first = await process.sign_up(address)
    _, second = await process.service.sign_in(email=address, password=PASSWORD)

    for each in (process, neighbour, process):
        await each.service.sign_out(principal_of(first), None)

    assert not await is_signed_in(process, first)
    assert await is_signed_in(process, second)


async def test_a_refresh_token_of_ones_own_is_signed_out_too(process: Process) -> None:
    """Of another device, say; and one that was used stands for its session as well."""
    address = fresh_address()
    first = await process.sign_up(address)
    _, second = await process.service.sign_in(email=address, password=PASSWORD)
    await process.service.refresh(second.refresh_token)
    assert await is_signed_in(process, second)

    await process.service.sign_out(principal_of(first), second.refresh_token)

    assert not await is_signed_in(process, first)
    assert not await is_signed_in(process, second)


@pytest.mark.parametrize("garbage", ["", "x" * 43, "\0", "\ud800", "x" * 10_000])
async def test_au_49_garbage_beside_the_token_changes_nothing(
    process: Process, garbage: str
) -> None:
    """The session of the access token ends all the same."""
    pair = await process.sign_up()

    await process.service.sign_out(principal_of(pair), garbage)

    assert not await is_signed_in(process, pair)


async def test_nobody_signs_somebody_else_out(process: Process) -> None:
    """A stranger's refresh token, or session, stays as it is."""
    ann, bob = await process.sign_up(), await process.sign_up()
    anns, bobs = principal_of(ann), principal_of(bob)

    await process.service.sign_out(bobs, ann.refresh_token)
    await process.service.sign_out(Principal(bobs.user_id, session_id=anns.session_id), None)

    assert await process.functions.live_sessions([(anns.user_id, anns.session_id or "")])
    assert await is_signed_in(process, ann)
    assert await process.service.refresh(ann.refresh_token)


async def test_a_token_of_better_auth_has_no_session_to_end(process: Process) -> None:
    """Its user may still hand in a refresh token of their own."""
    pair = await process.sign_up()
    principal = Principal(principal_of(pair).user_id)

    await process.service.sign_out(principal, None)
    assert await is_signed_in(process, pair)

    await process.service.sign_out(principal, pair.refresh_token)
    assert not await is_signed_in(process, pair)


async def test_au_54_a_deleted_user_is_signed_out(
    process: Process, neighbour: Process, superuser: asyncpg.Connection
) -> None:
    """Account, sessions and tokens go with the user, and the address is free again."""
    address = fresh_address()
    pair = await process.sign_up(address)
    user_id = principal_of(pair).user_id

    await superuser.execute("DELETE FROM users WHERE id = $1", user_id)

    for table in ("accounts", "sessions", "refresh_tokens"):
        count = f"SELECT count(*) FROM {table} WHERE user_id = $1"  # noqa: S608 - a constant
        assert await superuser.fetchval(count, user_id) == 0
    assert not await is_signed_in(neighbour, pair)
    with pytest.raises(RefreshTokenInvalid, match="unknown"):
        await process.service.refresh(pair.refresh_token)
    with pytest.raises(CredentialsWrong):
        await process.service.sign_in(email=address, password=PASSWORD)
    assert principal_of(await process.sign_up(address)).user_id != user_id


async def test_expired_sessions_are_swept_out_at_the_next_sign_in(
    process: Process, superuser: asyncpg.Connection
) -> None:
    """With their tokens; the others stay."""
    address = fresh_address()
    pairs = [await process.sign_up(address)]
    pairs += [
        (await process.service.sign_in(email=address, password=PASSWORD))[1] for _ in range(2)
    ]
    ids = [principal_of(pair).session_id for pair in pairs]
    await superuser.execute(
        "UPDATE sessions SET expires_at = clock_timestamp() WHERE id = $1", ids[0]
    )

    _, newest = await process.service.sign_in(email=address, password=PASSWORD)

    left = await superuser.fetch(
        "SELECT s.id FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id"
        " WHERE s.user_id = $1",
        principal_of(newest).user_id,
    )
    assert {each for (each,) in left} == {*ids[1:], principal_of(newest).session_id}


async def given_sessions(process: Process, address: str, *, number: int) -> list[TokenPair]:
    pairs = []
    for _ in range(number):
        _, pair = await process.service.sign_in(email=address, password=PASSWORD)
        pairs.append(pair)
    return pairs


async def test_the_oldest_of_too_many_sessions_ends(
    process: Process, neighbour: Process, superuser: asyncpg.Connection
) -> None:
    """Whoever signs in for ever, or knows a password, fills no table, even at several places."""
    address = fresh_address()
    first = await process.sign_up(address)
    others = await given_sessions(process, address, number=SESSIONS_MAX - 1)
    assert await is_signed_in(neighbour, first)

    newest = await asyncio.gather(
        *(
            each.service.sign_in(email=address, password=PASSWORD)
            for each in (process, neighbour) * 4
        )
    )

    await asyncio.sleep(CONFIRMED_SECONDS)
    count = "SELECT count(*) FROM sessions WHERE user_id = $1"
    assert await superuser.fetchval(count, principal_of(first).user_id) == SESSIONS_MAX
    alive = [await is_signed_in(neighbour, each) for each in (first, *others)]
    assert alive == [False] * 8 + [True] * (SESSIONS_MAX - 8)
    assert all([await is_signed_in(process, pair) for _, pair in newest])
    with pytest.raises(RefreshTokenInvalid, match="unknown"):
        await process.service.refresh(first.refresh_token)


async def test_what_was_signed_out_makes_room_first(
    process: Process, superuser: asyncpg.Connection
) -> None:
    """A session that is over counts, and is dropped before one that goes on."""
    address = fresh_address()
    first = await process.sign_up(address)
    gone, *others = await given_sessions(process, address, number=SESSIONS_MAX - 1)
    await process.service.sign_out(principal_of(gone), None)

    await given_sessions(process, address, number=1)

    left = await superuser.fetch(
        "SELECT id FROM sessions WHERE user_id = $1", principal_of(first).user_id
    )
    assert len(left) == SESSIONS_MAX
    assert principal_of(gone).session_id not in {each for (each,) in left}
    for pair in (first, *others):
        assert await is_signed_in(process, pair)
