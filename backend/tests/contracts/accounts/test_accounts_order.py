"""The order of checks at the auth endpoints: of two faults the earlier one is answered."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import httpx
import pytest

from tests.contracts.accounts.given import REFRESH, SIGN_IN, SIGN_OUT, SIGN_UP, bearer
from tests.support.users import token_for


@dataclass
class Draft:
    """A good sign-up, sign-in, refresh or sign-out, into which faults are put."""

    path: str
    body: dict[str, object]
    headers: dict[str, str]
    method: str = "POST"
    query: str = ""
    ending: str = ""
    padding: int = 0
    content_type: str = "application/json"

    def content(self) -> bytes:
        return f"{json.dumps(self.body)}{self.ending}{' ' * self.padding}".encode()


def too_large(draft: Draft) -> None:
    draft.padding = 64 * 1024


def target_too_long(draft: Draft) -> None:
    draft.query = "?padding=" + "a" * 9_000


def no_route(draft: Draft) -> None:
    draft.path += "/nowhere"


def no_method(draft: Draft) -> None:
    draft.method = "PUT"


def no_token(draft: Draft) -> None:
    draft.headers.pop("authorization", None)


def media_type(draft: Draft) -> None:
    draft.content_type = "text/plain"


def malformed(draft: Draft) -> None:
    draft.ending = ","


def invalid(draft: Draft) -> None:
    draft.body = dict.fromkeys(draft.body, 5)


Fault = Callable[[Draft], None]
ORDER: tuple[tuple[Fault, int], ...] = (
    (too_large, 413),
    (target_too_long, 414),
    (no_route, 404),
    (no_method, 405),
    (no_token, 401),
    (media_type, 415),
    (malformed, 400),
    (invalid, 422),
)
STATUS = dict(ORDER)
# These are of the same rank as each other.
EQUALS = {(too_large, target_too_long), (no_route, no_method)}
CASES = [
    (path, faults)
    for path in (SIGN_UP, SIGN_IN, REFRESH, SIGN_OUT)
    for faults in [*((fault,) for fault in STATUS), *combinations(STATUS, 2)]
    if faults not in EQUALS and (path == SIGN_OUT or no_token not in faults)
]


@pytest.mark.parametrize(
    ("path", "faults"),
    CASES,
    ids=lambda value: (
        value if isinstance(value, str) else "-before-".join(each.__name__ for each in value)
    ),
)
async def test_first_fault_in_the_order_is_answered(
    client: httpx.AsyncClient, path: str, faults: tuple[Fault, ...]
) -> None:
    """Sign-out alone wants a token, and without one nothing is said about its body."""
    credentials = {"email": "nobody@example.com", "password": "canary of an order", "name": "Ann"}
    body = credentials if path in {SIGN_UP, SIGN_IN} else {"refresh_token": "a"}
    draft = Draft(path, dict(body), bearer(token_for("somebody")))

    for fault in faults:
        fault(draft)
    response = await client.request(
        draft.method,
        draft.path + draft.query,
        headers=draft.headers | {"content-type": draft.content_type},
        content=draft.content(),
    )

    assert response.status_code == STATUS[faults[0]]


@pytest.mark.parametrize(("path", "status"), [(SIGN_IN, 401), (REFRESH, 401), (SIGN_OUT, 200)])
async def test_draft_without_a_fault_gets_through(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    """Nothing but the faults is wrong with the requests of this file."""
    body = {"email": "nobody@example.com", "password": "canary of an order", "refresh_token": "a"}

    response = await client.post(path, json=body, headers=bearer(token_for("somebody")))

    assert response.status_code == status
