"""Session tokens out of a real Better Auth, in every form in which it hands them out."""

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from tests.better_auth.application import SECRET, running
from tests.better_auth.verifying import judging
from tests.database.databases import SHAPES, session, url_of
from todo_backend.auth import session_cookie
from todo_backend.auth.inquiries import CONFIRMED_SECONDS
from todo_backend.auth.secret_ring import Secrets
from todo_backend.database import migrate
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import SignatureInvalid, TokenExpired, TokenInvalid
from todo_backend.model.principal import Principal


async def test_every_signed_form_is_its_owner(installed: Path, empty: ConnectArgs) -> None:
    """In the header as it is, and as the cookie has it, beside the tables of this backend."""
    await migrate.up(empty, SHAPES)
    async with running(installed, url_of(empty)) as app, judging(empty) as judge:
        ann, bob = await app.sign_up("Ann"), await app.sign_up("Bob")
        cookie = f"a=1; better-auth.session_token={ann.cookies['session_token']}".encode()

        assert "%3D" in ann.cookies["session_token"]
        assert await judge.principal(ann.signed_token) == Principal(ann.user_id, ann.email, "Ann")
        assert await judge.outcome(ann.cookies["session_token"]) == ann.user_id
        assert await judge.outcome(session_cookie.presented([], [cookie]).credential) == ann.user_id
        assert await judge.outcome(bob.signed_token) == bob.user_id


async def test_a_signature_belongs_to_its_token(installed: Path, empty: ConnectArgs) -> None:
    """Somebody else's is none, and without one a token is refused unless that is allowed."""
    async with running(installed, url_of(empty)) as app:
        ann, bob = await app.sign_up(), await app.sign_up()
        forged = f"{ann.bare_token}.{bob.signed_token.partition('.')[2]}"
        async with judging(empty) as judge:
            assert await judge.outcome(forged) is SignatureInvalid
            assert await judge.outcome(ann.bare_token) is TokenInvalid
        async with judging(empty, allows_bare=True) as judge:
            assert await judge.outcome(ann.bare_token) == ann.user_id
            assert await judge.outcome(ann.user_id) is TokenInvalid
        assert not await app.knows(forged)


async def test_signing_out_ends_it(installed: Path, empty: ConnectArgs) -> None:
    """When the row is looked at again, and nobody else is signed out by it."""
    async with running(installed, url_of(empty)) as app, judging(empty) as judge:
        ann, bob = await app.sign_up(), await app.sign_up()
        assert await judge.outcome(ann.signed_token) == ann.user_id

        await app.sign_out(ann)
        await asyncio.sleep(CONFIRMED_SECONDS)

        assert await judge.outcome(ann.signed_token) is TokenInvalid
        assert await judge.outcome(bob.signed_token) == bob.user_id


async def test_a_session_ends_by_itself(installed: Path, empty: ConnectArgs) -> None:
    """A row that Better Auth has not cleared away yet is no session any more."""
    async with running(installed, url_of(empty)) as app, judging(empty) as judge:
        ann = await app.sign_up()
        async with session(empty) as truth:
            await truth.execute("UPDATE session SET \"expiresAt\" = now() - interval '1 second'")

        assert await judge.outcome(ann.signed_token) is TokenExpired
        assert not await app.knows(ann.signed_token)


@pytest.mark.parametrize("ids", ["uuid", "serial"])
async def test_ids_of_other_types_are_text_here(
    installed: Path, empty: ConnectArgs, ids: str
) -> None:
    """The id is what Better Auth itself calls the user, in every token alike."""
    modes = {"IDS": ids, "COOKIE_CACHE": "jwt", "TOKEN_MODE": "hs256"}
    async with running(installed, url_of(empty), **modes) as app, judging(empty) as judge:
        ann = await app.sign_up()
        credentials = [ann.signed_token, ann.cookies["session_data"], await app.jwt(ann)]

        assert [await judge.outcome(each) for each in credentials] == [ann.user_id] * 3


async def test_tables_in_a_schema_of_their_own(installed: Path, empty: ConnectArgs) -> None:
    """They are found where Better Auth's own search path put them."""
    async with session(empty) as truth:
        await truth.execute("CREATE SCHEMA neon_auth")
    elsewhere = url_of(empty) + "&options=-csearch_path%3Dneon_auth"
    async with running(installed, elsewhere) as app, judging(empty) as judge:
        ann = await app.sign_up()

        assert await judge.outcome(ann.signed_token) == ann.user_id


async def test_a_role_that_only_reads_will_do(
    installed: Path, empty: ConnectArgs, superuser: asyncpg.Connection
) -> None:
    """Three rights are enough, and nothing is written by the way."""
    name = f"reader_{empty.database}"
    await superuser.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'reads-alone'")
    try:
        async with running(installed, url_of(empty)) as app, session(empty) as truth:
            ann = await app.sign_up()
            await truth.execute(
                f'GRANT SELECT ON "session", "user" TO {name};'
                f"ALTER ROLE {name} SET default_transaction_read_only = on"
            )
            async with judging(replace(empty, user=name, password="reads-alone")) as judge:
                assert await judge.outcome(ann.signed_token) == ann.user_id
            await truth.execute(f"DROP OWNED BY {name}")
    finally:
        await superuser.execute(f"DROP ROLE {name}")


async def test_a_changed_secret_signs_everybody_out(installed: Path, empty: ConnectArgs) -> None:
    """Better Auth says so too; accepting the old one is a choice of this backend's operator."""
    async with running(installed, url_of(empty)) as app:
        before = await app.sign_up()
    new = "Another-secret-that-nobody-has-seen-before"
    rotated = {"BETTER_AUTH_SECRETS": f"2:{new},1:{SECRET}"}
    async with running(installed, url_of(empty), **rotated) as app:
        after = await app.sign_up()
        assert not await app.knows(before.signed_token)

    async with judging(empty, Secrets(new, (SECRET,))) as strict:
        assert await strict.outcome(after.signed_token) == after.user_id
        assert await strict.outcome(before.signed_token) is SignatureInvalid
    async with judging(empty, Secrets(new, (SECRET,), accepts_retired=True)) as lenient:
        assert await lenient.outcome(after.signed_token) == after.user_id
        assert await lenient.outcome(before.signed_token) == before.user_id
