"""What a test has to know of a contract to ask it for what all contracts promise.

A new contract is one more driver here, and every test of test_promises_*.py runs on it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

Task = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a contract says one thing that can go wrong; None where its errors have no code."""

    status: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Refusals:
    """One contract's words for what goes wrong in all of them."""

    too_large: Refusal
    headers_too_large: Refusal
    target_too_long: Refusal
    no_route: Refusal
    no_method: Refusal
    no_token: Refusal
    bad_token: Refusal
    expired_token: Refusal
    bad_signature: Refusal
    wrong_user: Refusal
    media_type: Refusal
    malformed: Refusal
    required: Refusal
    too_long: Refusal
    wrong_format: Refusal
    no_task: Refusal
    strangers_task: Refusal
    stale: Refusal
    database_away: Refusal
    defect: Refusal


@dataclass(frozen=True, slots=True)
class Driver:
    """How to address a contract and how to read its answers; bodies are parsed JSON.

    `collection` is the path of a user's tasks with the id percent-encoded as `{user_id}`, where
    the contract has the user in its paths. `completion` is the last segment of the path that sets
    or toggles. `fields_of` names what a validation error names, the first offender first.
    """

    name: str
    collection: str
    completion: str
    title_max: int
    description_max: int
    deleted_status: int
    has_empty_deletion: bool
    task_of: Callable[[Any], Task]
    tasks_of: Callable[[Any], list[Task]]
    code_of: Callable[[Any], str | None]
    fields_of: Callable[[Any], list[str]]
    refusals: Refusals

    @property
    def has_owner_in_path(self) -> bool:
        return "{user_id}" in self.collection

    def tasks_path(self, user_id: str) -> str:
        return self.collection.replace("{user_id}", quote(user_id, safe=""))


# The drivers ----------------------------------------------------------------------------


def _envelope_code(body: Any) -> str | None:
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    assert body["error"].keys() - {"details"} == {"code", "message"}
    assert body["error"]["message"]
    code: str = body["error"]["code"]
    return code


def _envelope_data(body: Any) -> Any:
    assert body.keys() == {"success", "data", "message"}
    assert body["success"] is True
    return body["data"]


def _envelope_fields(body: Any) -> list[str]:
    details = body["error"]["details"]
    return [problem["field"] for problem in details.get("errors", [details])]


ENVELOPE: Final = Driver(
    name="envelope",
    collection="/api/{user_id}/tasks",
    completion="complete",
    title_max=255,
    description_max=1000,
    deleted_status=200,
    has_empty_deletion=False,
    task_of=_envelope_data,
    tasks_of=lambda body: list(_envelope_data(body)["tasks"]),
    code_of=_envelope_code,
    fields_of=_envelope_fields,
    refusals=Refusals(
        too_large=Refusal(413, "VALIDATION_INVALID_FORMAT"),
        headers_too_large=Refusal(431, "VALIDATION_INVALID_FORMAT"),
        target_too_long=Refusal(414, "VALIDATION_INVALID_FORMAT"),
        no_route=Refusal(404, "RESOURCE_NOT_FOUND"),
        no_method=Refusal(405, "RESOURCE_METHOD_NOT_ALLOWED"),
        no_token=Refusal(401, "AUTH_MISSING_HEADER"),
        bad_token=Refusal(401, "AUTH_INVALID_TOKEN"),
        expired_token=Refusal(401, "AUTH_EXPIRED_TOKEN"),
        bad_signature=Refusal(401, "AUTH_INVALID_CREDENTIALS"),
        wrong_user=Refusal(403, "AUTH_USER_MISMATCH"),
        media_type=Refusal(415, "VALIDATION_INVALID_FORMAT"),
        malformed=Refusal(400, "VALIDATION_INVALID_FORMAT"),
        required=Refusal(422, "VALIDATION_REQUIRED_FIELD"),
        too_long=Refusal(422, "VALIDATION_FIELD_TOO_LONG"),
        wrong_format=Refusal(422, "VALIDATION_INVALID_FORMAT"),
        no_task=Refusal(404, "RESOURCE_NOT_FOUND"),
        strangers_task=Refusal(404, "RESOURCE_NOT_FOUND"),
        stale=Refusal(412, "RESOURCE_CONFLICT"),
        database_away=Refusal(503, "SYSTEM_DATABASE_ERROR"),
        defect=Refusal(500, "SYSTEM_INTERNAL_ERROR"),
    ),
)

DRIVERS: Final = (ENVELOPE,)
