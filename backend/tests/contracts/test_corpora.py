"""Other people's collections of hostile documents and texts, sent to every contract.

They are read where they are: CORPUS_DIR names the folder that holds them.
"""

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from tests.contracts.drivers import Task
from tests.contracts.people import Deployment, Person, fresh_id, signed_in
from todo_backend.model.text import has_visible, is_storable, strip

pytestmark = pytest.mark.slow

JSON: Final = {"content-type": "application/json"}
# JSON to RFC 8259, but not to I-JSON: a name stands twice in one object (RFC 7493, section 2.3).
REFUSED_ON_PURPOSE: Final = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
}
SECONDS: Final = 5
"""An answer takes no longer, whatever was asked."""
TEXTS: Final = 400


def folder(name: str) -> Path:
    found = os.environ.get("CORPUS_DIR")
    if not found:
        pytest.skip(f"CORPUS_DIR is not set: it names the folder that holds {name}")
    return Path(found) / name


def documents(kind: str) -> dict[str, bytes]:
    files = folder("JSONTestSuite/test_parsing").glob(f"{kind}_*.json")
    found = {path.name: path.read_bytes() for path in files}
    assert found, "CORPUS_DIR holds no JSONTestSuite/test_parsing"
    return found


def texts() -> list[str]:
    found: list[str] = json.loads((folder("blns") / "blns.json").read_text(encoding="utf-8"))
    assert len(found) > TEXTS
    return found


@pytest_asyncio.fixture
async def user(deployment: Deployment) -> AsyncIterator[Person]:
    """Somebody whom the database has never seen; every answer they get is looked at."""
    async with signed_in(deployment, fresh_id("user")) as person:
        yield person


async def statuses(user: Person, bodies: Mapping[str, bytes]) -> dict[str, int]:
    """Create a task with each body, and return what came of it."""
    found = {}
    for name, body in bodies.items():
        response = await user.client.post(user.tasks, content=body, headers=JSON)
        require_in_time(response)
        found[name] = response.status_code
    return found


def require_in_time(response: httpx.Response) -> None:
    assert response.elapsed.total_seconds() < SECONDS


async def test_g_08_documents_that_are_json_are_read(user: Person) -> None:
    """None of them is refused for its syntax, but for the two that I-JSON excludes.

    Most are refused for what they say: a list, a number, an object without a title.
    """
    found = await statuses(user, documents("y"))

    malformed = {name for name, status in found.items() if status == 400}
    invalid = user.driver.refusals.wrong_format.status
    if invalid == 400:
        malformed = {name for name in malformed if await is_malformed(user, name)}
    assert malformed == REFUSED_ON_PURPOSE
    assert set(found.values()) <= {201, 400, invalid}
    assert len(await user.listed()) == list(found.values()).count(201)


async def is_malformed(user: Person, name: str) -> bool:
    """Whether a document is refused in the words for what is no JSON at all."""
    body = documents("y")[name]
    response = await user.client.post(user.tasks, content=body, headers=JSON)
    nonsense = await user.client.post(user.tasks, content=b"{", headers=JSON)
    said: bool = response.json()["detail"] == nonsense.json()["detail"]
    return said


async def test_g_08_documents_that_are_no_json_are_refused(user: Person) -> None:
    """Every one of them, as malformed, and nothing is created."""
    bodies = documents("n")

    found = await statuses(user, bodies)

    others = {name: status for name, status in found.items() if status != 400}
    # Longer than any body may be, so not read to the end; and nothing at all, which is no document.
    large = {name: 413 for name, body in bodies.items() if len(body) > 64 * 1024}
    nothing = {name: user.driver.refusals.required.status for name in bodies if not bodies[name]}
    assert others == large | {name: each for name, each in nothing.items() if each != 400}
    assert await user.listed() == []


async def test_g_08_documents_that_may_be_json_break_nothing(user: Person) -> None:
    """Where the choice is left, a document is refused for its syntax or for what it says."""
    found = await statuses(user, documents("i"))

    assert set(found.values()) <= {400, user.driver.refusals.wrong_format.status}
    assert await user.listed() == []


async def test_documents_around_a_title_decide_about_it(user: Person) -> None:
    """In a member that nobody asked for, JSON is no harm, and what is no JSON spoils the body."""
    good = {
        name: b'{"title":"Buy milk","x":' + body + b"}" for name, body in documents("y").items()
    }
    found = await statuses(user, good)

    refused = {name for name, status in found.items() if status != 201}
    assert refused == REFUSED_ON_PURPOSE
    assert len(await user.listed()) > 0


@pytest.mark.parametrize("field", ["title", "description"])
async def test_naughty_texts_come_back_or_are_refused(user: Person, field: str) -> None:
    """Byte for byte, in the answer and when read again; or for the rule that they break."""
    driver = user.driver
    limit = driver.title_max if field == "title" else driver.description_max
    kept: list[tuple[Task, str]] = []
    for text in texts():
        body = {"title": "Buy milk"} | {field: text}
        response = await user.client.post(user.tasks, json=body)
        require_in_time(response)
        if is_fit(field, text, limit):
            assert response.status_code == 201, ascii(text)
            kept.append((driver.task_of(response.json()), expected(field, text)))
        else:
            assert response.status_code == driver.refusals.wrong_format.status, ascii(text)
            assert driver.fields_of(response.json()) == [field]

    assert len(kept) > TEXTS
    for task, text in kept:
        assert task[field] == text
        assert await user.read(task) == task


def is_fit(field: str, text: str, limit: int) -> bool:
    if field == "title":
        return is_storable(text) and has_visible(text) and len(strip(text)) <= limit
    return is_storable(text) and len(text) <= limit


def expected(field: str, text: str) -> str:
    return strip(text) if field == "title" else text


PLACES: Final[Mapping[str, Callable[[Person, str], dict[str, Any]]]] = {
    "query": lambda user, text: {"url": user.tasks, "params": {"status": text, "q": text}},
    "header": lambda user, text: {
        "url": user.tasks,
        "headers": {"x-request-id": text.encode(), "if-none-match": text.encode()},
    },
}


@pytest.mark.parametrize("place", PLACES)
async def test_naughty_texts_elsewhere_break_nothing(user: Person, place: str) -> None:
    """In a query or a header they mean nothing, or are refused."""
    for text in texts():
        if place == "header" and not text.isprintable():
            continue  # the client library refuses to send what ends a line
        response = await user.client.request("GET", **PLACES[place](user, text.strip()))
        require_in_time(response)
        assert response.status_code in {200, 400, 414, 422}, ascii(text)
