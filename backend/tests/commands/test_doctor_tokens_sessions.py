"""`todo-backend doctor --token` on session tokens, whatever stands in their MACs."""

import base64
import hmac
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.better_auth.test_tables import TOKEN, given_tables
from tests.commands.examining import explained, settings_for, verdict
from tests.database.databases import session
from tests.support.server import SECRET
from todo_backend import doctor
from todo_backend.auth import session_tokens
from todo_backend.database.url import ConnectArgs
from todo_backend.doctor import Level, anatomy
from todo_backend.doctor.anatomy import Kind

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
MACS = {
    "plain": "A" * 43,
    "one": f"{'A' * 42}+",
    "eight": f"+/+/+/+/{'A' * 35}",
    "plus": "+" * 43,
    "slash": "/" * 43,
}
SPELLINGS = ("{}", "Bearer {}", "Authorization: Bearer {}")


def signed(secret: str = SECRET, token: str = TOKEN) -> str:
    mac = hmac.digest(secret.encode(), token.encode(), "sha256")
    return f"{token}.{base64.b64encode(mac).decode()}"


def full_of_escapes(secret: str) -> str:
    """Sign the first token whose MAC needs many escapes in a cookie."""
    found = (signed(secret, f"{at:032d}") for at in range(100_000))
    return next(each for each in found if each.count("+") + each.count("/") > 5)


def encoded(token: str, times: int = 1) -> str:
    for _ in range(times):
        token = quote(token, safe="")
    return token


async def lines(text: str, args: ConnectArgs | None = None, **others: Any) -> list[str]:
    return [each.line for each in await explained(text, args=args, **others)]


@pytest.mark.parametrize("mac", MACS.values(), ids=MACS)
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_raw_and_encoded_are_one(mac: str, spelling: str) -> None:
    """The kind and each word are the same, however many escapes the cookie needs."""
    raw = f"{TOKEN}.{mac}="

    said = await lines(spelling.format(raw))

    assert said[0].endswith("this is a signed session token of Better Auth")
    assert "signed with another secret than this backend has" in said[-1]
    assert await lines(spelling.format(encoded(raw))) == said
    assert await lines(spelling.format(encoded(raw).replace("%2B", "%2b"))) == said


@given(st.text(BASE64, min_size=43, max_size=43), st.integers(0, 1))
@settings(max_examples=200, deadline=None)
def test_the_kind_is_what_the_server_reads(mac: str, times: int) -> None:
    """What one takes for a signed session token, the other does."""
    text = encoded(f"{TOKEN}.{mac}=", times)

    assert session_tokens.parts_of(text) == (TOKEN, f"{mac}=")
    assert anatomy.of(text).kind is Kind.SIGNED_SESSION
    assert doctor.asks_database(text, settings_for("postgresql://u:p@h/db"))


async def test_secret_with_quotes_around_it() -> None:
    """The hint is for both spellings."""
    raw = full_of_escapes(f'"{SECRET}"')

    said = await lines(raw)

    assert "the secret has blanks or quotes around it" in said[-1]
    assert await lines(encoded(raw)) == said


async def test_database_that_is_away() -> None:
    """It is Better Auth's that is asked, for both spellings."""
    raw = full_of_escapes(SECRET)

    said = await lines(raw, BETTER_AUTH_DATABASE_URL="postgresql://u:p@127.0.0.1:1/b")

    assert "Better Auth's database can't be asked" in said[-1]
    assert "look at BETTER_AUTH_DATABASE_URL" in said[-1]
    encoded_too = await lines(
        encoded(raw), BETTER_AUTH_DATABASE_URL="postgresql://u:p@127.0.0.1:1/b"
    )
    assert encoded_too == said


async def test_row_that_has_expired(empty: ConnectArgs) -> None:
    """It is a session of Better Auth's tables, and none of this backend's own accounts."""
    raw = full_of_escapes(SECRET)
    async with session(empty) as truth:
        await given_tables(truth, until="now() - interval '1 hour'")
        await truth.execute('UPDATE "session" SET token = $1', raw.partition(".")[0])

    said = await lines(raw, empty)

    assert "its session in Better Auth's tables has expired" in said[-1]
    assert await lines(encoded(raw), empty) == said


async def test_good_one(empty: ConnectArgs) -> None:
    """Both spellings are accepted in the same words, as Bearer and in a cookie."""
    raw = full_of_escapes(SECRET)
    async with session(empty) as truth:
        await given_tables(truth)
        await truth.execute('UPDATE "session" SET token = $1', raw.partition(".")[0])

    said = await lines(raw, empty)
    cookies = [
        await explained(
            f"better-auth.session_token={each}", args=empty, ACCEPT_SESSION_COOKIE="true"
        )
        for each in (raw, encoded(raw))
    ]

    assert said[-1].endswith('accepts it, for the user "ann"')
    assert await lines(encoded(raw), empty) == said
    assert [verdict(each).level for each in cookies] == [Level.OK, Level.OK]


SPOILED = {
    "twice": (lambda raw: encoded(raw, 2), "it is percent-encoded 2 times"),
    "thrice": (lambda raw: encoded(raw, 3), "it is percent-encoded 3 times"),
    "cut": (lambda raw: raw.rstrip("="), "it has lost the = at its end"),
    "cut-encoded": (lambda raw: encoded(raw.rstrip("=")), "it has lost the = at its end"),
    "both": (
        lambda raw: encoded(raw.rstrip("="), 2),
        "percent-encoded 2 times.* and it has lost the =",
    ),
    "form": (lambda raw: raw.replace("+", " "), r"it has blanks where \+ was"),
    "dot": (lambda raw: raw.replace(".", "%2E"), "it is percent-encoded where a cookie is not"),
}


@pytest.mark.parametrize(("spoil", "sentence"), SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("form", ["Bearer {}", "Cookie: a=b; better-auth.session_token={}"])
async def test_changed_on_its_way(spoil: Any, sentence: str, form: str) -> None:
    """It would be good, and what has been done to it is named."""
    raw = full_of_escapes(SECRET)

    findings = await explained(form.format(spoil(raw)), ACCEPT_SESSION_COOKIE="true")

    found = verdict(findings)
    assert findings[0].sentence.endswith(
        "a signed session token of Better Auth that was changed on its way"
    )
    assert re.search(sentence, found.sentence), found.line
    assert "send the cookie's value as it stands" in (found.remedy or "")


async def test_changed_cookie_where_none_is_accepted() -> None:
    """Both things that are wrong are told, or the second would come as a surprise."""
    found = verdict(await explained(f"better-auth.session_token={encoded(signed(), 2)}"))

    assert "cookies are not accepted" in found.sentence
    assert "percent-encoded 2 times" in found.sentence
    assert "ACCEPT_SESSION_COOKIE=true" in (found.remedy or "")


@pytest.mark.parametrize("text", [f"{TOKEN}.{'A' * 40}", f"{TOKEN}x.{'A' * 43}=", "%25" * 20])
async def test_what_was_never_one(text: str) -> None:
    """Nothing that can be undone makes a session token of it."""
    assert anatomy.of(text).kind is Kind.OTHER
