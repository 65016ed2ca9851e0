"""Explains a token: what it is, whether this deployment accepts it, and if not, what mends that.

Whether it is accepted is said by the code that serves. What is explained goes by the reason that
this code gives for its log, so the two can't disagree about which check fails first.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from starlette.types import Message

from todo_backend import credentials
from todo_backend.auth import public_keys
from todo_backend.auth.claims import quoted, span_of
from todo_backend.auth.jwks import Timing
from todo_backend.auth.jwks_endpoint import FetchFailed, JwksEndpoint
from todo_backend.connecting import database_with
from todo_backend.database.url import ConnectArgs
from todo_backend.doctor import addresses, anatomy, claim_words, people, session_words
from todo_backend.doctor import pasted as reading
from todo_backend.doctor import signature_words as signatures
from todo_backend.doctor.anatomy import SESSIONS, Anatomy, Kind
from todo_backend.doctor.case import Case, Explain, Published, Refusal, Words
from todo_backend.doctor.finding import Finding, Level
from todo_backend.doctor.pasted import Pasted
from todo_backend.doctor.scrubbing import scrubbed
from todo_backend.model.errors import DatabaseUnavailable, KeysUnavailable, Unauthenticated
from todo_backend.model.principal import Principal
from todo_backend.secret_file import secrets_of
from todo_backend.settings import Settings
from todo_backend.web.call import Call, Record
from todo_backend.web.operation import Authenticate

# One statement at a time; the second connection is for when one has died.
_POOL_SIZE: Final = 2
WORDS: Final[Mapping[str, Explain]] = MappingProxyType(
    {**signatures.WORDS, **claim_words.WORDS, **session_words.WORDS}
)


async def token(
    text: str,
    settings: Settings,
    *,
    address: ConnectArgs | None,
    user: str | None = None,
    origin: str | None = None,
) -> list[Finding]:
    """Explain what was pasted; a problem among the findings means that a request would fail.

    `address` is that of the database, None where it can't be asked. `user` is compared with the
    token's, and `origin` with the allowed ones.
    Raises: SettingsError. Shows: no part of the token or of a secret, and no e-mail address.
    """
    pasted, secrets = reading.read(text), secrets_of(settings)
    seen = anatomy.of(pasted.credential)
    now = time.time()
    async with _authentication(settings, address) as authenticate:
        verdict = await _verdict(authenticate, pasted.header)
        instead = None
        if pasted.cookie and not isinstance(verdict, Principal):
            instead = await _verdict(authenticate, reading.bearer_of(pasted.credential))
    published = await _published(settings) if _concerns_keys(seen) else None
    findings = [
        *_of_contents(seen, now),
        *_of_keys(published),
        *(Finding(Level.WARNING, oddity) for oddity in pasted.oddities),
    ]
    if isinstance(verdict, Principal):
        findings.append(_accepted(verdict, pasted))
    else:
        case = Case(settings, secrets, pasted, seen, verdict, now, published)
        findings.append(_refused(case))
    if isinstance(instead, Principal):
        sentence = f"as Bearer it is accepted, for the user {people.named(instead.user_id)}"
        findings.append(Finding(Level.WARNING, sentence))
    if user is not None:
        findings.append(_of_user(user, verdict, seen))
    if origin is not None:
        findings.append(addresses.of_origin(origin, settings.allowed_origins))
    own = () if seen.kind is Kind.NOTHING else (pasted.credential, unquote(pasted.credential))
    return scrubbed(findings, secrets.all, pasted=own)


def asks_database(text: str, settings: Settings) -> bool:
    """Whether this deployment's own database says whether a token is good."""
    kind = anatomy.of(reading.read(text).credential).kind
    is_theirs = kind in SESSIONS and settings.better_auth_database_url is None
    return is_theirs or kind is Kind.ACCOUNT


def explain(case: Case) -> Words | None:
    """Find the words for a refusal; None where there are none but those of the log."""
    if case.anatomy.kind is Kind.NOTHING and case.pasted.cookie is None:
        return session_words.nothing(case)
    if isinstance(case.refusal, DatabaseUnavailable):
        return session_words.unreachable(case)
    found = [begin for begin in WORDS if case.reason.startswith(begin)]
    return WORDS[max(found, key=len)](case) if found else None


@asynccontextmanager
async def _authentication(
    settings: Settings, address: ConnectArgs | None
) -> AsyncIterator[Authenticate]:
    database = database_with(settings, pool_size=_POOL_SIZE, address=address)
    known = credentials.credentials(settings, secrets_of(settings), database)
    try:
        yield known.authenticate
    finally:
        await known.close()
        await database.close()


async def _verdict(authenticate: Authenticate, header: tuple[bytes, bytes]) -> Principal | Refusal:
    """Ask for a page of tasks as far as the question of who is calling."""
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [header]}
    try:
        return await authenticate(Call(scope, _no_body, path={}, record=Record("doctor")))
    except (Unauthenticated, DatabaseUnavailable, KeysUnavailable) as refusal:
        return refusal


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _concerns_keys(seen: Anatomy) -> bool:
    return seen.kind is Kind.NOTHING or seen.alg in public_keys.ALGORITHMS


async def _published(settings: Settings) -> Published | None:
    url = credentials.key_address(settings)
    if url is None:
        return None
    # No longer than a request waits, or this would know more than the server does.
    endpoint = JwksEndpoint(url, fetch_seconds=Timing().wait)
    try:
        return Published(endpoint.address, await endpoint.fetch())
    except FetchFailed as error:
        return Published(endpoint.address, why=str(error))
    finally:
        await endpoint.close()


def _of_keys(published: Published | None) -> list[Finding]:
    if published is None or published.keys is None:
        return []
    count = len(published.keys.keys)
    how_many = "one key" if count == 1 else f"{count} keys"
    return [Finding(Level.OK, f"{how_many} to verify by can be had from {published.address}")]


def _of_contents(seen: Anatomy, now: float) -> list[Finding]:
    """Say what the token is and what it claims, whether that is true or not."""
    if seen.kind is Kind.NOTHING:
        return []
    said = []
    if seen.issuer is not None:
        said.append(f"it comes from {quoted(seen.issuer)}")
    if seen.user_id is not None:
        said.append(f"its user is {people.named(seen.user_id)}")
    for name, before, after in (("iat", "it was made", "made"), ("exp", "it ended", "it ends")):
        moment = seen.claims.get(name)
        if isinstance(moment, int | float) and not isinstance(moment, bool):
            span = span_of(abs(moment - now))
            said.append(f"{before} {span} ago" if moment <= now else f"{after} in {span}")
    claimed = [Finding(Level.OK, f"it says that {', '.join(said)}")] if said else []
    return [Finding(Level.OK, f"this is {seen.description}"), *claimed]


def _accepted(principal: Principal, pasted: Pasted) -> Finding:
    sentence = f"this deployment accepts it, for the user {people.named(principal.user_id)}"
    if pasted.cookie:
        sentence += "; a change with the cookie needs an Origin of ALLOWED_ORIGINS besides"
    return Finding(Level.OK, sentence)


def _refused(case: Case) -> Finding:
    is_refused = isinstance(case.refusal, Unauthenticated)
    verdict = "refuses it" if is_refused else "can't say at the moment whether it is good (503)"
    words = explain(case) or Words(case.reason, "look into the server's log")
    return Finding(Level.PROBLEM, f"this deployment {verdict}: {words.sentence}", words.remedy)


def _of_user(user: str, verdict: Principal | Refusal, seen: Anatomy) -> Finding:
    user_id = verdict.user_id if isinstance(verdict, Principal) else seen.user_id
    if user_id is None:
        sentence = "the user of the address is compared with nobody, because the token names none"
        return Finding(Level.WARNING, sentence)
    email = verdict.email if isinstance(verdict, Principal) else seen.claims.get("email")
    return people.of_path(user, user_id, email=email)
