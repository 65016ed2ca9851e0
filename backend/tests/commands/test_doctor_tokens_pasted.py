"""`todo-backend doctor --token`: what people paste, whose it is, and where the page is from."""

import ast
import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands.examining import explained, not_ok, require_no_part, settings_for, verdict
from tests.support import tokens
from tests.support.server import SECRET
from todo_backend import doctor
from todo_backend.doctor import Level
from todo_backend.doctor.scrubbing import scrubbed
from todo_backend.doctor.tokens import WORDS

PACKAGE = Path(doctor.__file__).parents[1]
NOW = int(time.time())
TOKEN = tokens.signed({"sub": "user_1", "iat": NOW, "exp": NOW + 900}, secret=SECRET)
REFUSALS = {
    "CredentialMissing",
    "KeysUnavailable",
    "SignatureInvalid",
    "TokenExpired",
    "TokenInvalid",
    "JsonMalformed",
}


def named(user_id: str, **claims: str) -> str:
    members = {"sub": user_id, "iat": NOW, "exp": NOW + 900, **claims}
    return tokens.signed(members, secret=SECRET)


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "  {}\r\n",
        "\ufeff{}",
        '"{}"',
        "Bearer {}",
        "bearer   {}",
        "Bearer%20{}",
        "'Bearer {}'",
        "Authorization: Bearer {}",
        "authorization:bearer {}",
        '"Authorization": "Bearer {}",',
        '-H "Authorization: Bearer {}"',
        "--header='authorization: Bearer {}'",
        "set-auth-jwt: {}",
        '{{"token":"{}"}}',
        '{{"access_token": "{}", "token_type": "bearer"}}',
        "http://localhost:3000/api/auth/verify-email?token={}&callbackURL=/",
    ],
)
async def test_forms_of_a_good_token(form: str) -> None:
    """However it was copied, it is the same token."""
    findings = await explained(form.format(TOKEN))

    assert not_ok(findings) == []
    assert verdict(findings).sentence.endswith('accepts it, for the user "user_1"')


@pytest.mark.parametrize(
    ("text", "oddity"),
    [
        (f'Bearer "{TOKEN}"', "quotes around the token"),
        (f"{TOKEN[:60]}\n{TOKEN[60:]}", "line breaks in the token"),
    ],
)
async def test_what_was_taken_off_is_told(text: str, oddity: str) -> None:
    """It may be a terminal's doing, or the front end's, which only its developer knows."""
    findings = await explained(text)

    assert verdict(findings).level is Level.OK
    assert [each.level for each in not_ok(findings)] == [Level.WARNING]
    assert not_ok(findings)[0].sentence.startswith(oddity)


@pytest.mark.parametrize("text", ["", "\udcff\udcfe", "\x00", "é" * 40, "{", "[" * 9000, "." * 9])
async def test_rubbish_is_no_token(text: str) -> None:
    """Whatever it is, there is an answer."""
    assert verdict(await explained(text)).level is Level.PROBLEM


@given(st.text(), st.sampled_from(["{}", "Bearer {}", "Cookie: {}", "{}.{}.x", "https://a?{}"]))
@settings(max_examples=60, deadline=None)
def test_any_text_has_one_verdict(text: str, form: str) -> None:
    """Nothing that is pasted breaks it."""
    findings = asyncio.run(explained(form.replace("{}", text), user=text, origin=text))

    assert verdict(findings).level is Level.PROBLEM


async def test_cookie_that_would_do_as_bearer() -> None:
    """The value is good and only the way it is sent is not."""
    findings = await explained(f"Cookie: a=1; better-auth.session_data={TOKEN}; b=2")

    assert "cookies are not accepted" in verdict(findings).sentence
    assert findings[-1].sentence == 'as Bearer it is accepted, for the user "user_1"'


@pytest.mark.parametrize(
    ("in_path", "user_id", "sentence"),
    [
        ("user_1", "user_1", "the user in the address is the token's"),
        ("a%20b", "a b", "the user in the address is the token's"),
        ("User_1", "user_1", "upper and lower case; they part at character 1: U+0055 and U+0075"),
        ("user_1%20", "user_1", "blanks around them; they part at character 7: U+0020 and nothing"),
        ("a%2520b", "a b", "percent-encoded twice"),
        ("a%20b", "a%20b", "a percent sign that the address decodes"),
        ("Zoe\u0308", "Zo\u00eb", "Unicode normalisation"),
        ("%22user_1%22", "user_1", "has quotes around it"),
        ("undefined", "user_1", "what stands where an id was to be put"),
        ("user_", "user_1", "One is the other's beginning"),
        ("user_2", "user_1", "They are different users; they part at character 6"),
    ],
)
async def test_user_of_the_address(in_path: str, user_id: str, sentence: str) -> None:
    """They are compared code point by code point, after the percent signs."""
    findings = await explained(named(user_id), user=in_path)

    assert verdict(findings).level is Level.OK
    assert sentence in findings[-1].sentence
    assert findings[-1].level is (Level.OK if "is the token's" in sentence else Level.PROBLEM)


async def test_user_who_is_called_by_the_address() -> None:
    """It is seen, and not shown."""
    findings = await explained(named("user_1", email="ann@example.test"), user="ann%40example.test")

    assert "The first is the user's e-mail address" in findings[-1].sentence
    assert not any("example.test" in finding.line for finding in findings)


async def test_user_of_a_token_that_names_none() -> None:
    """There is nobody to compare with."""
    findings = await explained("ab" * 16, user="user_1")

    assert findings[-1].level is Level.WARNING


@pytest.mark.parametrize(
    ("origin", "sentence"),
    [
        ("http://localhost:3000", "is in ALLOWED_ORIGINS"),
        ("http://localhost:3000/tasks?x=1", "is in ALLOWED_ORIGINS"),
        ("HTTPS://App.Example:443/", "is in ALLOWED_ORIGINS"),
        ("http://app.example", 'nearest is "https://app.example": http is not https'),
        ("http://127.0.0.1:3000", '"127.0.0.1" is not "localhost", although both are this machine'),
        ("http://localhost:5173", "port 5173 is not port 3000"),
        ("https://www.app.example", '"www.app.example" is not "app.example"'),
        ("null", "a page without an origin"),
        ("localhost:3000", "is no origin"),
    ],
)
async def test_origin_of_the_page(origin: str, sentence: str) -> None:
    """As the browser sends it, and the nearest one that is allowed."""
    allowed = "http://localhost:3000,https://app.example"

    found = (await explained(TOKEN, origin=origin, ALLOWED_ORIGINS=allowed))[-1]

    assert sentence in found.sentence
    assert found.level is (Level.OK if "is in ALLOWED" in sentence else Level.PROBLEM)


@pytest.mark.parametrize("claim", ["iss", "aud", "kid"])
async def test_a_claim_can_smuggle_nothing_out(claim: str) -> None:
    """What is long is cut, what a terminal obeys is escaped, and the secret stays inside."""
    value = f"\x1b[2J\n{SECRET}{'x' * 300}"
    members = {"sub": "user_1", "iat": NOW, "exp": NOW + 900, claim: value}
    token = tokens.signed(members, secret=SECRET, header={"alg": "HS256", "kid": value[:200]})
    findings = await explained(token, JWT_ISSUER="https://a.example", JWT_AUDIENCE="b")

    text = "\n".join(each.line for each in findings)
    require_no_part(SECRET, said=text)
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(findings)
    assert "x" * 101 not in text


def test_pieces_are_taken_out_wherever_they_stand() -> None:
    """Eight characters are a piece, seven are chance."""
    finding = doctor.Finding(Level.OK, "a 01234567 b 0123456 c", "x012345678")

    (found,) = scrubbed([finding], ["-0123456789-"])

    assert (found.sentence, found.remedy) == ("a […] b 0123456 c", "x[…]")


def test_address_goes_and_the_quotes_stay() -> None:
    """An address may hold what JSON escapes, and ends where its value does."""
    finding = doctor.Finding(Level.OK, r'its user is "a\"b@x\u00e9\"", of "c@d"')

    (found,) = scrubbed([finding], [])

    assert found.sentence == 'its user is "[…]", of "[…]"'


def test_pieces_of_what_was_pasted_are_taken_out_of_values() -> None:
    """In a sentence of ours the same words say nothing of it."""
    sentence = r'set 01234567 to "x\"01234567" and "y", or "01234567'
    finding = doctor.Finding(Level.OK, sentence, None)

    (found,) = scrubbed([finding], [], pasted=["-01234567-"])

    assert found.sentence == r'set 01234567 to "x\"[…]" and "y", or "[…]'
    assert found.remedy is None


def reasons() -> Iterator[tuple[str, str]]:
    """Give every reason that the way to a principal has, from the code itself."""
    ours = {"accounts.py", "refresh_tokens.py", "emails.py", "passwords.py", "attempts.py"}
    paths = [path for path in (PACKAGE / "auth").glob("*.py") if path.name not in ours]
    for path in [*paths, PACKAGE / "model" / "strict_json.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in REFUSALS:
                reason = _text(node.args[0])
                if reason:
                    yield path.name, reason


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_every_reason_has_its_words() -> None:
    """A refusal that is new, or said anew, is explained too."""
    # The claim's name comes first: those of `exp`, `iat` and `nbf` are in the table.
    found = [
        (path, reason.replace("… not a number", "exp not a number")) for path, reason in reasons()
    ]

    assert len(found) > len(WORDS) / 2
    assert [each for each in found if not each[1].startswith(tuple(WORDS))] == []


async def test_the_email_of_a_token_is_not_shown() -> None:
    """Not even where it is the user's id."""
    token = named("ann@example.test", email="ann@example.test", aud="ann@example.test")
    good, refused = await explained(token), await explained(token, JWT_AUDIENCE="todo")

    assert (verdict(good).level, verdict(refused).level) == (Level.OK, Level.PROBLEM)
    assert not any("example.test" in finding.line for finding in good + refused)


def test_whether_the_database_is_asked() -> None:
    """Only what has a row there needs it, so that a data folder in use is no obstacle."""
    own = settings_for("postgresql://u:p@h/db")
    apart = settings_for("postgresql://u:p@h/db", BETTER_AUTH_DATABASE_URL="postgresql://u:p@h/b")
    ours = named("user_1", sid=f"tbs_{'a' * 22}")

    assert [doctor.asks_database(each, own) for each in (TOKEN, ours, "ab" * 16)] == [
        False,
        True,
        True,
    ]
    assert not doctor.asks_database("ab" * 16, apart)
