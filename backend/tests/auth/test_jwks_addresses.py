"""JWKS_URL on its way: what a deployment asks for, and what nobody gets to see of it."""

import time

import pytest

from tests.commands.examining import explained, verdict
from tests.database.databases import url_of
from tests.support.client import client_for
from tests.support.jwks_server import PATH, key_service
from tests.support.server import environment, serving
from tests.support.signing_keys import signing_key
from todo_backend.database.url import ConnectArgs

KEY = signing_key("EdDSA", "k")
PASSWORD = "hunter2-and-some-more-letters"


def token(**others: object) -> str:
    now = int(time.time())
    return KEY.token({"sub": "ann", "iat": now, "exp": now + 60, **others})


async def status(url: str, sent: str) -> int:
    headers = {"authorization": f"Bearer {sent}"}
    async with client_for(url, headers=headers) as client:
        return (await client.get("/api/ann/tasks")).status_code


@pytest.mark.parametrize("tail", ["?p=B2C_1_signin", "/", "/?a=%2F&b", "//keys/../jwks"])
async def test_the_keys_are_asked_for_as_the_setting_says(tail: str, address: ConnectArgs) -> None:
    """Query and slashes arrive, because another address may be a redirect, or other keys."""
    async with key_service(KEY.published) as service:
        env = environment(url_of(address), JWKS_URL=f"{service.url}{tail}")
        async with serving(env) as served:
            found = await status(served.url, token())

    assert found == 200
    assert service.paths == [f"{PATH}{tail}"]


async def test_a_host_alone_may_have_a_query() -> None:
    """Its path is the shortest there is."""
    async with key_service(KEY.published) as service:
        host = service.url.removesuffix(PATH)

        found = await explained(token(), JWKS_URL=f"{host}?tenant=todo")

    assert "accepts it" in verdict(found).sentence
    assert set(service.paths) == {"/?tenant=todo"}


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_password_in_the_address_stays_there(
    *, is_there: bool, address: ConnectArgs
) -> None:
    """It opens the service, and is in no line of any library, no answer and no explanation."""
    async with key_service(KEY.published) as service:
        if not is_there:
            service.answer("", status="403 Forbidden")
        url = service.url.replace("//", f"//todo:{PASSWORD}@") + f"?apikey={PASSWORD}"
        env = environment(url_of(address), JWKS_URL=url, LOG_LEVEL="debug")
        async with serving(env) as served, client_for(served.url) as client:
            found = await status(served.url, token())
            health = await client.get("/health")
        findings = await explained(token(), JWKS_URL=url)

    assert found == (200 if is_there else 503)
    assert all("Authorization: Basic " in request for request in service.requests)
    log = served.log.getvalue()
    said = "".join([log, health.text, *(each.line for each in findings)])
    assert "httpcore" in log
    assert service.url in said
    assert PASSWORD not in said


async def test_a_token_for_another_application_is_good_where_no_audience_is_expected(
    address: ConnectArgs,
) -> None:
    """Which is what the warning at the start is about; JWT_AUDIENCE is what ends it."""
    issuer = "https://tenant.example/"
    id_token = token(iss=issuer, aud="client-of-another-application")
    async with key_service(KEY.published) as service:
        env = environment(url_of(address), JWKS_URL=service.url, JWT_ISSUER=issuer)
        found = []
        for others in ({}, {"JWT_AUDIENCE": "https://todo.example"}):
            async with serving({**env, **others}) as served:
                found.append(await status(served.url, id_token))

    assert found == [200, 401]
