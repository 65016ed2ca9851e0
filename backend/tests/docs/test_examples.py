"""Every command of docs/contracts answers what the page shows, on a real server."""

import re
import stat
import sys
from pathlib import Path
from secrets import token_hex

import pytest

from tests.docs import standing_in_for_curl
from tests.docs.pages import examples, text_of
from tests.docs.reader import Reader, path_with
from tests.support.server import environment, serving
from todo_backend.contracts import CONTRACTS
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

# Those whom the pages tell of. The database must never have heard of them.
PEOPLE = ("user_123", "user_456", "ada@example.com")


@pytest.fixture(name="stand_in")
def _stand_in(tmp_path: Path) -> Path:
    """A folder with a `curl` that needs Python alone."""
    program = tmp_path / "curl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {standing_in_for_curl.__file__} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def with_fresh_people(text: str) -> str:
    for person in PEOPLE:
        # In capitals too: an address is the same one then.
        fresh = rf"{token_hex(6)}-\g<0>"
        text = re.sub(re.escape(person), fresh, text, flags=re.IGNORECASE)
    return text


async def follow(name: str, database_url: str, *, path: str) -> int:
    """Follow the page of a contract from end to end; return how many examples it has."""
    async with serving(environment(database_url, API_CONTRACTS=name)) as served:
        reader = Reader(served.url, path=path)
        found = list(examples(name, with_fresh_people(text_of(name))))
        for example in found:
            await reader.follow(example)
    return len(found)


@pytest.mark.parametrize("name", sorted(CONTRACTS))
async def test_every_example_holds(
    name: str, postgres: EmbeddedPostgres, address: ConnectArgs, stand_in: Path
) -> None:
    """What a reader copies works, and answers what the page shows."""
    del address  # migrated before the server starts

    followed = await follow(name, postgres.url, path=path_with(stand_in))

    assert followed > 10


@pytest.mark.parametrize("name", ["envelope", "rich"])
async def test_the_stand_in_sends_what_curl_sends(
    name: str, postgres: EmbeddedPostgres, address: ConnectArgs, stand_in: Path
) -> None:
    """Where there is no curl, the examples are run nevertheless, and run the same."""
    del address

    followed = await follow(name, postgres.url, path=str(stand_in))

    assert followed > 10
