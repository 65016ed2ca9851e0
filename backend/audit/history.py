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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ACCEPTED: Final = Path("backend/audit/accepted.txt")
# A specification prints this one (its SHA-256), so whoever writes it down has used it.
_PRINTED: Final = "6e3de2633d2cb1d86afb1f7f79bcadc359e928152b61bcb3b5dc16b2ecbbb9ac"
_WORD: Final = re.compile(r"[^\s\"'`,;<>]{32,}")
# libpq takes the password as a parameter too, where nothing stands in quotes.
_IN_ADDRESS: Final = re.compile(r"[?&](?:ssl)?password=([^&\s\"'`<>{}$]{6,})")
_LOCK: Final = re.compile(r"(\.lock|package-lock\.json)$")
# What locks are full of, and nobody's secret: the rest of a lock is read like any other file.
_HASH: Final = re.compile(r"\bsha(256:[0-9a-f]{64}|512-[A-Za-z0-9+/]{86}==)")
_PATH: Final = "+++ "
_HUNK: Final = re.compile(r"@@ -\S+ \+\d+(?:,(\d+))? @@")
_MESSAGES: Final = "commit-messages"
# Those whose grammar the scanner knows. By other names it may leave a file out.
_TYPES: Final = frozenset({".cfg", ".conf", ".ini", ".js", ".py", ".toml", ".yaml", ".yml"})
_SCAN: Final = (
    *("scan", "--all-files"),
    # It would ask whoever a key is for whether it works.
    "--no-verify",
    # accepted.txt is the only way around: a remark behind a secret is none.
    *("--disable-filter", "detect_secrets.filters.allowlist.is_line_allowlisted"),
    ".",
)


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
    for path, line in (*_written(root), *_ever_added(root), *_ever_said(root)):
        if path != str(ACCEPTED):
            # What is UTF-16 can be read without its zeros, of which each Latin letter has one.
            text = line.replace("\0", "")
            lines[path][_HASH.sub("", text) if _LOCK.search(path) else text] = None
    return sorted({*_read(lines), *_scanned(lines)})


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
            text = (root / name).read_bytes().decode(errors="replace")
        except OSError:  # gone, or a link to nowhere or to a folder
            continue
        yield from ((name, line) for line in text.split("\n"))


def _ever_added(root: Path) -> Iterator[tuple[str, str]]:
    shape = ("--patch", "--text", "--unified=0", "--no-color", "--no-renames")
    plain = ("--no-ext-diff", "--no-textconv")
    path, left = "", 0
    for line in _git(root, "log", "--all", "--format=", "-m", *shape, *plain).split("\n"):
        if left and line.startswith("+"):
            left -= 1
            yield path, line[1:]
        elif line.startswith(_PATH):
            # git marks a name with blanks by a tab, and quotes one with stranger things.
            path = line.removeprefix(_PATH).strip('"\t').removeprefix("b/")
        elif hunk := _HUNK.match(line):
            left = int(hunk[1] or 1)


def _ever_said(root: Path) -> Iterator[tuple[str, str]]:
    """Give the lines of the messages of commits and tags."""
    said = _git(root, "log", "--all", "--format=%B")
    said += _git(root, "for-each-ref", "--format=%(contents)", "refs/tags")
    yield from ((_MESSAGES, line) for line in said.split("\n"))


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


def _read(lines: Mapping[str, Iterable[str]]) -> Iterator[Finding]:
    """Find what detect-secrets doesn't know."""
    for path, texts in lines.items():
        for text in texts:
            for word in _words(text):
                if hashlib.sha256(word.encode()).hexdigest() == _PRINTED:
                    yield Finding(path, "the secret that a specification prints", _digest(word))
            for password in _IN_ADDRESS.findall(text):
                yield Finding(path, "Password in an address", _digest(password))


def _scanned(lines: Mapping[str, Iterable[str]]) -> Iterator[Finding]:
    """Have detect-secrets look at a copy: a file for each path, with all its lines of all times."""
    copies: dict[str, str] = {}
    with TemporaryDirectory() as folder:
        for number, (path, texts) in enumerate(lines.items()):
            suffix = Path(path).suffix
            copy = f"{number}{suffix if suffix in _TYPES else '.txt'}"
            copies[copy] = path
            Path(folder, copy).write_text("\n".join(texts), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-m", "detect_secrets", *_SCAN],
            cwd=folder,
            capture_output=True,
            check=True,
        )
    for copy, found in json.loads(done.stdout)["results"].items():
        for each in found:
            yield Finding(copies[Path(copy).name], each["type"], each["hashed_secret"])
