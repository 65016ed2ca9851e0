"""`todo-backend doctor --token` on what the shared secret signs, and on what it doesn't."""

import base64
import re
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.commands.examining import explained, verdict
from tests.support import tokens
from tests.support.server import SECRET
from todo_backend.doctor import Level

NOW = int(time.time())
GOOD = {"sub": "user_1", "iat": NOW, "exp": NOW + 900}
EXPECTED: Final[dict[str, Any]] = {"JWT_ISSUER": tokens.ISSUER, "JWT_AUDIENCE": tokens.ISSUER}
UNEXPLAINED = "look into the server's log"
SESSION = {"userId": "user_1", "expiresAt": "2099-01-01T00:00:00Z"}


def signed(secret: str = SECRET, **claims: object) -> str:
    """Sign the good claims, changed: one that is None is left out."""
    members = {key: value for key, value in {**GOOD, **claims}.items() if value is not None}
    return tokens.signed(members, secret=secret)


def unsigned(header: str, claims: str = "{}") -> str:
    parts = (base64.urlsafe_b64encode(text.encode()).rstrip(b"=") for text in (header, claims))
    return f"{b'.'.join(parts).decode()}.{'A' * 86}"


def bearers() -> Iterator[object]:
    """Give the hostile rows that are one `Authorization` header, as a line to paste."""
    for row in tokens.rows():
        sent = tokens.build(row, secret=SECRET, alice="alice", bob="bob", now=NOW)
        values = sent.values(b"authorization")
        if len(values) == 1:
            line = f"Authorization: {values[0].decode('utf-8', 'surrogateescape')}"
            yield pytest.param(line, row["expect"] in {200, 403}, id=row["id"])


@pytest.mark.parametrize(("line", "is_good"), list(bearers()))
async def test_hostile_tokens_are_judged_as_by_the_server(line: str, *, is_good: bool) -> None:
    """What is refused is explained, what is accepted isn't, and neither is quoted."""
    findings = await explained(line, **EXPECTED)

    problems = [each for each in findings if each.level is Level.PROBLEM]
    assert problems == ([] if is_good else [verdict(findings)])
    assert not any(each.remedy == UNEXPLAINED for each in problems)
    assert all(each.remedy for each in problems)


@pytest.mark.parametrize(
    ("token", "others", "sentence", "remedy"),
    [
        pytest.param(
            unsigned('{"alg":"EdDSA","kid":"k"}', '{"iss":"http://localhost:3000"}'),
            {},
            "the token is EdDSA and the backend expects HS256, because BETTER_AUTH_URL is not set",
            'set BETTER_AUTH_URL .* comes from "http://localhost:3000"',
            id="eddsa-for-hs256",
        ),
        pytest.param(
            unsigned('{"alg":"HS512"}'),
            {},
            "the token is HS512 and the backend expects HS256",
            "JWT_ALGORITHM=HS512",
            id="hs512",
        ),
        pytest.param(
            signed(iss="http://localhost:3000/api/auth"),
            EXPECTED,
            'its iss is "http://localhost:3000/api/auth", and .* the path "/api/auth"',
            "set JWT_ISSUER",
            id="iss-with-path",
        ),
        pytest.param(
            signed(iss="http://localhost:3000/"),
            EXPECTED,
            "they differ by a slash at the end",
            "set JWT_ISSUER",
            id="iss-with-slash",
        ),
        pytest.param(
            signed(iss="http://127.0.0.1:3000"),
            EXPECTED,
            '"127.0.0.1" is not "localhost", although both are this machine',
            "spell BETTER_AUTH_URL alike",
            id="iss-on-the-same-machine",
        ),
        pytest.param(
            signed(iss="http://app.example"),
            {"JWT_ISSUER": "https://app.example"},
            "http is not https$",
            "proxy that ends TLS",
            id="iss-behind-a-proxy",
        ),
        pytest.param(
            signed(aud=["other", "https://app.example/x"]),
            {"JWT_AUDIENCE": "https://app.example"},
            'its aud is "https://app.example/x"',
            "set JWT_AUDIENCE",
            id="aud-wrong",
        ),
        pytest.param(
            signed(secret="Another-secret-that-nobody-has-seen"),
            {},
            "signed with another secret than this backend has",
            "BETTER_AUTH_SECRET the same value here and in the Better Auth application",
            id="secret-changed",
        ),
        pytest.param(
            signed(secret=f'"{SECRET}"'), {}, "blanks or quotes", "same value", id="secret-quoted"
        ),
        pytest.param(
            tokens.signed(GOOD, secret="better-auth-secret-12345678901234567890"),
            {},
            "Better Auth has no secret",
            "BETTER_AUTH_SECRET",
            id="secret-unset",
        ),
        pytest.param(
            signed(secret="0123456789abcdef0123456789abcdef"),
            {"BETTER_AUTH_SECRET": b"0123456789abcdef0123456789abcdef".hex()},
            "decodes the secret",
            "as it stands",
            id="secret-decoded",
        ),
        pytest.param(
            signed(secret="The-secret-before-this-one-0123456789"),
            {"BETTER_AUTH_SECRETS": f"2:{SECRET},1:The-secret-before-this-one-0123456789"},
            "has been replaced",
            "ACCEPT_RETIRED_SECRETS",
            id="secret-retired",
        ),
        pytest.param(
            signed(iat=NOW + 3600, exp=NOW + 4500),
            {},
            r"its iat is \d+ s in the future, and the leeway is 5 s: the clocks are apart",
            "JWT_LEEWAY_SECONDS",
            id="clocks-iat",
        ),
        pytest.param(
            signed(nbf=NOW + 600), {}, "its nbf is .* in the future", "NTP", id="clocks-nbf"
        ),
        pytest.param(
            signed(iat=NOW - 1000, exp=NOW - 100),
            {},
            r"it expired \d+ s ago, after 900 s of life",
            "authClient.token.*clocks",
            id="expired",
        ),
        pytest.param(signed(exp=None), {}, "has no exp", r"Date.now\(\) / 1000", id="exp-none"),
        pytest.param(
            signed(exp=(NOW + 900) * 1000), {}, "in milliseconds", "/ 1000", id="exp-milliseconds"
        ),
        pytest.param(signed(exp=NOW + 400 * 86400), {}, "366 days ahead$", "15", id="exp-too-far"),
        pytest.param(
            signed(user_id="user_2"), {}, "name different users", "sub:", id="two-identities"
        ),
        pytest.param(
            signed(sub=None, id="user_1", userId="user_1"),
            {},
            "neither sub nor user_id: the user stands in id, userId alone",
            "sub: session.user.id",
            id="identity-elsewhere",
        ),
        pytest.param(signed(sub=7), {}, "is a number", r"String\(session", id="identity-a-number"),
        pytest.param(
            signed(sub=None, email="ann@example.test"),
            {},
            "the token of an e-mail verification link",
            "authClient.token",
            id="verification-link",
        ),
        pytest.param(
            signed(sub=None, session=SESSION, user={"id": "user_2"}),
            {},
            "session cache that does not agree",
            "sign out",
            id="cache-of-two",
        ),
        pytest.param(
            unsigned('{"alg":"EdDSA","typ":"better-auth.session-cache+jwt"}'),
            {},
            "session cache signed by a key of its own, which is for Better Auth alone",
            "authClient.token",
            id="cache-by-key",
        ),
        pytest.param("ab" * 16, {}, "without its sig", "ALLOW_UNSIGNED_SESSION", id="unsigned"),
        pytest.param("a_" * 21 + "b", {}, "refresh token", "/api/auth/refresh", id="refresh"),
        pytest.param(f"Authorization: {signed()}", {}, "scheme Bearer", "one blank", id="bare"),
        pytest.param(f"Bearer Bearer {signed()}", {}, "twice", "one token", id="twice"),
        pytest.param("Authorization: Basic YWJj", {}, "scheme Bearer", "one blank", id="basic"),
        pytest.param(
            f"__Secure-better-auth.session_token={'ab' * 16}.{'A' * 43}%3D",
            {},
            "cookies are not accepted",
            "ACCEPT_SESSION_COOKIE=true",
            id="cookie",
        ),
        pytest.param(
            f"Cookie: better-auth.session_data={signed()}",
            {"ACCEPT_SESSION_COOKIE": "true"},
            'is better-auth.session_token.*this is "better-auth.session_data"',
            "authClient.token",
            id="other-cookie",
        ),
        pytest.param(
            "Bearer undefined", {}, 'the text "undefined"', "500 while .*/jwks answers 200", id="no"
        ),
        pytest.param('{"message":"x"}', {}, "there is no token", "500 while", id="answer-500"),
    ],
)
async def test_what_people_trip_over(
    token: str, others: dict[str, Any], sentence: str, remedy: str
) -> None:
    """The first check that fails is named, and what mends it."""
    found = verdict(await explained(token, **others))

    assert found.level is Level.PROBLEM
    assert re.search(sentence, found.sentence), found.line
    assert re.search(remedy, found.remedy or ""), found.line
