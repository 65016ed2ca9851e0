"""The `rich` contract."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tests.contracts.drivers.driver import Driver, Refusal, bare_task
from tests.contracts.drivers.envelope import ENVELOPE


def _code(body: Any) -> str | None:
    assert body.keys() == {"detail", "error_code", "timestamp"}
    assert body["detail"]
    assert body["timestamp"].endswith("Z")
    assert datetime.fromisoformat(body["timestamp"])
    code: str = body["error_code"]
    return code


def _tasks(body: Any) -> list[dict[str, Any]]:
    assert body.keys() == {"tasks", "total", "limit", "offset", "next_cursor"}
    return [bare_task(task) for task in body["tasks"]]


def _fields(body: Any) -> list[str]:
    return re.findall(r"(?:^|; )(\w+) ", body["detail"])


RICH: Final = Driver(
    name="rich",
    collection="/api/{user_id}/tasks",
    id_name="task_id",
    completion="complete",
    title_max=200,
    description_max=1000,
    deleted_status=204,
    put_needs_title=False,
    streams_lists=False,
    names_every_field=True,
    parameters=frozenset(
        {
            "status",
            "priority",
            "due_after",
            "due_before",
            "overdue",
            "q",
            "sort",
            "limit",
            "offset",
            "cursor",
        }
    ),
    task_of=bare_task,
    tasks_of=_tasks,
    code_of=_code,
    fields_of=_fields,
    # The codes are those of `envelope`, the statuses those of `plain`.
    refusals=replace(
        ENVELOPE.refusals,
        required=Refusal(400, "VALIDATION_REQUIRED_FIELD"),
        too_long=Refusal(400, "VALIDATION_FIELD_TOO_LONG"),
        wrong_format=Refusal(400, "VALIDATION_INVALID_FORMAT"),
    ),
    own_fields={"priority": "high", "due_date": "2031-01-09T10:00:00Z"},
)
