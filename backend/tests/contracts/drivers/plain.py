"""The `plain` contract."""

import re
from typing import Any, Final

from tests.contracts.drivers.driver import Driver, Refusal, Refusals, bare_task

_INVALID: Final = "VALIDATION_ERROR"
_REFUSED: Final = Refusal(400, _INVALID)
_UNAUTHORIZED: Final = Refusal(401, "UNAUTHORIZED")
_FORBIDDEN: Final = Refusal(403, "FORBIDDEN")


def _code(body: Any) -> str | None:
    assert body.keys() == {"detail", "code"}
    assert body["detail"]
    code: str = body["code"]
    return code


def _tasks(body: Any) -> list[dict[str, Any]]:
    assert body.keys() == {"tasks", "count"}
    assert body["count"] >= len(body["tasks"])
    return [bare_task(task) for task in body["tasks"]]


def _fields(body: Any) -> list[str]:
    """Read the field where a person does, at the start of the sentence."""
    found = re.match(r"([A-Z][a-z ]+?) (?:must|is) ", body["detail"])
    assert found, body
    return [found[1].replace(" ", "_").lower()]


PLAIN: Final = Driver(
    name="plain",
    collection="/api/{user_id}/tasks",
    id_name="task_id",
    completion="complete",
    title_max=200,
    description_max=1000,
    deleted_status=204,
    put_needs_title=False,
    streams_lists=True,
    names_every_field=False,
    parameters=frozenset({"status", "sort", "limit", "offset"}),
    task_of=bare_task,
    tasks_of=_tasks,
    code_of=_code,
    fields_of=_fields,
    refusals=Refusals(
        too_large=Refusal(413, _INVALID),
        headers_too_large=Refusal(431, _INVALID),
        target_too_long=Refusal(414, _INVALID),
        no_route=Refusal(404, "NOT_FOUND"),
        no_method=Refusal(405, "METHOD_NOT_ALLOWED"),
        no_token=_UNAUTHORIZED,
        bad_token=_UNAUTHORIZED,
        expired_token=_UNAUTHORIZED,
        bad_signature=_UNAUTHORIZED,
        wrong_user=_FORBIDDEN,
        media_type=Refusal(415, _INVALID),
        malformed=_REFUSED,
        required=_REFUSED,
        too_long=_REFUSED,
        wrong_format=_REFUSED,
        no_task=Refusal(404, "NOT_FOUND"),
        strangers_task=_FORBIDDEN,
        stale=Refusal(412, "CONFLICT"),
        bad_key=Refusal(400, "VALIDATION_ERROR"),
        key_in_use=Refusal(409, "CONFLICT"),
        key_reused=Refusal(422, "VALIDATION_ERROR"),
        limited=Refusal(429, "RATE_LIMITED"),
        database_away=Refusal(503, "SERVICE_UNAVAILABLE"),
        defect=Refusal(500, "SERVER_ERROR"),
    ),
)
