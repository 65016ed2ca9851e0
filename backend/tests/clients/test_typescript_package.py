"""The package that the TypeScript client is published as."""

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.clients import node
from tests.clients.node import CLIENT

# They pack, install and compile it.
pytestmark = pytest.mark.slow

SOURCES = sorted((CLIENT / "src").rglob("*.ts"))
# What a front end's own compiler may be told; each finds the types in another way.
RESOLUTIONS = ("bundler", "nodenext")
STRICT = ("--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess")


def manifest(name: str = "package.json") -> Any:
    return json.loads((CLIENT / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module", name="packed")
def _packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packed")


@pytest.fixture(scope="module", name="package")
async def _package(packed: Path) -> Path:
    """The package as npm unpacks it in somebody's front end, with what it depends on."""
    await node.run("npm", "pack", "--pack-destination", str(packed))
    name, modules = manifest()["name"], packed / "node_modules"
    with tarfile.open(packed / f"{name}-{manifest()['version']}.tgz") as files:
        files.extractall(modules, filter="data")
    package = (modules / "package").rename(modules / name)
    for dependency in manifest()["dependencies"]:
        (modules / dependency).symlink_to(CLIENT / "node_modules" / dependency)
    return package


def test_the_package_holds_what_its_users_need(package: Path) -> None:
    """Code, types, licence and README; no test, tool or setting of ours."""
    found = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}

    stems = {path.relative_to(CLIENT / "src").with_suffix("") for path in SOURCES}
    made = {f"dist/{stem}{suffix}" for stem in stems for suffix in (".js", ".d.ts")}
    assert found == {"LICENSE", "README.md", "package.json"} | made


async def test_every_entry_can_be_imported(package: Path) -> None:
    """A front end's `import` finds the code of each contract."""
    name = manifest()["name"]
    entries = [each.removeprefix(".") for each in manifest()["exports"] if "json" not in each]
    script = "".join(
        f"import * as m{number} from '{name}{entry}'; console.log(typeof m{number}.ApiError);"
        for number, entry in enumerate(entries)
    )

    out = await node.run("node", "--input-type=module", "--eval", script, cwd=package.parents[1])

    assert out.split() == ["function"] * len(entries) == ["function"] * 4


@pytest.mark.parametrize("resolution", RESOLUTIONS)
async def test_the_examples_of_the_readme_compile(package: Path, resolution: str) -> None:
    """What a reader copies is right, as strict as their compiler may be."""
    blocks = re.findall(
        r"^```ts\n(.*?)^```$", (package / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    folder = package.parents[1]
    (folder / "readme.mts").write_text("\n".join(blocks), encoding="utf-8")
    module = "nodenext" if resolution == "nodenext" else "esnext"
    compiler = str(CLIENT / "node_modules" / "typescript" / "bin" / "tsc")

    await node.run(
        *("node", compiler, "readme.mts", "--noEmit", "--target", "es2022", *STRICT),
        *("--lib", "es2022,dom", "--module", module),
        *("--moduleResolution", resolution),
        cwd=folder,
    )

    assert len(blocks) >= 5


async def test_commonjs_imports_as_the_readme_says(package: Path) -> None:
    """The line of the README works in a module that can't `require` the package."""
    text = (package / "README.md").read_text("utf-8")
    lines = re.findall(r"`(const [^`]+ = await import\([^`]+\))`", text)
    folder = package.parents[1]
    script = f"async function main() {{ {lines[0]}; console.log(typeof createApiClient); }} main();"
    (folder / "commonjs.cts").write_text(script, encoding="utf-8")
    compiler = str(CLIENT / "node_modules" / "typescript" / "bin" / "tsc")

    await node.run(
        *("node", compiler, "commonjs.cts", "--target", "es2022", *STRICT),
        *("--lib", "es2022,dom", "--module", "node16"),
        cwd=folder,
    )
    out = await node.run("node", "commonjs.cjs", cwd=folder)

    assert out.split() == ["function"]


def test_versions_are_pinned_and_no_registry_is() -> None:
    """Everybody gets the same files, from whatever registry they use."""
    wanted = manifest()["dependencies"] | manifest()["devDependencies"]
    locked = manifest("package-lock.json")["packages"]

    assert [version for version in wanted.values() if not re.fullmatch(r"[\d.]+", version)] == []
    assert list(manifest()["dependencies"]) == ["openapi-fetch"]
    others = {name: each for name, each in locked.items() if name}
    assert [name for name, each in others.items() if "resolved" in each] == []
    assert [name for name, each in others.items() if "integrity" not in each] == []
    texts = [path.read_text("utf-8") for path in CLIENT.iterdir() if path.is_file()]
    assert [text for text in texts if re.search(r"//[\w.-]*(npmjs|registry)", text)] == []


def test_the_licence_is_the_projects() -> None:
    """The package is published alone, and takes the licence along."""
    assert (CLIENT / "LICENSE").read_bytes() == (CLIENT.parents[1] / "LICENSE").read_bytes()


def test_files_are_short() -> None:
    """A file of the client is one that can be read in one sitting, as everywhere else here."""
    written = [path for path in SOURCES if path.parent.name != "generated"]
    written += (CLIENT / "tests").glob("*.ts")

    long = [path.name for path in written if len(path.read_text("utf-8").splitlines()) >= 300]

    assert len(written) > 10
    assert long == []
