"""`todo-backend`: what an operator and a developer do from a terminal."""

import asyncio
import json
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, NoReturn

import asyncpg
import typer
from pydantic import SecretStr

from todo_backend import __version__, observability, serving
from todo_backend import doctor as doctoring
from todo_backend.app import create_app
from todo_backend.connecting import database_with
from todo_backend.database.embedded import EmbeddedError
from todo_backend.database.reach import DatabaseUnfit, Unreachable
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.doctor import Finding, Level
from todo_backend.endings import ENDINGS, endings, leave
from todo_backend.listening import PortError
from todo_backend.model.errors import DatabaseUnavailable
from todo_backend.settings import Settings, SettingsError

DEFAULT_WAIT_SECONDS: Final = 30.0
_Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for the database to be there.")
]

cli: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Python backend of a multi-user todo application.",
)
migrate: Final = typer.Typer(no_args_is_help=True, help="Change the database's schema.")
cli.add_typer(migrate, name="migrate")


def run() -> None:
    """Run the command line; what is expected to go wrong ends in a line and not in a trace.

    A signal ends any command in order.
    """
    for ending in ENDINGS:
        signal.signal(ending, leave)
    try:
        cli()
    except SettingsError as error:
        _fail(str(error), status=serving.EXIT_CONFIGURATION)
    except (EmbeddedError, PortError, DatabaseUnfit) as error:
        _fail(str(error))
    except Unreachable as error:
        _fail(f"{error.obstacle.sentence}: {error.obstacle.remedy}")
    except DatabaseUnavailable as error:
        _fail(f"the database went away ({error.reason}), try: todo-backend doctor")
    except asyncpg.PostgresError as error:
        # Without the server's own words: they can repeat a value.
        _fail(f"the database refuses ({type(error).__name__}), try: todo-backend doctor")
    except OSError as error:
        _fail(error.strerror or type(error).__name__)


def _fail(sentence: str, *, status: int = serving.EXIT_FAILURE) -> NoReturn:
    typer.echo(sentence, err=True)
    raise SystemExit(status)


@cli.command()
def serve() -> None:
    """Start the database if it is ours, migrate, and serve on HOST:PORT until a signal."""
    serving.serve(serving.settings_from_environment())


@migrate.command()
def up(wait: _Wait = DEFAULT_WAIT_SECONDS) -> None:
    """Bring the database to this release. Several at once migrate once."""
    from todo_backend import migrating  # noqa: PLC0415 - `serve` does without this import's time

    with _database(serving.settings_from_environment()) as address:
        report = asyncio.run(migrating.up(address, serving.function_sets(), wait_seconds=wait))
    known = ", the newest" if report.is_current else f", after this release's {report.head}"
    typer.echo(f"at revision {report.revision}{known}")


@migrate.command()
def down(
    revision: Annotated[str, typer.Argument(help="The revision to go back to, or base.")],
    wait: _Wait = DEFAULT_WAIT_SECONDS,
) -> None:
    """Take the tables back to a revision; what newer ones hold is lost."""
    from todo_backend import migrating  # noqa: PLC0415 - as in `up`

    with _database(serving.settings_from_environment()) as address:
        asyncio.run(migrating.down(address, revision=revision, wait_seconds=wait))
    typer.echo(f"at revision {revision}")


@migrate.command()
def status(wait: _Wait = DEFAULT_WAIT_SECONDS) -> None:
    """Tell where the database stands; status 1 if it is not at this release."""
    from todo_backend import migrating  # noqa: PLC0415 - as in `up`

    with _database(serving.settings_from_environment()) as address:
        report = asyncio.run(migrating.status(address, serving.function_sets(), wait_seconds=wait))
    typer.echo(f"at revision {report.revision or 'none'}, the newest is {report.head}")
    for schema in report.missing:
        typer.echo(f"missing the functions {schema}")
    if not report.is_current:
        raise SystemExit(serving.EXIT_FAILURE)


@cli.command()
def token(
    user: Annotated[str, typer.Option(help="The user id that the token names.")],
    minutes: Annotated[int, typer.Option(min=1, max=527_040, help="How long it is good for.")] = 24
    * 60,
) -> None:
    """Sign a token for development with the shared secret. Refused in production."""
    settings = serving.settings_from_environment()
    if settings.environment == "production":
        _fail("ENVIRONMENT is production: tokens come from Better Auth here")
    try:
        typer.echo(serving.development_token(settings, user, lifetime_seconds=minutes * 60))
    except ValueError as error:
        _fail(str(error))


@cli.command()
def doctor(
    token: Annotated[
        str | None,
        typer.Option(
            help="Explain this token instead; - reads it from the standard input, which no "
            "shell's history keeps."
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help="With --token: the user id in the address, as the front end writes it."),
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="Whether pages from this address may read the answers.")
    ] = None,
) -> None:
    """Check configuration, database, roles, policies and counters; status 1 if one is wrong.

    With --token, explain a token instead: status 0 if this deployment accepts it.
    """
    if token is None and user is not None:
        raise typer.BadParameter("--user is compared with a --token")
    findings = _findings(origin) if token is None else _findings_of(_pasted(token), user, origin)
    for finding in findings:
        typer.echo(finding.line)
    if any(finding.level is Level.PROBLEM for finding in findings):
        raise SystemExit(serving.EXIT_FAILURE)


@cli.command()
def prune() -> None:
    """Drop the idempotency keys and sessions that have expired. The server goes on meanwhile."""
    settings = serving.settings_from_environment()
    with _database(settings) as address:
        keys, sessions = asyncio.run(_pruned(address, settings))
    typer.echo(f"{keys} expired idempotency keys dropped")
    typer.echo(f"{sessions} expired sessions dropped")


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of this configuration."""
    settings = serving.settings_from_environment()
    # A description needs no secret, and making one would leave a file behind.
    stand_in = {"better_auth_secret": SecretStr(secrets.token_urlsafe(64))}
    app = create_app(settings.model_copy(update=stand_in))
    typer.echo(json.dumps(app.openapi(), indent=2, ensure_ascii=False))


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _findings(origin: str | None) -> list[Finding]:
    try:
        settings = serving.settings_from_environment()
        found = [doctoring.sources(), *doctoring.settings(settings)]
    except SettingsError as error:
        return doctoring.misconfiguration(error)
    if origin is not None:
        found.append(doctoring.of_origin(origin, settings.allowed_origins))
    try:
        with _database(settings) as address:
            return found + asyncio.run(
                doctoring.database(address, settings, serving.function_sets())
            )
    except EmbeddedError as error:
        return [*found, doctoring.embedded(error)]


def _findings_of(pasted: str, user: str | None, origin: str | None) -> list[Finding]:
    settings = serving.settings_from_environment()
    # What a server would log is told in the findings.
    observability.configure(level="critical", form="text")

    def explained(address: ConnectArgs | None) -> list[Finding]:
        found = doctoring.token(pasted, settings, address=address, user=user, origin=origin)
        return [doctoring.sources(), *asyncio.run(found)]

    if not doctoring.asks_database(pasted, settings):
        return explained(settings.connect_args())
    try:
        with _database(settings) as address:
            return explained(address)
    except EmbeddedError as error:
        return [*explained(None), doctoring.embedded(error)]


def _pasted(text: str) -> str:
    if text != "-":
        return text
    if sys.stdin.isatty():
        typer.echo("paste the token, then press Enter and Ctrl-D:", err=True)
    # One more than is looked at: what is longer is refused for its length.
    return sys.stdin.buffer.read(doctoring.PASTED_MAX + 1).decode(errors="surrogateescape")


async def _pruned(address: ConnectArgs, settings: Settings) -> tuple[int, int]:
    database = database_with(settings, pool_size=1, address=address)
    try:
        return await database.prune_keys(), await database.accounts().prune_sessions()
    finally:
        await database.close()


@contextmanager
def _database(settings: Settings) -> Iterator[ConnectArgs]:
    """Give the address. A signal ends what is done with it, but no start or stop half-way."""
    with endings() as asked, serving.database_of(settings) as url, asked.told(leave):
        if asked.signal is not None:
            leave(asked.signal)
        yield parse(url)
