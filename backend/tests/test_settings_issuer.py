"""The settings for an issuer that isn't Better Auth: where its keys are, and whose tokens pass."""

import traceback

import pytest

from tests.support.configuration import CANARY, PRODUCTION, loaded, problems
from todo_backend import doctor
from todo_backend.settings import SettingsError

KEYS = "https://tenant.example/jwks"


def jwks_url(text: str) -> str | None:
    """Read the address as the backend will use it."""
    found = loaded({"JWKS_URL": text}).jwks_url
    return found.get_secret_value() if found else None


# The address of the keys -----------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://tenant.b2clogin.com/tenant/discovery/v2.0/keys?p=B2C_1_signin",
        "https://keys.example?apikey=a%2Fb&x=1/2",
        "https://keys.example/jwks/",
        "https://keys.example/a//b/../c%2Fd/",
        "https://keys.example",
        "http://[::1]:3000/jwks",
        "https://user:p%40ss@keys.example:8443/jwks?x",
    ],
)
def test_the_address_of_the_keys_is_taken_as_it_is(url: str) -> None:
    """A query and a last slash mean something to whoever answers, and redirects aren't followed."""
    assert jwks_url(url) == url


def test_an_address_of_keys_may_be_written_as_in_a_browser() -> None:
    """Only what can't be sent as it is is spelled in ASCII."""
    found = jwks_url("https://Bücher.example/ключ?a=ü%2F")

    assert found == "https://xn--bcher-kva.example/%D0%BA%D0%BB%D1%8E%D1%87?a=%C3%BC%2F"


@pytest.mark.parametrize(
    "url",
    [
        f"https://keys.example/jwks#{CANARY}",
        f"ftp://{CANARY}@keys.example/jwks",
        f"https://user:{CANARY}@/jwks",
        f"https://user:{CANARY}@one@keys.example/jwks",
        f"https://user:{CANARY}\\@keys.example/jwks",
        f"https://user:{CANARY}[@keys.example/jwks",
        f"https://user:{CANARY}@keys.example:0/jwks",
        f"https://user:{CANARY}@keys.example:65536/jwks",
        f"https://user:{CANARY}@1.2.3.999/jwks",
        f"https://user:{CANARY}@{'a' * 64}.example/jwks",
        f"https://keys.example/jwks?{CANARY} {CANARY}",
    ],
)
def test_an_address_of_keys_that_leads_nowhere_is_refused(url: str) -> None:
    """At the start and not with the first token, and without the password that is in it."""
    with pytest.raises(SettingsError) as refused:
        loaded({"JWKS_URL": url})

    (line,) = refused.value.problems
    assert line.startswith("JWKS_URL wants http:// or https://")
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_a_password_in_the_address_of_the_keys_does_not_show() -> None:
    """Neither in what a log or a traceback prints, nor in a warning about this very address."""
    url = f"http://user:{CANARY}@keys.example/jwks?apikey={CANARY}"
    settings = loaded({**PRODUCTION, "JWKS_URL": url, "JWT_ISSUER": "https://a.example"})
    told = [finding.line for finding in doctor.settings(settings)]

    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {told}"

    assert "JWKS_URL is http://" in shown
    assert CANARY not in shown


# Whose tokens pass -----------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["development", "test"])
def test_keys_alone_are_warned_of_in_every_environment(environment: str) -> None:
    """The same keys sign what is meant for others, such as the id tokens of other applications."""
    settings = loaded({"ENVIRONMENT": environment, "JWKS_URL": KEYS})

    assert settings.warnings == [
        "JWT_ISSUER is not set: tokens that JWKS_URL's keys verify pass, whoever made them",
        "JWT_AUDIENCE is not set: tokens that JWKS_URL's keys verify pass, whoever they are for",
    ]


@pytest.mark.parametrize(
    ("others", "warned"),
    [
        ({"JWT_ISSUER": "https://a.example"}, ["JWT_AUDIENCE"]),
        ({"JWT_AUDIENCE": "todo"}, ["JWT_ISSUER"]),
        ({"JWT_ISSUER": "https://a.example", "JWT_AUDIENCE": "todo"}, []),
        ({"BETTER_AUTH_URL": "https://a.example"}, []),
    ],
)
def test_what_nobody_compares_is_warned_of(others: dict[str, str], warned: list[str]) -> None:
    """In production too, where some issuers write no audience; and `doctor` says the same."""
    settings = loaded({**PRODUCTION, "JWKS_URL": KEYS, **others})

    told = [
        finding for finding in doctor.settings(settings) if finding.level is not doctor.Level.OK
    ]

    assert [line.split()[0] for line in settings.warnings] == warned
    assert [finding.sentence for finding in told] == settings.warnings
    assert all(finding.level is doctor.Level.WARNING for finding in told)


def test_production_refuses_keys_alone() -> None:
    """Else whatever the keys have signed, by whomever and for whomever, would be a sign-in."""
    assert problems({**PRODUCTION, "JWKS_URL": KEYS}) == (
        "JWT_AUDIENCE or JWT_ISSUER is required in production, where JWKS_URL is set",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWKS_URL", "keys.example"),
        ("JWT_ISSUER", "\0"),
        ("JWT_AUDIENCE", "\0"),
        ("BETTER_AUTH_URL", "a.example"),
    ],
)
def test_what_is_wrong_is_not_told_to_be_missing_as_well(name: str, value: str) -> None:
    """One line for one mistake."""
    lines = problems({**PRODUCTION, "JWKS_URL": KEYS, name: value})

    assert [line.split()[0] for line in lines] == [name]


def test_secrets_alone_need_no_issuer() -> None:
    """Without keys of somebody else's there is nothing to be asked."""
    assert loaded(PRODUCTION).warnings == []
