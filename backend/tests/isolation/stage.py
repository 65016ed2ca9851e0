"""Where a run takes place: servers over a database of the run's own, and what stands in between."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Final

from tests.contracts.drivers import DRIVERS, Driver
from tests.database.databases import session, url_of
from tests.isolation.connection import Line
from tests.isolation.given import SIGNER
from tests.isolation.world import Place
from tests.support import command
from tests.support.jwks_server import key_service
from tests.support.server import ORIGIN, environment, serving
from todo_backend.contracts import CONTRACTS
from todo_backend.database.url import ConnectArgs
from todo_backend.web.contract import Contract

CONNECTIONS: Final = 64
DEPLOYMENTS: Final = ("envelope,accounts", "plain,accounts", "rich,accounts")
_OTHERS: Final = {
    "RATE_LIMIT_ENABLED": "false",
    "LOG_LEVEL": "error",
    "DB_POOL_SIZE": "4",
    "DATABASE_TIMEOUT": "60",  # on a busy machine a late answer is none the worse
    "ACCEPT_SESSION_COOKIE": "true",
    "ALLOWED_ORIGINS": ORIGIN,
}


@asynccontextmanager
async def copied(model: ConnectArgs) -> AsyncIterator[ConnectArgs]:
    """Copy a database that nobody is connected to, and drop the copy afterwards."""
    name = f"test_{token_hex(6)}"
    async with session(replace(model, database="postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {model.database}")
        try:
            yield replace(model, database=name)
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _drivers_of(deployment: str) -> list[Driver]:
    return [driver for driver in DRIVERS if driver.name in deployment.split(",")]


@asynccontextmanager
async def _places(urls: Mapping[str, str]) -> AsyncIterator[list[Place]]:
    lines = {name: Line(url, size=CONNECTIONS // len(urls)) for name, url in urls.items()}
    try:
        yield [Place(driver, line) for name, line in lines.items() for driver in _drivers_of(name)]
    finally:
        for line in lines.values():
            await line.close()


@asynccontextmanager
async def in_process(
    args: ConnectArgs,
    *,
    deployments: Sequence[str] = DEPLOYMENTS,
    contracts: Mapping[str, Contract] = CONTRACTS,
    **others: str,
) -> AsyncIterator[list[Place]]:
    """Serve each deployment in this process, where a test can change what it runs."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(key_service(SIGNER.published))
        urls = {}
        for name in deployments:
            env = environment(
                url_of(args), API_CONTRACTS=name, JWKS_URL=service.url, **_OTHERS | others
            )
            urls[name] = (await stack.enter_async_context(serving(env, contracts=contracts))).url
        yield await stack.enter_async_context(_places(urls))


@asynccontextmanager
async def processes(
    args: ConnectArgs, folder: Path, *, workers: int = 2, **others: str
) -> AsyncIterator[list[Place]]:
    """Serve each deployment by the real command, with several workers."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(key_service(SIGNER.published))
        running = {}
        for name in DEPLOYMENTS:
            env = command.environment(
                folder / name.partition(",")[0],
                DATABASE_URL=url_of(args),
                API_CONTRACTS=name,
                JWKS_URL=service.url,
                WORKERS=str(workers),
                ENVIRONMENT="test",
                **_OTHERS | others,
            )
            running[name] = stack.enter_context(command.started("serve", env=env))
        urls = {name: process.url for name, process in running.items()}
        yield await stack.enter_async_context(_places(urls))
