"""What people trip over, in docs/better-auth.md: the log says it in the words of the page."""

import base64
import hmac
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jwt
import pytest
import pytest_asyncio

from tests.database.databases import database, url_of
from tests.docs.snippets import cells, under
from tests.support.client import client_for
from tests.support.command import COMMAND, PATIENCE_SECONDS
from tests.support.command import environment as command_environment
from tests.support.server import SECRET, environment, serving
from tests.support.signing_keys import signing_key
from tests.support.users import token_for
from todo_backend.database.url import ConnectArgs

_BARE: Final = "a1B2c3D4" * 4
Made = Callable[[], str]


def signed(secret: str = SECRET, *, ahead_seconds: int = 0, **others: Any) -> str:
    now = int(time.time()) + ahead_seconds
    claims = {"sub": "ann", "iat": now, "exp": now + 60, **others}
    return jwt.encode(claims, secret, algorithm="HS256")


def of_the_plugin() -> str:
    now = int(time.time())
    return signing_key("EdDSA", "plugin").token({"sub": "ann", "iat": now, "exp": now + 60})


def of_a_session() -> str:
    mac = hmac.digest(SECRET.encode(), _BARE.encode(), "sha256")
    return f"{_BARE}.{base64.b64encode(mac).decode()}"


LOGGED: Final[Mapping[str, tuple[Made, dict[str, str]]]] = {
    "the token is EdDSA": (of_the_plugin, {}),
    "iss is": (
        lambda: signed(iss="http://127.0.0.1:3000"),
        {"JWT_ISSUER": "http://localhost:3000"},
    ),
    "signature does not verify": (lambda: signed(SECRET[::-1]), {}),
    "iat": (lambda: signed(ahead_seconds=3600), {}),
    "no tables": (of_a_session, {}),
}
"""How each sentence comes about, by its first words: a token, and settings."""


def sentences() -> list[str]:
    """Give what the table quotes from the log."""
    rows = cells("What people trip over")
    return [found for row in rows for found in re.findall("log: `(.+?)`", row[0])]


@pytest_asyncio.fixture(scope="module", name="own")
async def _own(address: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """A database in which nobody else has made tables of Better Auth."""
    async with database(address) as found:
        yield found


@pytest.mark.parametrize("start", LOGGED)
async def test_the_log_says_it_in_these_words(start: str, own: ConnectArgs) -> None:
    """Somebody who reads the log finds the row; somebody who reads the answer learns nothing."""
    [sentence] = [each for each in sentences() if each.startswith(start)]
    make, settings = LOGGED[start]
    headers = {"authorization": f"Bearer {make()}"}

    async with (
        serving(environment(url_of(own), **settings)) as served,
        client_for(served.url, headers=headers) as client,
    ):
        answer = await client.get("/api/ann/tasks")

    assert answer.status_code == 401
    parts = [part for part in sentence.split("…") if part.strip()]
    assert re.search(".+".join(map(re.escape, parts)), served.log.getvalue())
    assert not any(part.strip() in answer.text for part in parts)


def test_every_sentence_is_brought_about() -> None:
    """None stands in the table that the log doesn't say."""
    named = sorted(LOGGED)

    found = sorted(start for each in sentences() for start in named if each.startswith(start))

    assert found == named
    assert len(sentences()) == len(named)


@pytest.mark.parametrize("status", ["403", "503"])
async def test_the_answer_has_the_code_of_its_row(status: str, address: ConnectArgs) -> None:
    """What isn't a 401 says more, and in the words of the table."""
    [code] = [
        found
        for row in cells("What people trip over")
        for found in re.findall(rf"^{status}, `(\w+)`", row[0])
    ]
    token = token_for("bob") if status == "403" else of_the_plugin()
    settings = {"JWKS_URL": "http://127.0.0.1:9/jwks"}
    headers = {"authorization": f"Bearer {token}"}

    async with (
        serving(environment(url_of(address), **settings)) as served,
        client_for(served.url, headers=headers) as client,
    ):
        answer = await client.get("/api/ann/tasks")

    assert str(answer.status_code) == status
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("make", "status", "said"),
    [(signed, 0, 'accepts it, for the user "ann"'), (of_the_plugin, 1, "set BETTER_AUTH_URL")],
    ids=["good", "refused"],
)
def test_the_doctor_is_asked_as_the_page_asks(
    make: Made, status: int, said: str, tmp_path: Path
) -> None:
    """What somebody pastes is explained, without a database or a server."""
    [line] = under("What does my front end send?", "sh").text.splitlines()
    program, *words = line.split()

    done = subprocess.run(  # noqa: S603 - the product's own command
        [*COMMAND, *words],
        env=command_environment(tmp_path / "data", DATABASE_URL="postgresql://u@127.0.0.1:9/x"),
        cwd=tmp_path,
        input=f"{make()}\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert program == ".venv/bin/todo-backend"
    assert said in done.stdout, done.stderr
    assert done.returncode == status
