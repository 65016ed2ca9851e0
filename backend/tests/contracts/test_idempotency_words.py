"""How each contract says what is wrong with an `Idempotency-Key`, to the letter."""

import json
from typing import Any, Final

import pytest

from todo_backend.contracts import CONTRACTS
from todo_backend.model import errors as facts

MALFORMED: Final = "Idempotency-Key must be one value of 1 to 255 visible ASCII characters"
RUNNING: Final = "The first request with this Idempotency-Key is still running"
REUSED: Final = "Another request was sent with this Idempotency-Key before"
FACTS: Final = (
    facts.IdempotencyKeyMalformed(),
    facts.IdempotencyKeyInUse(),
    facts.IdempotencyKeyReused(),
)


def enveloped(code: str, message: str, constraint: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if constraint is not None:
        error["details"] = {"field": "Idempotency-Key", "value": None, "constraint": constraint}
    return {"success": False, "error": error}


SAID: Final[dict[str, list[tuple[int, dict[str, Any]]]]] = {
    "envelope": [
        (
            400,
            enveloped(
                "VALIDATION_INVALID_FORMAT",
                MALFORMED,
                "must be one value of 1 to 255 visible ASCII characters",
            ),
        ),
        (409, enveloped("RESOURCE_CONFLICT", RUNNING)),
        (
            422,
            enveloped(
                "VALIDATION_INVALID_FORMAT",
                "Idempotency-Key was sent with another request before",
                "was sent with another request before",
            ),
        ),
    ],
    "plain": [
        (400, {"detail": MALFORMED, "code": "VALIDATION_ERROR"}),
        (409, {"detail": RUNNING, "code": "CONFLICT"}),
        (422, {"detail": REUSED, "code": "VALIDATION_ERROR"}),
    ],
    "rich": [
        (400, {"detail": MALFORMED, "error_code": "VALIDATION_INVALID_FORMAT"}),
        (409, {"detail": RUNNING, "error_code": "RESOURCE_CONFLICT"}),
        (422, {"detail": REUSED, "error_code": "VALIDATION_INVALID_FORMAT"}),
    ],
    "accounts": [
        (400, {"detail": MALFORMED}),
        (409, {"detail": RUNNING}),
        (
            422,
            {
                "detail": REUSED,
                "errors": [{"field": "Idempotency-Key", "message": REUSED, "type": "invalid"}],
            },
        ),
    ],
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_says_it_in_its_own_words(name: str) -> None:
    """Status, body, and a time to come back where that is all it takes."""
    answers = [CONTRACTS[name].present(fact) for fact in FACTS]

    said = []
    for answer in answers:
        body = json.loads(answer.body)
        body.pop("timestamp", None)
        said.append((answer.status, body))
    assert said == SAID[name]
    waits = [dict(answer.headers).get(b"retry-after") for answer in answers]
    assert waits == [None, b"1", None]
