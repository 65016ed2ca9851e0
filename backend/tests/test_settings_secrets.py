"""The secrets among the settings: how long, whose, and never shown."""

import pytest

from tests.support.configuration import CANARY, PRODUCTION, SECRET, loaded, problems
from todo_backend import setting_types

REFUSED = {
    "LG-03": {"BETTER_AUTH_SECRET": f"{CANARY}-short"},
    "LG-04-31-bytes": {"BETTER_AUTH_SECRET": f"{CANARY}-and-some-more-letters"[:31]},
    "LG-04-missing": {"BETTER_AUTH_SECRET": ""},
    "LG-04-placeholder": {"BETTER_AUTH_SECRET": f"changeme-{CANARY}-changeme-changeme"},
    "LG-04-printed": {"BETTER_AUTH_SECRET": "better-auth-secret-12345678901234567890"},
    "LG-04-database": {
        "BETTER_AUTH_SECRET": f"{CANARY}-is-the-password-of-both",
        "DATABASE_URL": f"postgresql://todo:{CANARY}-is-the-password-of-both@db.example/todo",
    },
    "LG-05": {"DEBUG": "true"},
}


@pytest.mark.parametrize("env", REFUSED.values(), ids=REFUSED)
def test_production_refuses(env: dict[str, str]) -> None:
    """One line names the variable; a secret that isn't good is not shown for all that."""
    (line,) = problems(PRODUCTION | env)

    assert line.split()[0] == next(iter(env))
    assert CANARY not in line


def test_lg_04_what_a_specification_prints_is_known_by_its_hash() -> None:
    """Whoever copies the one of a document is told, and the document's secret stands nowhere."""
    printed = "6e3de2633d2cb1d86afb1f7f79bcadc359e928152b61bcb3b5dc16b2ecbbb9ac"

    assert printed in setting_types._PUBLISHED  # noqa: SLF001 - the text itself must stand nowhere


def test_lg_04_the_database_password_is_no_secret_for_tokens() -> None:
    """Whoever may read the database must not be able to sign tokens."""
    password = f"{SECRET}@/"
    env = {
        "BETTER_AUTH_SECRET": password,
        "DATABASE_URL": f"postgres://u:{SECRET}%40%2F@h/db",
    }

    assert problems(env) == ("BETTER_AUTH_SECRET must differ from the password in DATABASE_URL",)


@pytest.mark.parametrize(("algorithm", "least"), [("HS384", 48), ("HS512", 64)])
def test_a_longer_digest_wants_a_longer_secret(algorithm: str, least: int) -> None:
    """RFC 7518, section 3.2: the key is at least as long as the digest, counted in bytes."""
    env = {"JWT_ALGORITHM": algorithm}
    long_enough = "é" + SECRET * 2

    loaded({**env, "BETTER_AUTH_SECRET": long_enough[: least - 1]})
    assert problems({**env, "BETTER_AUTH_SECRET": long_enough[: least - 2]}) == (
        f"BETTER_AUTH_SECRET must have {least} bytes or more for this JWT_ALGORITHM",
    )


def test_secrets_do_not_show() -> None:
    """Neither the secret nor the database's password is in what a log or traceback prints."""
    settings = loaded({**PRODUCTION, "DATABASE_URL": f"postgres://u:{CANARY}@h/db"})
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"

    assert SECRET not in shown
    assert CANARY not in shown
    assert CANARY not in repr(settings.connect_args())


def test_the_secret_is_taken_as_it_stands() -> None:
    """The key is the text that Better Auth uses, its blanks included."""
    settings = loaded({"BETTER_AUTH_SECRET": f" {SECRET} "})

    assert settings.better_auth_secret is not None
    assert settings.better_auth_secret.get_secret_value() == f" {SECRET} "
