"""The configuration: read once, from the environment over `.env`, and checked as a whole.

Every complaint is a sentence of our own, because pydantic's can show the value.
"""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo
from pydantic import field_validator as check
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from todo_backend.auth.shared_secret import DIGEST_BYTES, HmacAlgorithm
from todo_backend.core import rate_limits
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.model.errors import TodoError
from todo_backend.setting_types import (
    SECRET_LENGTH_MIN,
    BaseUrl,
    DatabaseUrl,
    KeysUrl,
    Lower,
    Names,
    Origins,
    Proxies,
    RateLimits,
    RateLimitStorage,
    Secret,
    Secrets,
    contract_problems,
    is_open_to_wiretaps,
    lines_of,
    names,
    problem,
    whole,
)

DEFAULT_CONTRACTS: Final = ("envelope", "accounts")
LOCAL_ORIGINS: Final = ("http://localhost:3000", "http://localhost:3001")

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class SettingsError(TodoError):
    """The configuration can't be used: `problems` are lines that name variables, never values."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """What the environment says, checked. Only `load` makes one; fields are named as variables.

    Without `better_auth_secrets`, `better_auth_secret` is None only outside production: see
    secret_file.py.
    `database_url` is None where the embedded PostgreSQL serves. `allowed_origins` holds what all
    three variables name, spelled as browsers do. A field's description is what its line says.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=True,
        alias_generator=str.upper,
        enable_decoding=False,
        hide_input_in_errors=True,
        env_file_encoding="utf-8-sig",  # an editor's byte order mark would hide the first variable
    )

    # A check sees only the fields above its own, so what others depend on comes first.
    environment: Annotated[Literal["development", "production", "test"], Lower] = Field(
        "development", description="development, production or test"
    )
    debug: bool = Field(default=False, description="true or false")
    docs_enabled: bool = Field(default=True, description="true or false")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lower] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Annotated[Literal["text", "json"], Lower] = Field(
        default_factory=lambda data: "json" if data["environment"] == "production" else "text",
        description="text or json",
    )
    host: str = Field(
        "127.0.0.1", pattern=r"^[\w.:%-]+$", max_length=255, description="an address or a name"
    )
    port: int = Field(8000, ge=0, le=65535, description="a number from 0 (any free one) to 65535")
    workers: int = whole(1, least=1, most=64)
    shutdown_drain_seconds: float = Field(
        default_factory=lambda data: 5.0 if data["environment"] == "production" else 0.0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="a number of seconds from 0 to 300",
    )
    data_dir: Annotated[Path, BeforeValidator(os.path.expanduser)] = Path(".data")
    database_url: DatabaseUrl | None = None
    database_timeout_seconds: float = Field(
        5.0,
        alias="DATABASE_TIMEOUT",
        gt=0,
        le=60,
        allow_inf_nan=False,
        description="a number of seconds, more than 0 and at most 60",
    )
    db_pool_size: int = whole(8, least=1, most=100)
    db_max_overflow: int = whole(0, least=0, most=100)
    db_prepared_statements: bool = Field(default=True, description="on or off")
    migrate_on_start: bool = Field(default=True, description="true or false")
    jwt_algorithm: Annotated[HmacAlgorithm, BeforeValidator(str.upper)] = Field(
        "HS256", description="HS256, HS384 or HS512"
    )
    better_auth_secrets: Secrets = ()
    better_auth_secret: Secret | None = None
    accept_retired_secrets: bool = Field(default=False, description="true or false")
    better_auth_database_url: DatabaseUrl | None = None
    allow_unsigned_session_tokens: bool = Field(default=False, description="true or false")
    accept_session_cookie: bool = Field(default=False, description="true or false")
    better_auth_url: BaseUrl | None = None
    jwks_url: KeysUrl | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_leeway_seconds: int = whole(5, least=0, most=60)
    access_token_expire_minutes: int = whole(15, least=1, most=24 * 60)
    refresh_token_expire_days: int = whole(7, least=1, most=30)
    rate_limit_enabled: bool = Field(default=True, description="true or false")
    rate_limit_auth: RateLimits = rate_limits.parse("20/minute;200/hour")
    rate_limit_account: RateLimits = rate_limits.parse("5/15 minutes")
    rate_limit_taken_email: RateLimits = rate_limits.parse("10/hour")
    rate_limit_api: RateLimits = rate_limits.parse("6000/minute")
    rate_limit_storage: RateLimitStorage = None
    trusted_proxies: Proxies = ()
    api_contracts: Names
    cors_origins: Origins = ()
    frontend_url: Origins = ()
    allowed_origins: Origins = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` has read and nothing else: the environment is read once."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @check("*", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if isinstance(value, str) and _UNPRINTABLE.search(value):
            raise problem("wants UTF-8 text without control characters")
        return value

    @check("debug")
    @classmethod
    def _is_off_in_production(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        if value and info.data.get("environment") == "production":
            raise problem("must be false in production, because it shows errors to clients")
        return value

    @check("better_auth_secret")
    @classmethod
    def _is_there_in_production(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        has_others = info.data.get("better_auth_secrets") != ()
        if value is None and not has_others and info.data.get("environment") == "production":
            raise problem(f"is required in production: {SECRET_LENGTH_MIN} characters or more")
        return value

    @check("better_auth_secret", "better_auth_secrets")
    @classmethod
    def _is_known_to_nobody_else(
        cls, value: SecretStr | tuple[SecretStr, ...] | None, info: ValidationInfo
    ) -> SecretStr | tuple[SecretStr, ...] | None:
        least = DIGEST_BYTES[info.data.get("jwt_algorithm", "HS256")]
        address = info.data.get("database_url")
        password = parse(address.get_secret_value()).password if address else None
        for secret in value if isinstance(value, tuple) else filter(None, [value]):
            text = secret.get_secret_value()
            if len(text.encode()) < least:
                raise problem(f"must have {least} bytes or more for this JWT_ALGORITHM")
            if text == password:
                raise problem("must differ from the password in DATABASE_URL")
        return value

    @check("jwt_audience")
    @classmethod
    def _is_somebodys_in_production(cls, value: str | None, info: ValidationInfo) -> str | None:
        # What is wrong itself is not in the data, and its own line says so.
        others = [info.data.get(name, name) for name in ("better_auth_url", "jwt_issuer")]
        is_anybodys = info.data.get("jwks_url") is not None and others == [None, None]
        if value is None and is_anybodys and info.data.get("environment") == "production":
            raise problem("or JWT_ISSUER is required in production, where JWKS_URL is set")
        return value

    @check("allowed_origins")
    @classmethod
    def _merged(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        try:
            others = info.data["cors_origins"] + info.data["frontend_url"]
        except KeyError:  # one of them is wrong, and its own line says so
            return value
        merged = tuple(dict.fromkeys(value + others))
        if not merged and info.data.get("environment") == "production":
            raise problem("is required in production: the origins of the front ends")
        return merged or LOCAL_ORIGINS

    def connect_args(self) -> ConnectArgs | None:
        """Read `database_url` for asyncpg; None where the embedded PostgreSQL serves."""
        return parse(self.database_url.get_secret_value()) if self.database_url else None

    def better_auth_connect_args(self) -> ConnectArgs | None:
        """Read `better_auth_database_url`; None where Better Auth shares this database."""
        url = self.better_auth_database_url
        return parse(url.get_secret_value()) if url else None

    @property
    def warnings(self) -> list[str]:
        """Lines about what is allowed but seldom meant; they name variables, no values."""
        found = []
        if self.jwks_url and not self.better_auth_url:
            unset = "is not set: tokens that JWKS_URL's keys verify pass, whoever"
            if not self.jwt_issuer:
                found.append(f"JWT_ISSUER {unset} made them")
            if not self.jwt_audience:
                found.append(f"JWT_AUDIENCE {unset} they are for")
        if self.environment == "production":
            if not self.database_url:
                found.append("DATABASE_URL is not set: the embedded PostgreSQL holds the data")
            if any(map(is_open_to_wiretaps, self.allowed_origins)):
                found.append("ALLOWED_ORIGINS has an http:// origin: its tokens travel in the open")
            if self.better_auth_url and is_open_to_wiretaps(self.better_auth_url):
                found.append("BETTER_AUTH_URL is http://: its keys can be replaced on their way")
            if self.jwks_url and is_open_to_wiretaps(self.jwks_url.get_secret_value()):
                found.append("JWKS_URL is http://: its keys can be replaced on their way")
            if self.workers > 1 and self.rate_limit_enabled and self.rate_limit_storage is None:
                found.append("RATE_LIMIT_STORAGE is not set: each of the WORKERS counts for itself")
        return found


def load(
    env: Mapping[str, str] | None = None,
    *,
    env_file: Path | None = Path(".env"),
    contracts: Collection[str],
    families: Mapping[str, str] | None = None,
) -> Settings:
    """Read `env` (by default the process's) over `env_file` and check all of it.

    `contracts` are the registered names; `families` says which URLs one serves, and at most one
    of a family may be listed. A variable set to nothing counts as not set, but for API_CONTRACTS.
    Raises: SettingsError with every problem at once.
    """
    values = _read(os.environ if env is None else env, env_file)
    values.setdefault("API_CONTRACTS", ",".join(n for n in DEFAULT_CONTRACTS if n in contracts))
    problems = contract_problems(names(values["API_CONTRACTS"]), contracts, families or {})
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError(*lines_of(error, Settings.model_fields), *problems) from None
    if problems:
        raise SettingsError(*problems)
    return settings


def _read(env: Mapping[str, str], env_file: Path | None) -> dict[str, Any]:
    try:
        from_file = DotEnvSettingsSource(Settings, env_file=env_file)()
    except (OSError, UnicodeError):
        raise SettingsError(f"{env_file} must be a readable file in UTF-8") from None
    found: dict[str, Any] = {}
    for field in Settings.model_fields.values():
        name = str(field.validation_alias)
        for text in (env.get(name), from_file.get(name)):
            if text is not None and (text.strip() or name == "API_CONTRACTS"):
                # Better Auth takes its secret as it stands, blanks included.
                found[name] = text if name == "BETTER_AUTH_SECRET" else text.strip()
                break
    return found
