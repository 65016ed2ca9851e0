"""The settings, tables and commands of docs/better-auth.md that need no application to run."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from tests.database.databases import url_of
from tests.docs.page_app import SOURCE
from tests.docs.snippets import cells, section, snippets, under
from tests.support.client import client_for
from tests.support.jwks_server import key_service
from tests.support.server import SECRET, Served, environment, serving
from tests.support.signing_keys import SigningKey, signing_key
from todo_backend.auth.jwks import Timing
from todo_backend.contracts import CONTRACTS
from todo_backend.database.url import ConnectArgs
from todo_backend.settings import Settings, load

ISSUERS: Final = {row[0]: row[1:] for row in cells("Other issuers")}
START: Final = "1. Start this backend"
NEW: Final = "The-secret-that-comes-after-the-other-9"


def claims(**others: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": "auth0|64f1", "iat": now, "exp": now + 60, **others}


def loaded(env: Mapping[str, str], env_file: Path | None = None) -> Settings:
    return load(env, env_file=env_file, contracts=tuple(CONTRACTS))


async def status(served: Served, token: str, *, path: str = "auth0%7C64f1") -> int:
    headers = {"authorization": f"Bearer {token}"}
    async with client_for(served.url, headers=headers) as client:
        return (await client.get(f"/api/{path}/tasks")).status_code


@cache
def issuers_key() -> SigningKey:
    return signing_key("RS256", "of an issuer on the page", use="sig")


# Issuers --------------------------------------------------------------------------------


def settings_of(issuer: str) -> dict[str, str]:
    """Read a row; a cell that names no value leaves the variable out."""
    if issuer == "Neon Auth":
        return under(issuer).settings
    values = [re.findall("`(.+?)`", cell) for cell in ISSUERS[issuer]]
    names = ("JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE")
    return {name: found[0] for name, found in zip(names, values, strict=True) if found}


@pytest.mark.parametrize("issuer", ["Neon Auth", *ISSUERS])
async def test_tokens_of_an_issuer(issuer: str, address: ConnectArgs) -> None:
    """Under the settings of its row its tokens are good, and those of another one are not."""
    shown = settings_of(issuer)
    named = {"iss": shown["JWT_ISSUER"]}
    if "JWT_AUDIENCE" in shown:
        named["aud"] = shown["JWT_AUDIENCE"]
    key = issuers_key()
    loaded(shown)

    async with key_service(key.published) as service:
        env = environment(url_of(address), **shown | {"JWKS_URL": service.url})
        async with serving(env) as served:
            good = await status(served, key.token(claims(**named), typ="JWT"))
            others = claims(**named | {"iss": f"{named['iss']}x"})
            bad = await status(served, key.token(others, typ="JWT"))

    assert (good, bad) == (200, 401)


def test_what_is_warned_of_is_what_the_page_leaves_out() -> None:
    """Its settings are complete, but for the issuer that writes no audience."""
    warned = {
        issuer: [line.split()[0] for line in loaded(settings_of(issuer)).warnings]
        for issuer in ("Neon Auth", *ISSUERS)
    }

    assert {issuer: names for issuer, names in warned.items() if names} == {
        "Clerk": ["JWT_AUDIENCE"]
    }


# Keys -----------------------------------------------------------------------------------


def test_the_times_of_keys_are_those_on_the_page() -> None:
    """Who waits, and for how long a front end may be refused, is what the backend does."""
    text, timing = " ".join(section("New keys").split()), Timing()

    for shown in (
        f"fetched again after {timing.fresh / 60:g} minutes",
        f"refused here within {timing.overdue / 60:g} minutes",
        f"a pause of {timing.overdue / 60:g} minutes or more",
        f"{timing.wait:g} seconds at most",
        f"{timing.kept / 3600:g} hours at most",
        f"for {timing.unknown_kid:g} seconds",
    ):
        assert shown in text


# Secrets --------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["A new secret", "without the last line"])
async def test_what_the_old_secret_has_signed(setting: str, address: ConnectArgs) -> None:
    """It is good beside the new one where the page's last line is set."""
    shown = under("A new secret").settings
    filled = {
        "BETTER_AUTH_SECRET": SECRET,
        "BETTER_AUTH_SECRETS": shown["BETTER_AUTH_SECRETS"].replace("…", NEW),
    }
    env = environment(url_of(address), **shown | filled)
    if setting != "A new secret":
        del env["ACCEPT_RETIRED_SECRETS"]

    async with serving(env) as served:
        found = {
            name: await status(served, jwt.encode(claims(), secret, algorithm="HS256"))
            for name, secret in {"old": SECRET, "new": NEW}.items()
        }

    assert found == {"new": 200, "old": 200 if "ACCEPT_RETIRED_SECRETS" in env else 401}


# Commands -------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["", "PORT=8000\nBETTER_AUTH_URL=\n"])
def test_the_first_step_sets_what_every_command_reads(before: str, tmp_path: Path) -> None:
    """Not the server alone: `doctor` would speak of another deployment. An older file may stay."""
    setting, start = under(START, "sh").text.splitlines()
    file = tmp_path / "backend" / ".env"
    file.parent.mkdir()
    if before:
        file.write_text(before, encoding="utf-8")

    subprocess.run(["/bin/sh", "-c", setting], cwd=tmp_path, check=True)  # noqa: S603 - the page's own line

    assert start == "script/server"
    assert loaded({}, file).better_auth_url == "http://localhost:3000"


def commands() -> list[list[str]]:
    """Split every line of the page's shell blocks into words."""
    lines = [
        line for each in snippets() if each.language == "sh" for line in each.text.splitlines()
    ]
    return [shlex.split(line.strip("()").replace("&&", " && ")) for line in lines]


def test_what_the_page_installs_is_what_is_tested() -> None:
    """Each package that a reader gets is in the lock that the tests install from."""
    locked = json.loads((SOURCE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    names = [
        word
        for words in commands()
        if words[:2] == ["npm", "install"]
        for word in words[2:]
        if not word.startswith(("-", "path/"))
    ]

    assert sorted(names) == ["@types/pg", "better-auth", "pg"]
    assert [name for name in names if f"node_modules/{name}" not in locked] == []


def test_the_lock_names_versions_and_no_registry() -> None:
    """Everybody gets the same files, from whatever registry they use."""
    manifest = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((SOURCE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    kinds = ("dependencies", "devDependencies", "optionalDependencies")
    wanted = [version for kind in kinds for version in manifest[kind].values()]
    others = {name: each for name, each in locked.items() if name}

    assert [version for version in wanted if not re.fullmatch(r"[\d.]+", version)] == []
    assert [name for name, each in others.items() if "resolved" in each] == []
    assert [name for name, each in others.items() if "integrity" not in each] == []
