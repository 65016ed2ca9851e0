"""Sign-up and sign-in, below HTTP, on a real database."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import asyncpg
import jwt
import pytest
from argon2 import PasswordHasher
from structlog.testing import capture_logs

from tests.database.databases import SHAPE, opened
from tests.support.accounts import KEY, PASSWORD, Process, fresh_address, principal_of, process_over
from todo_backend.auth import emails
from todo_backend.auth.refresh_tokens import TokenPair
from todo_backend.database.accounts import AccountFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import CredentialsWrong, DatabaseUnavailable, EmailTaken, Invalid
from todo_backend.model.principal import Principal
from todo_backend.model.task import NewTask


async def row_of(superuser: asyncpg.Connection, address: str) -> dict[str, Any] | None:
    """Return what is stored of an account, and of its user."""
    row = await superuser.fetchrow(
        "SELECT a.*, u.email AS users_email, u.name AS users_name FROM accounts a"
        " JOIN users u ON u.id = a.user_id WHERE a.email_key = $1",
        emails.parse(address).key,
    )
    return None if row is None else dict(row)


async def test_au_01_au_25_sign_up_makes_a_user_and_a_session(
    process: Process, superuser: asyncpg.Connection
) -> None:
    """What is stored is what was sent, and everything else is this backend's."""
    address = fresh_address("Ann")
    before = datetime.now(UTC)

    account, pair = await process.service.sign_up(
        email=f" {address}", password=PASSWORD, name="Änn"
    )

    assert (account.email, account.name) == (address, "Änn")
    assert account.user_id == uuid.UUID(account.user_id).hex
    assert before <= account.created_at <= datetime.now(UTC)
    row = await row_of(superuser, address)
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$")
    assert (row["user_id"], row["email"], row["users_email"], row["users_name"]) == (
        account.user_id,
        address,
        address,
        "Änn",
    )
    assert (await process.authenticate(pair)).user_id == account.user_id


async def test_the_access_token_says_what_the_contract_wants(process: Process) -> None:
    """HS256; `sub` and `user_id` are equal, a quarter of an hour, and ids of its own."""
    account, pair = await process.service.sign_up(
        email=fresh_address(), password=PASSWORD, name="Ann"
    )

    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    assert jwt.get_unverified_header(pair.access_token)["alg"] == "HS256"
    assert claims.keys() == {"sub", "user_id", "email", "iat", "exp", "jti", "sid"}
    assert claims["sub"] == claims["user_id"] == account.user_id
    assert claims["email"] == account.email
    assert claims["exp"] - claims["iat"] == pair.expires_in == 900
    assert principal_of(pair).session_id == claims["sid"]


async def test_au_02_an_account_signs_in_by_any_case(process: Process) -> None:
    """And is answered with the address as it was typed at first."""
    address = fresh_address("Ann")
    account, first = await process.service.sign_up(email=address, password=PASSWORD, name="Ann")

    found, second = await process.service.sign_in(email=address.upper(), password=PASSWORD)

    assert found == account
    assert principal_of(first).session_id != principal_of(second).session_id
    with pytest.raises(EmailTaken):
        await process.sign_up(address.swapcase())


async def test_au_04_a_tag_makes_another_account(process: Process) -> None:
    """Mail to both may arrive in one box, but that is for its owner to decide."""
    address = fresh_address()

    pairs = [await process.sign_up(each) for each in (address, address.replace("@", "+todo@"))]

    assert len({principal_of(pair).user_id for pair in pairs}) == 2


@pytest.mark.parametrize(
    ("email", "password", "fields"),
    [
        ("nobody", PASSWORD, ["email"]),
        ("ann@example.test", "short", ["password"]),
        ("ann@example.test", "password1", ["password"]),
        ("nobody", "", ["email", "password"]),
    ],
)
async def test_a_bad_sign_up_is_invalid(
    process: Process, email: str, password: str, fields: list[str]
) -> None:
    """Every field that is wrong is named, and the password is not among what is said."""
    with pytest.raises(Invalid) as refused:
        await process.sign_up(email, password)

    assert [error.field for error in refused.value.errors] == fields
    assert [error.value for error in refused.value.errors if error.field == "password"] in (
        [],
        [None],
    )


@pytest.mark.parametrize("email", ["nobody@example.test", "no address", "", "a\0b@x.yz", "\ud800"])
async def test_nobody_can_sign_in_as_nobody(process: Process, email: str) -> None:
    """An address without an account, or none at all: the same refusal as for a wrong password."""
    with pytest.raises(CredentialsWrong):
        await process.service.sign_in(email=email, password=PASSWORD)


@pytest.mark.parametrize("tried", ["", PASSWORD[:-1], PASSWORD.upper(), PASSWORD + "\0", "\ud800"])
async def test_a_wrong_password_is_refused(process: Process, tried: str) -> None:
    """Whatever text it is."""
    address = fresh_address()
    await process.sign_up(address)

    with pytest.raises(CredentialsWrong):
        await process.service.sign_in(email=address, password=tried)


async def test_au_24_one_of_many_sign_ups_wins(
    address: ConnectArgs, superuser: asyncpg.Connection
) -> None:
    """Whichever process they reach, the others hear that it is taken, and leave no user behind."""
    email = fresh_address()
    users = await superuser.fetchval("SELECT count(*) FROM users")

    async with opened(address) as database:
        processes = [process_over(database) for _ in range(10)]
        found = await asyncio.gather(
            *(each.sign_up(email) for each in processes for _ in range(5)), return_exceptions=True
        )

    refused = [each for each in found if isinstance(each, BaseException)]
    assert [type(each) for each in refused] == [EmailTaken] * 49
    assert await superuser.fetchval("SELECT count(*) FROM users") == users + 1


async def test_a_sign_up_that_fails_leaves_the_address_to_the_next(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for somebody else with the same address is signed up then."""
    email = fresh_address()
    create = type(process.functions).create
    failures = [DatabaseUnavailable("away")]

    async def failing(functions: AccountFunctions, *arguments: Any) -> datetime | None:
        if failures:
            raise failures.pop()
        return await create(functions, *arguments)

    monkeypatch.setattr(type(process.functions), "create", failing)
    found = await asyncio.gather(
        *(process.sign_up(email) for _ in range(3)), return_exceptions=True
    )

    assert [type(each) for each in found] == [DatabaseUnavailable, TokenPair, EmailTaken]


@pytest.mark.parametrize("stored", ["garbage", "", "$2b$12$unknown", "$argon2id$v=19$m=8"])
async def test_au_55_a_corrupt_hash_is_a_wrong_password(
    process: Process, superuser: asyncpg.Connection, stored: str
) -> None:
    """Somebody has to hear of it, from a line that names the user alone."""
    address = fresh_address()
    pair = await process.sign_up(address)
    await superuser.execute(
        "UPDATE accounts SET password_hash = $2 WHERE email_key = $1", address, stored
    )

    with capture_logs() as lines, pytest.raises(CredentialsWrong):
        await process.service.sign_in(email=address, password=PASSWORD)

    (line,) = lines
    assert (line["log_level"], line["user_id"]) == ("error", principal_of(pair).user_id)
    assert not any(secret in str(line) for secret in (PASSWORD, address, stored or PASSWORD))


async def test_au_55_an_old_cost_is_hashed_again(
    address: ConnectArgs, process: Process, superuser: asyncpg.Connection
) -> None:
    """At the next sign-in, and only then; the password stays the same."""
    email = fresh_address()
    await process.sign_up(email)
    old = (await row_of(superuser, email) or {})["password_hash"]
    async with opened(address) as database:
        stronger = process_over(
            database, hasher=PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
        )

        with pytest.raises(CredentialsWrong):
            await stronger.service.sign_in(email=email, password="wrong horse")
        assert (await row_of(superuser, email) or {})["password_hash"] == old

        await stronger.service.sign_in(email=email, password=PASSWORD)
        new = (await row_of(superuser, email) or {})["password_hash"]
        await stronger.service.sign_in(email=email, password=PASSWORD)

    assert new.startswith("$argon2id$v=19$m=64,t=2,p=1$")
    assert (await row_of(superuser, email) or {})["password_hash"] == new


async def test_an_address_in_a_token_is_no_account(
    address: ConnectArgs, process: Process, superuser: asyncpg.Connection
) -> None:
    """A user of Better Auth with somebody's address stays a user of their own, in both orders."""
    taken, free = fresh_address(), fresh_address()
    account, _ = await process.service.sign_up(email=taken, password=PASSWORD, name="Ann")
    before = await row_of(superuser, taken)
    strangers = [Principal(f"better-{uuid.uuid4().hex}", each, "Mallory") for each in (taken, free)]
    async with opened(address) as database:
        for stranger in strangers:
            await database.tasks(SHAPE).create(stranger, NewTask("Buy milk", None))

        # And the account's own id in a token with another address changes nothing either.
        await database.tasks(SHAPE).create(
            Principal(account.user_id, "mallory@example.test", "Mallory"), NewTask("Buy milk", None)
        )

    pair = await process.sign_up(free)
    assert await row_of(superuser, taken) == before
    found, _ = await process.service.sign_in(email=taken, password=PASSWORD)
    assert found == account
    assert principal_of(pair).user_id not in {stranger.user_id for stranger in strangers}


def test_a_token_without_our_session_is_anothers() -> None:
    """Only a `sid` of our form is a session here: a Better Auth application may have its own."""
    for sid in ("abc", "tbs_short", "tbs_" + "x" * 23, "tbs_" + "x" * 21 + "=", "\u00e4" * 26):
        token = KEY.issue("ann", now=1_800_000_000, lifetime_seconds=9, others={"sid": sid})
        assert KEY.verify(token, now=1_800_000_001).principal == Principal("ann")
