"""Which passwords an account can have: the exact characters that were typed."""

import json

import httpx
import pytest

from tests.contracts.accounts.given import (
    JSON,
    SIGN_IN,
    SIGN_UP,
    fields_of,
    fresh_email,
    fresh_password,
    given_member,
    sign_up,
)


@pytest.mark.parametrize("password", ["", "hunter2", "\U0001f600" * 7, " " * 7])
async def test_au_10_password_is_too_short(client: httpx.AsyncClient, password: str) -> None:
    """Eight characters, however many bytes they have."""
    assert fields_of(await sign_up(client, password=password)) == ["password"]


async def test_au_11_eight_characters_are_enough(client: httpx.AsyncClient) -> None:
    """Whatever they are: there is no rule of what a password is made of."""
    email, password = (
        fresh_email(),
        "\U0001f600\U0001f984\U0001f4a9\U0001f47d\U0001f525\U0001f680\U0001f308\U0001f389",
    )

    response = await sign_up(client, email=email, password=password)
    signed_in = await client.post(SIGN_IN, json={"email": email, "password": password})

    assert (response.status_code, signed_in.status_code) == (201, 200)


@pytest.mark.parametrize(
    "password", ["password1", "Password1", "qwertyuiop", "iloveyou", "11111111"]
)
async def test_au_12_common_password_is_refused(client: httpx.AsyncClient, password: str) -> None:
    """The few thousand that everybody tries first, with a reason."""
    response = await sign_up(client, password=password)

    assert fields_of(response) == ["password"]
    assert "common" in response.json()["detail"]


@pytest.mark.parametrize("length", [64, 128, 1024])
async def test_au_13_pass_phrases_are_welcome(client: httpx.AsyncClient, length: int) -> None:
    """Up to 1024 characters, blanks among them."""
    password = (fresh_password() + " and so on" * 200)[:length]

    assert (await sign_up(client, password=password)).status_code == 201


async def test_au_14_every_byte_of_a_password_counts(client: httpx.AsyncClient) -> None:
    """Two that begin with the same 72 bytes are two."""
    beginning = (fresh_password() * 3)[:72]
    ann = await given_member(client, password=f"{beginning}1")

    for ending, status in (("1", 200), ("2", 401), ("", 401), ("11", 401)):
        body = {"email": ann.email, "password": beginning + ending}
        assert (await client.post(SIGN_IN, json=body)).status_code == status


@pytest.mark.parametrize("length", [1025, 10_000])
async def test_au_15_long_password_is_refused(client: httpx.AsyncClient, length: int) -> None:
    """By its length alone, as it says."""
    response = await sign_up(client, password=(fresh_password() * 500)[:length])

    assert fields_of(response) == ["password"]
    assert response.json()["errors"][0]["type"] == "too_long"


async def test_au_16_megabyte_is_not_read(client: httpx.AsyncClient) -> None:
    """The body is too large before it is a password."""
    response = await sign_up(client, password="a" * 1_000_000)

    assert response.status_code == 413


@pytest.mark.parametrize("password", ["abcdefgh\0x", "\0abcdefgh", "abcdefgh\ud800"], ids=ascii)
async def test_au_17_au_18_password_that_no_row_could_hold(
    client: httpx.AsyncClient, password: str
) -> None:
    """The null character and half a surrogate pair are refused, not cut off."""
    body = {"email": fresh_email(), "password": password, "name": "Ann"}

    response = await client.post(SIGN_UP, content=json.dumps(body), headers=JSON)

    assert fields_of(response) == ["password"]


async def test_au_19_password_is_its_bytes(client: httpx.AsyncClient) -> None:
    """Nothing is normalised, trimmed or changed in case."""
    password = f" Caf\u00e9 {fresh_password()} "
    ann = await given_member(client, password=password)
    others = [password.replace("\u00e9", "e\u0301"), password.strip(), password.lower()]

    for other in others:
        body = {"email": ann.email, "password": other}
        assert (await client.post(SIGN_IN, json=body)).status_code == 401
    assert (await ann.sign_in()).user == ann.user
