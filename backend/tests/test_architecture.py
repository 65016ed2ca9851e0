"""The rules of docs/architecture.md that a program can check."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

import todo_backend
from todo_backend.database.database import Database
from todo_backend.settings import Settings

BACKEND = Path(__file__).parents[1]
PACKAGE = BACKEND / "src" / "todo_backend"
ROOT = "root"
# Each room and those that it may import; the root is the modules that stand in no folder.
ROOMS = {
    "model": {"model"},
    "database": {"model", "database"},
    "core": {"model", "database", "core"},
    "auth": {"model", "database", "core", "auth"},
    "web": {"model", "database", "core", "auth", "web"},
    "contracts": {"model", "database", "core", "auth", "web", "contracts"},
    ROOT: {"model", "database", "core", "auth", "web", "contracts", ROOT},
}
LINES_MAX = 300
WHOLESALE = re.compile(r"\b(Base)?Exception\b")
STATEMENT = re.compile(
    r"\b(SELECT\s.*\bFROM\b|SELECT\s+\w+\(|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM"
    r"|(CREATE|ALTER|DROP|COMMENT ON)\s+(TABLE|SCHEMA|ROLE|FUNCTION|POLICY|INDEX)|SET\s+LOCAL)\b",
    re.DOTALL,
)
modules = pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)


def room_of(parts: tuple[str, ...]) -> str:
    return parts[0] if parts and parts[0] in ROOMS else ROOT


def nodes_of(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def imports_of(path: Path) -> Iterator[tuple[str, ...]]:
    """Give what a module imports of ours, as the parts of its name below the package."""
    for node in nodes_of(path):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            assert not name.startswith("."), f"{path.name} imports {name} relatively"
            if name.startswith("todo_backend.") and name != "todo_backend.__version__":
                yield tuple(name.split(".")[1:])


@modules
def test_a_room_imports_only_from_the_rooms_above(path: Path) -> None:
    """A room knows what it stands on, and never what stands on it."""
    room = room_of(path.relative_to(PACKAGE).parts[:-1])

    wrong = [".".join(name) for name in imports_of(path) if room_of(name) not in ROOMS[room]]

    assert wrong == []


@modules
def test_a_contract_knows_no_other_contract(path: Path) -> None:
    """What is chosen and deleted as one stands in one folder."""
    here = path.relative_to(PACKAGE).parts[:2]
    if here[0] != "contracts" or here[1] == "__init__.py":
        return

    wrong = [name for name in imports_of(path) if name[0] == "contracts" and name[:2] != here]

    assert wrong == []


@modules
def test_sql_stands_in_the_database_room(path: Path) -> None:
    """Elsewhere no text is a statement; a contract's is in its task.sql."""
    if path.relative_to(PACKAGE).parts[0] == "database":
        return

    texts = [node.value for node in nodes_of(path) if isinstance(node, ast.Constant)]

    assert [text for text in texts if isinstance(text, str) and STATEMENT.search(text)] == []


@modules
def test_nothing_is_caught_wholesale(path: Path) -> None:
    """One place turns any defect into an answer; others clean up at most and raise it on."""
    if path == PACKAGE / "web" / "errors.py":
        return

    handlers = [node for node in nodes_of(path) if isinstance(node, ast.ExceptHandler)]
    wholesale = [each for each in handlers if _is_wholesale(each)]

    assert [each.lineno for each in wholesale if not _raises_on(each)] == []


def _is_wholesale(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or bool(WHOLESALE.search(ast.unparse(handler.type)))


def _raises_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_no_module_holds_an_application() -> None:
    """Importing the package opens and reads nothing: `main.py` alone does."""
    names = [found.name for found in pkgutil.walk_packages(todo_backend.__path__, "todo_backend.")]
    loaded = [importlib.import_module(name) for name in names if ".migrations" not in name]

    held = [
        f"{module.__name__}.{name}"
        for module in loaded
        for name, value in vars(module).items()
        if isinstance(value, FastAPI | Engine | AsyncEngine | Settings | Database)
    ]

    assert len(loaded) > len(ROOMS)
    assert held == []


@modules
def test_a_file_fits_into_a_head(path: Path) -> None:
    """What grows longer is two things."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


def test_no_file_names_the_folder_beside_this_repository() -> None:
    """What is here works wherever it is cloned to."""
    neighbour = ".." + "/shared"  # in pieces, or this file would name it
    files = [path for path in BACKEND.rglob("*.*") if path.suffix in {".py", ".sql", ".toml"}]

    naming = [path for path in files if ".venv" not in path.parts and neighbour in path.read_text()]

    assert naming == []
