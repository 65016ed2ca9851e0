"""Each kind of credential in docs/better-auth.md is good under the settings shown for it."""

import base64
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.better_auth import application
from tests.better_auth.application import SignedUp
from tests.database.databases import database, url_of
from tests.docs.snippets import cells, under
from tests.support.client import client_for
from tests.support.server import Served, environment, serving
from todo_backend.database.url import ConnectArgs

# They run on the page's own application, whose packages take their time to install.
pytestmark = pytest.mark.slow

HERE: Final = "http://localhost:3000"


@dataclass(frozen=True, slots=True)
class Ann:
    """Somebody whom a real Better Auth has signed up, and what her browser has of it."""

    application: str
    database: ConnectArgs
    person: SignedUp
    jwt: str


@pytest_asyncio.fixture(scope="module", name="ann")
async def _ann(page_folder: Path, address: ConnectArgs) -> AsyncIterator[Ann]:
    shutil.copy(application.SOURCE / "server.mjs", page_folder)
    async with (
        database(address) as theirs,
        application.running(page_folder, url_of(theirs), COOKIE_CACHE="jwt") as app,
    ):
        person = await app.sign_up("Ann")
        yield Ann(app.url, theirs, person, await app.jwt(person))


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


KINDS: Final[Mapping[str, Callable[[Ann], dict[str, str]]]] = {
    "A token of the JWT plugin": lambda ann: _bearer(ann.jwt),
    "A session token": lambda ann: _bearer(ann.person.signed_token),
    "The session cookie": lambda ann: {
        "cookie": f"better-auth.session_token={ann.person.cookies['session_token']}",
        "origin": HERE,
    },
    "The session cache": lambda ann: _bearer(ann.person.cookies["session_data"]),
    "A session token without its signature": lambda ann: _bearer(ann.person.bare_token),
}
"""What a front end sends, by the heading of its settings."""
SIGNED: Final = "A token that you sign"
OTHERS: Final = "Other issuers"
_TABLE: Final = "What does my front end send?"


def settings_of(heading: str, ann: Ann) -> dict[str, str]:
    """Take the settings under a heading, with Ann's application in place of the page's."""
    actual = {
        "BETTER_AUTH_SECRET": application.SECRET,
        "DATABASE_URL": url_of(ann.database),
        "BETTER_AUTH_URL": ann.application,
    }
    return {name: actual.get(name, value) for name, value in under(heading).settings.items()}


async def status(served: Served, ann: Ann, headers: Mapping[str, str]) -> int:
    """Have Ann make a task."""
    async with client_for(served.url) as client:
        path = f"/api/{ann.person.user_id}/tasks"
        return (await client.post(path, json={"title": "Buy milk"}, headers=headers)).status_code


@pytest.mark.parametrize("heading", KINDS)
async def test_a_kind_is_good_under_its_settings(
    heading: str, ann: Ann, address: ConnectArgs, served: Served
) -> None:
    """And without them, on a server that knows nothing of this application, it is nothing."""
    headers = KINDS[heading](ann)

    async with serving(environment(url_of(address), **settings_of(heading, ann))) as knowing:
        assert await status(knowing, ann, headers) == 201

    assert await status(served, ann, headers) == 401


async def test_kinds_are_good_together(ann: Ann) -> None:
    """Front ends that send different things share a server."""
    together: dict[str, str] = {}
    for heading in KINDS:
        together |= settings_of(heading, ann)

    async with serving(environment(**_named(together))) as served:
        found = {heading: await status(served, ann, kind(ann)) for heading, kind in KINDS.items()}

    assert found == dict.fromkeys(KINDS, 201)


def _named(settings: dict[str, str]) -> dict[str, str]:
    others = {name: value for name, value in settings.items() if name != "DATABASE_URL"}
    return {"database_url": settings["DATABASE_URL"], **others}


def looks() -> dict[str, str]:
    """Give what the page says of the look of each kind, by where its row leads."""
    return {re.findall(r"\(#([\w-]+)\)", row[2])[0]: row[0] for row in cells(_TABLE)}


def test_the_table_names_every_kind() -> None:
    """Each row leads to settings that are tested, and says what these credentials look like."""
    headings = (*KINDS, SIGNED, OTHERS)

    named = looks()

    assert {heading.lower().replace(" ", "-") for heading in headings} == named.keys()


def test_credentials_look_as_the_table_says(ann: Ann) -> None:
    """A reader who holds one beside the table finds the right row."""
    shown, person = looks(), ann.person

    [start] = re.findall(r"eyJ\w+", shown["a-token-of-the-jwt-plugin"])
    assert ann.jwt.startswith(start)
    assert base64.urlsafe_b64decode(start) == b'{"alg":"EdDSA",'
    [start] = re.findall(r"eyJ\w+\.", shown["the-session-cache"])
    assert person.cookies["session_data"].startswith(start)
    assert start in shown["a-token-that-you-sign"]
    assert re.fullmatch(r"\w{32}\.[\w+/]{43}=", person.signed_token)
    assert person.cookies["session_token"].endswith("%3D")
    assert re.fullmatch(r"[A-Za-z0-9]{32}", person.bare_token)
