"""Session tokens: which texts are one, whose signature counts, and what is made of the row."""

import base64
import hmac
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from todo_backend.auth import session_tokens
from todo_backend.auth.claims import Verified
from todo_backend.auth.secret_ring import Secrets
from todo_backend.auth.session_rows import SessionRows
from todo_backend.auth.session_tokens import SessionTokens
from todo_backend.database.better_auth import StoredSession, TablesNotFound
from todo_backend.model.errors import (
    DatabaseUnavailable,
    SignatureInvalid,
    TodoError,
    TokenExpired,
    TokenInvalid,
    Unauthenticated,
)
from todo_backend.model.principal import Principal

NOW = 1_800_000_000
SECRET = "a-secret-of-the-tests-0123456789-abcdefgh"
RETIRED = "the-secret-before-it-0123456789-abcdefgh"
TOKEN = "q7Zr0TfPLm2XcVb9NsKd4HgJ6WyAe8Ui"
ANN = StoredSession("ann", "ann@example.test", "Ann", is_live=True)


class Register:
    """Rows by their tokens, or what keeps them from being read; and what was asked for."""

    def __init__(
        self, rows: Mapping[str, StoredSession] | None = None, error: TodoError | None = None
    ) -> None:
        self.rows = {TOKEN: ANN} if rows is None else rows
        self.error = error
        self.asked: list[str] = []

    async def find_sessions(self, tokens: Collection[str]) -> Mapping[str, StoredSession]:
        self.asked += tokens
        if self.error is not None:
            raise self.error
        return self.rows


def signed(token: str = TOKEN, *, secret: str = SECRET) -> str:
    mac = hmac.digest(secret.encode(), token.encode(), "sha256")
    return f"{token}.{base64.b64encode(mac).decode()}"


def verifier(
    register: Register | None = None,
    *,
    secrets: Secrets = Secrets(SECRET, (RETIRED,)),  # noqa: B008 - frozen
    allows_bare: bool = False,
) -> SessionTokens:
    return SessionTokens(SessionRows(register or Register()), secrets, allows_bare=allows_bare)


async def outcome(tokens: SessionTokens, credential: str) -> Any:
    """Say whose a credential is, or the kind of its refusal."""
    try:
        return (await tokens.verify(credential, now=NOW)).principal.user_id
    except (Unauthenticated, DatabaseUnavailable) as error:
        return type(error)


async def test_a_signed_token_is_the_user_of_its_row() -> None:
    """For this moment alone: whoever remembers it longer would miss a sign-out."""
    found = await verifier().verify(signed(), now=NOW)

    assert found == Verified(Principal("ann", "ann@example.test", "Ann"), NOW)


@pytest.mark.parametrize(
    "spelled",
    [
        quote(signed(), safe=""),
        quote(signed(), safe="/"),
        quote(signed(), safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
    ],
)
async def test_a_cookies_spelling_is_the_same_token(spelled: str) -> None:
    """As JavaScript, Python and .NET encode it."""
    assert spelled != signed()
    assert await outcome(verifier(), spelled) == "ann"


@pytest.mark.parametrize(
    "damaged",
    [
        signed().rstrip("="),
        signed() + "=",
        signed()[:-2] + "=",
        signed() + "\n",
        " " + signed(),
        signed().replace("/", "_"),
        signed().replace(".", "%2E"),
        signed().replace("q", "%71", 1),
        signed().replace("=", "%253D"),
        TOKEN + ".",
        TOKEN[:-1] + "." + signed().partition(".")[2],
        TOKEN + "x." + signed().partition(".")[2],
        TOKEN[:-1] + "-." + signed().partition(".")[2],
        "." + signed().partition(".")[2],
        f"{TOKEN}." + hmac.digest(SECRET.encode(), TOKEN.encode(), "sha256").hex(),
        "",
        ".",
        TOKEN[:-1],
        TOKEN + "x",
        TOKEN[:-1] + "é",
        "٣" * 32,
    ],
)
async def test_what_has_another_form_is_no_session_token(damaged: str) -> None:
    """It is refused before anybody is asked, and also where tokens need no signature."""
    register = Register()

    assert await outcome(verifier(register, allows_bare=True), damaged) is TokenInvalid
    assert register.asked == []


@pytest.mark.parametrize(
    "forged",
    [
        signed(secret=SECRET.upper()),
        signed(secret=SECRET + " "),
        f"{TOKEN}.{signed('A' * 32).partition('.')[2]}",
        f"{TOKEN}.{base64.b64encode(bytes(32)).decode()}",
        f"{TOKEN}.{base64.b64encode(hmac.digest(SECRET.encode(), b'', 'sha256')).decode()}",
    ],
)
async def test_a_signature_that_does_not_verify_asks_nobody(forged: str) -> None:
    """Who has no secret learns nothing about which sessions there are."""
    register = Register()

    assert await outcome(verifier(register), forged) is SignatureInvalid
    assert register.asked == []


async def test_a_signature_has_one_spelling() -> None:
    """The last character of base64 has two bits to spare; with others it is another text."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = signed()[-2]
    other = signed()[:-2] + alphabet[alphabet.index(last) ^ 1] + "="

    assert base64.b64decode(other[33:]) == base64.b64decode(signed()[33:])
    assert await outcome(verifier(), other) is SignatureInvalid


async def test_an_unsigned_token_is_good_where_it_is_allowed() -> None:
    """Otherwise nobody is asked, and the log says which setting it is."""
    register = Register()

    with pytest.raises(TokenInvalid, match="ALLOW_UNSIGNED_SESSION_TOKENS"):
        await verifier(register).verify(TOKEN, now=NOW)
    assert register.asked == []
    assert await outcome(verifier(register, allows_bare=True), TOKEN) == "ann"


async def test_a_cookie_has_to_be_signed() -> None:
    """Whatever is allowed to a header."""
    tokens = verifier(allows_bare=True)

    with pytest.raises(TokenInvalid):
        await tokens.verify_signed(TOKEN, now=NOW)
    assert (await tokens.verify_signed(signed(), now=NOW)).principal.user_id == "ann"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, TokenInvalid),
        (StoredSession("ann", None, None, is_live=False), TokenExpired),
        (StoredSession(" ", None, None, is_live=True), TokenInvalid),
        (StoredSession("a\0", None, None, is_live=True), TokenInvalid),
        (StoredSession("x" * 256, None, None, is_live=True), TokenInvalid),
        (StoredSession("x" * 255, None, None, is_live=True), "x" * 255),
    ],
)
async def test_the_row_decides(row: StoredSession | None, expected: object) -> None:
    """A signature says that a token was handed out, and no more."""
    register = Register({} if row is None else {TOKEN: row})

    assert await outcome(verifier(register), signed()) == expected


async def test_a_poor_profile_shuts_nobody_out() -> None:
    """What can't be kept of it is left out."""
    register = Register({TOKEN: StoredSession("ann", "x" * 255, " ", is_live=True)})

    found = await verifier(register).verify(signed(), now=NOW)

    assert found.principal == Principal("ann", None, None)


async def test_what_nobody_can_tell_is_no_refusal() -> None:
    """A database that is away is 503; one without the tables takes no tokens of this kind."""
    away = verifier(Register(error=DatabaseUnavailable("away")))
    without = verifier(Register(error=TablesNotFound("no tables of Better Auth")))

    assert await outcome(away, signed()) is DatabaseUnavailable
    with pytest.raises(TokenInvalid, match="a session token, but no tables of Better Auth"):
        await without.verify(signed(), now=NOW)


async def test_retired_secrets_sign_where_they_are_accepted() -> None:
    """Where they are not, the log says what it was signed with."""
    lenient = verifier(secrets=Secrets(SECRET, (RETIRED,), accepts_retired=True))
    old = signed(secret=RETIRED)

    with pytest.raises(SignatureInvalid, match="a retired secret, see ACCEPT_RETIRED_SECRETS"):
        await verifier().verify(old, now=NOW)
    assert await outcome(lenient, old) == "ann"
    assert await outcome(lenient, signed()) == "ann"
    assert await outcome(lenient, signed(secret="neither of them")) is SignatureInvalid


@pytest.mark.parametrize(
    ("credential", "expected"),
    [(TOKEN, True), (signed(), True), ("a.b.c", False), ("a..b.c.d", False), ("", True)],
)
def test_a_jwt_is_told_by_its_dots(credential: str, expected: object) -> None:
    """Which needs no look into either."""
    assert session_tokens.is_formed(credential) is expected
