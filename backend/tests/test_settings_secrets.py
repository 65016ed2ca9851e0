"""The secrets among the settings: how long, whose, and never shown."""

import pytest

from tests.support.configuration import CANARY, PRODUCTION, SECRET, loaded, problems


def test_the_database_password_is_no_secret_for_tokens() -> None:
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
