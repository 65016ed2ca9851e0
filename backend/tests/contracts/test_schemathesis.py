"""The served document and the server agree, whatever schemathesis makes up from the one."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import pytest
import pytest_asyncio

from tests.support.server import Served, environment, serving
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

BACKEND = Path(__file__).parents[2]
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
PHASES = ("Examples", "Coverage", "Fuzzing", "Stateful")


@pytest_asyncio.fixture(name="server")
async def _server(postgres: EmbeddedPostgres, address: ConnectArgs) -> AsyncIterator[Served]:
    del address  # migrated before the server starts
    async with serving(environment(postgres.url, API_CONTRACTS="envelope")) as running:
        yield running


async def run(server: Served, *options: str, cwd: Path) -> tuple[int | None, str]:
    """Let schemathesis loose as a user of its own; return its exit status and what it says.

    It keeps what it has seen under `cwd`.
    """
    user = f"schemathesis-{token_hex(6)}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
        *("run", f"{server.url}/openapi.json", "--no-color", *options),
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(BACKEND), str(BACKEND / "src")]),
            "TODO_USER": user,
            "TODO_TOKEN": token_for(user, lifetime_seconds=3600),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode(errors="replace")


def cases_of(output: str) -> int:
    """Read how many requests were made up."""
    found = re.search(r"([\d,]+) generated", output)
    assert found, output
    return int(found[1].replace(",", ""))


async def test_a_quick_look_finds_no_difference(server: Served, tmp_path: Path) -> None:
    """Every check holds for the examples, the edges, some chance and some chains of requests."""
    status, output = await run(server, "--max-examples", "15", "--seed", "1", cwd=tmp_path)

    assert status == 0, output
    assert all(f"✅  {phase}" in output for phase in PHASES), output
    assert cases_of(output) > 400
    assert '"unexpected"' not in server.log.getvalue()


@pytest.mark.slow
async def test_a_long_look_finds_no_difference(server: Served, tmp_path: Path) -> None:
    """The same with thousands of requests, others each time; the output names the seed."""
    status, output = await run(server, "--max-examples", "600", cwd=tmp_path)

    assert status == 0, output
    assert cases_of(output) > 3000
    assert '"unexpected"' not in server.log.getvalue()
