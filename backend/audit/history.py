"""Secrets that somebody has committed, whether they are still there or not.

detect-secrets finds what looks like one. What it finds and is none (values that tests and examples
make up) is listed in accepted.txt by its hash, so that only what is new is told.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ACCEPTED: Final = Path("backend/audit/accepted.txt")
# A specification prints this one (its SHA-256), so whoever writes it down has used it.
_PRINTED: Final = "6e3de2633d2cb1d86afb1f7f79bcadc359e928152b61bcb3b5dc16b2ecbbb9ac"
_WORD: Final = re.compile(r"[^\s\"'`,;<>]{32,}")
# Locks are hashes throughout.
_LEFT_OUT: Final = re.compile(r"(\.lock|package-lock\.json)$")
# Every test of a password would be told: a word beside "password" is no finding by itself.
_PLUGINS_OFF: Final = ("KeywordDetector",)
_ADDED: Final = "+++ b/"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What looks like a secret: where, what it looks like, and its SHA-1."""

    path: str
    kind: str
    digest: str

    def __str__(self) -> str:
        return f"{self.digest}  {self.path}  {self.kind}"


def findings(root: Path) -> list[Finding]:
    """Look through every line that is in this repository, or ever was."""
    lines: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for path, line in (*_written(root), *_ever_added(root)):
        if not _LEFT_OUT.search(path) and path != str(ACCEPTED):
            lines[path][line] = None
    printed = [
        Finding(path, "the secret that a specification prints", _digest(word))
        for path, texts in lines.items()
        for text in texts
        for word in _words(text)
        if hashlib.sha256(word.encode()).hexdigest() == _PRINTED
    ]
    return sorted({*printed, *_scanned(lines)})


def accepted(root: Path) -> frozenset[str]:
    """Return the hashes of what has been looked at and is no secret."""
    text = (root / ACCEPTED).read_text(encoding="utf-8") if (root / ACCEPTED).exists() else ""
    return frozenset(line.split()[0] for line in text.splitlines() if line[:1] not in {"", "#"})


def accept(root: Path, found: Iterable[Finding]) -> None:
    """List these as no secrets."""
    head = "# What looks like a secret and is none, by its SHA-1. script/audit --accept writes it."
    first: dict[str, Finding] = {}
    for each in sorted(found):
        first.setdefault(each.digest, each)
    lines = [head, *map(str, first.values())]
    (root / ACCEPTED).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _written(root: Path) -> Iterator[tuple[str, str]]:
    """Give the lines of the files that are there, committed or about to be."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        try:
            text = (root / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # gone, a link to nowhere, or no text
            continue
        yield from ((name, line) for line in text.split("\n"))


def _ever_added(root: Path) -> Iterator[tuple[str, str]]:
    options = ("--all", "--patch", "--unified=0", "--no-color", "--no-renames", "--no-ext-diff")
    path = ""
    for line in _git(root, "log", "--format=", "-m", *options).split("\n"):
        if line.startswith(_ADDED):
            path = line.removeprefix(_ADDED).rstrip("\t")  # git's mark of a name with blanks
        elif line.startswith("+"):
            yield path, line[1:]


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), "-c", "core.quotePath=off", *words]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own words
    return done.stdout.decode(errors="replace")


def _words(line: str) -> Iterator[str]:
    for word in _WORD.findall(line):
        yield word
        yield word.rpartition("=")[2]
        yield word.partition("=")[2]


def _digest(word: str) -> str:
    return hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest()


def _scanned(lines: defaultdict[str, dict[str, None]]) -> Iterator[Finding]:
    """Have detect-secrets look at a copy: a file for each path, with all its lines of all times."""
    with TemporaryDirectory() as folder:
        for path, texts in lines.items():
            copy = Path(folder, path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text("\n".join(texts), encoding="utf-8")
        off = [word for name in _PLUGINS_OFF for word in ("--disable-plugin", name)]
        command = [sys.executable, "-m", "detect_secrets", "scan", "--all-files", *off, "."]
        done = subprocess.run(  # noqa: S603 - our own words
            command, cwd=folder, capture_output=True, check=True
        )
    for path, found in json.loads(done.stdout)["results"].items():
        for each in found:
            yield Finding(path.removeprefix("./"), each["type"], each["hashed_secret"])
