"""`todo-backend doctor --token` on what an issuer signs by keys that it publishes."""

import re
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.commands.examining import explained, verdict
from tests.support.jwks_server import KeyService, key_service
from tests.support.signing_keys import SigningKey, signing_key
from todo_backend.doctor import Finding, Level

NOW: Final = int(time.time())
KEY: Final = signing_key("EdDSA", "the-key-of-today")
OTHER: Final = signing_key("EdDSA", "the-key-of-yesterday")


@pytest_asyncio.fixture
async def service() -> AsyncIterator[KeyService]:
    """A key service with the one key."""
    async with key_service(KEY.published) as running:
        yield running


def base(service: KeyService) -> str:
    return service.url.removesuffix("/api/auth/jwks")


def token(service: KeyService, key: SigningKey = KEY, **claims: object) -> str:
    origin = base(service)
    good = {"iss": origin, "aud": origin, "sub": "user_1", "iat": NOW, "exp": NOW + 900}
    members = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return key.token(members)


async def about(service: KeyService, text: str, **others: str) -> list[Finding]:
    settings: dict[str, Any] = {"BETTER_AUTH_URL": base(service), **others}
    return await explained(text, **settings)


async def test_a_good_one_is_described(service: KeyService) -> None:
    """Its kind, its key, who made it, whom it names, and how long it lasts."""
    findings = await about(service, token(service))

    assert {each.level for each in findings} == {Level.OK}
    assert findings[0].sentence.endswith('JWT plugin; alg "EdDSA", kid "the-key-of-today"')
    assert f'it comes from "{base(service)}", its user is "user_1"' in findings[1].sentence
    assert findings[2].sentence == f"one key to verify by can be had from {service.url}"
    assert verdict(findings).sentence.endswith('accepts it, for the user "user_1"')


@pytest.mark.parametrize(
    ("claims", "sentence", "remedy"),
    [
        ({"iss": "{}/api/auth"}, 'the path "/api/auth"', "set JWT_ISSUER"),
        ({"iss": "{}/"}, "a slash at the end", "spell BETTER_AUTH_URL alike"),
        ({"iss": "https://localhost"}, "https is not http", "proxy that ends TLS"),
        ({"iss": "http://127.0.0.1:3000"}, "both are this machine", "set JWT_ISSUER"),
        ({"aud": "https://todo.example"}, 'aud is "https://todo.example"', "set JWT_AUDIENCE"),
        ({"aud": "a-client", "nonce": "n"}, "OpenID Connect id token", "authClient.token()"),
        ({"iss": None}, "it has no iss", "leave Better Auth's JWT plugin its own iss"),
        ({"aud": None}, "it has no aud", "leave Better Auth's JWT plugin its own aud"),
        ({"sub": None, "id": "user_1"}, "stands in id alone", "sub: session.user.id"),
    ],
)
async def test_claims_of_another(
    service: KeyService, claims: dict[str, str | None], sentence: str, remedy: str
) -> None:
    """What Better Auth writes is compared with what BETTER_AUTH_URL lets one expect."""
    filled: dict[str, Any] = {
        name: value and value.format(base(service)) for name, value in claims.items()
    }

    found = verdict(await about(service, token(service, **filled)))

    assert sentence in found.sentence
    assert remedy in (found.remedy or "")


def first_remedy(found: Finding) -> dict[str, str]:
    """Read the settings that a remedy names first, with their values."""
    first, *_ = re.split(", or |, if ", (found.remedy or "").removeprefix("set "))
    return dict(re.findall(r'(\w+) to "([^"]+)"', first))


SPELLED: Final[dict[str, tuple[str, str, set[str]]]] = {
    "local": ("http://127.0.0.1:{}", "", {"BETTER_AUTH_URL"}),
    "local-of-the-api": ("http://127.0.0.1:{}", "/api/auth", {"BETTER_AUTH_URL"}),
    "upper-case": ("http://LOCALHOST:{}", "", {"JWT_ISSUER", "JWT_AUDIENCE"}),
    "slash": ("http://localhost:{}/", "", {"JWT_ISSUER", "JWT_AUDIENCE"}),
    "path": ("http://localhost:{}/api/auth", "", {"JWT_ISSUER", "JWT_AUDIENCE"}),
    "proxy": ("https://localhost:{}", "", {"JWT_ISSUER", "JWT_AUDIENCE"}),
    "elsewhere": ("https://app.example", "", {"JWT_ISSUER", "JWT_AUDIENCE"}),
    "no-address": ("http://[", "", {"JWT_ISSUER", "JWT_AUDIENCE"}),
}


@pytest.mark.parametrize(("spelled", "path", "names"), SPELLED.values(), ids=SPELLED)
@pytest.mark.parametrize("is_list", [False, True])
async def test_following_the_first_remedy_mends_it(
    service: KeyService, spelled: str, path: str, names: set[str], *, is_list: bool
) -> None:
    """Better Auth writes one address into both claims, so one step has to mend both."""
    theirs = spelled.format(service.url.split(":")[2].partition("/")[0])
    sent = token(service, iss=theirs, aud=["https://x.example", theirs] if is_list else theirs)
    ours = {"BETTER_AUTH_URL": f"{base(service)}{path}"}

    found = first_remedy(verdict(await about(service, sent, **ours)))

    assert found.keys() == names
    assert verdict(await about(service, sent, **ours | found)).level is Level.OK


@pytest.mark.parametrize(
    ("claim", "setting"), [("iss", "JWT_ISSUER"), ("aud", "JWT_AUDIENCE")], ids=["iss", "aud"]
)
async def test_only_one_of_both_is_spelled_otherwise(
    service: KeyService, claim: str, setting: str
) -> None:
    """The other one stays as it is."""
    theirs = base(service).replace("localhost", "127.0.0.1")
    changed: dict[str, Any] = {claim: theirs}
    sent = token(service, **changed)

    found = first_remedy(verdict(await about(service, sent)))

    assert found == {setting: theirs}
    assert verdict(await about(service, sent, **found)).level is Level.OK


async def test_setting_that_is_in_the_way(service: KeyService) -> None:
    """Where a claim's own setting is what differs, BETTER_AUTH_URL would change nothing."""
    ours = {"JWT_ISSUER": "http://127.0.0.1:3000", "JWT_AUDIENCE": "http://127.0.0.1:3000"}

    found = first_remedy(verdict(await about(service, token(service), **ours)))

    assert found.keys() == ours.keys()
    assert verdict(await about(service, token(service), **ours | found)).level is Level.OK


async def test_key_that_is_not_published(service: KeyService) -> None:
    """Both names are told, and where the token says that it is from."""
    found = verdict(await about(service, token(service, OTHER, iss="https://other.example")))

    assert 'it has the kid "the-key-of-yesterday", and no such key' in found.sentence
    assert f'{service.url} (there: "the-key-of-today")' in found.sentence
    assert 'comes from "https://other.example"' in (found.remedy or "")


async def test_key_of_the_same_name(service: KeyService) -> None:
    """A signature that does not verify is the key's or the way's fault, not a setting's."""
    header = {"alg": "EdDSA", "kid": KEY.published["kid"]}
    forged = OTHER.sign(header, {"sub": "user_1", "exp": NOW + 900})

    found = verdict(await about(service, forged))

    assert "does not verify by it" in found.sentence


async def test_key_for_another_algorithm(service: KeyService) -> None:
    """The key says what it is for."""
    header = {"alg": "ES256", "kid": KEY.published["kid"]}

    found = verdict(await about(service, OTHER.sign(header, {"sub": "u", "exp": NOW + 900})))

    assert "its header and its key disagree" in found.sentence


@pytest.mark.parametrize(
    ("status", "why", "remedy"),
    [
        ("404 Not Found", "answers 404", "add the plugin jwt()"),
        ("500 Internal Server Error", "answers 500", "start the Better Auth application"),
        ("302 Found", "redirects are not followed", "the address that it leads to"),
    ],
)
async def test_key_service_that_answers_otherwise(
    service: KeyService, status: str, why: str, remedy: str
) -> None:
    """Nobody can tell then, which is no refusal."""
    service.answer("", status=status)

    found = verdict(await about(service, token(service)))

    assert found.level is Level.PROBLEM
    assert "can't say at the moment whether it is good (503)" in found.sentence
    assert why in found.sentence
    assert remedy in (found.remedy or "")


async def test_key_service_that_is_away(service: KeyService) -> None:
    """The address is told, and how to try it."""
    await service.stop()

    found = verdict(await about(service, token(service)))

    assert f"the keys at {service.url} can't be had (can't be reached: " in found.sentence
    assert f"curl {service.url}" in (found.remedy or "")


async def test_no_token_while_there_are_keys(service: KeyService) -> None:
    """A changed secret looks like this: there are keys, and `/token` answers 500."""
    findings = await about(service, "Bearer undefined")

    assert f"one key to verify by can be had from {service.url}" in findings[0].sentence
    assert "its secret has changed" in (verdict(findings).remedy or "")
