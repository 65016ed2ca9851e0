"""The order of checks: of two things wrong with a request, the earlier in the order is answered."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import httpx
import pytest

from tests.contracts.drivers import Driver, Refusal
from tests.contracts.people import Person

TOO_LARGE = 64 * 1024 + 1


@dataclass
class Draft:
    """A good PUT, into which faults are put. `padding` is what makes its body long."""

    user_id: str
    task_id: str
    method: str = "PUT"
    rest: str = ""
    query: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    title: object = "Buy oat milk"
    ending: str = ""
    padding: int = 0

    def content(self) -> bytes:
        return f"{json.dumps({'title': self.title})}{self.ending}{' ' * self.padding}".encode()


def too_large(draft: Draft) -> None:
    draft.padding = TOO_LARGE


def headers_too_large(draft: Draft) -> None:
    draft.headers["x-padding"] = "a" * 40_000


def target_too_long(draft: Draft) -> None:
    draft.query = "?padding=" + "a" * 9_000


def no_route(draft: Draft) -> None:
    draft.rest = "/nowhere"


def no_method(draft: Draft) -> None:
    draft.method = "POST"


def no_token(draft: Draft) -> None:
    del draft.headers["authorization"]


def bad_token(draft: Draft) -> None:
    draft.headers["authorization"] = "Bearer a.b.c"


def wrong_user(draft: Draft) -> None:
    draft.user_id += "x"


def media_type(draft: Draft) -> None:
    draft.headers["content-type"] = "text/plain"


def malformed(draft: Draft) -> None:
    draft.ending = ","


def wrong_format(draft: Draft) -> None:
    draft.title = 5


def wrong_id(draft: Draft) -> None:
    draft.task_id = "first"


def no_task(draft: Draft) -> None:
    draft.task_id = str(2**63)


def stale(draft: Draft) -> None:
    draft.headers["if-match"] = '"an older version"'


Fault = Callable[[Draft], None]
# What stands in one group is of the same rank, or rules the other out.
ORDER: tuple[tuple[Fault, ...], ...] = (
    (too_large, headers_too_large, target_too_long),
    (no_route, no_method),
    (no_token, bad_token),
    (wrong_user,),
    (media_type,),
    (malformed,),
    (wrong_format, wrong_id),
    (no_task,),
    (stale,),
)
ALONE: list[tuple[Fault, ...]] = [(fault,) for group in ORDER for fault in group]
PAIRS: list[tuple[Fault, ...]] = [
    (earlier, later)
    for first, second in combinations(ORDER, 2)
    for earlier in first
    for later in second
    if (earlier, later) != (wrong_id, no_task)  # both are about the id
]


def expected_of(fault: Fault, driver: Driver) -> Refusal:
    name = "wrong_format" if fault is wrong_id else fault.__name__
    refusal: Refusal | None = getattr(driver.refusals, name)
    assert refusal is not None
    return refusal


@pytest.mark.parametrize(
    "faults", ALONE + PAIRS, ids=lambda faults: "-before-".join(each.__name__ for each in faults)
)
async def test_first_fault_in_the_order_is_answered(
    user: Person, nobody: httpx.AsyncClient, faults: tuple[Fault, ...]
) -> None:
    """Whatever else is wrong with a request, the answer is about the first thing, and no more."""
    if wrong_user in faults and user.driver.refusals.wrong_user is None:
        pytest.skip("this contract has no user in its paths")
    task = await user.given_task()
    draft = Draft(user.user_id, str(task["id"]))
    draft.headers |= [user.authorization]

    for fault in faults:
        fault(draft)
    path = f"{user.driver.tasks_path(draft.user_id)}/{draft.task_id}{draft.rest}{draft.query}"
    response = await nobody.request(
        draft.method, path, headers=draft.headers, content=draft.content()
    )

    user.refused(response, expected_of(faults[0], user.driver))
    assert await user.read(task) == task


async def test_draft_without_a_fault_is_good(user: Person) -> None:
    """Nothing but the faults is wrong with the requests of this file."""
    task = await user.given_task()
    draft = Draft(user.user_id, str(task["id"]))

    response = await user.client.put(
        user.path(task), headers=draft.headers, content=draft.content()
    )

    assert response.status_code == 200
    assert user.driver.task_of(response.json())["title"] == draft.title
