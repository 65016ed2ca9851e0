"""Which addresses an account can have, and which of them are one and the same."""

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

TAKEN = b'{"detail":"An account with this email already exists"}'


async def test_au_02_address_differs_by_more_than_case(client: httpx.AsyncClient) -> None:
    """One account, whose owner signs in with any case and sees the address as they typed it."""
    ann = await given_member(client, email=fresh_email("Ann"))

    again = await sign_up(client, email=ann.email.upper())
    signed_in = await client.post(
        SIGN_IN, json={"email": ann.email.swapcase(), "password": ann.password}
    )

    assert (again.status_code, again.content) == (409, TAKEN)
    assert signed_in.json()["user"] == ann.user
    assert ann.user["email"] == ann.email


@pytest.mark.parametrize("dress", [" {}", "{} ", "\t{} "])
async def test_au_03_blanks_around_an_address_are_no_part_of_it(
    client: httpx.AsyncClient, dress: str
) -> None:
    """Copied with a blank, it is the same address."""
    ann = await given_member(client)

    response = await sign_up(client, email=dress.format(ann.email))

    assert response.status_code == 409


async def test_au_04_plus_address_is_another_address(client: httpx.AsyncClient) -> None:
    """What a provider does with a tag is not for others to guess."""
    ann = await given_member(client)

    response = await sign_up(client, email=ann.email.replace("@", "+todo@"))

    assert response.status_code == 201


async def test_au_05_spellings_of_a_letter_are_not_two_accounts(client: httpx.AsyncClient) -> None:
    """An address looks the same with a composed and a decomposed accent, so it is the same."""
    composed = fresh_email("andr\u00e9")
    await sign_up(client, email=composed)

    response = await sign_up(client, email=composed.replace("\u00e9", "e\u0301"))

    assert response.status_code in {409, 422}


@pytest.mark.parametrize(
    ("victims", "lookalike"),
    [("k", "\u212a"), ("i", "\u0131"), ("s", "\u017f"), ("i", "\u0130"), ("@", "\uff20")],
)
async def test_au_06_lookalike_never_leads_to_the_victim(
    client: httpx.AsyncClient, victims: str, lookalike: str
) -> None:
    """Letters that a change of case or of form turns into others open no other's account."""
    victim = await given_member(client, email=fresh_email("kiss"))
    email = victim.email.replace(victims, lookalike)

    sign_up_response = await sign_up(client, email=email, password=victim.password)
    sign_in_response = await client.post(
        SIGN_IN, json={"email": email, "password": victim.password}
    )

    assert sign_up_response.status_code in {201, 409, 422}
    if sign_in_response.status_code == 200:
        assert sign_in_response.json()["user"]["id"] != victim.user_id


async def test_au_07_two_spellings_of_a_domain_are_one(client: httpx.AsyncClient) -> None:
    """A domain with umlauts and its ASCII form are one address, or one of them is refused."""
    email = fresh_email().replace("example.com", "m\u00fcnchen.de")
    first = await sign_up(client, email=email)

    second = await sign_up(client, email=email.replace("m\u00fcnchen", "xn--mnchen-3ya"))

    assert (first.status_code, second.status_code) in {(201, 409), (422, 201)}


@pytest.mark.parametrize(
    "email",
    ["a" * 65 + "@example.com", "a@" + "b" * 60 + ".c" * 96 + ".de", "a@" + "b" * 64 + ".de"],
    ids=["local part", "whole", "label"],
)
async def test_au_08_address_is_not_longer_than_mail_allows(
    client: httpx.AsyncClient, email: str
) -> None:
    """64 before the at sign, 254 in all, 63 between dots."""
    assert fields_of(await sign_up(client, email=email)) == ["email"]


@pytest.mark.parametrize(
    "email",
    [
        "ann\0@example.com",
        "ann@example.com\0",
        "ann@example.com\r\nbcc: x@example.com",
        "ann\r\n@example.com",
        '"ann"@example.com',
        "ann(comment)@example.com",
        "ann@[127.0.0.1]",
        "ann@127.0.0.1",
        "ann@localhost",
        "ann@",
        "@example.com",
        "ann",
        "ann@@example.com",
        "ann@bob@example.com",
        "ann@example..com",
        "ann@.example.com",
        "ann@example.com.",
        ".ann@example.com",
        "ann.@example.com",
        "a..n@example.com",
        "ann smith@example.com",
        "ann@exam ple.com",
        "ann@-example.com",
        "ann@example.com, bob@example.com",
        "Ann <ann@example.com>",
        "mailto:ann@example.com",
        "'; DROP TABLE users; --",
        "",
        " ",
    ],
    ids=ascii,
)
async def test_au_09_odd_address_is_refused(client: httpx.AsyncClient, email: str) -> None:
    """What no form of a web page would take for an address never gets further."""
    assert fields_of(await sign_up(client, email=email)) == ["email"]


async def test_half_a_surrogate_pair_is_no_address(client: httpx.AsyncClient) -> None:
    """Nor a name: it can't even be spelled in UTF-8."""
    body = {"email": "a\ud800@example.com", "password": fresh_password(), "name": "\udc00"}

    response = await client.post(SIGN_UP, content=json.dumps(body), headers=JSON)

    assert fields_of(response) == ["email", "name"]
