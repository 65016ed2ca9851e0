"""Configuration: what is read, what is refused, and that no complaint shows a value."""

import traceback
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.support.configuration import (
    CANARIES,
    CANARY,
    CONTRACTS,
    PRODUCTION,
    SECRET,
    loaded,
    problems,
)
from todo_backend.core.rate_limits import Limit
from todo_backend.settings import Settings, SettingsError, load


def test_nothing_set_is_a_development_server() -> None:
    """Without any variable the server starts on this machine alone."""
    settings = loaded({})

    assert (settings.environment, settings.debug) == ("development", False)
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert (settings.log_level, settings.log_format) == ("info", "text")
    assert settings.allowed_origins == ("http://localhost:3000", "http://localhost:3001")
    assert (settings.database_url, settings.better_auth_secret) == (None, None)
    assert (settings.jwt_algorithm, settings.jwt_leeway_seconds) == ("HS256", 5)
    assert (settings.db_pool_size, settings.db_max_overflow) == (8, 0)
    assert (settings.database_timeout_seconds, settings.db_prepared_statements) == (5.0, True)
    assert settings.data_dir == Path(".data")
    assert settings.connect_args() is None
    assert settings.warnings == []


def test_every_variable_that_is_wrong_has_one_line_without_its_value() -> None:
    """All problems are told at once, and none of them, nor the traceback, shows a value."""
    with pytest.raises(SettingsError) as caught:
        loaded(CANARIES)

    lines = caught.value.problems
    assert [line.split()[0] for line in lines] == list(CANARIES)
    assert CANARY not in "".join(traceback.format_exception(caught.value)).lower()
    assert CANARY not in repr(caught.value).lower()


@pytest.mark.parametrize("name", CANARIES)
def test_each_variable_is_checked_by_itself(name: str) -> None:
    """One wrong variable among right ones is told alone."""
    lines = problems({**PRODUCTION, name: CANARIES[name]})

    assert [line.split()[0] for line in lines] == [name]
    assert CANARY not in lines[0].lower()


def test_the_canaries_cover_every_variable() -> None:
    """A new variable cannot forget to have its refusal tested."""
    fields = Settings.model_fields.values()

    assert {str(field.validation_alias) for field in fields} == CANARIES.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("PORT", "-1"),
        ("RATE_LIMIT_API", "0/minute"),
        ("RATE_LIMIT_API", "many"),
        ("RATE_LIMIT_AUTH", "10/minute;"),
        ("RATE_LIMIT_STORAGE", "redis://"),
        ("RATE_LIMIT_STORAGE", "redis://host:70000"),
        ("RATE_LIMIT_STORAGE", "redis://host/0?protocol=3"),
        ("RATE_LIMIT_STORAGE", "memcached://host"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("PORT", "65536"),
        ("PORT", "80.5"),
        ("WORKERS", "0"),
        ("WORKERS", "65"),
        ("DB_POOL_SIZE", "0"),
        ("DB_POOL_SIZE", "101"),
        ("DB_MAX_OVERFLOW", "-1"),
        ("DB_MAX_OVERFLOW", "101"),
        ("DATABASE_TIMEOUT", "0"),
        ("DATABASE_TIMEOUT", "60.1"),
        ("DATABASE_TIMEOUT", "nan"),
        ("DATABASE_TIMEOUT", "inf"),
        ("JWT_LEEWAY_SECONDS", "-1"),
        ("JWT_LEEWAY_SECONDS", "61"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "1441"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "1.5"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "0"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "31"),
        ("JWT_ALGORITHM", "none"),
        ("JWT_ALGORITHM", "RS256"),
        ("JWT_ALGORITHM", "EdDSA"),
        ("ENVIRONMENT", "prod"),
        ("DOCS_ENABLED", "never"),
        ("LOG_LEVEL", "trace"),
        ("LOG_FORMAT", "xml"),
        ("HOST", "local host"),
        ("BETTER_AUTH_URL", "app.example"),
        ("BETTER_AUTH_URL", "https://user:pw@app.example"),
        ("BETTER_AUTH_URL", "https://app.example?next=1"),
        ("BETTER_AUTH_URL", "https://app.example:99999"),
        ("JWKS_URL", "app.example/jwks"),
        ("API_CONTRACTS", ""),
        ("API_CONTRACTS", " , "),
        ("API_CONTRACTS", "rich"),
        ("API_CONTRACTS", "envelope,Envelope"),
        ("API_CONTRACTS", "envelope,accounts,envelope"),
        ("API_CONTRACTS", "envelope,plain"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://*.app.example"),
        ("ALLOWED_ORIGINS", "null"),
        ("ALLOWED_ORIGINS", "app.example"),
        ("ALLOWED_ORIGINS", "http:app.example"),
        ("ALLOWED_ORIGINS", "file:///app"),
        ("ALLOWED_ORIGINS", "https://app.example/todo"),
        ("ALLOWED_ORIGINS", "https://app.example//"),
        ("ALLOWED_ORIGINS", "https://app.example?"),
        ("ALLOWED_ORIGINS", "https://app.example#"),
        ("ALLOWED_ORIGINS", "https://me@app.example"),
        ("ALLOWED_ORIGINS", "https://app.example:http"),
        ("ALLOWED_ORIGINS", "https://app.example:65536"),
        ("ALLOWED_ORIGINS", "https://app.example https://b.example"),
        ("CORS_ORIGINS", "https://app.example,*"),
        ("FRONTEND_URL", "https://app.example/login"),
        ("DATABASE_URL", "postgresql://h/db?sslmode=perhaps"),
        ("BETTER_AUTH_SECRET", SECRET[:-1]),
        ("BETTER_AUTH_SECRET", "\udcff" * 32),
        ("BETTER_AUTH_SECRET", "changeme"),
        ("BETTER_AUTH_SECRET", "changeme-changeme-changeme-changeme"),
        ("BETTER_AUTH_SECRET", "CHANGE_ME please, before anybody sees this"),
        ("BETTER_AUTH_SECRET", "your-secret-key-minimum-32-characters-long"),
        ("BETTER_AUTH_SECRET", "Your Secret goes here, 32 characters"),
        ("BETTER_AUTH_SECRET", "<your_secret_of_32_or_more_characters>"),
        ("BETTER_AUTH_SECRET", "replace-me-with-something-more-random"),
        ("BETTER_AUTH_SECRET", "x" * 40),
        ("BETTER_AUTH_SECRET", "better-auth-secret-12345678901234567890"),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: str) -> None:
    """A value outside its range, form or list ends the start with one line."""
    lines = problems({name: value})

    assert len(lines) == 1
    assert lines[0].startswith(f"{name} ")


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("DEBUG", "on", "debug", True),
        ("DEBUG", " Yes ", "debug", True),
        ("DEBUG", "0", "debug", False),
        ("DEBUG", "", "debug", False),
        ("DB_PREPARED_STATEMENTS", "off", "db_prepared_statements", False),
        ("DOCS_ENABLED", "off", "docs_enabled", False),
        ("LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("LOG_FORMAT", "json", "log_format", "json"),
        ("PORT", "0", "port", 0),
        ("PORT", "", "port", 8000),
        ("HOST", "::", "host", "::"),
        ("DATABASE_TIMEOUT", "0.5", "database_timeout_seconds", 0.5),
        ("JWT_ALGORITHM", "HS512", "jwt_algorithm", "HS512"),
        ("JWT_ISSUER", "  ", "jwt_issuer", None),
        ("JWT_AUDIENCE", "https://app.example", "jwt_audience", "https://app.example"),
        ("BETTER_AUTH_URL", "https://App.example:443/", "better_auth_url", "https://app.example"),
        ("API_CONTRACTS", " accounts , envelope,", "api_contracts", ("accounts", "envelope")),
        ("RATE_LIMIT_API", "9/second; 9 per hour", "rate_limit_api", (Limit(9, 1), Limit(9, 3600))),
        ("RATE_LIMIT_STORAGE", "Memory", "rate_limit_storage", None),
        ("TRUSTED_PROXIES", "unix, 10.0.0.7", "trusted_proxies", ("unix", IPv4Network("10.0.0.7"))),
        (
            "ALLOWED_ORIGINS",
            "http://LOCALHOST:3000/",
            "allowed_origins",
            ("http://localhost:3000",),
        ),
        ("ALLOWED_ORIGINS", "https://a.example:443", "allowed_origins", ("https://a.example",)),
        ("ALLOWED_ORIGINS", "http://[::1]:3000", "allowed_origins", ("http://[::1]:3000",)),
        (
            "FRONTEND_URL",
            "https://bücher.example",
            "allowed_origins",
            ("https://xn--bcher-kva.example",),
        ),
    ],
)
def test_a_right_value_is_read(name: str, value: str, field: str, expected: object) -> None:
    """Values are read as people spell them, and nothing counts as not set."""
    settings = loaded({name: value})

    assert getattr(settings, field) == expected


def test_the_three_variables_for_origins_are_merged() -> None:
    """Each origin counts once, whichever variable names it."""
    settings = loaded(
        {
            "ALLOWED_ORIGINS": "https://a.example, https://b.example/",
            "CORS_ORIGINS": "https://b.example",
            "FRONTEND_URL": "https://c.example",
        }
    )

    assert settings.allowed_origins == (
        "https://a.example",
        "https://b.example",
        "https://c.example",
    )


def test_the_default_contracts_are_those_of_the_product_that_exist() -> None:
    """A contract that isn't registered is not a default."""
    settings = load({}, env_file=None, contracts=["envelope"])

    assert settings.api_contracts == ("envelope",)
    assert loaded({}).api_contracts == ("envelope", "accounts")


def test_production_wants_its_variables() -> None:
    """What is made up for a developer is required in production, and debugging is refused."""
    lines = problems({"ENVIRONMENT": "Production", "DEBUG": "true"})

    assert [line.split()[0] for line in lines] == [
        "DEBUG",
        "BETTER_AUTH_SECRET",
        "ALLOWED_ORIGINS",
    ]


def test_production_writes_json_and_is_content() -> None:
    """A complete production configuration has no warnings."""
    settings = loaded(PRODUCTION)

    assert settings.log_format == "json"
    assert settings.allowed_origins == ("https://app.example",)
    assert settings.warnings == []


def test_production_warns_of_what_is_seldom_meant() -> None:
    """The embedded database, unencrypted addresses and counts that nobody shares serve."""
    settings = loaded(
        {
            **PRODUCTION,
            "DATABASE_URL": "",
            "ALLOWED_ORIGINS": "http://localhost:3000,http://app.example",
            "BETTER_AUTH_URL": "http://app.example",
            "JWKS_URL": "http://app.example/jwks",
            "WORKERS": "2",
        }
    )

    assert [line.split()[0] for line in settings.warnings] == [
        "DATABASE_URL",
        "ALLOWED_ORIGINS",
        "BETTER_AUTH_URL",
        "JWKS_URL",
        "RATE_LIMIT_STORAGE",
    ]


def test_local_http_origins_need_no_warning() -> None:
    """What never leaves the machine need not be encrypted."""
    origins = "http://localhost:3000,http://127.0.0.1,http://[::1]:1,http://app.localhost"
    settings = loaded({**PRODUCTION, "ALLOWED_ORIGINS": origins})

    assert len(settings.allowed_origins) == 4
    assert settings.warnings == []


def test_settings_are_frozen() -> None:
    """Nobody changes the configuration of a running server."""
    settings = loaded({})

    with pytest.raises(ValidationError):
        settings.debug = True


def test_the_process_environment_is_read_by_load_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping that is handed in replaces the process's environment altogether."""
    monkeypatch.setenv("PORT", "7001")

    assert load(env_file=None, contracts=CONTRACTS).port == 7001
    assert loaded({}).port == 8000
