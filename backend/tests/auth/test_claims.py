"""Claims make a principal only where every one of them is of its type and in accord."""

from typing import Any

import pytest

from todo_backend.auth import claims
from todo_backend.auth.claims import ClaimRules
from todo_backend.model.errors import TodoError, TokenExpired, TokenInvalid
from todo_backend.model.principal import Principal

NOW = 1_800_000_000.25
DAY = 86_400
ABSENT = object()


def given_claims(**changes: Any) -> dict[str, object]:
    good = {"sub": "alice", "iat": NOW - 5, "exp": NOW + 900} | changes
    return {name: value for name, value in good.items() if value is not ABSENT}


def outcome(rules: ClaimRules | None = None, **changes: Any) -> str | type[TodoError]:
    """Give the user id, or the kind of refusal."""
    try:
        verified = claims.check(given_claims(**changes), rules=rules or ClaimRules(), now=NOW)
    except (TokenInvalid, TokenExpired) as refused:
        return type(refused)
    return verified.principal.user_id


def test_good_claims_make_a_principal() -> None:
    """The principal carries id, e-mail and name; the proof runs out at `exp` plus leeway."""
    members = given_claims(email="a@example.com", name="Alice", role=["admin"])

    verified = claims.check(members, rules=ClaimRules(leeway_seconds=7), now=NOW)

    assert verified.principal == Principal("alice", "a@example.com", "Alice")
    assert verified.valid_until == NOW + 907


@pytest.mark.parametrize(
    ("changes", "user_id"),
    [
        ({"user_id": "alice"}, "alice"),
        ({"sub": ABSENT, "user_id": "bob"}, "bob"),
        ({"id": "bob", "userId": "bob", "email": "bob@example.com"}, "alice"),
        ({"sub": " alice "}, " alice "),
        ({"sub": "\uff41lice"}, "\uff41lice"),
        ({"sub": "a\u0301"}, "a\u0301"),
        ({"sub": "😀" * 255}, "😀" * 255),
        ({"sub": ".."}, ".."),
    ],
)
def test_identity_is_taken_as_it_stands(changes: dict[str, Any], user_id: str) -> None:
    """The id is `sub`, else `user_id`: opaque, neither trimmed nor normalised."""
    assert outcome(**changes) == user_id


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": ABSENT},
        {"sub": ABSENT, "id": "alice", "userId": "alice", "email": "alice@example.com"},
        {"user_id": "bob"},
        {"user_id": "Alice"},
        {"user_id": None},
        {"sub": "", "user_id": "alice"},
        {"sub": None, "user_id": "alice"},
        {"sub": 1, "user_id": 1},
        {"sub": 1},
        {"sub": True},
        {"sub": ["alice"]},
        {"sub": {"$ne": ""}},
        {"sub": ""},
        {"sub": " \t\n"},
        {"sub": "\u3000\u00a0"},
        {"sub": "alice\0"},
        {"sub": "alice\ud800"},
        {"sub": "a" * 256},
    ],
)
def test_identity_is_refused(changes: dict[str, Any]) -> None:
    """An id that is missing, mistyped, blank, unstorable or contradicted makes nobody."""
    assert outcome(**changes) is TokenInvalid


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value",
    [None, True, "", str(NOW), "2099-01-01T00:00:00Z", [NOW], {}, float("nan"), float("inf")],
)
def test_times_are_numbers(name: str, value: Any) -> None:
    """A time of another type is refused, and so is a number that is none."""
    assert outcome(**{name: value}) is TokenInvalid


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"exp": ABSENT}, TokenInvalid),
        ({"iat": ABSENT}, "alice"),
        ({"exp": int(NOW) + 900, "iat": int(NOW)}, "alice"),
        # expiry: 5 seconds of leeway, and none left at the very moment
        ({"exp": NOW - 4.5}, "alice"),
        ({"exp": NOW - 5}, TokenExpired),
        ({"exp": 0}, TokenExpired),
        ({"exp": -(10**400)}, TokenInvalid),
        # at most 366 days
        ({"exp": NOW + 366 * DAY}, "alice"),
        ({"exp": NOW + 366 * DAY + 1}, TokenInvalid),
        ({"exp": int(NOW + 900) * 1000}, TokenInvalid),
        ({"exp": 1e308}, TokenInvalid),
        ({"exp": 10**308}, TokenInvalid),
        ({"exp": 10**400}, TokenInvalid),
        # not in the future
        ({"iat": NOW + 5}, "alice"),
        ({"iat": NOW + 5.5}, TokenInvalid),
        ({"nbf": NOW + 5}, "alice"),
        ({"nbf": NOW + 5.5}, TokenInvalid),
        ({"nbf": 0}, "alice"),
        # iat and exp
        ({"iat": NOW + 3, "exp": NOW + 2}, TokenInvalid),
        ({"iat": NOW + 2, "exp": NOW + 2}, "alice"),
        ({"iat": NOW - 5, "exp": NOW - 61}, TokenExpired),
        ({"iat": NOW + 600, "exp": NOW - 61}, TokenExpired),
    ],
)
def test_times_are_compared(changes: dict[str, Any], expected: Any) -> None:
    """A token is good from `iat` and `nbf` to `exp`, give or take the leeway, and not for ever."""
    assert outcome(**changes) == expected


def test_expired_token_with_another_defect_is_invalid() -> None:
    """Only where a new token would help is the answer that this one has expired."""
    assert outcome(exp=NOW - 61, sub=1) is TokenInvalid
    assert outcome(exp=NOW - 61, nbf="x") is TokenInvalid
    assert outcome(exp=NOW - 61, aud=1) is TokenInvalid


@pytest.mark.parametrize(("leeway", "late"), [(0, 0), (60, 60)])
def test_leeway_is_a_setting(leeway: int, late: int) -> None:
    """The leeway counts at both ends of a token's life."""
    rules = ClaimRules(leeway_seconds=leeway)

    assert outcome(rules, iat=ABSENT, exp=NOW - late + 0.5) == "alice"
    assert outcome(rules, iat=ABSENT, exp=NOW - late) is TokenExpired
    assert outcome(rules, iat=NOW + late) == "alice"
    assert outcome(rules, nbf=NOW + late + 0.5) is TokenInvalid


@pytest.mark.parametrize("leeway", [-1, 61])
def test_leeway_has_bounds(leeway: int) -> None:
    """Beyond a minute it is no longer about clocks."""
    with pytest.raises(ValueError, match="0 to 60"):
        ClaimRules(leeway_seconds=leeway)


@pytest.mark.parametrize(
    ("changes", "unconfigured", "configured"),
    [
        ({}, "alice", "alice"),
        ({"iss": "https://app", "aud": "https://api"}, "alice", "alice"),
        ({"aud": ["other", "https://api"]}, "alice", "alice"),
        ({"iss": "https://ap"}, "alice", TokenInvalid),
        ({"iss": "https://app/"}, "alice", TokenInvalid),
        ({"iss": ""}, "alice", TokenInvalid),
        ({"aud": "https://api "}, "alice", TokenInvalid),
        ({"aud": "other https://api"}, "alice", TokenInvalid),
        ({"aud": ["other"]}, "alice", TokenInvalid),
        ({"aud": []}, "alice", TokenInvalid),
        ({"iss": None}, TokenInvalid, TokenInvalid),
        ({"iss": 5}, TokenInvalid, TokenInvalid),
        ({"iss": ["https://app"]}, TokenInvalid, TokenInvalid),
        ({"aud": None}, TokenInvalid, TokenInvalid),
        ({"aud": 1}, TokenInvalid, TokenInvalid),
        ({"aud": {"https://api": 1}}, TokenInvalid, TokenInvalid),
        ({"aud": ["https://api", 1]}, TokenInvalid, TokenInvalid),
        ({"aud": [["https://api"]]}, TokenInvalid, TokenInvalid),
    ],
)
def test_issuer_and_audience(changes: dict[str, Any], unconfigured: Any, configured: Any) -> None:
    """They must be of their types always, and ours where a token carries them and we know them."""
    rules = ClaimRules(issuer="https://app", audience="https://api")

    assert outcome(**changes) == unconfigured
    assert outcome(rules, **changes) == configured


@pytest.mark.parametrize(
    "value", [None, 1, ["a@example.com"], "", "  ", "a" * 256, "a\0@example.com", "\ud800"]
)
def test_poor_profile_is_left_out(value: Any) -> None:
    """An e-mail address or name that can't be kept is ignored and its owner let in."""
    members = given_claims(email=value, name=value)

    verified = claims.check(members, rules=ClaimRules(), now=NOW)

    assert verified.principal == Principal("alice", None, None)


def test_profile_is_bounded() -> None:
    """254 code points for an e-mail address, 255 for a name."""
    members = given_claims(email="e" * 255, name="😀" * 255)

    verified = claims.check(members, rules=ClaimRules(), now=NOW)

    assert verified.principal == Principal("alice", None, "😀" * 255)
