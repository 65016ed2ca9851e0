"""Bugs planted into this process: who the caller is, whose path it is, what is remembered."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import asyncpg
import orjson
import pytest

from tests.database import test_pool_of_one
from tests.database.databases import SHAPE, opened, session, user
from tests.isolation.given import PUBLISHED
from tests.isolation.planting import PLAIN, RICH, Bug, Look, Memory, patched
from todo_backend.auth.bearer import Authenticator
from todo_backend.contracts.rich.listing import ListTasks
from todo_backend.database.pool import Pool
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.principal import Principal
from todo_backend.model.task import NewTask, TaskId
from todo_backend.web import operation
from todo_backend.web.answer import Answer, Reply
from todo_backend.web.call import Call
from todo_backend.web.conditional import EntityTags
from todo_backend.web.operation import Operation
from todo_backend.web.router import Resource

_HEADER_CHARACTERS: Final = 36
"""How long the first part of every HS256 token is, which says nothing of its user."""


def _no_path_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(operation, "owner", object())


def _compared_by(key: Callable[[str], str]) -> Callable[[pytest.MonkeyPatch], None]:
    """Let the path's user be equal to whoever is equal by `key`."""

    class Lenient(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return isinstance(other, str) and key(str(self)) == key(str(other))

        def __ne__(self, other: object) -> bool:
            return not self == other

        __hash__ = str.__hash__

    def change(patch: pytest.MonkeyPatch) -> None:
        match = Resource.match

        def lenient(self: Resource, segments: list[str]) -> dict[str, str] | None:
            found = match(self, segments)
            return found and {name: Lenient(value) for name, value in found.items()}

        patch.setattr(Resource, "match", lenient)

    return change


def _called_by(name: Callable[[Call], str | None]) -> Callable[[pytest.MonkeyPatch], None]:
    """Let the caller be who a part of the request says, where it says somebody."""

    def change(patch: pytest.MonkeyPatch) -> None:
        create = Operation.__init__

        def created(self: Operation, *given: Any, **named: Any) -> None:
            authenticate = named.get("authenticate")

            async def mistaken(call: Call, **others: Any) -> Principal:
                assert authenticate is not None
                principal: Principal = await authenticate(call, **others)
                return replace(principal, user_id=name(call) or principal.user_id)

            create(self, *given, **{**named, "authenticate": authenticate and mistaken})

        patch.setattr(Operation, "__init__", created)

    return change


def _in_path(call: Call) -> str | None:
    return call.path.get("user_id")


def _in_header(call: Call) -> str | None:
    value = call.field(b"x-user-id")
    return None if value is None else unquote(value.decode())


def _in_query(call: Call) -> str | None:
    found = parse_qs(call.scope["query_string"].decode()).get("user_id")
    return found[0] if found else None


def _named_in_body(patch: pytest.MonkeyPatch) -> None:
    validate = Operation._validate  # noqa: SLF001 - where a bug would be

    def mistaken(self: Operation, call: Call, data: object, values: dict[str, object]) -> None:
        validate(self, call, data, values)
        if isinstance(data, dict) and isinstance(data.get("user_id"), str):
            for name, value in values.items():
                if isinstance(value, Principal):
                    values[name] = replace(value, user_id=data["user_id"])

    patch.setattr(Operation, "_validate", mistaken)


def _global_user(patch: pytest.MonkeyPatch) -> None:
    """One place for the current user of all requests, read when a statement is sent."""
    current = Memory()

    authenticate = Authenticator.authenticate

    async def remembered(self: Authenticator, token: str) -> Principal:
        principal = await authenticate(self, token)
        current.user_id = principal.user_id
        return principal

    patch.setattr(Authenticator, "authenticate", remembered)
    for name in ("read", "write"):
        run = getattr(Pool, name)

        async def mistaken(self: Pool, statement: str, *given: object, _run: Any = run) -> Any:
            # The others are about sessions.
            if "todo_auth_" in statement or "$1, $2" not in statement:
                return await _run(self, statement, *given)
            await asyncio.sleep(0)
            return await _run(self, statement, current.user_id, *given[1:])

        patch.setattr(Pool, name, mistaken)


def _cached_by(key: Callable[[str], str]) -> Callable[[pytest.MonkeyPatch], None]:
    """Remember who a token is by a part of it."""

    def change(patch: pytest.MonkeyPatch) -> None:
        authenticate, known = Authenticator.authenticate, Memory()

        async def mistaken(self: Authenticator, token: str) -> Principal:
            first = known.answers.setdefault(key(token), token)
            return await authenticate(self, first)

        patch.setattr(Authenticator, "authenticate", mistaken)

    return change


def _published_name(token: str) -> str:
    return PUBLISHED if token.startswith(PUBLISHED) else token


def _answers_cached_by_address(patch: pytest.MonkeyPatch) -> None:
    """A cache of answers that has not heard of `Vary: Authorization`."""
    answer, known = Operation.answer, Memory()

    async def cached(self: Operation, call: Call) -> Reply:
        if call.scope["method"] != "GET" or not call.scope["path"].startswith("/api/tasks"):
            return await answer(self, call)
        key = call.scope["raw_path"], call.scope["query_string"]
        if key not in known.answers:
            reply = await answer(self, call)
            if not isinstance(reply, Answer):
                return reply
            known.answers[key] = reply
        found: Reply = known.answers[key]
        return found

    patch.setattr(Operation, "answer", cached)


def _tags_shared(patch: pytest.MonkeyPatch) -> None:
    """What one client has of a task is taken for what every client has."""
    sent: set[int] = set()
    strong = EntityTags.strong

    def written(self: EntityTags, version: int) -> Any:
        sent.add(version)
        return strong(self, version)

    read = EntityTags.if_none_match

    def known(self: EntityTags, values: Sequence[bytes]) -> Any:
        condition = read(self, values)
        if condition and sent.intersection(condition.versions):
            return replace(condition, is_any=True)
        return condition

    patch.setattr(EntityTags, "strong", written)
    patch.setattr(EntityTags, "if_none_match", known)


def _cursors_of_anybody(patch: pytest.MonkeyPatch) -> None:
    def scope(self: ListTasks, owner: Principal) -> bytes:
        del owner
        return orjson.dumps(self._asked())

    patch.setattr(ListTasks, "_scope", scope)


def _late_answers(patch: pytest.MonkeyPatch) -> None:
    """The answer to a statement whose request was cut off goes to whoever asks next."""
    attempt, late = Pool._attempt, list[asyncio.Task[asyncpg.Record]]()  # noqa: SLF001 - where a bug would be

    async def mistaken(
        self: Pool,
        statement: str,
        arguments: tuple[object, ...],
        deadline: float,
        *,
        is_write: bool,
    ) -> asyncpg.Record:
        if late:
            return await late.pop()
        asked = attempt(self, statement, arguments, deadline, is_write=is_write)
        running = asyncio.create_task(asked)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            late.append(running)
            raise

    patch.setattr(Pool, "_attempt", mistaken)


Locked = tuple[Principal, TaskId, asyncpg.Connection]


def _with_lock(
    test: Callable[[TaskFunctions, Locked, asyncpg.Connection], Awaitable[None]],
) -> Look:
    async def look(args: ConnectArgs, truth: asyncpg.Connection) -> None:
        async with opened(args, pool_size=1) as found, session(args) as holder:
            tasks, owner = found.tasks(SHAPE), user("alice")
            task = await tasks.create(owner, NewTask("Alice's", None))
            await holder.execute("BEGIN")
            await holder.execute("SELECT FROM tasks WHERE id = $1 FOR UPDATE", task.task_id)
            await test(tasks, (owner, task.task_id, holder), truth)

    return look


BUGS: Final = (
    Bug("path-check", "the user of the path is not compared", patched(_no_path_check)),
    Bug("path-case", "… or without regard to case", patched(_compared_by(str.casefold))),
    Bug("path-blanks", "… or trimmed", patched(_compared_by(str.strip))),
    Bug(
        "path-normalised",
        "… or after Unicode normalisation",
        patched(_compared_by(lambda text: unicodedata.normalize("NFC", text))),
        PLAIN,
    ),
    Bug("path-decoded", "… or decoded once more", patched(_compared_by(unquote)), RICH),
    Bug("path-owner", "the caller is the user of the path", patched(_called_by(_in_path))),
    Bug("header-owner", "the caller is whom `X-User-Id` names", patched(_called_by(_in_header))),
    Bug("query-owner", "the caller is whom the query names", patched(_called_by(_in_query))),
    Bug("body-owner", "the owner is whom the body names", patched(_named_in_body)),
    Bug("global-user", "one current user for all requests", patched(_global_user), accounts=0),
    Bug(
        "token-prefix",
        "tokens are remembered by their first characters",
        patched(_cached_by(lambda token: token[:_HEADER_CHARACTERS])),
    ),
    Bug(
        "token-unsigned",
        "tokens are remembered without their signatures",
        patched(_cached_by(lambda token: token.rpartition(".")[0])),
    ),
    Bug(
        "token-key",
        "… or, where a published key has signed them, by the name of the key",
        patched(_cached_by(_published_name)),
    ),
    Bug("cached-answers", "answers are cached by address", patched(_answers_cached_by_address)),
    Bug("shared-tags", "a tag that anybody has is everybody's", patched(_tags_shared)),
    Bug("cursor-unbound", "a cursor is not bound to its user", patched(_cursors_of_anybody), RICH),
    Bug(
        "late-answer",
        "the answer to a request that was cut off goes to the next one",
        patched(_late_answers),
        found_by="test_is_14_a_cancelled_request_leaves_nothing_for_the_next",
        look=_with_lock(
            test_pool_of_one.test_is_14_a_cancelled_request_leaves_nothing_for_the_next
        ),
    ),
)
