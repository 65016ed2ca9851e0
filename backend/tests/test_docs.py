"""The documents say what is: every name in them that a program can look up is looked up."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from todo_backend.commands import cli
from todo_backend.contracts import CONTRACTS
from todo_backend.database.url import parse
from todo_backend.settings import Settings, load

BACKEND = Path(__file__).parents[1]
ROOT = BACKEND.parent
DOCS = ROOT / "docs"
RECORDS = sorted((DOCS / "adr").glob("*.md"))
# Not ours: what is installed, generated or kept by a running server.
FOREIGN = {".git", ".venv", ".data", "node_modules", ".hypothesis", ".pytest_cache"}
# What a document may name although a fresh clone doesn't have it.
MADE_LATER = {".git", ".venv", ".data", ".env"}
VARIABLES = sorted(str(field.validation_alias) for field in Settings.model_fields.values())
# Production has other defaults for these, which a value in the example would override.
BY_ENVIRONMENT = {"ALLOWED_ORIGINS", "LOG_FORMAT", "SHUTDOWN_DRAIN_SECONDS"}
PARTS_OF_A_RECORD = ["Context", "Decision", "Evidence", "Consequences"]


def ours(*suffixes: str) -> list[Path]:
    """Find the files of this repository by their suffixes."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - FOREIGN)
        found += [Path(folder, name) for name in names if name.endswith(suffixes)]
    return sorted(found)


documents = pytest.mark.parametrize(
    "document", ours(".md"), ids=lambda path: str(path.relative_to(ROOT))
)
records = pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
variables = pytest.mark.parametrize("variable", VARIABLES)


def rows_of(document: Path) -> Iterator[tuple[str, str]]:
    """Give the name in the first column, in code marks, and the second column of every table."""
    for line in document.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| `([\w.-]+)` \| (.*?) \|", line):
            yield match[1], match[2]


def loaded(**env: str) -> Settings:
    return load(env, env_file=None, contracts=tuple(CONTRACTS))


def example_values() -> dict[str, str]:
    text = (BACKEND / ".env.example").read_text(encoding="utf-8")
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


# Settings -------------------------------------------------------------------------------


def test_every_setting_is_documented_once_and_no_other() -> None:
    """Somebody who looks for a variable finds it, and finds none that does nothing."""
    documented = [name for name, _ in rows_of(DOCS / "configuration.md") if name.isupper()]

    assert sorted(documented) == VARIABLES
    assert sorted(example_values()) == VARIABLES


@variables
def test_the_documented_default_is_the_default(variable: str) -> None:
    """To set the default that a document names changes nothing; *none* is nothing."""
    (default,) = [text for name, text in rows_of(DOCS / "configuration.md") if name == variable]
    fields = {str(field.validation_alias): name for name, field in Settings.model_fields.items()}

    present = getattr(loaded(), fields[variable])

    if default == "*none*":
        assert present in (None, ())
    else:
        assert present is not None
        assert getattr(loaded(**{variable: default.strip("`")}), fields[variable]) == present


@variables
def test_the_default_in_the_example_file_is_the_default(variable: str) -> None:
    """A copied line changes nothing, whatever else the copy sets."""
    (default,) = [text for name, text in rows_of(DOCS / "configuration.md") if name == variable]

    shown = example_values()[variable]

    assert loaded(**{variable: shown}) == loaded()
    has_none = default == "*none*" or variable in BY_ENVIRONMENT
    assert shown == ("" if has_none else default.strip("`"))


def test_the_documented_addresses_can_be_used() -> None:
    """An address copied from the page is one that the server takes."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    addresses = re.findall(r"^DATABASE_URL=(\S+)", text, re.MULTILINE)

    assert len([parse(address) for address in addresses if "…" not in address]) >= 3


# Names of files -------------------------------------------------------------------------


def anchors_of(document: Path) -> set[str]:
    """Give the anchors that a repository's host makes of the headings."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@documents
def test_relative_links_lead_somewhere(document: Path) -> None:
    """A link within the repository has its file, and that file the heading it names."""
    text = document.read_text(encoding="utf-8")
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(target)

    assert broken == []


def files_named_in(text: str) -> Iterator[str]:
    """Give what looks like a file or folder of this repository, in code marks or code blocks."""
    code = re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
    for word in re.findall(r"(?<![\w/.:@$%~{}-])[\w.][\w./-]*+(?!\()", " ".join(code)):
        name = word.rstrip(".")
        is_file = re.search(r"[a-z]\.(py|sql|md|toml|lock|ya?ml|json|sh|lua)$", name)
        if is_file or re.match(r"(script|backend|docs|deploy|clients)/", name):
            yield name


def exists(name: str, *, beside: Path) -> bool:
    # Documents name a file by as much of its path as their readers need.
    package = BACKEND / "src" / "todo_backend"
    places = (ROOT, BACKEND, package, BACKEND / "tests", beside)
    contracts = (package / "contracts" / contract for contract in CONTRACTS)
    migrations = package / "database" / "migrations" / "versions"
    return any((place / name).exists() for place in (*places, *contracts, migrations))


@documents
def test_the_files_that_a_document_names_are_there(document: Path) -> None:
    """Nobody is sent to a file that has moved."""
    named = set(files_named_in(document.read_text(encoding="utf-8")))
    ours = {name for name in named if not MADE_LATER.intersection(name.split("/"))}

    missing = {name for name in ours if not exists(name, beside=document.parent)}

    # The pattern for the next migration is no file yet.
    assert missing - {"database/migrations/versions/0002_what_it_does.py"} == set()


def test_the_documents_that_the_code_names_are_there() -> None:
    """A reason that stands elsewhere can be looked up."""
    named = set()
    for path in ours(".py", ".sql", ".toml", ".lua", ".mako", ".env.example"):
        named |= set(
            re.findall(r"(?<![\w/])docs/[\w/-]+(?:\.md)?", path.read_text(encoding="utf-8"))
        )

    missing = {name for name in named if len(list(ROOT.glob(_spelled_out(name)))) != 1}

    assert {"docs/adr/0002", "docs/architecture.md"} <= named
    assert missing == set()


def _spelled_out(name: str) -> str:
    return f"{name}-*.md" if re.fullmatch(r"docs/adr/\d{4}", name) else name


# Decision records -----------------------------------------------------------------------


def test_decision_records_are_numbered_without_a_gap() -> None:
    """A number is never given twice and never lost."""
    numbers = [int(path.name[:4]) for path in RECORDS]

    assert numbers == list(range(1, len(numbers) + 1))


@records
def test_a_decision_record_has_all_its_parts(record: Path) -> None:
    """A choice without its evidence can't be judged later."""
    text = record.read_text(encoding="utf-8")

    assert re.match(rf"# {int(record.name[:4])}\. \S", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS_OF_A_RECORD


# The rest -------------------------------------------------------------------------------


def test_every_dependency_has_its_reason_and_no_other_has() -> None:
    """Nothing is installed that nobody can account for."""
    document = tomllib.loads((BACKEND / "pyproject.toml").read_text(encoding="utf-8"))
    lists = [document["project"]["dependencies"], document["build-system"]["requires"]]
    lists += document["project"]["optional-dependencies"].values()
    lists += document["dependency-groups"].values()
    wanted = {re.split(r"[^\w.-]", text)[0].lower() for each in lists for text in each}

    documented = [name for name, _ in rows_of(DOCS / "dependencies.md")]

    assert sorted(documented) == sorted(wanted)


@documents
def test_the_commands_that_a_document_names_are_there(document: Path) -> None:
    """A command copied from a document is one that the command line knows."""
    code = re.findall(r"```.*?```|`[^`\n]+`", document.read_text(encoding="utf-8"), re.DOTALL)
    named = re.findall(r"todo-backend ([a-z]+)(?: ([a-z]+))?", " ".join(code))
    root = typer.main.get_group(cli)

    for command, subcommand in named:
        found = root.commands.get(command)
        assert found is not None, command
        if isinstance(found, typer.core.TyperGroup):
            assert not subcommand or subcommand in found.commands, subcommand
