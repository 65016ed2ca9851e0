"""What `todo-backend doctor` finds in a database, for tests that have broken one."""

from tests.database.databases import SHAPES, url_of
from tests.support.server import environment as deployment
from todo_backend import doctor
from todo_backend.contracts import CONTRACTS
from todo_backend.database.url import ConnectArgs
from todo_backend.doctor import Finding, Level
from todo_backend.settings import Settings, load


def settings(args: ConnectArgs, **others: str) -> Settings:
    return load(deployment(url_of(args), **others), env_file=None, contracts=tuple(CONTRACTS))


async def examined(args: ConnectArgs, **others: str) -> list[Finding]:
    return await doctor.database(args, settings(args, **others), SHAPES)


def not_ok(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level is not Level.OK]
