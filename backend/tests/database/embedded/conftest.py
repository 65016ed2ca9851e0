"""Real servers, on a copy of one cluster for each test, or on a folder that is still empty."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.database.embedded.given import QUICK, Owner, owner, processes_in
from todo_backend.database.embedded import EmbeddedPostgres

if sys.platform != "linux":
    collect_ignore_glob = ["test_*"]  # they look into /proc


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose server was started once and stopped."""
    data_dir = tmp_path_factory.mktemp("embedded") / "data"
    with EmbeddedPostgres.start(data_dir, options=QUICK):
        pass
    return data_dir


@pytest.fixture
def data_dir(template: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that folder; a test that leaves a process on it has failed."""
    copy = shutil.copytree(template, tmp_path / "data")
    yield copy
    assert processes_in(copy) == set()


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Callable[[Path], EmbeddedPostgres]:
    """Start a server in this process; it is stopped after the test."""

    def start(folder: Path) -> EmbeddedPostgres:
        server = EmbeddedPostgres.start(folder, options=QUICK)
        request.addfinalizer(server.stop)
        return server

    return start


@pytest.fixture(scope="module")
def running(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for the tests that only look at it."""
    copy = shutil.copytree(template, tmp_path_factory.mktemp("running") / "data")
    with EmbeddedPostgres.start(copy, options=QUICK) as server:
        yield server


@pytest.fixture
def other_owner() -> Iterator[Callable[..., Owner]]:
    """Serve a folder from another process, which is gone after the test."""
    with ExitStack() as stack:

        def start(data_dir: Path, **how: object) -> Owner:
            found = owner(data_dir, **how)  # type: ignore[arg-type] # handed on as they came
            stack.callback(found.process.wait)
            stack.callback(found.process.kill)
            return found

        yield start
