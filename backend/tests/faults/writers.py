"""Clients that go on writing whatever happens, and a ledger of what they were told."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Final

import asyncpg
import httpx

from tests.contracts.drivers import ACCOUNTS, ENVELOPE, Driver, Task
from tests.database.databases import until
from tests.support.accounts import PASSWORD, fresh_address
from tests.support.canary import SUITE
from tests.support.client import client_for
from tests.support.users import token_for

PATIENCE_SECONDS: Final = 60.0
NO_ANSWER: Final = 0
_PAUSE_SECONDS: Final = 0.005
_PAUSE_AFTER_REFUSAL_SECONDS: Final = 0.05
_AWAY: Final = {503, 504}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, when (`time.monotonic`) and after how long; NO_ANSWER may be its status."""

    status: int
    at: float
    seconds: float
    is_write: bool
    retry_after: str | None
    is_replayed: bool
    text: str


@dataclass(slots=True)
class Ledger:
    """What was sent, and what came back.

    `acknowledged` has the id of each title, `strange` whatever was not the writer's own; `health`
    the statuses of the addresses that tell it, where somebody asks.
    """

    sent: set[str] = field(default_factory=set)
    acknowledged: dict[str, int] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    health: dict[str, set[int]] = field(default_factory=dict)

    def since(self, moment: float) -> list[Answer]:
        return [answer for answer in self.answers if answer.at >= moment]

    def count(self, *, since: float = 0.0) -> Counter[int]:
        """How many answers there are of each status."""
        return Counter(answer.status for answer in self.since(since))

    def refusals(self, *, since: float = 0.0, reads: bool | None = None) -> list[Answer]:
        return [
            answer
            for answer in self.since(since)
            if answer.status in _AWAY and reads in {None, not answer.is_write}
        ]

    def replayed(self) -> list[Answer]:
        """Answers of an earlier request with the same key."""
        return [answer for answer in self.answers if answer.is_replayed]

    async def acknowledges(self, count: int, *, since: float) -> None:
        """Wait until so many more tasks have been created. Raises: TimeoutError."""
        await until(lambda: len(self.written(since=since)) >= count)

    def written(self, *, since: float = 0.0) -> list[Answer]:
        return [answer for answer in self.since(since) if answer.status == 201]


class Writer:
    """One client of one user: creates tasks, and reads what it was told it has.

    With keys it repeats a creation under the same `Idempotency-Key` until it is acknowledged.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        user_id: str,
        ledger: Ledger,
        *,
        driver: Driver,
        with_keys: bool,
    ) -> None:
        self._client = client
        self._driver = driver
        self._user_id = user_id
        self._ledger = ledger
        self._with_keys = with_keys
        self._tasks = driver.tasks_path(user_id)
        self._numbers = itertools.count()
        self._name = token_hex(4)

    async def work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            task = await self._write()
            if task is not None:
                await self._read(task)
            await self._list()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _write(self) -> Task | None:
        title = f"{self._user_id} {self._name} {next(self._numbers)}"
        headers = {"idempotency-key": title.replace(" ", "-")} if self._with_keys else {}
        self._ledger.sent.add(title)
        while True:
            response = await self._ask("POST", self._tasks, headers=headers, json={"title": title})
            if response is not None and response.status_code == 201:
                task = self._driver.task_of(response.json())
                self._expect(task["title"] == title, response)
                self._ledger.acknowledged[title] = task["id"]
                return task
            if not self._with_keys:
                return None

    async def _read(self, task: Task) -> None:
        response = await self._ask("GET", f"{self._tasks}/{task['id']}")
        if response is not None and response.status_code == 200:
            self._expect(self._driver.task_of(response.json()) == task, response)

    async def _list(self) -> None:
        few = "?limit=5" if "limit" in self._driver.parameters else ""
        response = await self._ask("GET", f"{self._tasks}{few}")
        if response is not None and response.status_code == 200:
            titles = [task["title"] for task in self._driver.tasks_of(response.json())]
            self._expect(all(title.startswith(f"{self._user_id} ") for title in titles), response)

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        began = time.monotonic()
        response = None
        try:
            response = await self._client.request(method, path, **options)
        except httpx.TransportError as error:
            text = repr(error)
        else:
            text = response.text
        now = time.monotonic()
        status = NO_ANSWER if response is None else response.status_code
        retry_after = None if response is None else response.headers.get("retry-after")
        is_replayed = response is not None and "idempotent-replayed" in response.headers
        self._ledger.answers.append(
            Answer(status, now, now - began, method == "POST", retry_after, is_replayed, text)
        )
        if status in {NO_ANSWER, 409, *_AWAY}:
            await asyncio.sleep(_PAUSE_AFTER_REFUSAL_SECONDS)
        return response

    def _expect(self, is_own: bool, response: httpx.Response) -> None:  # noqa: FBT001 - a claim about the answer
        if not is_own:
            self._ledger.strange.append(f"{self._user_id}: {response.text}")


@asynccontextmanager
async def writing(
    url: str,
    *,
    driver: Driver = ENVELOPE,
    users: int = 3,
    clients: int = 2,
    with_keys: bool = False,
) -> AsyncIterator[Ledger]:
    """Let so many users with so many clients each write, until the block ends.

    Each has a number of tasks acknowledged before the block begins.
    """
    ledger = Ledger()
    stopping = asyncio.Event()
    async with AsyncExitStack() as stack:
        writers = []
        for _ in range(users):
            user_id, token = await _signed_in(url, driver)
            headers = {"authorization": f"Bearer {token}"}
            for _ in range(clients):
                client = client_for(
                    url,
                    headers=headers,
                    timeout=PATIENCE_SECONDS,
                )
                await stack.enter_async_context(client)
                writers.append(Writer(client, user_id, ledger, driver=driver, with_keys=with_keys))
        working = [asyncio.create_task(writer.work(stopping)) for writer in writers]
        try:
            await until(lambda: len(ledger.acknowledged) >= 5 * len(writers))
            yield ledger
        finally:
            stopping.set()
            async with asyncio.timeout(2 * PATIENCE_SECONDS):  # who has a key does not give up
                await asyncio.gather(*working)


async def _signed_in(url: str, driver: Driver) -> tuple[str, str]:
    """Return the id and the token of somebody new; where accounts are made here, with one."""
    if driver is not ACCOUNTS:
        user_id = f"writer-{token_hex(4)}"
        return user_id, token_for(user_id, lifetime_seconds=3600)
    body = {"email": fresh_address(), "password": PASSWORD, "name": "Ann"}
    async with client_for(url, timeout=PATIENCE_SECONDS) as client:
        response = await client.post("/api/auth/signup", json=body)
    assert response.status_code == 201, response.text
    SUITE.keep(response.json()["access_token"])
    SUITE.keep(response.json()["refresh_token"])
    return response.json()["user"]["id"], response.json()["access_token"]


async def stored(session: asyncpg.Connection, ledger: Ledger) -> list[tuple[int, str, str]]:
    """Return what is really there of what the ledger's writers sent: id, user, title."""
    found = await session.fetch(
        "SELECT id, user_id, title FROM tasks WHERE title = ANY ($1)", list(ledger.sent)
    )
    return [(row["id"], row["user_id"], row["title"]) for row in found]
