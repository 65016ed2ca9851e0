"""`python -m tests.isolation`: a run as long as one likes. `--help` lists the options."""

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tests.database.databases import SHAPES, database, session
from tests.database.poolers import PGBOUNCER, pooler, reached_by_tcp
from tests.isolation import stage
from tests.isolation.rewriting import ABLATIONS
from tests.isolation.run import Plan, Report, run
from todo_backend.database import migrate

_OPERATIONS: Final = 1_000_000


def main() -> int:
    options = _parser().parse_args()
    if options.pooler and PGBOUNCER is None:
        print("there is no pgbouncer here", file=sys.stderr)  # noqa: T201 - a command's answer
        return 2
    with tempfile.TemporaryDirectory(prefix="todo-isolation-") as folder:
        report = asyncio.run(_run(options, Path(folder)))
    print(report)  # noqa: T201 - a command's answer
    return 1 if report.findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.isolation",
        description="Users try to reach each other's tasks, in every contract, on real servers.",
    )
    parser.add_argument("--operations", type=int, default=_OPERATIONS)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes of each server")
    parser.add_argument("--without", choices=ABLATIONS, help="take this wall down first")
    parser.add_argument(
        "--pooler", action="store_true", help="through PgBouncer, which has one session to give"
    )
    return parser


async def _run(options: argparse.Namespace, folder: Path) -> Report:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(reached_by_tcp(folder / "postgres"))
        args = await stack.enter_async_context(database(server))
        await migrate.up(args, SHAPES)
        truth = await stack.enter_async_context(session(args))
        if options.without is not None:
            await ABLATIONS[options.without](truth)
        prepared = "off" if options.pooler else "on"
        if options.pooler:
            behind = pooler(args, folder, prepared=False, sessions=1)
            args = await stack.enter_async_context(behind)
        places = await stack.enter_async_context(
            stage.processes(args, folder, workers=options.workers, DB_PREPARED_STATEMENTS=prepared)
        )
        plan = Plan(options.operations, users=options.users, seed=options.seed)
        return await run(plan, places, truth)


if __name__ == "__main__":
    sys.exit(main())
