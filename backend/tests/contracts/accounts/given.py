"""People with an account and a session."""

import json
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

import httpx

SIGN_UP: Final = "/api/auth/signup"
SIGN_IN: Final = "/api/auth/signin"
REFRESH: Final = "/api/auth/refresh"
SIGN_OUT: Final = "/api/auth/signout"
TASKS: Final = "/api/tasks"

JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with an account and a session. `user` is what the server says of them."""

    client: httpx.AsyncClient
    email: str
    password: str
    user: dict[str, Any]
    access_token: str
    refresh_token: str

    @property
    def user_id(self) -> str:
        found: str = self.user["id"]
        return found

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.access_token)

    async def call(self, method: str, path: str = TASKS, **options: Any) -> httpx.Response:
        """Ask with the access token; `options` are httpx's, and its headers win."""
        headers = self.headers | options.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **options)

    async def given_task(self, title: str = "Buy milk", **fields: Any) -> dict[str, Any]:
        response = await self.call("POST", json={"title": title, **fields})
        assert response.status_code == 201, response.text
        task: dict[str, Any] = response.json()
        return task

    async def sign_in(self) -> "Member":
        """Open another session of the same account."""
        response = await self.client.post(
            SIGN_IN, json={"email": self.email, "password": self.password}
        )
        assert response.status_code == 200, response.text
        return member_of(self.client, self.email, self.password, response)

    async def is_signed_in(self) -> bool:
        """Whether the access token still opens the tasks."""
        status = (await self.call("GET")).status_code
        assert status in {200, 401}
        return status == 200


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def fresh_email(name: str = "ann") -> str:
    return f"{name}-{token_hex(6)}@example.com"


def fresh_password() -> str:
    return f"canary {token_hex(12)}"


async def given_member(client: httpx.AsyncClient, **chosen: str) -> Member:
    """Sign somebody up whom nobody knows; `chosen` are members of the body."""
    body = {"email": fresh_email(), "password": fresh_password(), "name": "Ann"} | chosen
    response = await client.post(SIGN_UP, json=body)
    assert response.status_code == 201, response.text
    return member_of(client, body["email"], body["password"], response)


def member_of(
    client: httpx.AsyncClient, email: str, password: str, response: httpx.Response
) -> Member:
    body = response.json()
    return Member(
        client, email, password, body["user"], body["access_token"], body["refresh_token"]
    )


async def refreshed(client: httpx.AsyncClient, refresh_token: object) -> httpx.Response:
    return await client.post(REFRESH, json={"refresh_token": refresh_token})


async def sign_up(client: httpx.AsyncClient, **members: Any) -> httpx.Response:
    """Send a good sign-up, but for the `members` that are named."""
    body = {"email": fresh_email(), "password": fresh_password(), "name": "Ann"} | members
    return await client.post(SIGN_UP, json=body)


def fields_of(response: httpx.Response) -> list[str]:
    assert response.status_code == 422, response.text
    return [each["field"] for each in response.json()["errors"]]


def said(detail: str) -> bytes:
    """Spell the body of an error that has no more to say."""
    return json.dumps({"detail": detail}, separators=(",", ":")).encode()
