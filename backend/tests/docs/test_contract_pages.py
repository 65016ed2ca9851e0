"""The pages of docs/contracts leave nothing out and name nothing that is not there."""

import re
from collections.abc import Iterator
from string import Template
from typing import Any

import pytest

from tests.contracts.toy.routes import TOY
from tests.docs.pages import PAGES, examples, text_of
from tests.support.server import environment
from todo_backend.app import create_app
from todo_backend.contracts import CONTRACTS
from todo_backend.model import errors as facts
from todo_backend.model.errors import FieldError, Rule
from todo_backend.settings import DEFAULT_CONTRACTS, load
from todo_backend.web.contract import Contract

# Pages that are no contract's.
GENERAL = {"README", "your-own"}
# Between the ends of a range.
TO = "\u2013"
TOY_FOLDER = PAGES.parents[1] / "backend" / "tests" / "contracts" / "toy"
_NUMBERS = {3: "three", 4: "four", 5: "five", 6: "six"}
_ERROR_ROW = re.compile(r"^\| (\d{3}(?:, \d{3})*) \| (.*?) \|", re.MULTILINE)

contracts = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda each: each.name)


def calls_of(page: str) -> Iterator[tuple[str, str]]:
    """Give the method and the path of every example; what a variable holds is the page's."""
    variables: dict[str, str] = {}
    for example in examples(page, text_of(page)):
        for name, value in example.assignments:
            variables[name] = Template(value).safe_substitute(variables)
        if example.call:
            yield example.request(variables)


def document_of(contract: Contract) -> dict[str, Any]:
    """Describe a deployment that serves the contract alone."""
    env = environment("postgresql://somebody@localhost/todo", API_CONTRACTS=contract.name)
    return create_app(load(env, env_file=None, contracts=tuple(CONTRACTS))).openapi()


def answers_of(contract: Contract) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the statuses of every call of the contract, with what is documented of them."""
    document = document_of(contract)
    for route in contract.routes:
        responses = document["paths"][route.path][route.method.lower()]["responses"]
        for status, said in responses.items():
            yield int(status), said


def test_every_contract_has_its_page() -> None:
    """Whoever finds a name in API_CONTRACTS finds what it means."""
    assert {path.stem for path in PAGES.glob("*.md")} == CONTRACTS.keys() | GENERAL


@contracts
def test_a_page_shows_every_call(contract: Contract) -> None:
    """A call without an example is one that a reader has to guess."""
    called = list(calls_of(contract.name))

    missing = [
        f"{route.method} {route.path}"
        for route in contract.routes
        if not any(
            method == route.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path)
            for method, path in called
        )
    ]

    assert missing == []


@contracts
def test_a_page_lists_every_error(contract: Contract) -> None:
    """The table of errors names the statuses and codes that the reference names."""
    documented = set()
    for status, said in answers_of(contract):
        if status >= 400:
            for example in said["content"]["application/json"]["examples"].values():
                documented.add((status, code_of(example["value"])))

    listed = set()
    for statuses, codes in _ERROR_ROW.findall(text_of(contract.name)):
        for status in statuses.split(", "):
            named = re.findall(r"`([A-Z_]+)`", codes) or [None]
            listed |= {(int(status), code) for code in named}

    assert listed == documented


def code_of(body: dict[str, Any]) -> str | None:
    """Read the code out of an error; None where the contract has sentences alone."""
    said = body.get("error", body)
    code: str | None = said.get("code") or said.get("error_code")
    return code


def test_the_overview_names_every_contract_and_the_default() -> None:
    """The table that tells them apart has a column for each of them."""
    text = text_of("README")
    [heading] = re.findall(r"^\| +\|(.*)\|$", text, re.MULTILINE)

    assert set(re.findall(r"\[`(\w+)`\]", heading)) == CONTRACTS.keys()
    assert f"`{','.join(DEFAULT_CONTRACTS)}`" in text


def row_of(name: str) -> dict[str, str]:
    """Give what the overview says in one row, by contract."""
    text = text_of("README")
    [heading] = re.findall(r"^\| +\|(.*)\|$", text, re.MULTILINE)
    [row] = re.findall(rf"^\| {name} \|(.*)\|$", text, re.MULTILINE)
    cells = (cell.strip() for cell in row.split("|"))
    return dict(zip(re.findall(r"\[`(\w+)`\]", heading), cells, strict=True))


@contracts
def test_the_overview_tells_the_statuses(contract: Contract) -> None:
    """What the table says of an answer is how the contract says it."""
    is_told = contract.shape.tells_strangers
    strangers = facts.StrangersTask(1) if is_told else facts.TaskNotFound(1)
    invalid = facts.Invalid(FieldError("title", Rule.REQUIRED, "is required"))
    [deletion] = [route for route in contract.routes if route.method == "DELETE"]

    said = {
        "a field breaks a rule": contract.present(invalid).status,
        "somebody else's task": contract.present(strangers).status,
        "deleted": deletion.status,
    }

    assert {name: row_of(name)[contract.name][:3] for name in said} == {
        name: str(status) for name, status in said.items()
    }


@contracts
def test_the_overview_tells_the_limits_of_text(contract: Contract) -> None:
    """How long a title and a description may be is what `/openapi.json` says of a new task."""
    document = document_of(contract)
    [path] = [route.path for route in contract.routes if route.path.endswith("/tasks")][:1]
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    fields = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]
    title, description = fields["title"], fields["description"]["anyOf"][0]

    assert row_of("title")[contract.name] == f"{title['minLength']}{TO}{title['maxLength']}"
    assert row_of("description")[contract.name] == f"0{TO}{description['maxLength']}"


def test_the_page_shows_the_toy_as_it_is() -> None:
    """The code that a reader copies is the code that is tested."""
    text = text_of("your-own")
    shown = dict(
        re.findall(r"`tests/contracts/toy/([\w.]+)`:\n\n```\w+\n(.*?)```", text, re.DOTALL)
    )
    files = {
        path.name: path.read_text(encoding="utf-8")
        for path in TOY_FOLDER.iterdir()
        if path.is_file() and not path.name.startswith("test_")
    }

    assert shown == files


def test_the_page_says_how_many_files_it_takes() -> None:
    """The number is counted, not remembered."""
    files = [path for path in TOY_FOLDER.iterdir() if path.suffix in {".py", ".sql"}]
    needed = [path for path in files if not path.name.startswith("test_")]

    assert f"**{_NUMBERS[len(needed)]} files**" in text_of("your-own")
    assert TOY.name not in CONTRACTS
