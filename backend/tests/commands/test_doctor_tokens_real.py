"""`todo-backend doctor --token` on everything that a real Better Auth hands out."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.better_auth.application import SECRET, Application, SignedUp, installed_in, running
from tests.commands.examining import explained, not_ok, verdict
from tests.database.databases import database, session, url_of
from tests.support.client import client_for
from tests.support.server import environment, serving
from todo_backend.database.url import ConnectArgs
from todo_backend.doctor import Finding, Level

# Each starts an application, or two.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that real applications are started from."""
    return installed_in(tmp_path_factory.mktemp("better_auth"))


@dataclass
class Stage:
    """An application, somebody who has signed up, and the database that it keeps them in."""

    app: Application
    home: ConnectArgs
    ann: SignedUp

    async def about(self, text: str, **others: str) -> list[Finding]:
        settings = {"BETTER_AUTH_SECRET": SECRET, "BETTER_AUTH_URL": self.app.url, **others}
        findings = await explained(text, args=self.home, user=None, origin=None, **settings)
        assert not any(self.ann.email in finding.line for finding in findings)
        return findings

    async def about_session_of(self, who: SignedUp, **others: str) -> list[Finding]:
        """Explain a signed session token, and hold that a cookie's spelling changes no word."""
        findings = await self.about(who.signed_token, **others)
        encoded = await self.about(f"Bearer {who.cookies['session_token']}", **others)
        assert findings[0].sentence == "this is a signed session token of Better Auth"
        assert encoded == findings
        return findings


@pytest_asyncio.fixture(scope="module")
async def stage(installed: Path, address: ConnectArgs) -> AsyncIterator[Stage]:
    """Keys of its own, and the session cache signed with the secret."""
    async with (
        database(address) as home,
        running(installed, url_of(home), COOKIE_CACHE="jwt") as app,
    ):
        yield Stage(app, home, await app.sign_up())


async def test_the_token_of_the_jwt_plugin(stage: Stage) -> None:
    """Described and accepted; without BETTER_AUTH_URL it is refused in the words people need."""
    token = await stage.app.jwt(stage.ann)

    good = await stage.about(token)
    refused = await explained(token, BETTER_AUTH_SECRET=SECRET)

    assert not_ok(good) == []
    assert "as by Better Auth's JWT plugin" in good[0].sentence
    assert f'its user is "{stage.ann.user_id}"' in good[1].sentence
    assert "is EdDSA and the backend expects HS256" in verdict(refused).sentence
    assert stage.app.url in (verdict(refused).remedy or "")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://localhost:{}", '"127.0.0.1" is not "localhost", although both are this machine'),
        ("http://localhost:{}/api/auth", "although both are this machine"),
    ],
)
async def test_the_same_machine_by_another_name(stage: Stage, url: str, sentence: str) -> None:
    """The keys can be had by both names, and `iss` is one of them."""
    named = url.format(stage.app.url.rpartition(":")[2])

    found = verdict(await stage.about(await stage.app.jwt(stage.ann), BETTER_AUTH_URL=named))

    assert sentence in found.sentence
    assert (found.remedy or "").startswith(f'set BETTER_AUTH_URL to "{stage.app.url}')
    assert f'JWT_ISSUER to "{stage.app.url}" and JWT_AUDIENCE to "{stage.app.url}"' in (
        found.remedy or ""
    )


async def test_session_tokens(stage: Stage) -> None:
    """Signed, bare and in a cookie: each says which setting it needs."""
    signed = await stage.about_session_of(stage.ann)
    bare = await stage.about(stage.ann.bare_token)
    cookie = f"better-auth.session_token={stage.ann.cookies['session_token']}"
    refused = await stage.about(cookie)
    taken = await stage.about(cookie, ACCEPT_SESSION_COOKIE="true")
    allowed = await stage.about(stage.ann.bare_token, ALLOW_UNSIGNED_SESSION_TOKENS="true")

    assert [not_ok(each) for each in (signed, taken, allowed)] == [[]] * 3
    assert refused[0] == taken[0] == signed[0]
    assert "ALLOW_UNSIGNED_SESSION_TOKENS=true" in (verdict(bare).remedy or "")
    assert "ACCEPT_SESSION_COOKIE=true" in (verdict(refused).remedy or "")
    assert refused[-1].sentence.startswith("as Bearer it is accepted")


async def test_session_that_is_nowhere(stage: Stage, address: ConnectArgs) -> None:
    """Signed out, in tables of another application, or where there are no tables."""
    bob = await stage.app.sign_up("Bob")
    await stage.app.sign_out(bob)
    gone = verdict(await stage.about_session_of(bob))
    async with database(address) as empty:
        away = await explained(bob.signed_token, args=empty, BETTER_AUTH_SECRET=SECRET)
        there = await explained(
            stage.ann.signed_token,
            args=empty,
            BETTER_AUTH_SECRET=SECRET,
            BETTER_AUTH_DATABASE_URL=url_of(stage.home),
        )

    assert "right secret, but there is no such session" in gone.sentence
    assert "BETTER_AUTH_DATABASE_URL" in (gone.remedy or "")
    assert 'no tables "session" and "user" of Better Auth' in verdict(away).sentence
    assert verdict(there).level is Level.OK


async def test_session_whose_database_is_away(stage: Stage) -> None:
    """Nobody can tell, and the setting to look at is named."""
    away = "postgresql://u:p@127.0.0.1:1/db"

    found = verdict(await stage.about_session_of(stage.ann, BETTER_AUTH_DATABASE_URL=away))

    assert "can't say at the moment" in found.sentence
    assert "BETTER_AUTH_DATABASE_URL" in (found.remedy or "")


async def test_session_that_has_expired(stage: Stage) -> None:
    """Its row is there still."""
    bob = await stage.app.sign_up("Bob")
    async with session(stage.home) as truth:
        await truth.execute(
            "UPDATE session SET \"expiresAt\" = now() - interval '1 hour' WHERE token = $1",
            bob.bare_token,
        )

    found = verdict(await stage.about_session_of(bob))

    assert "its session in Better Auth's tables has expired" in found.sentence


async def test_other_secret(stage: Stage) -> None:
    """Of a session token as of a JWT."""
    other = "Another-secret-that-nobody-has-seen-before"
    of_token = await stage.about_session_of(stage.ann, BETTER_AUTH_SECRET=other)
    of_cache = await stage.about(stage.ann.cookies["session_data"], BETTER_AUTH_SECRET=other)

    for found in (verdict(of_token), verdict(of_cache)):
        assert "signed with another secret than this backend has" in found.sentence


async def test_session_cache(stage: Stage) -> None:
    """As Bearer it is good; as the cookie that it is, nobody reads it."""
    cache = stage.ann.cookies["session_data"]

    findings = await stage.about(cache)
    cookie = await stage.about(f"better-auth.session_data={cache}", ACCEPT_SESSION_COOKIE="true")

    assert not_ok(findings) == []
    assert "session cache (cookie session_data, strategy jwt)" in findings[0].sentence
    assert 'and this is "better-auth.session_data"' in verdict(cookie).sentence


async def test_link_to_verify_an_address(stage: Stage) -> None:
    """It is known for what it is."""
    token = await stage.app.verification_token(stage.ann)

    findings = await stage.about(f"{stage.app.url}/api/auth/verify-email?token={token}")

    assert "e-mail verification link" in findings[0].sentence
    assert "proves that a mailbox was opened" in verdict(findings).sentence


@pytest.mark.parametrize(
    ("strategy", "sentence"),
    [
        ("compact", "strategy compact), which is no JWT"),
        ("jwe", "an encrypted token (JWE)"),
        ("jwks", "which is for Better Auth alone"),
    ],
)
async def test_other_session_caches(
    installed: Path, address: ConnectArgs, strategy: str, sentence: str
) -> None:
    """None of them is accepted, and each is told from the others."""
    async with (
        database(address) as home,
        running(installed, url_of(home), COOKIE_CACHE=strategy) as app,
    ):
        stage = Stage(app, home, await app.sign_up())

        found = verdict(await stage.about(stage.ann.cookies["session_data"]))

    assert sentence in found.sentence
    assert "authClient.token()" in (found.remedy or "")


@pytest.mark.parametrize("claims", ["sub", "user_id"])
async def test_signer_with_the_shared_secret(
    installed: Path, address: ConnectArgs, claims: str
) -> None:
    """What the specifications assume."""
    modes = {"TOKEN_MODE": "hs256", "CLAIMS": claims}
    async with database(address) as home, running(installed, url_of(home), **modes) as app:
        stage = Stage(app, home, await app.sign_up())

        findings = await stage.about(await app.jwt(stage.ann))

    assert not_ok(findings) == []
    assert findings[0].sentence.startswith("this is a JWT signed with the shared secret")


async def test_secret_that_changed_under_the_keys(installed: Path, address: ConnectArgs) -> None:
    """`/token` answers 500 and `/jwks` 200: so no token arrives, and the keys can be had."""
    async with database(address) as home:
        async with running(installed, url_of(home)) as app:
            await app.jwt(await app.sign_up())
        new = "Another-secret-that-nobody-has-seen-before"
        async with running(installed, url_of(home), BETTER_AUTH_SECRET=new) as app:
            stage = Stage(app, home, await app.sign_up())
            with pytest.raises(httpx.HTTPStatusError) as refused:
                await app.jwt(stage.ann)
            published = await app.published()

            findings = await stage.about("undefined", BETTER_AUTH_SECRET=new)

    assert (refused.value.response.status_code, len(published)) == (500, 1)
    assert "can be had from" in findings[0].sentence
    assert "its secret has changed since it made its keys" in (verdict(findings).remedy or "")


async def test_doctor_and_server_agree(stage: Stage, address: ConnectArgs) -> None:
    """What one accepts, the other does; and the server's log says what mends the rest."""
    tokens = {
        await stage.app.jwt(stage.ann): True,
        stage.ann.signed_token: True,
        stage.ann.cookies["session_token"]: True,
        stage.ann.cookies["session_data"]: True,
        stage.ann.bare_token: False,
        f"{stage.ann.bare_token}x": False,
        stage.ann.signed_token[:-4] + "AAA=": False,
        await stage.app.verification_token(stage.ann): False,
        f"{(await stage.app.jwt(stage.ann))[:-4]}AAAA": False,
    }
    settings = {"BETTER_AUTH_SECRET": SECRET, "BETTER_AUTH_URL": stage.app.url}
    ours = environment(url_of(address), **settings, BETTER_AUTH_DATABASE_URL=url_of(stage.home))
    async with serving(ours) as served, client_for(served.url) as client:
        for token, is_good in tokens.items():
            headers = {"authorization": f"Bearer {token}"}
            answer = await client.get(f"/api/{stage.ann.user_id}/tasks", headers=headers)
            found = verdict(await stage.about(token))

            assert answer.status_code == (200 if is_good else 401)
            assert found.level is (Level.OK if is_good else Level.PROBLEM)
    other = {**ours, "JWT_ISSUER": f"{stage.app.url}/api/auth"}
    async with serving(other) as served, client_for(served.url) as client:
        headers = {"authorization": f"Bearer {await stage.app.jwt(stage.ann)}"}
        await client.get(f"/api/{stage.ann.user_id}/tasks", headers=headers)
    lines = [json.loads(line) for line in served.log.getvalue().splitlines()]
    reason = f'iss is "{stage.app.url}", and "{other["JWT_ISSUER"]}" is expected: see JWT_ISSUER'
    assert f"TokenInvalid: {reason}" in {line.get("error") for line in lines}
