"""JWTs under the shared secret out of a real Better Auth: which of them say who calls."""

from pathlib import Path

import jwt
import pytest

from tests.better_auth.application import running
from tests.better_auth.verifying import judging
from tests.database.databases import url_of
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import TokenInvalid
from todo_backend.model.principal import Principal


@pytest.mark.parametrize("claims", ["sub", "user_id"])
async def test_tokens_of_a_signer_of_its_own(
    installed: Path, empty: ConnectArgs, claims: str
) -> None:
    """An application that signs with its secret names the user by either claim."""
    modes = {"TOKEN_MODE": "hs256", "CLAIMS": claims}
    async with running(installed, url_of(empty), **modes) as app, judging(empty) as judge:
        ann = await app.sign_up()
        token = await app.jwt(ann)

        found = await judge.principal(token)

        assert claims in jwt.decode(token, options={"verify_signature": False})
        assert found == Principal(ann.user_id, ann.email, "Ann" if claims == "sub" else None)


async def test_the_session_cache_is_its_user(installed: Path, empty: ConnectArgs) -> None:
    """It says who without a look at a row, so a sign-out does not reach it."""
    async with running(installed, url_of(empty), COOKIE_CACHE="jwt") as app:
        ann = await app.sign_up()
        async with judging(empty) as judge:
            cache = ann.cookies["session_data"]

            assert await judge.principal(cache) == Principal(ann.user_id, ann.email, "Ann")
            await app.sign_out(ann)
            assert await judge.outcome(cache) == ann.user_id


@pytest.mark.parametrize("strategy", ["compact", "jwe", "jwks"])
async def test_other_session_caches_are_refused(
    installed: Path, empty: ConnectArgs, strategy: str
) -> None:
    """One is no token, one is encrypted, one is signed by a key of somebody's own."""
    async with (
        running(installed, url_of(empty), COOKIE_CACHE=strategy) as app,
        judging(empty, allows_bare=True) as judge,
    ):
        ann = await app.sign_up()

        assert await judge.outcome(ann.cookies["session_data"]) is TokenInvalid
        assert await judge.outcome(ann.signed_token) == ann.user_id


async def test_a_link_to_verify_an_address_says_nobody(installed: Path, empty: ConnectArgs) -> None:
    """It is signed with the same secret, and proves that a mailbox was opened."""
    async with running(installed, url_of(empty)) as app, judging(empty) as judge:
        ann = await app.sign_up()
        token = await app.verification_token(ann)

        assert jwt.decode(token, options={"verify_signature": False})["email"] == ann.email
        assert await judge.outcome(token) is TokenInvalid


async def test_a_token_of_its_own_keys_is_not_the_secrets(
    installed: Path, empty: ConnectArgs
) -> None:
    """The algorithm belongs to the key: the secret verifies nothing asymmetric."""
    async with running(installed, url_of(empty)) as app, judging(empty) as judge:
        token = await app.jwt(await app.sign_up())

        with pytest.raises(TokenInvalid, match="is EdDSA and the backend expects HS256"):
            await judge.principal(token)
