"""A database to break, and the real server on it, which nobody restarts."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pytest
import pytest_asyncio

from tests.contracts.drivers import ENVELOPE, Driver
from tests.database.databases import url_of
from tests.faults.oracles import assert_answered_well, assert_counters_agree, assert_nothing_lost
from tests.faults.proxy import Proxy, proxied
from tests.faults.stage import NAME, Stage
from tests.faults.workers import WORKERS, all_serving
from tests.faults.writers import Ledger, writing
from tests.support.command import Process, environment, started

if sys.platform != "linux":
    collect_ignore_glob = ["test_*"]  # they look into /proc

TIMEOUT_SECONDS: Final = 2
"""What the servers here have for DATABASE_TIMEOUT; less than their functions wait for a lock."""
POOL_SIZE: Final = 2
"""Fewer than there are writers to a worker: those that wait for a lock would fill it."""
CONNECTIONS: Final = POOL_SIZE * WORKERS
FAR: Final = "far-backend"


@dataclass(frozen=True, slots=True)
class Play:
    """A server over a database, and clients that write to it."""

    stage: Stage
    server: Process
    ledger: Ledger

    @property
    def url(self) -> str:
        return self.server.url


class Begin(Protocol):
    """Begins to write to a server; at the end, what holds of every fault has held of this one.

    `driver`: the contract that it serves. `name`: what the server's sessions are called.
    `with_keys`: writers repeat what was not acknowledged. `breaks`: the server's connections may.
    """

    def __call__(
        self,
        server: Process,
        *,
        driver: Driver = ENVELOPE,
        name: str = NAME,
        with_keys: bool = False,
        breaks: bool = False,
    ) -> AbstractAsyncContextManager[Play]: ...


@pytest.fixture(scope="session", autouse=True)
def _paced(pace: None) -> None:
    """Times are measured in every one of these tests."""


@pytest_asyncio.fixture(scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A migrated PostgreSQL that only the tests of faults use."""
    found = Stage(tmp_path_factory.mktemp("stage"))
    await found.prepare()
    yield found
    found.stop()


def named(url: str, name: str) -> str:
    """Give the sessions of a server a name of their own; other servers may be there as well."""
    return f"{url}{'&' if '?' in url else '?'}application_name={name}"


def settings(folder: Path, url: str, **others: str) -> dict[str, str]:
    """Return the environment of a server over this database; `others` win."""
    return environment(
        folder,
        **{
            "DATABASE_URL": url,
            "DATABASE_TIMEOUT": str(TIMEOUT_SECONDS),
            "DB_POOL_SIZE": str(POOL_SIZE),
            "DB_MAX_OVERFLOW": "0",
            "WORKERS": str(WORKERS),
            "MIGRATE_ON_START": "false",
            "RATE_LIMIT_ENABLED": "false",
            "API_CONTRACTS": "envelope",
            "LOG_LEVEL": "warning",
            **others,
        },
    )


@pytest.fixture(scope="session")
def server(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The server with its workers that lives through fault after fault."""
    env = settings(tmp_path_factory.mktemp("server") / "data", url_of(stage.serving))
    with started("serve", env=env) as process:
        assert process.url
        yield process


@pytest_asyncio.fixture(scope="module")
async def network(stage: Stage) -> AsyncIterator[Proxy]:
    async with proxied(stage.socket) as found:
        yield found


@pytest.fixture(scope="module")
def far_server(
    stage: Stage, network: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A server that reaches its database by this network alone; its sessions are called FAR."""
    address = named(network.address(stage.serving), FAR)
    env = settings(tmp_path_factory.mktemp("far") / "data", address)
    with started("serve", env=env) as process:
        yield process


@pytest.fixture
def begin(stage: Stage) -> Begin:
    @asynccontextmanager
    async def begun(
        server: Process,
        *,
        driver: Driver = ENVELOPE,
        name: str = NAME,
        with_keys: bool = False,
        breaks: bool = False,
    ) -> AsyncIterator[Play]:
        await all_serving(server)
        async with writing(server.url, driver=driver, with_keys=with_keys) as ledger:
            yield Play(stage, server, ledger)
        assert_answered_well(
            ledger, within_seconds=TIMEOUT_SECONDS, breaks=breaks, with_keys=with_keys
        )
        await stage.rests(most=CONNECTIONS, name=name)
        async with stage.session() as session:
            await assert_nothing_lost(session, ledger)
            await assert_counters_agree(session)

    return begun
