"""The session cache of Better Auth, which is under the same secret as other tokens."""

from typing import Any

import pytest

from tests.support import tokens
from todo_backend.auth import jws
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.auth.secret_ring import SecretRing, Secrets
from todo_backend.model.errors import (
    SignatureInvalid,
    TokenExpired,
    TokenInvalid,
    Unauthenticated,
)
from todo_backend.model.principal import Principal

NOW = 1_795_253_010
SECRET = "a-secret-of-the-tests-0123456789-abcdefgh"
SESSION = {
    "id": "3dOvGJh7YEnFrF25ylShBsf2EQBkeEZ4",
    "userId": "ann",
    "token": "q7Zr0TfPLm2XcVb9NsKd4HgJ6WyAe8Ui",
    "expiresAt": "2026-11-28T09:23:25.225Z",
    "createdAt": "2026-11-21T09:23:25.225Z",
    "ipAddress": "",
}
USER = {"id": "ann", "email": "ann@example.test", "name": "Ann", "emailVerified": False}
CACHE = {
    "session": SESSION,
    "user": USER,
    "updatedAt": (NOW - 5) * 1000,
    "version": "1",
    "iat": NOW - 5,
    "exp": NOW + 295,
}


def judged(
    members: dict[str, Any], *, secret: str = SECRET, rules: ClaimRules | None = None
) -> Verified:
    """Judge what Better Auth would have signed."""
    kept = {name: value for name, value in members.items() if value != "$drop"}
    token = tokens.signed(kept, secret=secret, header={"alg": "HS256"})
    ring = SecretRing(Secrets(SECRET), rules=rules or ClaimRules())
    return ring.judge(jws.read(token), now=NOW)


def outcome(members: dict[str, Any], **options: Any) -> Any:
    try:
        return judged(members, **options).principal.user_id
    except Unauthenticated as error:
        return type(error)


def test_it_is_its_user_until_it_expires() -> None:
    """With the address and the name that stand beside the id."""
    assert judged(CACHE) == Verified(Principal("ann", "ann@example.test", "Ann"), NOW + 300)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"user": {**USER, "id": "eve"}}, TokenInvalid),
        ({"session": {**SESSION, "userId": "eve"}}, TokenInvalid),
        ({"user": {"email": "ann@example.test"}}, TokenInvalid),
        ({"session": {"expiresAt": SESSION["expiresAt"]}}, TokenInvalid),
        ({"user": {**USER, "id": 1}, "session": {**SESSION, "userId": 1}}, TokenInvalid),
        ({"user": {**USER, "id": None}, "session": {**SESSION, "userId": None}}, TokenInvalid),
        ({"user": {**USER, "id": " "}, "session": {**SESSION, "userId": " "}}, TokenInvalid),
        ({"user": {**USER, "id": "Ann"}}, TokenInvalid),
        ({"user": "ann"}, TokenInvalid),
        ({"session": [SESSION]}, TokenInvalid),
        ({"user": "$drop"}, TokenInvalid),
        ({"session": "$drop"}, TokenInvalid),
        ({"session": "$drop", "user": "$drop"}, TokenInvalid),
        ({"id": "ann"}, TokenInvalid),
        ({"userId": "ann"}, TokenInvalid),
        ({"email": "ann@example.test"}, TokenInvalid),
        ({"sid": "tbs_AAAAAAAAAAAAAAAAAAAAAA"}, TokenInvalid),
        ({"sub": None}, TokenInvalid),
        ({"sub": "eve"}, TokenInvalid),
        ({"user_id": "eve"}, TokenInvalid),
        ({"sub": "ann", "user_id": "eve"}, TokenInvalid),
        ({"sub": "eve", "user": {**USER, "id": "eve"}}, TokenInvalid),
        ({"sub": "ann"}, "ann"),
        ({"user": {**USER, "name": None, "email": 7}}, "ann"),
        ({"exp": "$drop"}, TokenInvalid),
        ({"exp": str(NOW + 295)}, TokenInvalid),
        ({"exp": NOW - 6}, TokenExpired),
        ({"exp": (NOW + 295) * 1000}, TokenInvalid),
        ({"iat": NOW + 6}, TokenInvalid),
        ({"nbf": NOW + 6}, TokenInvalid),
        ({"iss": 7}, TokenInvalid),
        ({"aud": 7}, TokenInvalid),
    ],
)
def test_nothing_in_it_may_contradict(changes: dict[str, Any], expected: Any) -> None:
    """Two readers of it must come to name the same user, or there is none."""
    assert outcome({**CACHE, **changes}) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-21T09:23:31Z", "ann"),
        ("2026-11-21T09:23:31.000Z", "ann"),
        ("2026-11-21T10:23:31.000+01:00", "ann"),
        ((NOW + 1) * 1000, "ann"),
        ((NOW + 1) * 1000.5, "ann"),
        ("2026-11-21T09:23:29.999Z", "ann"),
        ("2026-11-21T09:23:24.999Z", TokenExpired),
        ((NOW - 6) * 1000, TokenExpired),
        (NOW + 3600, TokenExpired),
        ("2026-11-28T09:23:25.225", TokenInvalid),
        ("2026-11-28", TokenInvalid),
        ("2026-13-28T09:23:25.225Z", TokenInvalid),
        ("9999-12-31T23:59:59-14:00", "ann"),
        ("Sat Nov 28 2026", TokenInvalid),
        ("", TokenInvalid),
        (None, TokenInvalid),
        (True, TokenInvalid),
        (10**300, TokenInvalid),
        ({}, TokenInvalid),
        ("$drop", TokenInvalid),
    ],
)
def test_the_session_in_it_has_to_last(moment: Any, expected: Any) -> None:
    """As JavaScript writes a moment, text or milliseconds; a number of seconds is long ago."""
    session = {**SESSION, "expiresAt": moment}
    if moment == "$drop":
        del session["expiresAt"]

    assert outcome({**CACHE, "session": session}) == expected


def test_the_proof_ends_with_the_session() -> None:
    """Even where the token itself would last longer."""
    session = {**SESSION, "expiresAt": (NOW + 60) * 1000}

    assert judged({**CACHE, "session": session}).valid_until == NOW + 65


def test_the_signature_comes_first() -> None:
    """Whoever has no secret learns nothing about what is wrong with a cache."""
    contradicting = {**CACHE, "user": {**USER, "id": "eve"}}

    assert outcome(CACHE, secret=SECRET.upper()) is SignatureInvalid
    assert outcome(contradicting, secret=SECRET.upper()) is SignatureInvalid


def test_what_the_deployment_expects_holds_here_too() -> None:
    """A cache has neither `iss` nor `aud`; one that has them has to fit."""
    rules = ClaimRules(issuer="https://app.example", audience="https://app.example")

    assert outcome(CACHE, rules=rules) == "ann"
    assert outcome({**CACHE, "aud": "better-auth:session-cache"}, rules=rules) is TokenInvalid
    assert outcome({**CACHE, "iss": "https://other.example"}, rules=rules) is TokenInvalid


@pytest.mark.parametrize(
    "members",
    [
        {"email": "ann@example.test"},
        {"email": "ann@example.test", "userId": "ann"},
        {"email": "ann@example.test", "updateTo": "eve@example.test"},
        {"userId": "ann", "user": USER},
        {"session": SESSION},
        {"user": USER},
    ],
)
def test_links_and_halves_say_nobody(members: dict[str, Any]) -> None:
    """Under the same secret Better Auth signs what it sends by mail."""
    assert outcome({**members, "iat": NOW - 5, "exp": NOW + 3595}) is TokenInvalid


@pytest.mark.parametrize("typ", ["better-auth.session-cache+jwt", "session-cache+jwt"])
def test_a_cache_of_another_type_is_another_kind(typ: str) -> None:
    """Better Auth puts a type on those that a key of its own signs; here they are never good."""
    token = tokens.signed(CACHE, secret=SECRET, header={"alg": "HS256", "typ": typ})

    with pytest.raises(TokenInvalid, match="typ"):
        jws.read(token)
