"""The served document and the server agree, whatever schemathesis makes up from the one."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.contracts.described import document
from tests.contracts.drivers import DRIVERS, Driver
from tests.support.server import Served, environment, serving
from tests.support.users import token_for
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

BACKEND = Path(__file__).parents[2]
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
PHASES = ("Examples", "Coverage", "Fuzzing", "Stateful")
# The one with the most to ask, and the one with the most operations; the long look is at all.
LOOKED_AT_QUICKLY = tuple(driver for driver in DRIVERS if driver.name in {"rich", "accounts"})


class Look(NamedTuple):
    """How a run ended, what it said, and what the server logged."""

    status: int | None
    output: str
    log: str


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


def succeeded(log: str) -> set[str]:
    """Read which operations have had a good answer."""
    lines = [json.loads(line) for line in log.splitlines()]
    return {line["endpoint"] for line in lines if 200 <= line.get("status", 0) < 300}


def operations(driver: Driver) -> set[str]:
    """Name them as the log does."""
    found = document(driver.name).operations
    return {f"{operation.method.upper()} {operation.path}" for operation in found}


@pytest_asyncio.fixture(scope="module")
async def looks(
    postgres: EmbeddedPostgres, address: ConnectArgs, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[Driver, Look]:
    """A quick look at some contracts, at once: they are other processes, which takes time."""
    del address  # migrated before the server starts

    async def look(driver: Driver) -> Look:
        async with serving(environment(postgres.url, API_CONTRACTS=driver.name)) as server:
            folder = tmp_path_factory.mktemp(driver.name)
            status, output = await run(server, "--max-examples", "10", "--seed", "1", cwd=folder)
        return Look(status, output, server.log.getvalue())

    found = await asyncio.gather(*map(look, LOOKED_AT_QUICKLY))
    return dict(zip(LOOKED_AT_QUICKLY, found, strict=True))


@pytest.mark.parametrize("driver", LOOKED_AT_QUICKLY, ids=lambda driver: driver.name)
async def test_a_quick_look_finds_no_difference(
    looks: Mapping[Driver, Look], driver: Driver
) -> None:
    """Every check holds for the examples, the edges, some chance and some chains of requests."""
    look = looks[driver]

    assert look.status == 0, look.output
    assert all(f"✅  {phase}" in look.output for phase in PHASES), look.output
    assert cases_of(look.output) > 300
    # The servers share a process, and so the place where they tell of defects.
    assert not any('"unexpected"' in each.log for each in looks.values())
    # Nor is it all refusals that were looked at.
    assert succeeded(look.log) >= operations(driver)


@pytest.mark.slow
async def test_a_long_look_finds_no_difference(
    postgres: EmbeddedPostgres, address: ConnectArgs, tmp_path: Path
) -> None:
    """Ten thousand requests, others each time, over all contracts; the output names the seed."""
    del address  # migrated before the server starts
    cases = 0
    for driver in DRIVERS:
        async with serving(environment(postgres.url, API_CONTRACTS=driver.name)) as server:
            status, output = await run(server, "--max-examples", "300", cwd=tmp_path)

        assert status == 0, output
        assert '"unexpected"' not in server.log.getvalue()
        cases += cases_of(output)

    assert cases >= 10_000
