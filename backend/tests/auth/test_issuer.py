"""What of an issuer's tokens is refused, and in which order."""

from typing import Any

import pytest

from tests.support import tokens
from tests.support.signing_keys import Known, key_set, signing_key
from todo_backend.auth import jws
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.issuer import TrustedIssuer, key_address_of, origin_of
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.model.errors import (
    KeysUnavailable,
    SignatureInvalid,
    TokenExpired,
    TokenInvalid,
    Unauthenticated,
)

NOW = 1_800_000_000
APP = "https://app.example.com"
RULES = ClaimRules(issuer=APP, audience=APP)
KEY = signing_key("EdDSA", "k")
CLAIMS = {"sub": "alice", "iss": APP, "aud": APP, "iat": NOW - 5, "exp": NOW + 900}
ROWS = {row["id"]: row for row in tokens.rows()}


async def outcome(token: str, rules: ClaimRules = RULES) -> Any:
    """Verify a token of KEY's: the user, or the kind of refusal."""
    issuer = TrustedIssuer(Known(key_set(KEY.published)), rules=rules)
    try:
        return (await issuer.verify(jws.read(token), now=NOW)).principal.user_id
    except Unauthenticated as error:
        return type(error)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "alice"),
        ({"user_id": "alice"}, "alice"),
        ({"aud": ["other", APP]}, "alice"),
        ({"iss": None}, TokenInvalid),
        ({"iss": "$drop"}, TokenInvalid),
        ({"aud": "$drop"}, TokenInvalid),
        ({"iss": "$drop", "aud": "$drop"}, TokenInvalid),
        ({"iss": f"{APP}/"}, TokenInvalid),
        ({"iss": f"{APP}/api/auth"}, TokenInvalid),
        ({"iss": [APP]}, TokenInvalid),
        ({"aud": "client-id"}, TokenInvalid),
        ({"aud": "better-auth:session-cache"}, TokenInvalid),
        ({"aud": []}, TokenInvalid),
        ({"user_id": "bob"}, TokenInvalid),
        ({"sub": "$drop"}, TokenInvalid),
        ({"sub": "$drop", "id": "alice", "userId": "alice"}, TokenInvalid),
        ({"exp": "$drop"}, TokenInvalid),
        ({"exp": NOW - 6}, TokenExpired),
        ({"exp": NOW - 6, "iss": "$drop"}, TokenInvalid),
        ({"exp": NOW - 6, "aud": "other"}, TokenInvalid),
        ({"iat": NOW + 6}, TokenInvalid),
    ],
)
async def test_claims_must_be_there_and_right(changes: dict[str, Any], expected: Any) -> None:
    """The same key signs what is meant for others, so `iss` and `aud` are never left out."""
    members = {name: value for name, value in {**CLAIMS, **changes}.items() if value != "$drop"}

    assert await outcome(KEY.token(members)) == expected


async def test_what_nobody_expects_may_be_absent() -> None:
    """Where neither is configured, the key alone says whose token it is."""
    token = KEY.token({"sub": "alice", "exp": NOW + 900})

    assert await outcome(token, ClaimRules()) == "alice"
    assert await outcome(token, ClaimRules(issuer=APP)) is TokenInvalid
    assert await outcome(token, ClaimRules(audience=APP)) is TokenInvalid


async def test_a_session_of_our_own_is_none_of_an_issuers() -> None:
    """A claim that names one counts under the shared secret only."""
    token = KEY.token({**CLAIMS, "sid": "tbs_" + "A" * 22})

    found = await TrustedIssuer(Known(key_set(KEY.published)), rules=RULES).verify(
        jws.read(token), now=NOW
    )

    assert found.principal.session_id is None


@pytest.mark.parametrize("typ", ["better-auth.session-cache+jwt", "JWE", "logout+jwt", "jwt"])
async def test_a_token_for_something_else_is_refused(typ: str) -> None:
    """A session cache signed by the very key of the issuer is no access token."""
    assert await _outcome_of_text(KEY.token(CLAIMS, typ=typ)) is TokenInvalid


@pytest.mark.parametrize(
    "row_id", [row_id for row_id in ROWS if row_id.startswith(("ATK-", "CONF-", "KID-"))]
)
async def test_hostile_tokens_under_public_keys(row_id: str) -> None:
    """Keys in the header, an attacker's key, an HMAC over a public key: none of it helps."""
    row = ROWS[row_id]
    sent = tokens.build(row, secret="Test-Secret-0123456789", alice="alice", bob="bob", now=NOW)

    assert await _outcome_of_text(sent.token) is TokenInvalid


async def _outcome_of_text(token: str) -> Any:
    try:
        jws.read(token)
    except Unauthenticated as error:
        return type(error)
    return await outcome(token)


async def test_jwks_08_an_hmac_is_never_verified_by_a_public_key() -> None:
    """Nor is a key looked for: of the two ways, HS256 has one of its own."""
    secret = SharedSecret("Test-Secret-Of-Some-Length-0123456789", rules=RULES)
    token = secret.issue("alice", now=NOW, lifetime_seconds=900)
    known = Known(key_set(KEY.published))

    with pytest.raises(TokenInvalid, match="algorithm of public keys"):
        await TrustedIssuer(known, rules=RULES).verify(jws.read(token), now=NOW)
    with pytest.raises(TokenInvalid, match="the token is EdDSA and the backend expects HS256"):
        secret.verify(KEY.token(CLAIMS), now=NOW)
    assert known.asked == 0


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (KEY.sign({"alg": "EdDSA", "kid": "k"}, ["no", "object"]), TokenInvalid),  # type: ignore[arg-type]  # what no issuer sends
        (KEY.token({}, alg="HS256"), TokenInvalid),
        (KEY.token({}, alg="ES256"), TokenInvalid),
        (KEY.token({}, kid="other"), TokenInvalid),
        (signing_key("EdDSA", "stranger").token({}, kid="k"), SignatureInvalid),
        (KEY.token({}), TokenInvalid),
        (KEY.token({**CLAIMS, "exp": NOW - 60}), TokenExpired),
    ],
)
async def test_the_order_of_refusals(token: str, expected: type[Unauthenticated]) -> None:
    """No token, no such key, another's signature, and only then what it says."""
    assert await outcome(token) is expected


async def test_no_rubbish_makes_anybody_fetch_a_key() -> None:
    """What is no token for any key is refused before one is looked for; the rest has to wait."""
    known = Known(key_set(), is_reachable=False)
    issuer = TrustedIssuer(known, rules=RULES)

    for rubbish in (KEY.sign({"alg": "EdDSA"}, []), KEY.token(CLAIMS, alg="none")):  # type: ignore[arg-type]  # what no issuer sends
        with pytest.raises(TokenInvalid):
            await issuer.verify(jws.read(rubbish), now=NOW)
    assert known.asked == 0
    with pytest.raises(KeysUnavailable):
        await issuer.verify(jws.read(KEY.token(CLAIMS)), now=NOW)
    assert issuer.generation() == 7


@pytest.mark.parametrize(
    ("url", "origin", "keys"),
    [
        (APP, APP, f"{APP}/api/auth/jwks"),
        (f"{APP}/", APP, f"{APP}/api/auth/jwks"),
        (f"{APP}/api/auth", APP, f"{APP}/api/auth/jwks"),
        (f"{APP}/login/", APP, f"{APP}/login/jwks"),
        (
            "http://127.0.0.1:3000",
            "http://127.0.0.1:3000",
            "http://127.0.0.1:3000/api/auth/jwks",
        ),
        ("https://u:p@a.example", "https://a.example", "https://u:p@a.example/api/auth/jwks"),
    ],
)
def test_the_addresses_of_better_auth(url: str, origin: str, keys: str) -> None:
    """`iss` is an origin; the keys are below the address, or below /api/auth where that is one."""
    assert origin_of(url) == origin
    assert key_address_of(url) == keys
