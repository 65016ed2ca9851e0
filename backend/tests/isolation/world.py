"""Everybody in a run, where they ask, and what was found wrong with the answers."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import orjson

from tests.contracts.drivers import Driver, Task
from tests.isolation.connection import NO_FIELDS, Answer, Line, Request
from tests.isolation.people import Known, User, bearer, differences

# A tag with its salt, the number that two look-alike ids share, and the id of an account. The four
# letters of a tag without its salt come up by chance in a cursor, which is base64.
_TRACES: Final = re.compile(
    rb"zq(\d+)x[0-9a-f]{8}|person-(\d+)-|(?<![0-9a-f])([0-9a-f]{32})(?![0-9a-f])"
)
_SHOWN: Final = 400
IN_COMPANY: Final = 0.05
"""How many of the requests go in one go with somebody else's, over the same connection."""


@dataclass(frozen=True, slots=True)
class Place:
    """A contract, and the connections to a server that serves it."""

    driver: Driver
    line: Line


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in an answer that must not be there, or that its reader knows to be otherwise."""

    operation: int
    user: str
    request: str
    what: str

    def __str__(self) -> str:
        return f"after {self.operation}: {self.request} by {self.user!r}: {self.what}"


@dataclass(slots=True, eq=False)
class World:
    """What all users of a run share."""

    salt: str
    places: Sequence[Place]
    users: list[User] = field(default_factory=list)
    owners: dict[int, User] = field(default_factory=dict)
    """Whose task each id is, or was."""
    numbers: dict[bytes, int] = field(default_factory=dict)
    """Which user has which account's id."""
    operations: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def places_of(self, driver: Driver) -> list[Place]:
        return [place for place in self.places if place.driver is driver]

    def another(self, user: User) -> User:
        """Choose anybody else; their look-alike as often as all the others together."""
        if user.account is None and user.chance.random() < 0.5:
            twin = self.users[user.number ^ 1]
            if twin.account is None:
                return twin
        while (found := user.chance.choice(self.users)) is user:
            pass
        return found


@dataclass(slots=True)
class Asking:
    """One operation: requests by `user` at `place`, and what is wrong with their answers."""

    world: World
    user: User
    place: Place
    kind: str
    _request: str = ""

    @property
    def driver(self) -> Driver:
        return self.place.driver

    @property
    def path(self) -> str:
        """The user's own collection."""
        return self.driver.tasks_path(self.user.user_id)

    @property
    def not_mine(self) -> int:
        """The status for somebody else's task, or what is left of one."""
        return self.driver.refusals.strangers_task.status

    def one(self, task_id: int) -> str:
        return f"{self.path}/{task_id}"

    def completion(self, task_id: int) -> str:
        return f"{self.one(task_id)}/{self.driver.completion}"

    async def ask(
        self,
        method: str,
        target: str,
        body: object = None,
        fields: Mapping[str, str] = NO_FIELDS,
        *,
        token: str | None = None,
    ) -> Answer:
        """Send a request, and look for traces of others in all of the answer."""
        octets = None if body is None else orjson.dumps(body)
        proof = self.user.proof if token is None else bearer(token)
        request = Request(method, target, octets, {**proof, **fields})
        self._request = f"{method} {target} ({self.driver.name}, {self.kind})"
        line = self.place.line
        # Before the run there is nobody else.
        if self.world.operations and self.user.chance.random() < IN_COMPANY:
            answer = await line.exchange_in_company(request)
        else:
            answer = await line.exchange(request)
        self._look_for_traces(answer)
        return answer

    async def abandon(self, method: str, target: str) -> None:
        async with self.place.line.connection() as connection:
            await connection.abandon(Request(method, target, fields=self.user.proof))

    def require(self, holds: bool, what: str, answer: Answer | None = None) -> bool:  # noqa: FBT001 - a claim
        if not holds:
            told = "" if answer is None else f" {answer.status} {answer.body[:_SHOWN]!r}"
            world = self.world
            world.findings.append(
                Finding(world.operations, self.user.user_id, self._request, what[:_SHOWN] + told)
            )
        return holds

    def status(self, answer: Answer, *expected: int) -> bool:
        names = " or ".join(map(str, expected))
        return self.require(answer.status in expected, f"expected {names}, got", answer)

    def refused(self, answer: Answer, *statuses: int) -> None:
        """The answer is a refusal in the contract's form, and says nothing of anybody's."""
        if self.status(answer, *statuses) and answer.body:
            self.driver.code_of(answer.json)
            self.require("etag" not in answer.fields, "a refusal with a tag", answer)

    def is_own(self, answer: Answer, task: Task, task_id: int, known: Known) -> bool:
        """The task is the one that the user knows, down to its texts and its owner."""
        wrong = differences(known, task, self.driver)
        return (
            self.require(task["id"] == task_id, f"not the task {task_id}", answer)
            and self.require(not wrong, f"other {', '.join(wrong)}", answer)
            and self.require(
                task.get("user_id", self.user.user_id) == self.user.user_id, "other owner", answer
            )
        )

    def are_own(self, answer: Answer, tasks: Collection[Task]) -> None:
        """Each task of a list is the user's, and none comes twice."""
        ids = [task["id"] for task in tasks]
        self.require(len(set(ids)) == len(ids), "a task twice", answer)
        for task in tasks:
            known = self.user.tasks.get(task["id"])
            if self.require(known is not None, f"not a task of theirs: {task['id']}", answer):
                assert known is not None
                self.is_own(answer, task, task["id"], known)

    def total_of(self, answer: Answer) -> int | None:
        """Return how many tasks a list says there are; None where the contract doesn't."""
        body = answer.json
        match self.driver.name:
            case "envelope":
                total: int = body["data"]["total"]
            case "plain":
                total = body["count"]
            case "rich":
                total = body["total"]
            case _:
                return None
        return total

    def counts(self, answer: Answer, total: int) -> bool:
        """A list says that there are so many, where it says anything of that."""
        told = self.total_of(answer)
        return self.require(told in {None, total}, f"counts {told} and not {total}", answer)

    def is_end(self, answer: Answer, *, expected: bool) -> bool:
        """A page tells whether it is the last one, where there are cursors."""
        if "cursor" not in self.driver.parameters:
            return True
        told = {answer.json["next_cursor"] is None, "link" not in answer.fields}
        return self.require(told == {expected}, f"the last page, or not: {told}", answer)

    def _look_for_traces(self, answer: Answer) -> None:
        own, world = self.user.number, self.world
        for tag, pair, account in _TRACES.findall(answer.head + answer.body):
            if tag and int(tag) != own:
                self.require(False, f"the tag of user {int(tag)}", answer)  # noqa: FBT003 - found
            elif pair and int(pair) != own // 2:
                self.require(False, f"the id of user {int(pair) * 2}", answer)  # noqa: FBT003 - found
            elif account and world.numbers.get(account, own) != own:
                self.require(False, f"the id of user {world.numbers[account]}", answer)  # noqa: FBT003 - found


def in_path(text: str) -> str:
    return quote(text, safe="")
