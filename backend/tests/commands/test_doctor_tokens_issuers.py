"""`todo-backend doctor --token` on tokens as other issuers make them: what each is taken for."""

import time
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.commands.examining import explained, settings_for, verdict
from tests.support.jwks_server import KeyService, key_service
from tests.support.signing_keys import signing_key
from todo_backend import doctor
from todo_backend.doctor import Finding, Level, anatomy
from todo_backend.doctor.anatomy import Kind

NOW: Final = int(time.time())
Claims = dict[str, Any]
APP: Final = "https://app.example.com"
REALM: Final = "https://id.example.com/realms/todo"
KEY: Final = signing_key("RS256", "the-key")

# Each has what its issuer documents; what several kinds have in common is in all of them.
KEYCLOAK: Final[Claims] = {
    "iss": REALM,
    "aud": "account",
    "typ": "Bearer",
    "azp": "todo-web",
    "acr": "1",
    "auth_time": NOW - 60,
    "jti": "onrtac:1c0e",
    "sid": "5f3c",
    "allowed-origins": [APP],
    "realm_access": {"roles": ["user"]},
    "scope": "openid email profile",
    "email": "ann@example.test",
}
AUTH0: Final[Claims] = {
    "iss": "https://tenant.eu.auth0.com/",
    "aud": ["https://api.example.com", "https://tenant.eu.auth0.com/userinfo"],
    "azp": "client",
    "scope": "openid profile",
}
CLERK: Final[Claims] = {
    "iss": "https://cool-1.clerk.accounts.dev",
    "azp": APP,
    "sid": "sess_2Qk",
    "fva": [0, -1],
    "v": 2,
}
ENTRA: Final[Claims] = {
    "iss": APP,
    "aud": "api://todo",
    "azp": "client",
    "acr": "1",
    "scp": "tasks",
}
SUPABASE: Final[Claims] = {
    "iss": "https://ref.supabase.co/auth/v1",
    "aud": "authenticated",
    "aal": "aal1",
    "amr": [{"method": "password"}],
    "session_id": "7f",
}
ID_TOKEN: Final[Claims] = {
    "iss": APP,
    "aud": "todo-web",
    "auth_time": NOW - 60,
    "acr": "1",
    "azp": "c",
}


def token(claims: Claims, **header: str) -> str:
    return KEY.token({"sub": "user_1", "iat": NOW - 5, "exp": NOW + 900} | claims, **header)


@pytest.mark.parametrize(
    ("claims", "header", "kind"),
    [
        pytest.param(KEYCLOAK, {"typ": "JWT"}, Kind.ACCESS, id="Keycloak"),
        pytest.param(KEYCLOAK | {"nonce": "n"}, {}, Kind.ACCESS, id="Keycloak of old"),
        pytest.param(
            {**KEYCLOAK, "typ": "ID", "at_hash": "h"}, {"typ": "JWT"}, Kind.OIDC, id="Keycloak's id"
        ),
        pytest.param(
            {k: v for k, v in KEYCLOAK.items() if k != "scope"}, {}, Kind.ACCESS, id="typ alone"
        ),
        pytest.param(AUTH0, {"typ": "JWT"}, Kind.ACCESS, id="Auth0"),
        pytest.param(CLERK, {"typ": "JWT", "cat": "cl_B7d4PD111AAA"}, Kind.PUBLISHED, id="Clerk"),
        pytest.param(ENTRA, {"typ": "JWT"}, Kind.ACCESS, id="Entra"),
        pytest.param(SUPABASE, {"typ": "JWT"}, Kind.PUBLISHED, id="Supabase"),
        pytest.param(KEYCLOAK, {"typ": "at+jwt"}, Kind.OAUTH, id="RFC 9068"),
        pytest.param(
            ID_TOKEN | {"nonce": "n"}, {"typ": "application/at+jwt"}, Kind.OAUTH, id="media type"
        ),
        pytest.param(ID_TOKEN, {}, Kind.PUBLISHED, id="no sign of either"),
        *(
            pytest.param(ID_TOKEN | {name: "x"}, {}, Kind.OIDC, id=name)
            for name in ("nonce", "at_hash", "c_hash", "s_hash")
        ),
    ],
)
def test_what_a_token_is_taken_for(claims: Claims, header: dict[str, str], kind: Kind) -> None:
    """An id token has what no access token has; the rest is no sign of it."""
    assert anatomy.of(token(claims, **header)).kind is kind


@pytest_asyncio.fixture
async def service() -> AsyncIterator[KeyService]:
    """The issuer's keys."""
    async with key_service(KEY.published) as running:
        yield running


async def about(service: KeyService, claims: Claims, issuer: str, audience: str) -> list[Finding]:
    return await explained(
        token(claims), JWKS_URL=service.url, JWT_ISSUER=issuer, JWT_AUDIENCE=audience
    )


async def test_keycloak_without_an_audience_mapper(service: KeyService) -> None:
    """Its usual mistake is the realm's to mend: the setting would let every client in."""
    findings = await about(service, KEYCLOAK, REALM, "todo-api")

    found = verdict(findings)
    assert findings[0].sentence.startswith("this is an OAuth access token")
    assert 'its aud is "account", and "todo-api" is expected' in found.sentence
    remedy = found.remedy or ""
    assert remedy.startswith('let the issuer name "todo-api" in it (Keycloak: an audience mapper')
    assert remedy.endswith(
        'or set JWT_AUDIENCE to "account", if such tokens are meant for this backend'
    )


async def test_keycloak_without_an_audience(service: KeyService) -> None:
    """As for a user who has no roles in any client."""
    claims = {name: value for name, value in KEYCLOAK.items() if name != "aud"}

    found = verdict(await about(service, claims, REALM, "todo-api"))

    assert 'it has no aud, and "todo-api" is expected' in found.sentence
    assert (found.remedy or "").startswith('let the issuer name "todo-api" in it (Keycloak')


async def test_keycloak_of_another_realm(service: KeyService) -> None:
    """The issuer is a matter of one setting; the audience is not set to `account` with it."""
    found = verdict(await about(service, KEYCLOAK, f"{REALM}2", "todo-api"))

    assert f'set JWT_ISSUER to "{REALM}"' in (found.remedy or "")
    assert "JWT_AUDIENCE" not in (found.remedy or "")


async def test_audience_that_is_nearest(service: KeyService) -> None:
    """Of several, the one that differs least is named."""
    found = verdict(await about(service, AUTH0, AUTH0["iss"], "https://api.example.com/"))

    assert 'its aud is "https://api.example.com"' in found.sentence
    assert "a slash at the end" in found.sentence


@pytest.mark.parametrize("claims", [KEYCLOAK, AUTH0, CLERK, ENTRA, SUPABASE])
async def test_those_that_are_expected(service: KeyService, claims: Claims) -> None:
    """None of them is called what it isn't, and all are good."""
    audience = claims.get("aud", "")
    first = audience[0] if isinstance(audience, list) else audience

    findings = await about(service, claims, claims["iss"], first)

    assert verdict(findings).level is Level.OK
    assert "id token" not in findings[0].sentence


@pytest.mark.parametrize("claims", [KEYCLOAK, AUTH0, CLERK, ENTRA, SUPABASE, {}])
async def test_no_keys_are_named_here(claims: Claims) -> None:
    """A server that was started with the setting before its command would judge otherwise."""
    found = verdict(await explained(token(claims)))

    keys = "BETTER_AUTH_URL" if anatomy.of(token(claims)).kind is Kind.PUBLISHED else "JWKS_URL"
    assert "because BETTER_AUTH_URL is not set" in found.sentence
    assert (found.remedy or "").startswith(f"set {keys} to ")
    assert "A running server may have been started with BETTER_AUTH_URL" in (found.remedy or "")
    assert doctor.asks_database(token(claims), settings_for("postgresql://u:p@h/db")) is False
