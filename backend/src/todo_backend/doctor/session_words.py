"""What is wrong with how a credential is sent, with a session token, or with a session."""

from collections.abc import Mapping
from typing import Final

from todo_backend.auth.claims import quoted
from todo_backend.doctor import anatomy
from todo_backend.doctor.anatomy import SESSIONS, Kind
from todo_backend.doctor.case import Case, Explain, Words
from todo_backend.doctor.signature_words import INSTEAD

_HEADER: Final = "`Authorization: Bearer ${data.token}`"
_WITHOUT_TOKENS: Final = (
    "If /api/auth/token of Better Auth answers 500 while /api/auth/jwks answers 200, its secret "
    "has changed since it made its keys: bring the old one back, or delete the rows of its table "
    '"jwks". That can\'t be seen from here, because only somebody who is signed in may ask'
)


def nothing(case: Case) -> Words:
    """Explain what arrives where the front end had no token."""
    sent = case.pasted.credential.strip()
    what = f"the text {quoted(sent)}" if sent else "nothing"
    remedy = (
        "wait for the token, and look whether there is one: `const { data, error } = await "
        f"authClient.token()`, then {_HEADER}. {_WITHOUT_TOKENS}"
    )
    return Words(f"there is no token: what was sent in its place is {what}", remedy)


def unreachable(case: Case) -> Words:
    """Explain that a database can't be asked, whatever the reason."""
    is_theirs = case.anatomy.kind in SESSIONS
    if case.reason == "not started yet":
        sentence = "its session is in the embedded database, which is in use"
        return Words(sentence, "stop the server that runs on this data folder and run this again")
    whose = "Better Auth's database" if is_theirs else "the database"
    sentence = f"{whose} can't be asked ({case.reason})"
    if "GRANT" in case.reason:
        return Words(sentence, "run these as their owner")
    own = case.settings.better_auth_database_url
    name = "BETTER_AUTH_DATABASE_URL" if is_theirs and own else "DATABASE_URL"
    return Words(sentence, f"look at {name} and at that database; todo-backend doctor says more")


def _missing(case: Case) -> Words:
    if case.pasted.cookie is not None:
        return _unread_cookie(case, case.pasted.cookie)
    sentence = "the header has no token under the scheme Bearer"
    return Words(sentence, f"write the scheme and one blank before it: {_HEADER}")


def _unread_cookie(case: Case, name: str) -> Words:
    if case.settings.accept_session_cookie:
        sentence = (
            "the session cookie is better-auth.session_token, perhaps with __Secure- before it, "
            f"and this is {quoted(name) if name else 'none'}"
        )
        return Words(sentence, INSTEAD)
    sentence = "it is a cookie, and cookies are not accepted for a credential here"
    if not name.endswith("session_token"):
        return Words(sentence, INSTEAD)
    setting = "set ACCEPT_SESSION_COOKIE=true (a change then needs an Origin of ALLOWED_ORIGINS)"
    if case.anatomy.kind is Kind.SPOILED_SESSION:
        spoiled = _spoiled(case)
        return Words(f"{sentence}; besides, {spoiled.sentence}", f"{setting}, and {spoiled.remedy}")
    return Words(sentence, f"{setting}, or {INSTEAD}")


def _garbled(case: Case) -> Words:
    if case.anatomy.kind is Kind.SPOILED_SESSION:
        return _spoiled(case)
    sentence = f"what is sent can't be read as one token ({case.reason})"
    if case.pasted.credential.lower().startswith("bearer "):
        sentence = "the word Bearer is there twice"
    return Words(sentence, f"send one header with one token: {_HEADER}")


def _no_token(case: Case) -> Words:
    match case.anatomy.kind:
        case Kind.REFRESH:
            sentence = "it is a refresh token, by its form, which opens nothing by itself"
            remedy = (
                "send it to POST /api/auth/refresh, and the access_token of the answer as Bearer"
            )
            return Words(sentence, remedy)
        case Kind.CACHE_COMPACT:
            sentence = f"it is {Kind.CACHE_COMPACT}, which is no JWT"
            return Words(sentence, f'{INSTEAD}; or set session.cookieCache.strategy to "jwt"')
        case Kind.SPOILED_SESSION:
            return _spoiled(case)
    return Words("it is neither a JWT nor a session token", INSTEAD)


def _spoiled(case: Case) -> Words:
    changes = " and ".join(anatomy.changes(case.pasted.credential))
    sentence = f"it is a session token of Better Auth, and not as it came: {changes}"
    remedy = (
        "send the cookie's value as it stands, up to the next semicolon: without "
        "encodeURIComponent, URLSearchParams or split('='); or the one of the response header "
        "set-auth-token (Better Auth's plugin bearer())"
    )
    return Words(sentence, remedy)


def _unsigned(_: Case) -> Words:
    sentence = "it is a session token without its signature, as the body of a sign-in has it"
    remedy = (
        "send the one of the response header set-auth-token (Better Auth's plugin bearer()), or "
        "set ALLOW_UNSIGNED_SESSION_TOKENS=true"
    )
    return Words(sentence, remedy)


def _no_session(case: Case) -> Words:
    is_signed = case.anatomy.kind is Kind.SIGNED_SESSION
    sentence = (
        f"{'it is signed with the right secret, but ' if is_signed else ''}there is no such "
        "session in Better Auth's tables: its user has signed out, or the tables are those of "
        "another application"
    )
    return Words(sentence, f"sign in again; if that does not help, {_database(case)}")


def _no_tables(case: Case) -> Words:
    if "several" in case.reason:
        sentence = "it is a session token, and several schemas hold tables of Better Auth"
        remedy = "name one in BETTER_AUTH_DATABASE_URL: …?options=-csearch_path%3Dthe_schema"
        return Words(sentence, remedy)
    sentence = (
        'it is a session token, and the database has no tables "session" and "user" of Better Auth'
    )
    return Words(sentence, f"{_database(case)}, or {INSTEAD}")


def _expired_session(_: Case) -> Words:
    return Words("its session in Better Auth's tables has expired", "sign in again")


def _ended_session(_: Case) -> Words:
    sentence = (
        "its session of this backend's accounts has ended: signed out, expired, or ended because a "
        "refresh token was used twice"
    )
    return Words(sentence, "sign in again with POST /api/auth/signin")


def _cookies_differ(_: Case) -> Words:
    sentence = "the session cookie is there twice, with two values"
    return Words(sentence, "delete the one that another path or domain has set")


def _no_origin(_: Case) -> Words:
    sentence = "it is a cookie, with which a change needs an Origin of ALLOWED_ORIGINS"
    return Words(sentence, "add the front end's origin to ALLOWED_ORIGINS")


def _database(case: Case) -> str:
    if case.settings.better_auth_database_url is not None:
        return "look whether BETTER_AUTH_DATABASE_URL is the database of that application"
    return "set BETTER_AUTH_DATABASE_URL to the database of the Better Auth application"


WORDS: Final[Mapping[str, Explain]] = {
    "no Authorization header": _missing,
    "not the Bearer scheme": _missing,
    "scheme without a token": _missing,
    "more than one Authorization header": _garbled,
    "blank, comma or unprintable character": _garbled,
    "neither a JWT nor a session token": _no_token,
    "an unsigned session token": _unsigned,
    "a session token, but": _no_tables,
    "no such session": _no_session,
    "the session has expired": _expired_session,
    "session ended": _ended_session,
    "session cookies that differ": _cookies_differ,
    "a session cookie without an Origin": _no_origin,
}
"""By how the server's reason begins."""
