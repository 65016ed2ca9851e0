"""`python -m bench`: measures this server against the baseline. `--help` lists the options."""

import asyncio
import os
import resource
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Final

import asyncpg

from bench import check, issuer, machine, options, report, seed, servers, tokens
from bench.cells import ONE_SERVER, BenchError, Plan, Side
from bench.runner import Bench, Measured
from todo_backend.database.embedded import EmbeddedError, EmbeddedPostgres

_OPEN_FILES: Final = 16_384


def main() -> int:
    plan, data_dir = options.parse()
    _end_on_signals()
    try:
        _allow_open_files(max(plan.connections))
        with tempfile.TemporaryDirectory(prefix="todo-bench-") as name:
            folder = Path(name)
            with _database(data_dir or folder / "postgres") as url:
                asyncio.run(_compare(plan, url, folder))
    except (BenchError, EmbeddedError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


async def _compare(plan: Plan, database_url: str, folder: Path) -> None:
    async with AsyncExitStack() as stack:
        trusted = await stack.enter_async_context(issuer.running())
        target = servers.Target(database_url, secrets.token_urlsafe(48), folder, trusted)
        connection = await asyncpg.connect(target.database_url)
        stack.push_async_callback(connection.close)
        await seed.require_privileges(connection)
        if {*plan.sides} != {"baseline"}:
            await servers.migrate(target)
        running: dict[Side, servers.Server] = {}
        for side in plan.sides:
            server = running.get(ONE_SERVER.get(side, side))
            if server is None:
                server = await stack.enter_async_context(servers.running(side, target))
            running[side] = server
        about = await machine.describe(connection)
        print(report.heading(plan, about), end="\n\n", flush=True)
        files = {}
        for side, server in running.items():
            await seed.fill(connection, side, plan.data)
            made = await tokens.of_everybody(connection, side, plan.data, target)
            files[side] = target.folder / f"{side}-tokens"
            files[side].write_text("".join(f"{user} {token}\n" for user, token in made.items()))
            await check.works(server, plan.data, made)
            await seed.restore(connection, side, plan.data)
        await _measure(Bench(plan, connection, running, files), about)


async def _measure(bench: Bench, about: Sequence[str]) -> None:
    """Publish what was measured, also when a later cell fails or the run is broken off."""
    results: list[Measured] = []
    try:
        for connections in bench.plan.connections:
            for cell in bench.plan.cells:
                results.append(await bench.measure(cell, connections))  # noqa: PERF401 - kept on failure
    finally:
        if results and bench.plan.json_file is not None:
            text = report.as_json(bench.plan, about, results)
            bench.plan.json_file.write_text(text + "\n")
        if results:
            print(report.table(bench.plan, results))


@contextmanager
def _database(data_dir: Path) -> Iterator[str]:
    given = os.environ.get("BENCH_DATABASE_URL")
    if given:
        yield given
        return
    embedded = EmbeddedPostgres.start(data_dir)
    try:
        yield embedded.url
    finally:
        embedded.stop()


def _allow_open_files(connections: int) -> None:
    """Raise the limit for the servers and wrk, which inherit it: one file per connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, _OPEN_FILES, 2 * connections)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if limit < connections + 200:
        raise BenchError(f"{connections} connections need a higher limit of open files (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _end_on_signals() -> None:
    """SIGTERM and SIGHUP end the run as Ctrl-C does, so that every `finally` is reached.

    SIGINT is set as well: a shell starts background jobs with it ignored.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: signal.raise_signal(signal.SIGINT))


if __name__ == "__main__":
    sys.exit(main())
