"""Runs the server: the database first, then the workers; at the end the other way round."""

import asyncio
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import typer
import uvicorn
from pydantic import SecretStr

from todo_backend import observability, startup, supervision
from todo_backend.app import TodoApp, create_app
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.banner import DEVELOPMENT_USER, Started, banner
from todo_backend.contracts import CONTRACTS
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.functions import FunctionSet
from todo_backend.database.url import parse
from todo_backend.draining import Draining
from todo_backend.endings import Endings, endings
from todo_backend.listening import address_of, is_everywhere, listening
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.secret_file import secret_of
from todo_backend.settings import Settings, SettingsError, load
from todo_backend.web import contract
from todo_backend.web.transport import HttpProtocol

TOKEN_SECONDS: Final = 24 * 60 * 60
EXIT_FAILURE: Final = 1
EXIT_CONFIGURATION: Final = 2
# What a request may take beyond the database's part of it. With the default of that part, there is
# time to stop the database within the ten seconds that containers are given.
_GRACE_SECONDS: Final = 2
# A worker answers its supervisor when it is imported, which takes its time on a busy machine.
_WORKER_SECONDS: Final = 30


def settings_from_environment() -> Settings:
    """Read the configuration. Raises: SettingsError."""
    families = {name: contract.family for name, contract in CONTRACTS.items()}
    return load(env_file=Path(".env"), contracts=tuple(CONTRACTS), families=families)


def function_sets() -> list[FunctionSet]:
    """Return the functions of every contract, whether this deployment serves it or not."""
    return contract.function_sets(CONTRACTS.values())


def app_from_environment() -> TodoApp:
    """Assemble what the environment describes, or end the process with one line a problem."""
    try:
        settings = settings_from_environment()
        observability.configure(level=settings.log_level, form=settings.log_format)
        return create_app(settings)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(EXIT_CONFIGURATION) from None


def development_token(settings: Settings, user_id: str, *, lifetime_seconds: int) -> str:
    """Sign a token for a developer's own requests.

    Raises: ValueError for an unfit user id, SettingsError where the secret can't be kept.
    """
    key = SharedSecret(secret_of(settings), rules=ClaimRules(), algorithm=settings.jwt_algorithm)
    return key.issue(user_id, now=time.time(), lifetime_seconds=lifetime_seconds)


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """Give the address of the database, which is started and stopped here if it is ours.

    Raises: EmbeddedError.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedPostgres.start(settings.data_dir) as server:
        server.look_after()
        yield server.url


def serve(settings: Settings) -> None:
    """Serve until a signal ends it.

    Raises: PortError, EmbeddedError, DatabaseUnfit, SettingsError; SystemExit when workers can't
    start.
    """
    observability.configure(level=settings.log_level, form=settings.log_format)
    for warning in settings.warnings:
        typer.echo(f"warning: {warning}", err=True)
    with (
        endings() as asked,
        listening(settings.host, settings.port) as sockets,
        database_of(settings) as url,
    ):
        obstacle = _obstacle(settings, url, asked)
        if asked.is_asked:
            return
        started = Started(
            settings,
            address=address_of(settings.host, sockets),
            is_everywhere=is_everywhere(settings.host),
            database=_database_name(settings),
            obstacle=obstacle,
            token=_token_to_show(settings),
        )
        draining = Draining(settings.shutdown_drain_seconds, processes=settings.workers)
        # Workers get what was read here: the environment and .env may change under them.
        config = _config(settings.model_copy(update={"database_url": SecretStr(url)}), draining)
        run = supervision.run_one if settings.workers == 1 else supervision.run_workers
        is_well = run(
            config, sockets, endings=asked, draining=draining, announce=partial(_announce, started)
        )
    if not is_well:
        raise SystemExit(EXIT_FAILURE)


def assemble(settings: Settings, draining: Draining) -> TodoApp:
    """Assemble the application in the process that serves it."""
    observability.configure(level=settings.log_level, form=settings.log_format)
    if settings.log_level != "debug":
        # It announces each step of a start and a stop; the banner and one line say as much.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    supervision.end_with_parent()
    app = create_app(settings, is_checked=True)
    app.is_draining = draining.is_on
    return app


def _config(settings: Settings, draining: Draining) -> uvicorn.Config:
    return uvicorn.Config(
        partial(assemble, settings, draining),
        factory=True,
        workers=settings.workers,
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        # Who a client is, behind a proxy, is for our own settings to say.
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(settings.database_timeout_seconds) + _GRACE_SECONDS,
        timeout_worker_healthcheck=_WORKER_SECONDS,
    )


def _obstacle(settings: Settings, url: str, asked: Endings) -> str | None:
    """Prepare the database; say what is in the way where it may go away by itself.

    Raises: DatabaseUnfit.
    """
    try:
        asyncio.run(_prepare(settings, url, asked))
    except DatabaseUnavailable as error:
        return error.reason
    except asyncio.CancelledError:
        pass  # by a signal, which `asked` has noted
    return None


async def _prepare(settings: Settings, url: str, asked: Endings) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - narrows the type for mypy
    with asked.told(lambda _: loop.call_soon_threadsafe(task.cancel)):
        if not asked.is_asked:
            await startup.prepare(
                parse(url),
                function_sets(),
                migrates=settings.migrate_on_start,
                timeout_seconds=settings.database_timeout_seconds,
            )


def _database_name(settings: Settings) -> str:
    if settings.database_url is not None:
        return "the one of DATABASE_URL"
    return f"embedded PostgreSQL in {settings.data_dir.absolute()}"


def _token_to_show(settings: Settings) -> str | None:
    if settings.environment == "production":
        return None
    return development_token(settings, DEVELOPMENT_USER, lifetime_seconds=TOKEN_SECONDS)


def _announce(started: Started) -> None:
    # Nobody may be reading: `todo-backend serve | head`. That stops no server.
    with suppress(OSError):
        print(banner(started), flush=True)  # noqa: T201 - what the command is asked for
