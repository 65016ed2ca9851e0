"""What the locks pin: a list of it (CycloneDX), and what is known against it."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

RUNTIME: Final = "requirements.lock"
EVERYTHING: Final = "requirements-dev.lock"
_PIN: Final = re.compile(r"^([A-Za-z0-9][^\\#]*?)\s*\\?$", re.MULTILINE)
_FOUND: Final = 1
# So begins what uv says of options that it doesn't know, or no longer.
_USAGE: Final = re.compile(r"^Usage: ", re.MULTILINE)
# A service that is away is asked again by the next run.
_ONCE: Final = {"UV_HTTP_RETRIES": "0", "UV_NO_PROGRESS": "1"}


@dataclass(frozen=True, slots=True)
class Result:
    """How an audit went: nothing found, something found, or nobody could be asked."""

    name: str
    told: str
    is_bad: bool = False
    is_skipped: bool = False

    def __str__(self) -> str:
        state = "problem" if self.is_bad else "skipped" if self.is_skipped else "ok"
        return f"{state:<8} {self.name}: {self.told}"


class Uv:
    """uv, asked about the packages of one lock, in a project made up for them."""

    def __init__(self, program: Path, lock: Path, *, env: Mapping[str, str]) -> None:
        self._program = program
        self._pins = _PIN.findall(lock.read_text(encoding="utf-8"))
        self._env = {**env, **_ONCE}

    def sbom(self) -> Result | str:
        """Return the list of the packages as CycloneDX JSON, or why it can't be made."""
        with TemporaryDirectory() as folder:
            if refusal := self._locked("sbom", Path(folder)):
                return refusal
            words = ("export", "--frozen", "--no-header", "--format", "cyclonedx1.5")
            done = self._run(Path(folder), *words, "--preview-features", "sbom-export")
        return Result("sbom", _last(done.stderr), is_bad=True) if done.returncode else done.stdout

    def audit(self, *, service: str | None = None) -> Result:
        """Ask OSV, or who answers like it at `service`, for what is known against the packages."""
        name = f"advisories about {len(self._pins)} Python packages"
        with TemporaryDirectory() as folder:
            if refusal := self._locked(name, Path(folder)):
                return refusal
            words = ["audit", "--frozen", "--preview-features", "audit-command"]
            words += [] if service is None else ["--service-url", service]
            return _audited(name, self._run(Path(folder), *words))

    def _locked(self, name: str, folder: Path) -> Result | None:
        document = f"""
[project]
name = "todo-backend"
version = "0"
requires-python = ">=3.11"
dependencies = {json.dumps(self._pins)}
"""
        (folder / "pyproject.toml").write_text(document, encoding="utf-8")
        done = self._run(folder, "lock")
        if done.returncode == 0:
            return None
        return _unanswered(name, "the registry does not answer", done)

    def _run(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return _run([str(self._program), *words], folder, self._env)


def npm_audit(lock: Path, *, name: str, env: Mapping[str, str]) -> Result:
    """Ask npm's registry for what is known against the packages of a `package-lock.json`."""
    name = f"advisories about {name}"
    words = ["npm", "audit", "--json", "--package-lock-only", "--fetch-retries=0"]
    with TemporaryDirectory() as folder:
        for each in ("package.json", "package-lock.json"):
            (Path(folder) / each).write_bytes((lock.parent / each).read_bytes())
        try:
            done = _run(words, Path(folder), env)
        except FileNotFoundError:
            return Result(name, "there is no npm here", is_skipped=True)
    return npm_result(name, done.stdout)


def npm_result(name: str, said: str) -> Result:
    """Read what `npm audit --json` says."""
    try:
        found: Any = json.loads(said)
        counts: dict[str, int] = found["metadata"]["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return Result(name, "the registry tells no advisories", is_skipped=True)
    if counts["total"] == 0:
        return Result(name, "none known")
    return Result(name, ", ".join(sorted(found["vulnerabilities"])), is_bad=True)


def _audited(name: str, done: subprocess.CompletedProcess[str]) -> Result:
    if done.returncode == 0:
        return Result(name, "none known")
    if done.returncode == _FOUND:
        return Result(name, f"\n{done.stdout}", is_bad=True)
    return _unanswered(name, "nobody could be asked", done)


def _unanswered(name: str, reason: str, done: subprocess.CompletedProcess[str]) -> Result:
    """Tell that there is no network; and not that, for ever, when uv has been asked wrongly."""
    if _USAGE.search(done.stderr):
        first = done.stderr.strip().partition("\n")[0]
        return Result(name, f"uv is not asked as it wants to be: {first}", is_bad=True)
    return Result(name, f"{reason}: {_last(done.stderr)}", is_skipped=True)


def _run(
    words: Sequence[str], folder: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own words
        words, cwd=folder, env=dict(env), capture_output=True, text=True, check=False
    )


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it says nothing"
