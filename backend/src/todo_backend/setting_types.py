"""How the text of a variable becomes a value, and the sentence for where it can't."""

import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network
from string import punctuation
from typing import Annotated, Any, Final
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, Url

from todo_backend.auth import jwks_endpoint
from todo_backend.core import rate_limits
from todo_backend.core.rate_limits import Limit
from todo_backend.database.url import DatabaseUrlError, parse
from todo_backend.web.client_address import UNIX, Network, trusted_network

SECRET_LENGTH_MIN: Final = 32

# The type of `problem`, which tells our sentences from pydantic's.
_PROBLEM: Final = "setting"

_PLACEHOLDERS: Final = ("changeme", "yoursecret", "replaceme")
_SEPARATORS: Final = re.compile(r"[\W_]+")
# The one that a specification of this product prints, and the one Better Auth falls back to.
_PUBLISHED: Final = frozenset(
    {
        "6e3de2633d2cb1d86afb1f7f79bcadc359e928152b61bcb3b5dc16b2ecbbb9ac",
        sha256(b"better-auth-secret-12345678901234567890").hexdigest(),
    }
)
_VERSION: Final = re.compile(r"[0-9]{1,9}")
_WEB_URL: Final = re.compile(
    r"https?://(?:[\w.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/[^?#\s]*)?", re.IGNORECASE
)
# Nothing else is repaired in it: the rest is for its issuer to read, each slash of it.
_KEYS_URL: Final = re.compile(
    r"(?P<start>https?://(?:[^@/?#\\\s]*@)?)(?P<host>[\w.-]+|\[[0-9a-f:.]+\])"
    r"(?P<rest>(?::[0-9]{1,5})?(?:/[^?#\s]*)?(?:\?[^#\s]*)?)",
    re.IGNORECASE,
)
# User and password as they are, because nobody reads them before the store's own client does.
_STORE_URL: Final = re.compile(
    r"(?:redis|valkey)s?://(?:[^@/?#\s]*@)?(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[0-9]{0,4})?"
)
_PORT_MAX: Final = 65_535


def problem(sentence: str) -> PydanticCustomError:
    """Make the error of a value: `sentence` follows the variable's name and holds no value."""
    return PydanticCustomError(_PROBLEM, "{sentence}", {"sentence": sentence})


def lines_of(error: ValidationError, declared: Mapping[str, FieldInfo]) -> list[str]:
    """Say in lines what is wrong with the variables of the `declared` fields, without a value."""
    fields = {**declared, **{str(field.validation_alias): field for field in declared.values()}}
    lines = []
    for found in error.errors(include_url=False, include_input=False):
        # Pydantic calls a value that arrived by its alias, and a default by its field's name.
        field = fields[str(found["loc"][0])]
        if found["type"] == _PROBLEM:
            lines.append(f"{field.validation_alias} {found['msg']}")
        # LOG_FORMAT's default waits for the rest to be right; that is no problem of its own.
        elif found["type"] != "default_factory_not_called":
            lines.append(f"{field.validation_alias} wants {field.description}")
    return lines


def names(text: str) -> tuple[str, ...]:
    """Split at commas; blanks around a name and empty places do not count."""
    return tuple(name for piece in text.split(",") if (name := piece.strip()))


def whole(default: int, *, least: int, most: int) -> Any:  # noqa: ANN401 - as pydantic's Field, which stands for a value
    """Make the field of a whole number from `least` to `most`."""
    return Field(default, ge=least, le=most, description=f"a whole number from {least} to {most}")


def contract_problems(
    listed: Collection[str], contracts: Collection[str], families: Mapping[str, str]
) -> list[str]:
    """Say in lines what is wrong with the choice of `contracts`, as `load` describes it."""
    known = [name for name in listed if name in contracts]
    served = [families.get(name, name) for name in dict.fromkeys(known)]
    choice = ", ".join(sorted(contracts))
    checks = {
        f"wants at least one of {choice}": not listed,
        f"wants no other names than {choice}": len(known) < len(listed),
        "wants each name once": len(set(known)) < len(known),
        "wants at most one of the contracts that share their URLs": len(set(served)) < len(served),
    }
    return [f"API_CONTRACTS {sentence}" for sentence, is_broken in checks.items() if is_broken]


def is_open_to_wiretaps(url: str) -> bool:
    """Tell whether what is sent to `url` leaves this machine unencrypted."""
    parts = Url(url)
    host = parts.host or ""
    is_local = host in {"localhost", "127.0.0.1", "[::1]"} or host.endswith(".localhost")
    return parts.scheme == "http" and not is_local


def _web_url(text: str) -> Url:
    # The pattern comes first, because Url repairs what is none as browsers do (`http:a.example`).
    try:
        if _WEB_URL.fullmatch(text):
            return Url(text)
    except ValidationError:
        pass
    raise problem("wants http:// or https:// and a host")


def _base_url(text: str) -> str:
    return str(_web_url(text)).rstrip("/")


def _keys_url(value: SecretStr) -> SecretStr:
    try:
        if found := _KEYS_URL.fullmatch(value.get_secret_value()):
            start, host, rest = found.group("start", "host", "rest")
            url = quote(f"{start}{Url(f'http://{host}').host}{rest}", safe=punctuation)
            # Each of them reads it later, and must not stumble then, with a password in its hands.
            jwks_endpoint.parts_of(url)
            Url(url)
            return SecretStr(url)
    except ValueError:
        pass
    raise problem("wants http:// or https://, a host, and no # behind it")


def _origins(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_origin, names(value))) if isinstance(value, str) else value


def _origin(text: str) -> str:
    if "*" in text:
        raise problem("must not hold *, which browsers refuse together with credentials")
    url = _web_url(text)
    if url.path != "/":
        raise problem("wants origins without a path, such as https://app.example.com")
    return str(url).removesuffix("/")


def _database_url(value: SecretStr) -> SecretStr:
    try:
        parse(value.get_secret_value())
    except DatabaseUrlError as error:
        raise problem(f"wants a database address that works: {error}") from None
    return value


def checked_secret(value: SecretStr) -> SecretStr:
    """Return `value`, or raise a `problem` where it is short, a placeholder or published."""
    text = value.get_secret_value()
    if len(text) < SECRET_LENGTH_MIN:
        raise problem(f"wants at least {SECRET_LENGTH_MIN} characters")
    if _SEPARATORS.sub("", text.lower()).startswith(_PLACEHOLDERS) or len(set(text)) == 1:
        raise problem("wants a random value instead of a placeholder")
    if sha256(text.encode()).hexdigest() in _PUBLISHED:
        raise problem("wants a value of its own: the present one is published")
    return value


def _versions(value: object) -> object:
    if not isinstance(value, str):
        return value
    found: dict[int, SecretStr] = {}
    for entry in value.split(","):
        version, _, secret = (part.strip() for part in entry.partition(":"))
        if not _VERSION.fullmatch(version) or not secret:
            raise problem("wants versions and secrets, the newest first, such as 2:…,1:…")
        if int(version) in found:
            raise problem("wants each version once")
        found[int(version)] = SecretStr(secret)
    return tuple(found.values())


def _checked_secrets(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    return tuple(map(checked_secret, value))


def _rate_limits(value: object) -> object:
    try:
        return rate_limits.parse(value) if isinstance(value, str) else value
    except ValueError:
        raise problem("wants limits such as 10/minute or 10/minute;100/hour") from None


def _rate_limit_storage(value: object) -> object:
    if not isinstance(value, str) or value.lower() == "memory":
        return None
    found = _STORE_URL.fullmatch(value)
    if not found or int(found["port"] or 0) > _PORT_MAX:
        raise problem("wants memory, or redis://, rediss://, valkey:// or valkeys:// and a host")
    if find_spec("redis") is None:
        raise problem("wants a package that is not here: install todo-backend[redis]")
    return value


def _proxies(value: object) -> object:
    return tuple(map(_proxy, names(value))) if isinstance(value, str) else value


def _proxy(text: str) -> str | Network:
    try:
        return UNIX if text.lower() == UNIX else trusted_network(text)
    except ValueError:
        raise problem(
            "wants addresses and networks such as 10.0.0.0/8, fewer than all there are, or unix"
        ) from None


Lower = BeforeValidator(str.lower)
RateLimits = Annotated[tuple[Limit, ...], BeforeValidator(_rate_limits)]
RateLimitStorage = Annotated[SecretStr | None, BeforeValidator(_rate_limit_storage)]
Proxies = Annotated[tuple[IPv4Network | IPv6Network | str, ...], BeforeValidator(_proxies)]
Names = Annotated[tuple[str, ...], BeforeValidator(names)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_origins)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
KeysUrl = Annotated[SecretStr, AfterValidator(_keys_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Secret = Annotated[SecretStr, AfterValidator(checked_secret)]
Secrets = Annotated[
    tuple[SecretStr, ...], BeforeValidator(_versions), AfterValidator(_checked_secrets)
]
