"""The application of docs/better-auth.md runs, and does on the page's settings what it says."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

import httpx
import jwt
import pytest
import pytest_asyncio

from tests.database.databases import database, session, url_of
from tests.docs import page_app
from tests.docs.page_app import PageApp
from tests.docs.snippets import under
from tests.support.client import client_for
from tests.support.server import environment, serving
from todo_backend.database.url import ConnectArgs

# Its packages take their time to install.
pytestmark = pytest.mark.slow

START: Final = "1. Start this backend"
MAKE: Final = "2. Make the application"
HERE: Final = "http://localhost:3000"
# What somebody gets who may not know more.
UNAUTHORIZED: Final = 401


def settings_of_the_app(args: ConnectArgs, **others: str) -> dict[str, str]:
    """Fill in what the page leaves to its reader; without an address the port is any."""
    shown = under(MAKE).settings
    assert shown["BETTER_AUTH_URL"] == HERE
    mine = {"BETTER_AUTH_URL": "", "BETTER_AUTH_SECRET": page_app.SECRET}
    return {**shown, **mine, "DATABASE_URL": url_of(args), **others}


@dataclass(frozen=True, slots=True)
class Running:
    """The page's application, and the database with Better Auth's tables."""

    app: PageApp
    database: ConnectArgs

    def settings(self, heading: str, language: str = "dotenv", **others: str) -> dict[str, str]:
        """Take the settings under a heading, with this application in place of the page's."""
        actual = {"BETTER_AUTH_SECRET": page_app.SECRET, "DATABASE_URL": url_of(self.database)}
        shown = under(heading, language).settings
        found = {
            name: actual.get(name, value).replace(HERE, self.app.url)
            for name, value in shown.items()
        }
        return environment(url_of(self.database), **found) | others


@pytest_asyncio.fixture(scope="module", name="running")
async def _running(page_folder: Path, address: ConnectArgs) -> AsyncIterator[Running]:
    async with (
        database(address) as theirs,
        page_app.running(page_folder, settings_of_the_app(theirs)) as app,
    ):
        yield Running(app, theirs)


async def test_the_task_list_works(running: Running) -> None:
    """Two servers that know each other by one setting, and a browser that speaks to both."""
    env = running.settings(START, "sh", ALLOWED_ORIGINS=running.app.url)

    async with serving(env) as served:
        done = await running.app.visit(served.url, "live", "fetch", "readme", "stranger", "leave")

    assert under(START, "sh").settings == {"BETTER_AUTH_URL": HERE}
    [task] = done["live"]["tasks"]
    assert (task["title"], task["completed"]) == ("Pay rent", True)
    assert done["live"]["etag"]
    assert done["fetch"] == [task]
    assert done["readme"] == []
    assert done["stranger"] == {"error": "AUTH_USER_MISMATCH: The token belongs to another user"}
    assert done["leave"] == [[], UNAUTHORIZED]


async def test_a_token_that_the_application_signs(running: Running) -> None:
    """The route of the page makes it, without the plugin and its keys."""
    env = running.settings("A token that you sign", ALLOWED_ORIGINS=running.app.url)

    async with serving(env) as served:
        done = await running.app.visit(served.url, "signed")

    assert done["signed"] == 200


async def test_the_cookie_goes_along(running: Running) -> None:
    """To another port of the same host, for the call that asks for it."""
    env = running.settings("The session cookie")

    async with serving(env) as served:
        api = served.url.replace("127.0.0.1", "localhost")
        done = await running.app.visit(api, "cookie")
        elsewhere = await running.app.visit(served.url, "cookie")

    assert env["ALLOWED_ORIGINS"] == running.app.url
    assert done["cookie"] == []
    assert "error" in elsewhere["cookie"]


async def test_a_page_that_is_not_listed_is_told_nothing(running: Running) -> None:
    """The origins on the page are those that are let in, and no others are."""
    env = running.settings("CORS", BETTER_AUTH_URL=running.app.url)
    origin = env["ALLOWED_ORIGINS"].split(",")[0]

    async with serving(env) as served, client_for(served.url) as client:
        found = await client.get("/api/u/tasks", headers={"origin": origin})
        done = await running.app.visit(served.url, "live")

    assert found.headers["access-control-allow-origin"] == origin
    assert "was not reached" in done["live"]["error"]


@pytest.mark.parametrize(
    ("origin", "status"), [("http://127.0.0.1:3000", 200), ("http://evil.example", 403)]
)
async def test_who_may_sign_people_in(running: Running, origin: str, status: int) -> None:
    """Better Auth's own list has the origin that the page puts on it."""
    body = {"email": f"bob-{status}@example.com", "password": "three green parrots", "name": "Bob"}

    async with client_for(running.app.url) as client:
        path = "/api/auth/sign-up/email"
        answer = await client.post(path, json=body, headers={"origin": origin})

    assert answer.status_code == status


async def test_behind_a_proxy(page_folder: Path, empty: ConnectArgs, address: ConnectArgs) -> None:
    """Tokens name the address outside, and the keys are fetched inside."""
    shown = under("Proxies").settings
    outside = shown["BETTER_AUTH_URL"]
    settings = settings_of_the_app(empty, BETTER_AUTH_URL=outside)
    async with page_app.running(page_folder, settings) as app:
        inside = re.sub("^http://web:3000", app.inside, shown["JWKS_URL"])
        user_id, token = await _jwt_from(app.inside, origin=outside)
        env = environment(url_of(address), **shown | {"JWKS_URL": inside})
        async with serving(env) as served:
            status = await _status(served.url, user_id, token)

    assert jwt.decode(token, options={"verify_signature": False})["iss"] == outside
    assert status == 200


async def test_a_secret_that_is_replaced(page_folder: Path, empty: ConnectArgs) -> None:
    """The plugin can't read its keys any more, and can where the old secret stays beside it."""
    new = page_app.SECRET[::-1]
    given = under("A new secret").settings
    beside = {"BETTER_AUTH_SECRETS": given["BETTER_AUTH_SECRETS"].replace("…", new)}
    told = {}

    for name, settings in {
        "before": {},
        "overwritten": {"BETTER_AUTH_SECRET": new},
        "beside": beside,
    }.items():
        async with page_app.running(page_folder, settings_of_the_app(empty, **settings)) as app:
            told[name] = await _statuses(app.inside)

    assert told == {"before": (200, 200), "overwritten": (500, 200), "beside": (200, 200)}


async def test_keys_that_are_deleted_are_made_again(page_folder: Path, empty: ConnectArgs) -> None:
    """The other cure for a secret that is lost."""
    async with page_app.running(page_folder, settings_of_the_app(empty)) as app:
        await _statuses(app.inside)
    async with session(empty) as truth:
        await truth.execute("DELETE FROM jwks")

    settings = settings_of_the_app(empty, BETTER_AUTH_SECRET=page_app.SECRET[::-1])
    async with page_app.running(page_folder, settings) as app:
        assert await _statuses(app.inside) == (200, 200)


async def _signed_in(client: httpx.AsyncClient, origin: str) -> str:
    """Sign somebody up as a page at `origin` does; return the id."""
    body = {
        "email": f"ann-{token_hex(6)}@example.com",
        "password": "three green parrots",
        "name": "Ann",
    }
    answer = await client.post("/api/auth/sign-up/email", json=body, headers={"origin": origin})
    # httpx keeps a `__Secure-` cookie to itself where there is no TLS, as the proxy would be.
    pairs = [line.partition(";")[0] for line in answer.headers.get_list("set-cookie")]
    client.headers["cookie"] = "; ".join(pairs)
    found: str = answer.raise_for_status().json()["user"]["id"]
    return found


async def _jwt_from(inside: str, *, origin: str) -> tuple[str, str]:
    async with client_for(inside) as client:
        user_id = await _signed_in(client, origin)
        return user_id, (await client.get("/api/auth/token")).json()["token"]


async def _statuses(url: str) -> tuple[int, int]:
    async with client_for(url) as client:
        await _signed_in(client, url)
        paths = ("/api/auth/token", "/api/auth/jwks")
        first, second = [(await client.get(path)).status_code for path in paths]
        return first, second


async def _status(url: str, user_id: str, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    async with client_for(url, headers=headers) as client:
        return (await client.get(f"/api/{user_id}/tasks")).status_code
