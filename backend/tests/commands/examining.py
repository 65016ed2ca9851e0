"""What `todo-backend doctor` finds in a database that a test has broken, or in a token."""

import re

from tests.database.databases import SHAPES, url_of
from tests.support.server import SECRET
from tests.support.server import environment as deployment
from todo_backend import doctor
from todo_backend.contracts import CONTRACTS
from todo_backend.database.url import ConnectArgs
from todo_backend.doctor import Finding, Level
from todo_backend.settings import Settings, load

NOWHERE = "postgresql://u:p@127.0.0.1:1/db"
_PIECE = 8
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"')


def settings(args: ConnectArgs, **others: str) -> Settings:
    return settings_for(url_of(args), **others)


def settings_for(url: str, **others: str) -> Settings:
    return load(deployment(url, **others), env_file=None, contracts=tuple(CONTRACTS))


async def examined(args: ConnectArgs, **others: str) -> list[Finding]:
    return await doctor.database(args, settings(args, **others), SHAPES)


async def explained(
    text: str,
    *,
    args: ConnectArgs | None = None,
    user: str | None = None,
    origin: str | None = None,
    **others: str,
) -> list[Finding]:
    """Explain what was pasted, and hold that no part of it comes out, nor of the secret."""
    found = settings_for(url_of(args) if args else NOWHERE, **others)
    findings = await doctor.token(text, found, address=args, user=user, origin=origin)
    secret = others.get("BETTER_AUTH_SECRET", SECRET)
    require_no_part(text, secret, said="\n".join(finding.line for finding in findings))
    # What comes from the token stands in quotes, which have to pair: it is looked for in them.
    assert not [each.line for each in findings if '"' in _VALUE.sub("", each.line)]
    return findings


def require_no_part(*secrets: str, said: str) -> None:
    """Fail where a piece of a secret has come out; what is short is none, nor a cookie's name."""
    pieces = {
        word[at : at + _PIECE]
        for secret in secrets
        for word in re.split(r"[\s=:\"]+", secret)
        if len(word) >= 4 * _PIECE
        for at in range(len(word) - _PIECE + 1)
    }
    assert not [piece for piece in pieces if piece in said]


def verdict(findings: list[Finding]) -> Finding:
    """Return the one finding that says whether a token is accepted."""
    (found,) = [each for each in findings if each.sentence.startswith("this deployment ")]
    return found


def not_ok(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level is not Level.OK]
