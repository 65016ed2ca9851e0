"""Secrets that people sign with by mistake: tried on a token whose signature does not verify."""

import base64
import binascii
import hmac
from collections.abc import Iterator
from typing import Final

from todo_backend.auth import jws, session_tokens
from todo_backend.doctor.case import Case, Words
from todo_backend.model.errors import TokenInvalid

# What Better Auth signs with where it was given no secret. Anybody can read it in its source.
_DEFAULT: Final = b"better-auth-secret-12345678901234567890"
_UNSET: Final = Words(
    "its signature does not verify: Better Auth has no secret, and takes the one that everybody "
    "knows",
    "give the Better Auth application the BETTER_AUTH_SECRET that this backend has",
)
_WRAPPED: Final = Words(
    "its signature does not verify: in one of the two places the secret has blanks or quotes "
    "around it",
    "give BETTER_AUTH_SECRET the same value here and in the Better Auth application",
)
_DECODED: Final = Words(
    "its signature does not verify: the signer decodes the secret from base64 or hex",
    "sign with the secret's text as it stands: new TextEncoder().encode(secret)",
)


def of(case: Case) -> Words | None:
    """Say how the signer's secret differs from the one here, where that can be found out."""
    try:
        digest, signed, found = _signature(case)
    except (TokenInvalid, binascii.Error):
        return None
    for key, words in _mistaken(case):
        if hmac.compare_digest(hmac.digest(key, signed, digest), found):
            return words
    return None


def _signature(case: Case) -> tuple[str, bytes, bytes]:
    credential = case.pasted.credential
    if parts := session_tokens.parts_of(credential):
        token, mac = parts
        return "sha256", token.encode(), base64.b64decode(mac)
    parsed = jws.read(credential)
    return f"sha{parsed.alg.removeprefix('HS')}", parsed.signing_input, parsed.signature


def _mistaken(case: Case) -> Iterator[tuple[bytes, Words]]:
    yield _DEFAULT, _UNSET
    for secret in case.secrets.all:
        bare = secret.strip().strip("\"'")
        for text in (bare, f" {bare}", f"{bare} ", f"{bare}\n", f'"{bare}"', f"'{bare}'"):
            if text != secret:
                yield text.encode(), _WRAPPED
        for decode in (bytes.fromhex, base64.b64decode, base64.urlsafe_b64decode):
            try:
                yield decode(secret), _DECODED
            except ValueError:  # its text is of another kind
                continue
