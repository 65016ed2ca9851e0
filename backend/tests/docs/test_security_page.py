"""The pages on security say what is, and each hostile case that we know of has its test."""

import ast
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from tests.contracts import test_hostile_http, test_hostile_tokens

TESTS: Final = Path(__file__).parents[1]
BACKEND: Final = TESTS.parent
DOCS: Final = BACKEND.parent / "docs"
SECURITY: Final = DOCS / "security.md"
ASVS: Final = DOCS / "asvs.md"
PAGES: Final = (SECURITY, ASVS, DOCS / "isolation.md")

# How many cases each family of the catalogue of hostile and faulty cases has.
FAMILIES: Final = {"G": 12, "JWKS": 9, "AU": 58, "FA": 50, "IS": 32, "LG": 12}
CORPORA: Final = {"WYCH", "JWKV"}
CATALOGUE: Final = CORPORA | {
    f"{family}-{number:02}" for family, count in FAMILIES.items() for number in range(1, count + 1)
}
CASE: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:(G|JWKS|AU|FA|IS|LG)[-_](\d\d)|(WYCH|JWKV))(?![A-Za-z0-9])"
)

NOT_APPLICABLE: Final = "Cases that don't apply"
REFERENCE: Final = re.compile(r"`(?:backend/)?(tests/[\w/]+\.py)::(\w+)(?:\[[^`]*\])?`")
NAME_ALONE: Final = re.compile(r"`(test_\w+)`")

LEVELS: Final = ("1", "2")
TEST, DESIGN, NOT_HERE, NOT_MET = "a test", "by design", "not applicable", "not met"
ANSWERS: Final = {
    TEST: re.compile(rf"{REFERENCE.pattern}.*"),
    DESIGN: re.compile(r"By design: \S.*\."),
    NOT_HERE: re.compile(r"Not applicable because \S.*\.\)?"),
    NOT_MET: re.compile(r"Not met: \S.*\."),
}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def rows_of(text: str) -> list[list[str]]:
    """Give the cells of every row of every table; heads are rows as well."""
    lines = [line for line in text.splitlines() if re.match(r"\|(?!-)", line)]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def part_of(text: str, heading: str) -> str:
    _, _, rest = text.partition(f"## {heading}\n")
    return rest.partition("\n## ")[0]


# Names of tests ---------------------------------------------------------------------------


@cache
def named_in(path: Path) -> frozenset[str]:
    """Find the tests of a file by their names."""
    functions = (
        node
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(each.name for each in functions if each.name.startswith("test_"))


def ids_in(path: Path) -> Iterator[str]:
    """Give the texts outside of functions that are in decorators and in tables of cases."""
    waiting: list[ast.AST] = [ast.parse(text_of(path))]
    while waiting:
        match waiting.pop():
            case ast.Expr(ast.Constant()):
                pass  # a docstring
            case ast.FunctionDef() | ast.AsyncFunctionDef() as function:
                waiting += function.decorator_list
            case ast.Constant(str(text)):
                yield text
            case node:
                waiting += ast.iter_child_nodes(node)


def cases_in(text: str) -> set[str]:
    """Find the cases that a name names: `FA-12`, or `fa_12` in the name of a function."""
    return {corpus or f"{family}-{number}" for family, number, corpus in CASE.findall(text.upper())}


def cases_with_tests() -> set[str]:
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        found |= {case for name in named_in(path) for case in cases_in(name)}
        # A sentence that speaks of a case is no name: a name begins with it.
        found |= {case for text in ids_in(path) if CASE.match(text) for case in cases_in(text)}
    return found


def names_of_rows(module: ModuleType) -> set[str]:
    """Give the names that pytest puts behind the tests which take a `row`."""
    functions = (function for name, function in vars(module).items() if name.startswith("test_"))
    marks = (mark for function in functions for mark in getattr(function, "pytestmark", []))
    return {
        mark.kwargs["ids"](row)
        for mark in marks
        if mark.name == "parametrize" and mark.args[0] == "row"
        for row in mark.args[1]
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tests_that_a_page_names_are_there(page: Path) -> None:
    """A promise has the test that shows it, and nobody is sent to one that was renamed."""
    text = text_of(page)
    referred = {(BACKEND / path, name) for path, name in REFERENCE.findall(text)}
    alone = set(NAME_ALONE.findall(text))

    missing = {name for path, name in referred if not path.is_file() or name not in named_in(path)}
    missing |= alone.difference(*map(named_in, TESTS.rglob("test_*.py")))

    assert len(referred | alone) >= 5
    assert sorted(missing) == []


def test_every_promise_has_a_test() -> None:
    """No row among the promises of the page is only words."""
    promises = part_of(text_of(SECURITY), "What is promised")
    rows = [row for row in rows_of(promises) if row[0] != "promise"]

    unproven = [row[0] for row in rows if not REFERENCE.search(row[-1])]

    assert len(rows) >= 40
    assert unproven == []


# The catalogue of hostile and faulty cases ------------------------------------------------


def excused_cases() -> set[str]:
    rows = rows_of(part_of(text_of(SECURITY), NOT_APPLICABLE))
    return {row[0].strip("`") for row in rows if row[0] != "case"}


def test_every_case_has_a_test_or_an_excuse() -> None:
    """What is known to go wrong elsewhere is shown to go well here."""
    without = CATALOGUE - cases_with_tests() - excused_cases()

    assert sorted(without) == []


def test_an_excuse_is_for_a_case_without_a_test() -> None:
    """The page excuses nothing that is not in the catalogue, and nothing that is tested."""
    excused = excused_cases()

    assert sorted(excused - CATALOGUE) == []
    assert sorted(excused & cases_with_tests()) == []


def test_every_hostile_row_is_a_test_of_its_own() -> None:
    """A recipe that fails is named by its id."""
    files = sorted((TESTS / "data").glob("*_hostile.json"))
    wanted = {row["id"] for file in files for row in json.loads(text_of(file))}

    names = names_of_rows(test_hostile_http) | names_of_rows(test_hostile_tokens)

    assert len(files) == 2
    assert sorted(wanted - names) == []


# OWASP's verification standard ------------------------------------------------------------


def requirements() -> list[list[str]]:
    """Give id, level and answer of every requirement on the page."""
    return [row for row in rows_of(text_of(ASVS)) if re.fullmatch(r"V\d+\.\d+\.\d+", row[0])]


def kind_of(answer: str) -> str:
    found = [kind for kind, form in ANSWERS.items() if form.fullmatch(answer)]
    return found[0] if len(found) == 1 else f"of no form: {answer}"


def test_every_requirement_has_an_answer() -> None:
    """Each stands in its chapter, once, in order, with a test, a reason or what is missing."""
    rows = requirements()
    places = [tuple(map(int, row[0].removeprefix("V").split("."))) for row in rows]

    assert places == sorted(set(places))
    for chapter in re.split(r"^## ", text_of(ASVS), flags=re.MULTILINE)[1:]:
        of_chapter = {row[0].partition(".")[0] for row in rows_of(chapter) if row in rows}
        assert of_chapter in (set(), {chapter.partition(" ")[0]})
    assert {row[1] for row in rows} == set(LEVELS)
    assert {kind_of(row[2]) for row in rows} == ANSWERS.keys()


def test_the_summary_counts_the_answers() -> None:
    """The figures at the head of the page are those of its tables."""
    counted = Counter((row[1], kind_of(row[2])) for row in requirements())
    head, *summary = rows_of(part_of(text_of(ASVS), "Summary"))

    assert head == ["", *(f"level {level}" for level in LEVELS)]
    assert summary == [[kind, *(str(counted[level, kind]) for level in LEVELS)] for kind in ANSWERS]


def test_the_page_has_every_requirement() -> None:
    """The ids and levels are those of the standard itself: all of level 1 and 2, no others."""
    folder = os.environ.get("CORPUS_DIR")
    if not folder:
        pytest.skip("CORPUS_DIR is not set: it names the folder that holds the standard's file")
    (file,) = Path(folder).glob("OWASP_Application_Security_Verification_Standard_5*.flat.json")

    published = json.loads(text_of(file))["requirements"]

    wanted = [(each["req_id"], each["L"]) for each in published if each["L"] in LEVELS]
    assert [(row[0], row[1]) for row in requirements()] == wanted
