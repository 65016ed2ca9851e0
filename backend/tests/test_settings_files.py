"""Configuration in files: `.env`, its example, and the secret made for a developer."""

import os
import stat
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from todo_backend.secret_file import development_secret
from todo_backend.settings import Settings, SettingsError, load

CANARY = "canary51c7"


def loaded(env: dict[str, str], *, env_file: Path | None) -> Settings:
    return load(env, env_file=env_file, contracts=["envelope", "accounts"])


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """A file fills in what the environment leaves out or sets to nothing."""
    file = tmp_path / ".env"
    file.write_text(
        '\ufeffPORT=7000\nHOST=0.0.0.0\n# a comment\nexport JWT_ISSUER="https://a b"\nX=x\nWORKERS',
        encoding="utf-8",
    )

    settings = loaded({"PORT": "", "HOST": "::1"}, env_file=file)

    assert (settings.port, settings.host, settings.workers) == (7000, "::1", 1)
    assert settings.jwt_issuer == "https://a b"


def test_an_empty_list_of_contracts_in_the_file_is_told(tmp_path: Path) -> None:
    """API_CONTRACTS set to nothing serves nothing, so it is an error in a file as well."""
    file = tmp_path / ".env"
    file.write_text("API_CONTRACTS=\n", encoding="utf-8")

    with pytest.raises(SettingsError, match=r"^API_CONTRACTS "):
        loaded({}, env_file=file)


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    """A file in another encoding ends the start with a line."""
    file = tmp_path / ".env"
    file.write_bytes(b"JWT_ISSUER=\xff" + CANARY.encode())

    with pytest.raises(SettingsError, match="readable file in UTF-8") as caught:
        loaded({}, env_file=file)

    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_the_example_file_is_what_is_the_default() -> None:
    """The example can be copied as it is, and it has every variable."""
    file = Path(__file__).parent.parent / ".env.example"
    lines = file.read_text(encoding="utf-8").splitlines()
    shown = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]

    settings = loaded({}, env_file=file)

    assert settings == loaded({}, env_file=None)
    assert sorted(shown) == sorted(str(f.validation_alias) for f in Settings.model_fields.values())


def test_a_development_secret_is_made_once_for_all_starters(tmp_path: Path) -> None:
    """Those that start at the same moment sign with one secret, which only the owner reads."""
    folder = tmp_path / "new" / "data"
    starters = 16
    barrier = Barrier(starters)

    def start(_: int) -> str:
        barrier.wait()
        return development_secret(folder)

    with ThreadPoolExecutor(starters) as pool:
        made = set(pool.map(start, range(starters)))

    (file,) = folder.iterdir()
    assert made == {file.read_text(encoding="ascii")}
    assert len(made.pop()) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_development_secret_that_others_can_read_is_closed(tmp_path: Path) -> None:
    """A copy with a wider mode is narrowed, and the secret stays."""
    made = development_secret(tmp_path)
    (file,) = tmp_path.iterdir()
    file.chmod(0o644)

    assert development_secret(tmp_path) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40, b"x" * 64])
def test_a_damaged_development_secret_is_told(tmp_path: Path, content: bytes) -> None:
    """A file without a secret in it is named, and is not replaced behind one's back."""
    development_secret(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)

    with pytest.raises(SettingsError, match=r"^DATA_DIR holds a damaged "):
        development_secret(tmp_path)

    assert file.read_bytes() == content


def test_a_data_folder_that_is_none_is_told(tmp_path: Path) -> None:
    """A data folder that cannot be made ends the start with a line."""
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(SettingsError, match=r"^DATA_DIR wants a folder") as caught:
        development_secret(file / "data")

    assert os.fspath(tmp_path) not in str(caught.value)
