"""Secrets that change: which one signs, which ones verify, and what a setting may say."""

from pathlib import Path

import pytest

from tests.support import tokens
from tests.support.configuration import PRODUCTION, loaded, problems
from todo_backend.auth import jws
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.secret_ring import SecretRing, Secrets
from todo_backend.model.errors import SignatureInvalid, TokenExpired, TokenInvalid
from todo_backend.secret_file import secrets_of

NOW = 1_800_000_000
NEW = "the-newest-secret-of-all-0123456789-abcde"
OLD = "the-secret-before-it-was-0123456789-abcde"
OLDEST = "the-secret-in-the-beginning-0123456789-ab"
CLAIMS = {"sub": "ann", "iat": NOW - 5, "exp": NOW + 900}


def ring(*, accepts_retired: bool = False) -> SecretRing:
    return SecretRing(Secrets(NEW, (OLD, OLDEST), accepts_retired), rules=ClaimRules())


def judged(found: SecretRing, secret: str, **changes: object) -> str:
    token = tokens.signed({**CLAIMS, **changes}, secret=secret)
    return found.judge(jws.read(token), now=NOW).principal.user_id


# Tokens ---------------------------------------------------------------------------------


def test_the_first_secret_signs_and_verifies() -> None:
    """As Better Auth has it, the others do neither; and the log says which kind it was."""
    token = ring().current.issue("ann", now=NOW, lifetime_seconds=60)

    assert ring().judge(jws.read(token), now=NOW).principal.user_id == "ann"
    assert judged(ring(), NEW) == "ann"
    for secret in (OLD, OLDEST):
        with pytest.raises(SignatureInvalid, match="a retired secret, see ACCEPT_RETIRED_SECRETS"):
            judged(ring(), secret)
    with pytest.raises(SignatureInvalid, match="is the secret another one"):
        judged(ring(), "somebody-else's-secret-0123456789-abcdefg")


def test_retired_secrets_verify_where_they_are_accepted() -> None:
    """They sign nothing new, and a stranger's is none of them."""
    lenient = ring(accepts_retired=True)
    token = lenient.current.issue("ann", now=NOW, lifetime_seconds=60)

    assert [judged(lenient, secret) for secret in (NEW, OLD, OLDEST)] == ["ann"] * 3
    assert ring().judge(jws.read(token), now=NOW).principal.user_id == "ann"
    with pytest.raises(SignatureInvalid):
        judged(lenient, "somebody-else's-secret-0123456789-abcdefg")


def test_a_retired_secret_makes_no_exception_of_the_rest() -> None:
    """Claims are judged as ever, and a token of another algorithm is no token of ours."""
    lenient = ring(accepts_retired=True)

    with pytest.raises(TokenExpired):
        judged(lenient, OLD, exp=NOW - 60)
    with pytest.raises(TokenInvalid):
        judged(lenient, OLD, user_id="eve")
    token = tokens.signed(CLAIMS, secret=OLD, header={"alg": "HS512"})
    with pytest.raises(TokenInvalid, match="is HS512 and the backend expects HS256"):
        lenient.judge(jws.read(token), now=NOW)


def test_a_session_of_our_own_is_known_under_any_of_them() -> None:
    """So signing out ends it, whichever secret has signed its token."""
    session_id = "tbs_AAAAAAAAAAAAAAAAAAAAAA"
    token = tokens.signed({**CLAIMS, "sid": session_id}, secret=OLD)

    found = ring(accepts_retired=True).judge(jws.read(token), now=NOW)

    assert found.principal.session_id == session_id


def test_secrets_do_not_show() -> None:
    """Not where they are held together either."""
    assert NEW not in repr(Secrets(NEW, (OLD,)))
    assert OLD not in repr(Secrets(NEW, (OLD,)))


# Settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"BETTER_AUTH_SECRET": NEW}, (NEW,)),
        ({"BETTER_AUTH_SECRETS": f"1:{NEW}"}, (NEW,)),
        ({"BETTER_AUTH_SECRETS": f"2:{NEW},1:{OLD}"}, (NEW, OLD)),
        ({"BETTER_AUTH_SECRETS": f" 1 : {NEW} , 7:{OLD} "}, (NEW, OLD)),
        ({"BETTER_AUTH_SECRETS": f"0:{NEW}:{OLD}"}, (f"{NEW}:{OLD}",)),
        ({"BETTER_AUTH_SECRETS": f"2:{NEW},1:{OLD}", "BETTER_AUTH_SECRET": NEW}, (NEW, OLD)),
        ({"BETTER_AUTH_SECRETS": f"2:{NEW}", "BETTER_AUTH_SECRET": OLD}, (NEW, OLD)),
    ],
)
def test_versions_are_read_as_better_auth_reads_them(
    env: dict[str, str], expected: tuple[str, ...]
) -> None:
    """The first one counts, not the highest; the single secret beside them is a retired one."""
    found = secrets_of(loaded(env))

    assert (found.all, found.accepts_retired) == (expected, False)
    assert secrets_of(loaded({**env, "ACCEPT_RETIRED_SECRETS": "true"})).accepts_retired


@pytest.mark.parametrize(
    "value",
    [
        NEW,
        f"2:{NEW},",
        f"2:{NEW},{OLD}",
        f"two:{NEW}",
        f"-1:{NEW}",
        f"1.5:{NEW}",
        f"٢:{NEW}",
        f":{NEW}",
        "1:",
        ",",
        f"1:{NEW},1:{OLD}",
        f"1:{NEW},01:{OLD}",
        f"2:{NEW},1:short",
        f"2:{NEW},1:{'x' * 40}",
        f"2:{NEW},1:your-secret-key-minimum-32-characters-long",
        f"2:{NEW},1:better-auth-secret-12345678901234567890",
    ],
)
def test_versions_that_are_none_are_refused(value: str) -> None:
    """In one line, which shows none of them: each secret is as good as a single one has to be."""
    (line,) = problems({"BETTER_AUTH_SECRETS": value})

    assert line.startswith("BETTER_AUTH_SECRETS ")
    assert NEW not in line
    assert OLD not in line


def test_every_version_is_long_enough_and_nobodys_password() -> None:
    """The rules of the single secret that look at other settings."""
    versions = {"BETTER_AUTH_SECRETS": f"2:{NEW},1:{OLD}"}

    assert problems({**versions, "JWT_ALGORITHM": "HS384"}) == (
        "BETTER_AUTH_SECRETS must have 48 bytes or more for this JWT_ALGORITHM",
    )
    assert problems({**versions, "DATABASE_URL": f"postgres://u:{OLD}@h/db"}) == (
        "BETTER_AUTH_SECRETS must differ from the password in DATABASE_URL",
    )


def test_production_is_content_with_versions() -> None:
    """They stand in for the single secret, and one made up for a developer isn't needed."""
    env = {**PRODUCTION, "BETTER_AUTH_SECRET": "", "BETTER_AUTH_SECRETS": f"1:{NEW}"}

    settings = loaded(env)

    assert secrets_of(settings).current == NEW
    assert NEW not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"


def test_without_any_the_one_for_development_is_made(tmp_path: Path) -> None:
    """It is the only one."""
    settings = loaded({"DATA_DIR": str(tmp_path)})

    found = secrets_of(settings)

    assert found.retired == ()
    assert secrets_of(settings) == found
