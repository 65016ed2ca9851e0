"""Tokens of real issuers, as they and the key sets beside them look."""

from typing import Any

import pytest

from tests.support.signing_keys import Known, SigningKey, key_set, signing_key
from todo_backend.auth import jws
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.auth.issuer import TrustedIssuer
from todo_backend.model.errors import TokenInvalid
from todo_backend.model.principal import Principal

NOW = 1_800_000_000
APP = "https://app.example.com"
RULES = ClaimRules(issuer=APP, audience=APP)
BETTER_AUTH_CLAIMS = {
    "iat": NOW - 5,
    "name": "Alice",
    "email": "alice@example.com",
    "emailVerified": False,
    "image": None,
    "createdAt": "2026-11-01T10:00:00.000Z",
    "updatedAt": "2026-11-01T10:00:00.000Z",
    "id": "alice",
    "sub": "alice",
    "exp": NOW + 895,
    "iss": APP,
    "aud": APP,
}

NEON = signing_key("EdDSA", "2d9b1a4c-0d5b-4c4e-9f0e-6b7a7f1e9b11")
AUTH0 = signing_key("RS256", "Nk9vBzXKQmF0aGVu", use="sig", x5t="abc", x5c=["MIIDDTCCAfWgAwIBAgIJ"])
CLERK = signing_key("RS256", "ins_2Qk3Bq0Yx", use="sig")
SUPABASE = signing_key("ES256", "b81269f1-21d8-4f2e", ext=True, key_ops=["verify"], use="sig")
KEYCLOAK = signing_key("RS256", "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoq", use="sig", x5c=["MIICmz"])
KEYCLOAK_ENCRYPTION = signing_key("RS256", "U1lHkTFr", use="enc").published | {"alg": "RSA-OAEP"}


async def verified(token: str, *published: dict[str, Any], rules: ClaimRules = RULES) -> Verified:
    issuer = TrustedIssuer(Known(key_set(*published)), rules=rules)
    return await issuer.verify(jws.read(token), now=NOW)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "ES512", "PS256", "RS256"])
async def test_better_auth(alg: str) -> None:
    """Its plugin signs by any of five algorithms, without `typ`, and names the user in full."""
    key = signing_key(alg, "ztlP3BzCTWtMyIqZxxI1JOGYuhiJVUMc")

    found = await verified(key.token(BETTER_AUTH_CLAIMS), key.published)

    assert found == Verified(Principal("alice", "alice@example.com", "Alice"), NOW + 900)


@pytest.mark.parametrize(
    ("key", "others", "header", "claims"),
    [
        pytest.param(
            NEON,
            [],
            {},
            {"iss": "https://ep-cool.neonauth.aws.neon.tech", "role": "authenticated"}
            | {"aud": "https://ep-cool.neonauth.aws.neon.tech", "banned": None},
            id="Neon Auth",
        ),
        pytest.param(
            AUTH0,
            [signing_key("RS256", "next", use="sig").published],
            {"typ": "JWT", "x5t": "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg"},
            {"iss": "https://tenant.eu.auth0.com/", "azp": "client", "scope": "openid"}
            | {"aud": ["https://api.example.com", "https://tenant.eu.auth0.com/userinfo"]},
            id="Auth0",
        ),
        pytest.param(
            CLERK,
            [],
            {"typ": "JWT", "cat": "cl_B7d4PD111AAA"},
            {"iss": "https://cool-1.clerk.accounts.dev", "azp": APP, "nbf": NOW - 15}
            | {"sid": "sess_2Qk", "fva": [0, -1], "v": 2},
            id="Clerk",
        ),
        pytest.param(
            SUPABASE,
            [],
            {"typ": "JWT"},
            {"iss": "https://ref.supabase.co/auth/v1", "aud": "authenticated", "phone": ""}
            | {"app_metadata": {"provider": "email"}, "amr": [{"method": "password"}]},
            id="Supabase",
        ),
        pytest.param(
            KEYCLOAK,
            [KEYCLOAK_ENCRYPTION],
            {"typ": "JWT"},
            {"iss": "https://id.example.com/realms/todo", "aud": "account", "typ": "Bearer"}
            | {"realm_access": {"roles": ["user"]}, "allowed-origins": [APP], "sid": "5f3c"},
            id="Keycloak",
        ),
        pytest.param(
            signing_key("RS256", "access"),
            [],
            {"typ": "at+jwt"},
            {"iss": f"{APP}/api/auth", "aud": "https://api.example.com", "client_id": "c"},
            id="access token (RFC 9068)",
        ),
    ],
)
async def test_other_issuers(
    key: SigningKey, others: list[dict[str, Any]], header: Any, claims: Any
) -> None:
    """What they publish is read, and their tokens are good where they are the ones expected."""
    members = {"sub": "user_1", "iat": NOW - 5, "exp": NOW + 60} | claims
    audience = claims.get("aud")
    rules = ClaimRules(
        issuer=claims["iss"], audience=audience[0] if isinstance(audience, list) else audience
    )
    token = key.token(members, **header)

    found = await verified(token, *others, key.published, rules=rules)

    assert found.principal == Principal("user_1", None, None)
    with pytest.raises(TokenInvalid):
        await verified(token, *others, key.published, rules=ClaimRules(issuer=f"{APP}/other"))
