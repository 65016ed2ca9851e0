"""The `envelope` contract."""

from typing import Any, Final

from tests.contracts.drivers.driver import Driver, Refusal, Refusals


def _code(body: Any) -> str | None:
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    assert body["error"].keys() - {"details"} == {"code", "message"}
    assert body["error"]["message"]
    code: str = body["error"]["code"]
    return code


def _data(body: Any) -> Any:
    assert body.keys() == {"success", "data", "message"}
    assert body["success"] is True
    return body["data"]


def _fields(body: Any) -> list[str]:
    details = body["error"]["details"]
    return [problem["field"] for problem in details.get("errors", [details])]


ENVELOPE: Final = Driver(
    name="envelope",
    collection="/api/{user_id}/tasks",
    id_name="id",
    completion="complete",
    title_max=255,
    description_max=1000,
    deleted_status=200,
    put_needs_title=True,
    streams_lists=False,
    names_every_field=True,
    parameters=frozenset({"status", "limit", "offset"}),
    task_of=_data,
    tasks_of=lambda body: list(_data(body)["tasks"]),
    code_of=_code,
    fields_of=_fields,
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
        bad_key=Refusal(400, "VALIDATION_INVALID_FORMAT"),
        key_in_use=Refusal(409, "RESOURCE_CONFLICT"),
        key_reused=Refusal(422, "VALIDATION_INVALID_FORMAT"),
        limited=Refusal(429, "SYSTEM_RATE_LIMIT_EXCEEDED"),
        database_away=Refusal(503, "SYSTEM_DATABASE_ERROR"),
        defect=Refusal(500, "SYSTEM_INTERNAL_ERROR"),
    ),
)
