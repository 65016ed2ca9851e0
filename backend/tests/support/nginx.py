"""A real nginx in front of a test's servers, with the configuration that we recommend."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

NGINX: Final = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
MISSING: Final = "nginx is not installed here"
_DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "operations.md"
_PATIENCE_SECONDS: Final = 20
_PAUSE_SECONDS: Final = 0.01
# What a machine's own configuration has around ours.
_AROUND: Final = """
{user}daemon off;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {ours}
}}
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def recommended(changes: Mapping[str, str]) -> str:
    """Return the configuration of docs/operations.md with these places in it replaced."""
    found = re.search(r"```nginx\n(.*?)```", _DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    text = found[1]
    for place, value in changes.items():
        assert text.count(place) == 1, place
        text = text.replace(place, value)
    return text


@contextmanager
def nginx(folder: Path, ours: str, *, port: int) -> Iterator[str]:
    """Run it in `folder`; give its address, for it listens on `port`."""
    folder.mkdir()
    user = "user root;\n" if os.geteuid() == 0 else ""
    path = folder / "nginx.conf"
    path.write_text(_AROUND.format(user=user, folder=folder, ours=ours), encoding="utf-8")
    process = subprocess.Popen(  # noqa: S603 - found above
        [str(NGINX), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(path)]
    )
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _listens(port):
            assert process.poll() is None, "nginx does not take its configuration"
            assert time.monotonic() < deadline, "nginx does not come up"
            time.sleep(_PAUSE_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
