"""A real Better Auth application, in a process of its own, and people who sign up with it."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import httpx
import pytest

from tests.support.canary import SUITE
from tests.support.client import client_for
from todo_backend.database.url import ConnectArgs

SOURCE: Final = Path(__file__).parent / "issuer"
ALGORITHMS: Final = ("EdDSA", "ES256", "ES512", "PS256", "RS256")
"""What the JWT plugin can make keys for, the first one without being asked."""
SECRET: Final = "The-secret-of-a-Better-Auth-application-7"
_FILES: Final = ("package.json", "package-lock.json", "server.mjs")
_NODE_MIN: Final = 20
_PATIENCE_SECONDS: Final = 60.0
_COOKIE: Final = "better-auth."


@dataclass(frozen=True, slots=True)
class SignedUp:
    """What a browser has after signing up: the credentials as they came over the wire.

    `cookies` are by their names without the prefix, still encoded.
    """

    user_id: str
    email: str
    bare_token: str
    signed_token: str
    cookies: dict[str, str]


@dataclass(frozen=True, slots=True)
class Application:
    """A running application, and where."""

    url: str

    async def sign_up(self, name: str = "Ann") -> SignedUp:
        email = f"{name.lower()}-{token_hex(6)}@example.test"
        body = {"email": email, "password": token_hex(12), "name": name}
        answer = await self._ask("POST", "/api/auth/sign-up/email", json=body)
        found = SignedUp(
            user_id=answer.json()["user"]["id"],
            email=email,
            bare_token=answer.json()["token"],
            signed_token=answer.headers["set-auth-token"],
            cookies=_cookies(answer),
        )
        SUITE.keep(found.bare_token, found.signed_token, *found.cookies.values())
        return found

    async def sign_out(self, person: SignedUp) -> None:
        await self._ask("POST", "/api/auth/sign-out", headers=_as(person), json={})

    async def jwt(self, person: SignedUp) -> str:
        """Get the token that the JWT plugin makes."""
        answer = await self._ask("GET", "/api/auth/token", headers=_as(person))
        return _kept(answer.json()["token"])

    async def jwt_of_session(self, person: SignedUp) -> str:
        """Get the token that a look at the session has in a header of its answer."""
        answer = await self._ask("GET", "/api/auth/get-session", headers=_as(person))
        return _kept(answer.headers["set-auth-jwt"])

    async def published(self) -> list[dict[str, Any]]:
        """Get the keys that anybody may verify its tokens by."""
        answer = await self._ask("GET", "/api/auth/jwks")
        found: list[dict[str, Any]] = answer.json()["keys"]
        return found

    async def verification_token(self, person: SignedUp) -> str:
        """Get what would have been sent to the person's address."""
        body = {"email": person.email}
        await self._ask("POST", "/api/auth/send-verification-email", json=body)
        return (await self._ask("GET", "/verification-token")).text

    async def knows(self, credential: str) -> bool:
        """Whether the application itself takes it for a session token."""
        headers = {"authorization": f"Bearer {credential}"}
        answer = await self._ask("GET", "/api/auth/get-session", headers=headers)
        return answer.json() is not None

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        json: object = None,
    ) -> httpx.Response:
        async with client_for(self.url) as client:
            answer = await client.request(
                method, path, headers={"origin": self.url, **(headers or {})}, json=json
            )
        return answer.raise_for_status()


@dataclass(frozen=True, slots=True)
class Issuer:
    """An application with keys of one algorithm, and the database that they are in."""

    app: Application
    home: ConnectArgs
    alg: str


@asynccontextmanager
async def running(
    installed: Path, database_url: str, **environment: str
) -> AsyncIterator[Application]:
    """Run the application of `installed` on a database, configured by its environment.

    TOKEN_MODE, CLAIMS, COOKIE_CACHE, KEY_ALG, IDS, BASE_URL and TOKEN_SECONDS are what
    issuer/server.mjs understands.
    """
    process = await asyncio.create_subprocess_exec(
        "node",
        "server.mjs",
        cwd=installed,
        stdin=asyncio.subprocess.PIPE,  # its end stops the process, however this one ends
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
            "BETTER_AUTH_SECRET": SECRET,
            **environment,
        },
    )
    assert process.stdin is not None
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            address = await _address(process)
        yield Application(address)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.communicate(), _PATIENCE_SECONDS)
        except TimeoutError:
            process.kill()
            raise


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    said = ""
    while line := await process.stdout.readline():
        said += line.decode()
        if ready := re.match(r"READY (\S+)", line.decode()):
            return ready[1]
    pytest.fail(f"Better Auth did not start: {said}")


def installed_in(folder: Path) -> Path:
    """Install the application there, from the registry or npm's cache."""
    node = shutil.which("node")
    version = _output(node, "--version") if node else "none"
    if node is None or int(version.lstrip("v").split(".")[0]) < _NODE_MIN:
        pytest.skip(f"a real Better Auth needs Node {_NODE_MIN} or newer, found: {version}")
    for name in _FILES:
        shutil.copy(SOURCE / name, folder / name)
    _output("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    return folder


def _output(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - the test's own programs
        command, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout.strip()


def _cookies(answer: httpx.Response) -> dict[str, str]:
    pairs = (
        line.partition(";")[0].partition("=") for line in answer.headers.get_list("set-cookie")
    )
    return {name.removeprefix(_COOKIE): value for name, _, value in pairs}


def _kept(token: str) -> str:
    SUITE.keep(token)
    return token


def _as(person: SignedUp) -> dict[str, str]:
    return {"cookie": f"{_COOKIE}session_token={person.cookies['session_token']}"}
