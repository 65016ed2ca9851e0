"""What is wrong with the claims of a genuine token, and whoever makes it can mend it."""

from collections.abc import Mapping
from typing import Final

from todo_backend.auth.claims import quoted, span_of
from todo_backend.doctor import expected
from todo_backend.doctor.anatomy import Kind
from todo_backend.doctor.case import Case, Explain, Words

_SET_SUB: Final = "sign { sub: session.user.id } (a string) and nothing else that names a user"
_SET_EXP: Final = "sign it with an expiry in seconds: exp: Math.floor(Date.now() / 1000) + 15 * 60"
_FRESH: Final = "`const { data } = await authClient.token()`"


def _no_identity(case: Case) -> Words:
    if case.anatomy.kind is Kind.LINK:
        sentence = (
            "it is signed with the right secret, but is the token of an e-mail verification link: "
            "it proves that a mailbox was opened, and names nobody"
        )
        return Words(sentence, f"send an access token as Bearer: {_FRESH}, data.token")
    found = [name for name in ("id", "userId", "email") if name in case.anatomy.claims]
    where = f": the user stands in {', '.join(found)} alone, which never counts" if found else ""
    return Words(f"it has neither sub nor user_id{where}", f"where the token is made, {_SET_SUB}")


def _unfit_identity(case: Case) -> Words:
    claims = case.anatomy.claims
    value = claims.get("sub", claims.get("user_id"))
    if isinstance(value, int | float):
        sentence = "its user id is a number, and has to be a string"
        return Words(sentence, "where the token is made, sign { sub: String(session.user.id) }")
    sentence = "its user id is no string of 1 to 255 characters that can be seen and stored"
    return Words(sentence, f"where the token is made, {_SET_SUB}")


def _two_identities(_: Case) -> Words:
    sentence = "its sub and its user_id name different users"
    return Words(sentence, f"where the token is made, {_SET_SUB}")


def _other_issuer(case: Case) -> Words:
    found, wanted = case.anatomy.claims.get("iss"), case.rules.issuer or ""
    if not isinstance(found, str):
        return Words("its iss is no string", "let the signer write an address, or leave iss away")
    return expected.other("iss", found, wanted, case)


def _other_audience(case: Case) -> Words:
    found, wanted = case.anatomy.claims.get("aud"), case.rules.audience or ""
    names = found if isinstance(found, list) else [found]
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) < len(names):
        return Words("its aud is neither a string nor a list of them", "let the signer mend it")
    if case.anatomy.kind is Kind.OIDC:
        sentence = (
            f"it is an OpenID Connect id token for the client {quoted(', '.join(texts))}: it tells "
            "a client who has signed in, and is no access token"
        )
        remedy = f"send an access token instead: of Better Auth {_FRESH}, data.token"
        return Words(sentence, f"{remedy}; of others the access_token that came beside it")
    if not texts:
        return Words("its aud names nobody", f"let the signer name {quoted(wanted)}")
    return expected.other("aud", expected.nearest(texts, wanted), wanted, case)


def _missing_address(case: Case) -> Words:
    claim, _, _ = case.reason.partition(" ")
    wanted = case.rules.issuer if claim == "iss" else case.rules.audience
    sentence = f"it has no {claim}, and {quoted(wanted or '')} is expected"
    if claim == "aud" and case.anatomy.kind is Kind.ACCESS:
        return Words(sentence, expected.named_by_issuer(wanted or ""))
    return Words(
        sentence, f"leave Better Auth's JWT plugin its own {claim}, or let the signer set it"
    )


def _expired(case: Case) -> Words:
    expires, issued = case.number("exp") or 0.0, case.number("iat")
    sentence = f"it expired {span_of(case.now - expires)} ago"
    if issued is not None and issued < expires:
        sentence += f", after {span_of(expires - issued)} of life"
    remedy = (
        f"fetch a new one before it ends: {_FRESH}. If it was new, the clocks are apart: let a "
        "time service (NTP) set both, and see JWT_LEEWAY_SECONDS (up to 60)"
    )
    return Words(sentence, remedy)


def _no_expiry(_: Case) -> Words:
    return Words("it has no exp, so it would be good for ever", _SET_EXP)


def _far_expiry(case: Case) -> Words:
    sentence = "its exp is more than 366 days ahead"
    if "milliseconds" in case.reason:
        sentence += ": it is in milliseconds, and has to be in seconds"
    return Words(sentence, _SET_EXP)


def _from_the_future(case: Case) -> Words:
    claim, _, _ = case.reason.partition(" ")
    ahead = span_of((case.number(claim) or case.now) - case.now)
    leeway = case.settings.jwt_leeway_seconds
    sentence = (
        f"its {claim} is {ahead} in the future, and the leeway is {leeway} s: the clocks are apart"
    )
    remedy = (
        "let a time service (NTP) set the clocks of this machine and of the one that signs; until "
        "then JWT_LEEWAY_SECONDS (up to 60)"
    )
    return Words(sentence, remedy)


def _times_crossed(_: Case) -> Words:
    return Words("its iat is after its exp, so it was never good", _SET_EXP)


def _no_number(case: Case) -> Words:
    claim, _, _ = case.reason.partition(" ")
    sentence = f"its {claim} is no number"
    return Words(
        sentence, f"let the signer write {claim} in seconds: Math.floor(Date.now() / 1000)"
    )


def _odd_cache(_: Case) -> Words:
    sentence = "it is a session cache that does not agree with itself"
    return Words(sentence, "let nobody but Better Auth make it; sign out and in again")


def _expired_cache(_: Case) -> Words:
    sentence = "the session in the session cache has expired"
    return Words(sentence, "sign in again, or ask /api/auth/get-session for a new one")


WORDS: Final[Mapping[str, Explain]] = {
    "neither sub nor user_id": _no_identity,
    "user id not a usable string": _unfit_identity,
    "sub and user_id differ": _two_identities,
    "iss missing": _missing_address,
    "aud missing": _missing_address,
    "iss ": _other_issuer,
    "aud ": _other_audience,
    "expired": _expired,
    "exp missing": _no_expiry,
    "exp too far ahead": _far_expiry,
    "exp not a number": _no_number,
    "iat not a number": _no_number,
    "nbf not a number": _no_number,
    "iat after exp": _times_crossed,
    "iat ": _from_the_future,
    "nbf ": _from_the_future,
    "a session cache": _odd_cache,
    "session.expiresAt not a moment": _odd_cache,
    "the token and the session in it": _odd_cache,
    "the cached session has expired": _expired_cache,
}
"""By how the server's reason begins."""
