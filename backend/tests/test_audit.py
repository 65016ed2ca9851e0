"""What `script/audit` finds, and what it says where nobody can be asked."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from audit import history, packages
from audit.history import Finding
from audit.packages import Result, Uv, npm_result

BACKEND = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-setup.lock")
# In pieces, or this file would be a finding.
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n"
CLOUD_KEY = "AKIA" + "Q3EGRIV5XZ7NQ2LM"
TOKEN = "ghp" + "_" + "Qm3v" * 9
WORD, GUESSED = "password", "hunter2!Longer"
LOCK = f"""some==1 \\
    --hash=sha256:{"0123456789abcdef" * 4}
"integrity": "sha512-{"qL7/x+Za" * 10}Kd03Mw=="
"""
NOWHERE = "http://127.0.0.1:9"
ADVISORY = "GHSA-aaaa-bbbb-cccc"


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    command = ["git", "-C", str(folder), *who, *words]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose first commit has a private key, which its second one takes away."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "old key.pem").write_text(PRIVATE_KEY)
    (tmp_path / "some.lock").write_text(LOCK)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    (tmp_path / "old key.pem").write_text("nothing\n")
    git(tmp_path, "commit", "--quiet", "--all", "--message", "two")
    return tmp_path


def found_in(repository: Path) -> set[tuple[str, str]]:
    return {(each.path, each.kind) for each in history.findings(repository)}


def test_lg_10_a_secret_that_was_ever_committed_is_found(repository: Path) -> None:
    """What a later commit took away is public all the same; hashes in locks are nobody's secret."""
    assert found_in(repository) == {("old key.pem", "Private Key")}


def test_lg_10_a_secret_is_found_wherever_it_stands(repository: Path) -> None:
    """In a lock, in UTF-16, in an address, beside its name, in what a commit or a tag says."""
    (repository / "old key.pem").write_text("something\n")
    (repository / "some.lock").write_text(f"{LOCK}{PRIVATE_KEY}")
    (repository / "package-lock.json").write_text(f'{{"resolved": "{CLOUD_KEY}"}}\n')
    (repository / "little.txt").write_bytes(PRIVATE_KEY.encode("utf-16"))
    (repository / "big.css").write_bytes(PRIVATE_KEY.encode("utf-16-be"))
    (repository / 'a "name".txt').write_text(f"+{PRIVATE_KEY}++ {CLOUD_KEY}\n")
    (repository / "address.md").write_text(f"postgresql://h/db?{WORD}={GUESSED}&sslmode=require\n")
    (repository / "code.py").write_text(f'{WORD} = "{GUESSED}"  # pragma: allowlist secret\n')
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", f"three\n\nnow with {TOKEN}")
    git(repository, "tag", "--annotate", "first", "--message", f"for {CLOUD_KEY}")
    for each in repository.glob("[!.]*"):
        each.unlink()

    assert found_in(repository) == {
        ("old key.pem", "Private Key"),
        ("some.lock", "Private Key"),
        ("package-lock.json", "AWS Access Key"),
        ("little.txt", "Private Key"),
        ("big.css", "Private Key"),
        (r"a \"name\".txt", "Private Key"),
        (r"a \"name\".txt", "AWS Access Key"),
        ("address.md", "Password in an address"),
        ("code.py", "Secret Keyword"),
        ("commit-messages", "GitHub Token"),
        ("commit-messages", "AWS Access Key"),
    }


def test_lg_10_a_secret_that_is_not_committed_yet_is_found(repository: Path) -> None:
    """The sooner it is told, the less there is to change."""
    (repository / "settings.py").write_text(f'KEY = "{CLOUD_KEY}"\n')
    (repository / "wide.txt").write_bytes(PRIVATE_KEY.encode("utf-16"))

    found = found_in(repository)

    assert ("settings.py", "AWS Access Key") in found
    assert ("wide.txt", "Private Key") in found


def test_lg_10_what_was_looked_at_is_not_told_again(repository: Path) -> None:
    """A value that a test makes up is listed by its hash; the list is no finding itself."""
    (repository / history.ACCEPTED).parent.mkdir(parents=True)
    first = history.findings(repository)

    history.accept(repository, first)

    assert history.findings(repository) == first
    assert {each.digest for each in first} == history.accepted(repository)
    assert "MIIEow" not in (repository / history.ACCEPTED).read_text()


def test_lg_10_the_list_of_this_repository_can_be_read() -> None:
    """Every entry is a hash, a file and a kind."""
    text = (BACKEND.parent / history.ACCEPTED).read_text()
    entries = [line for line in text.splitlines() if not line.startswith("#")]

    assert entries == sorted(entries, key=lambda line: line.split("  ")[1:])
    assert all(re.fullmatch(r"[0-9a-f]{40}  \S+  [\w ]+", line) for line in entries)
    assert str(Finding("a.py", "Private Key", "0" * 40)) == f"{'0' * 40}  a.py  Private Key"


@pytest.mark.parametrize("lock", LOCKS)
def test_lg_11_every_package_is_pinned_by_its_hashes(lock: str) -> None:
    """What is installed is what was looked at, whoever serves it."""
    text = (BACKEND / lock).read_text()
    pins = re.findall(r"^\S.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    packages_ = [pin for pin in pins if not pin.startswith("#")]

    assert packages_
    assert all("==" in pin and "--hash=sha256:" in pin for pin in packages_)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"metadata": {"vulnerabilities": {"total": 0}}}, ("none known", False, False)),
        (
            {"metadata": {"vulnerabilities": {"total": 1}}, "vulnerabilities": {"left-pad": {}}},
            ("left-pad", True, False),
        ),
        ({"error": {"code": "ENOAUDIT"}}, ("the registry tells no advisories", False, True)),
        (None, ("the registry tells no advisories", False, True)),
    ],
)
def test_lg_11_what_npm_says(said: Any, expected: tuple[str, bool, bool]) -> None:
    """Found is a problem, and a service that isn't there is none."""
    result = npm_result("npm", json.dumps(said))

    assert (result.told, result.is_bad, result.is_skipped) == expected


def test_a_result_is_a_line() -> None:
    """The first word says what becomes of the run."""
    results = [Result("a", "b"), Result("a", "b", is_bad=True), Result("a", "b", is_skipped=True)]

    assert [str(each) for each in results] == ["ok       a: b", "problem  a: b", "skipped  a: b"]


class _Advisories(BaseHTTPRequestHandler):
    """Knows something against the first package it is asked about."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
        known = {"vulns": [{"id": ADVISORY, "modified": "2026-01-01T00:00:00Z"}]}
        self._answer({"results": [known] + [{}] * (len(asked) - 1)})

    def do_GET(self) -> None:
        times = dict.fromkeys(("modified", "published"), "2026-01-01T00:00:00Z")
        self._answer({"id": ADVISORY, "summary": "made up", "affected": [], **times})

    def _answer(self, content: object) -> None:
        octets = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def advisories() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def uv(lock: Path, **env: str) -> Uv:
    return Uv(UV, lock, env={**os.environ, **env})


def unless_skipped(result: Result | str) -> Result | str:
    if isinstance(result, Result) and result.is_skipped:
        pytest.skip(f"needs the package registry: {result.told}")
    return result


@pytest.mark.slow
def test_lg_11_the_list_of_packages_is_what_is_pinned() -> None:
    """CycloneDX, each with its version and its address as a package."""
    lock = BACKEND / packages.RUNTIME
    pins = set(re.findall(r"^([\w.-]+)==([\w.+]+)", lock.read_text(), re.MULTILINE))

    made = unless_skipped(uv(lock).sbom())

    assert isinstance(made, str)
    document = json.loads(made)
    assert document["bomFormat"] == "CycloneDX"
    assert {(each["name"], each["version"]) for each in document["components"]} == pins
    assert all(each["purl"].startswith("pkg:pypi/") for each in document["components"])


@pytest.mark.slow
def test_lg_11_an_advisory_is_a_problem(tmp_path: Path) -> None:
    """Whoever knows something is heard; whoever is away is said to be."""
    lock = tmp_path / "lock"
    lock.write_text("idna==3.20 \\\n    --hash=sha256:00\n    # via nobody\n")

    with advisories() as service:
        found = unless_skipped(uv(lock).audit(service=service))
    away = uv(lock).audit(service=NOWHERE)

    assert isinstance(found, Result)
    assert found.is_bad
    assert ADVISORY in found.told
    assert away.is_skipped
    assert away.told.startswith("nobody could be asked: ")


def test_lg_11_uv_that_has_other_options_is_a_problem(tmp_path: Path) -> None:
    """Or a newer uv would look as if there were no network, for ever."""
    lock, odd = tmp_path / "lock", tmp_path / "uv"
    lock.write_text("idna==3.20 \\\n    --hash=sha256:00\n")
    program = f'#!/bin/sh\n[ "$1" = lock ] && [ -z "$ODD" ] || exec "{UV}" "$@" --of-the-past\n'
    odd.write_text(program)
    odd.chmod(0o755)

    results = [Uv(odd, lock, env={**os.environ, "ODD": each}).audit() for each in ("", "lock")]

    for result in results:
        assert result.is_bad
        assert not result.is_skipped
        assert "--of-the-past" in result.told


def test_lg_11_without_a_registry_it_says_so(tmp_path: Path) -> None:
    """A machine without a network passes, with a line about what it has not done."""
    lock = tmp_path / "lock"
    lock.write_text("idna==3.20 \\\n    --hash=sha256:00\n")
    offline = uv(lock, UV_OFFLINE="1", UV_NO_CACHE="1")

    results = [offline.audit(), offline.sbom()]

    for result in results:
        assert isinstance(result, Result)
        assert result.is_skipped
        assert result.told.startswith("the registry does not answer: ")
