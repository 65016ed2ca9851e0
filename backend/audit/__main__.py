"""The command that `script/audit` runs."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from audit import history, packages
from audit.packages import Result

ROOT = Path(__file__).parents[2]
BACKEND = ROOT / "backend"


def main(
    *,
    sbom: Annotated[
        Path | None, typer.Option(help="Write the list of runtime packages (CycloneDX) there.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="List what looks like a secret now as being none.")
    ] = False,
) -> None:
    """Look for secrets in the repository and its history, and for known faults of packages."""
    if accept:
        history.accept(ROOT, history.findings(ROOT))
        return
    is_bad = False
    for result in _results(sbom):
        typer.echo(str(result))
        is_bad |= result.is_bad
    raise typer.Exit(int(is_bad))


def _results(sbom: Path | None) -> Iterator[Result]:
    yield _secrets()
    uv = Path(sys.executable).with_name("uv")
    if sbom is not None:
        made = packages.Uv(uv, BACKEND / packages.RUNTIME, env=os.environ).sbom()
        if isinstance(made, str):
            sbom.write_text(made, encoding="utf-8")
            made = Result("sbom", str(sbom))
        yield made
    yield packages.Uv(uv, BACKEND / packages.EVERYTHING, env=os.environ).audit()
    for folder in ("clients/typescript", "backend/tests/better_auth/issuer"):
        yield packages.npm_audit(ROOT / folder / "package-lock.json", name=folder, env=os.environ)


def _secrets() -> Result:
    found = history.findings(ROOT)
    known = history.accepted(ROOT)
    new = [each for each in found if each.digest not in known]
    if new:
        lines = "\n".join(f"  {each}" for each in new)
        return Result("secrets", f"look at these, then script/audit --accept\n{lines}", is_bad=True)
    return Result("secrets", f"none in the tree or its history ({len(found)} made up, accepted)")


typer.run(main)
