"""The `accounts` contract. Tests of what all contracts promise bring tokens of Better Auth."""

from typing import Any, Final

from tests.contracts.drivers.driver import Driver, Refusal, Refusals, bare_task

_UNAUTHORIZED: Final = Refusal(401, None)
_INVALID: Final = Refusal(422, None)
_NOT_FOUND: Final = Refusal(404, None)


def _code(body: Any) -> str | None:
    """Check the form; there is no code."""
    assert body.keys() - {"errors"} == {"detail"}
    assert body["detail"]
    for problem in body.get("errors", ()):
        assert problem.keys() == {"field", "message", "type"}
        assert all(problem.values())
    return None


def _fields(body: Any) -> list[str]:
    return [problem["field"] for problem in body["errors"]]


ACCOUNTS: Final = Driver(
    name="accounts",
    collection="/api/tasks",
    id_name="id",
    completion="toggle",
    title_max=200,
    description_max=2000,
    deleted_status=204,
    put_needs_title=False,
    streams_lists=True,
    names_every_field=True,
    parameters=frozenset(),
    task_of=bare_task,
    tasks_of=lambda body: list(map(bare_task, body)),
    code_of=_code,
    fields_of=_fields,
    refusals=Refusals(
        too_large=Refusal(413, None),
        headers_too_large=Refusal(431, None),
        target_too_long=Refusal(414, None),
        no_route=_NOT_FOUND,
        no_method=Refusal(405, None),
        no_token=_UNAUTHORIZED,
        bad_token=_UNAUTHORIZED,
        expired_token=_UNAUTHORIZED,
        bad_signature=_UNAUTHORIZED,
        wrong_user=None,
        media_type=Refusal(415, None),
        malformed=Refusal(400, None),
        required=_INVALID,
        too_long=_INVALID,
        wrong_format=_INVALID,
        no_task=_NOT_FOUND,
        strangers_task=_NOT_FOUND,
        stale=Refusal(412, None),
        bad_key=Refusal(400, None),
        key_in_use=Refusal(409, None),
        key_reused=_INVALID,
        limited=Refusal(429, None),
        database_away=Refusal(503, None),
        defect=Refusal(500, None),
    ),
)
