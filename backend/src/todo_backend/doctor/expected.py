"""What `iss` and `aud` should be, and the settings that make both of them right at once."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from pydantic_core import Url

from todo_backend.auth import public_keys
from todo_backend.auth.claims import quoted
from todo_backend.auth.issuer import origin_of
from todo_backend.doctor.addresses import difference
from todo_backend.doctor.anatomy import Kind
from todo_backend.doctor.case import Case, Words

_SETTINGS: Final = {"iss": "JWT_ISSUER", "aud": "JWT_AUDIENCE"}
# Of the tokens of a Keycloak realm, each has the aud "account", whoever they are meant for.
_NAMING: Final = (
    "(Keycloak: an audience mapper in a client scope; Auth0: the audience that the front end asks "
    "for)"
)
_PROXY: Final = (
    "If Better Auth runs behind a proxy that ends TLS, give it its outer address (baseURL, or its "
    "own BETTER_AUTH_URL) instead"
)


def nearest(found: Sequence[str], wanted: str) -> str:
    """Choose of several audiences the one that differs least."""
    return min(found, key=lambda each: difference(each, wanted).weight)


def other(claim: str, found: str, wanted: str, case: Case) -> Words:
    """Say how a claim differs from what is expected, and what to set: for both claims."""
    how = difference(found, wanted)
    sentence = f"its {claim} is {quoted(found)}, and {quoted(wanted)} is expected: {how.sentence}"
    needed = _needed(case)
    if case.anatomy.kind is Kind.ACCESS:
        # Its other claim is seldom a setting's fault: see below.
        needed = {_SETTINGS[claim]: found}
    by_name = " and ".join(f"{name} to {quoted(value)}" for name, value in needed.items())
    remedy = f"set {by_name}, if such tokens are meant for this backend"
    if claim == "aud" and case.anatomy.kind in (Kind.ACCESS, Kind.OAUTH):
        return Words(sentence, f"{named_by_issuer(wanted)}; or {remedy}")
    if how.is_proxy:
        return Words(sentence, f"{remedy}. {_PROXY}")
    if how.is_other:
        return Words(sentence, remedy)
    if base := _base_url(case, needed):
        return Words(sentence, f"set BETTER_AUTH_URL to {quoted(base)}, or {remedy}")
    return Words(sentence, f"{remedy}, or spell BETTER_AUTH_URL alike here and there")


def named_by_issuer(audience: str) -> str:
    """Say how an issuer is told whom its access tokens are for."""
    return f"let the issuer name {quoted(audience)} in it {_NAMING}"


def _needed(case: Case) -> dict[str, str]:
    """Return the settings by which both claims would be as expected, with their values."""
    needed = {}
    for claim, wanted in (("iss", case.rules.issuer), ("aud", case.rules.audience)):
        value = case.anatomy.claims.get(claim)
        names = value if isinstance(value, list) else [value]
        texts = [name for name in names if isinstance(name, str)]
        if wanted is not None and texts and wanted not in texts:
            needed[_SETTINGS[claim]] = nearest(texts, wanted)
    return needed


def _base_url(case: Case, needed: Mapping[str, str]) -> str | None:
    """Return the BETTER_AUTH_URL that would do by itself, where it implies both claims."""
    settings = case.settings
    is_implied = case.anatomy.alg in public_keys.ALGORITHMS and not (
        settings.jwt_issuer or settings.jwt_audience
    )
    values = set(needed.values())
    if settings.better_auth_url is None or not is_implied or len(values) != 1:
        return None
    (value,) = values
    if len(needed) < len(_SETTINGS) or origin_of(value) != value or not _is_as_read(value):
        return None
    return value + urlsplit(settings.better_auth_url).path


def _is_as_read(address: str) -> bool:
    """Whether a setting would keep its spelling."""
    try:
        return str(Url(address)).rstrip("/") == address
    except ValueError:
        return False
