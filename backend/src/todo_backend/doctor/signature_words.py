"""What is wrong with the form of a token, its algorithm, its key or its signature."""

from collections.abc import Mapping
from typing import Final

from todo_backend.auth import jws
from todo_backend.auth.claims import quoted
from todo_backend.auth.public_keys import ALGORITHMS
from todo_backend.auth.shared_secret import DIGEST_BYTES
from todo_backend.doctor import hints
from todo_backend.doctor.anatomy import Kind
from todo_backend.doctor.case import Case, Explain, Words

INSTEAD: Final = (
    "send an access token as Bearer: `const { data } = await authClient.token()`, data.token"
)
_AS_IT_CAME: Final = (
    "copy it whole, and send it as it came: `Authorization: Bearer ${data.token}`, without "
    "JSON.stringify, atob or another encoding"
)
_SIGNER: Final = "let Better Auth, or a library for JWT, make the token"
_NAMES_MAX: Final = 5


def _malformed(case: Case) -> Words:
    if case.anatomy.kind is Kind.ENCRYPTED:
        sentence = f"it is {Kind.ENCRYPTED}, which only Better Auth can read"
        return Words(sentence, f'{INSTEAD}; or set session.cookieCache.strategy to "jwt"')
    return Words(f"it is no JWT as the standard spells it ({case.reason})", _AS_IT_CAME)


def _odd_header(case: Case) -> Words:
    sentence = f"its header is not one that is accepted ({case.reason})"
    return Words(sentence, f"{_SIGNER}: alg and kid are all that its header needs")


def _other_type(case: Case) -> Words:
    if case.anatomy.kind is Kind.CACHE_PUBLISHED:
        sentence = f"it is {Kind.CACHE_PUBLISHED}, which is for Better Auth alone"
        return Words(sentence, INSTEAD)
    found = case.anatomy.header.get("typ")
    shown = quoted(found) if isinstance(found, str) else "no string"
    return Words(f"its typ is {shown}: a token of another kind", INSTEAD)


def _too_long(_: Case) -> Words:
    sentence = f"it is longer than {jws.TOKEN_MAX_BYTES} bytes"
    return Words(
        sentence, "put less into the token: jwt({ jwt: { definePayload } }) in Better Auth"
    )


def _bad_json(case: Case) -> Words:
    return Words(f"what is in it is not sound ({case.reason})", _SIGNER)


def _other_algorithm(case: Case) -> Words:
    found, expected = case.anatomy.alg or "", case.settings.jwt_algorithm
    if found in DIGEST_BYTES:
        sentence = f"the token is {found} and the backend expects {expected}"
        return Words(sentence, f"set JWT_ALGORITHM={found}, or sign with {expected}")
    if found not in ALGORITHMS:
        return Words(f"its alg is {quoted(found)}, which is never accepted", _SIGNER)
    sentence = (
        f"the token is {found} and the backend expects {expected}, because BETTER_AUTH_URL is not "
        "set"
    )
    setting = (
        "set JWKS_URL to where its issuer publishes its keys, and JWT_ISSUER and JWT_AUDIENCE"
        if case.anatomy.kind is Kind.ACCESS
        else "set BETTER_AUTH_URL to the address of the Better Auth application, whose keys are "
        "then fetched"
    )
    remedy = (
        f"{setting}{_says(case)}. A running server may have been started with BETTER_AUTH_URL or "
        "JWKS_URL in its environment, and accept it: then set them for this command too"
    )
    return Words(sentence, remedy)


def _other_secret(case: Case) -> Words:
    if hint := hints.of(case):
        return hint
    sentence = (
        "its signature does not verify: it was signed with another secret than this backend has, "
        "or was changed on its way"
    )
    remedy = (
        "give BETTER_AUTH_SECRET the same value here and in the Better Auth application (no "
        "quotes, no blanks), restart both, and sign in again"
    )
    return Words(sentence, remedy)


def _retired_secret(_: Case) -> Words:
    sentence = "it was signed with a secret that has been replaced in BETTER_AUTH_SECRETS"
    return Words(sentence, "sign in again; for a time of change set ACCEPT_RETIRED_SECRETS=true")


def _other_length(_: Case) -> Words:
    return Words("its signature has another length than the algorithm's: it was cut", _AS_IT_CAME)


def _no_such_key(case: Case) -> Words:
    there, kid = case.published, case.anatomy.kid
    keys = there.keys.keys if there is not None and there.keys is not None else ()
    names = [quoted(key.kid) if key.kid else "one without kid" for key in keys]
    sentence = (
        f"it has {f'the kid {quoted(kid)}' if kid else 'no kid'}, and no such key is published at "
        f"{there.address if there else 'its address'} "
        f"(there: {', '.join(names[:_NAMES_MAX]) or 'none'})"
    )
    remedy = (
        f"set BETTER_AUTH_URL (or JWKS_URL) to the application that signs{_says(case)}. If its "
        "keys are new, fetch a new token"
    )
    return Words(sentence, remedy)


def _other_key(_: Case) -> Words:
    sentence = (
        "the key that it names is published, and its signature does not verify by it: it was "
        "changed on its way, or another application signed it"
    )
    return Words(sentence, f"{_AS_IT_CAME}; if that is so, look whose address BETTER_AUTH_URL is")


def _algorithm_of_key(case: Case) -> Words:
    return Words(f"its header and its key disagree ({case.reason})", _SIGNER)


def _no_keys(case: Case) -> Words:
    there = case.published
    address = there.address if there is not None else "its address"
    why = (there.why if there is not None else "") or case.reason.removeprefix("key service: ")
    sentence = f"the keys at {address} can't be had ({why})"
    remedies = {
        "404": "add the plugin jwt() to Better Auth; if its API is not at /api/auth, put its path "
        "into BETTER_AUTH_URL",
        "redirects": "set BETTER_AUTH_URL to the address that it leads to",
        "certificate": "use a certificate that this machine trusts, or name its authority in "
        "SSL_CERT_FILE",
    }
    otherwise = (
        f"start the Better Auth application, and try from this machine: curl {address} (inside a "
        "container, localhost is the container)"
    )
    return Words(sentence, next((r for word, r in remedies.items() if word in why), otherwise))


def _says(case: Case) -> str:
    issuer = case.anatomy.issuer
    return f"; this token says that it comes from {quoted(issuer)}" if issuer else ""


WORDS: Final[Mapping[str, Explain]] = {
    "token too long": _too_long,
    "token not ASCII": _malformed,
    "not three segments": _malformed,
    "segment not": _malformed,
    "header member not allowed": _odd_header,
    "alg missing or not a string": _odd_header,
    "typ of another kind of token": _other_type,
    "kid not a usable string": _odd_header,
    "not a JSON object": _bad_json,
    "not JSON": _bad_json,
    "not UTF-8": _bad_json,
    "JSON ": _bad_json,
    "NaN or Infinity in JSON": _bad_json,
    "the token is ": _other_algorithm,
    "the token is not signed by an algorithm of public keys": _odd_header,
    "unknown algorithm": _other_algorithm,
    "signature does not verify, is the secret": _other_secret,
    "signed with a retired secret": _retired_secret,
    "signature of another length": _other_length,
    "no key of the issuer's": _no_such_key,
    "signature does not verify by the issuer's key": _other_key,
    "the token's key is for": _algorithm_of_key,
    "key service: ": _no_keys,
}
"""By how the server's reason begins."""
