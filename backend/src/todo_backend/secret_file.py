"""The secret of a deployment: the configured one, or one made for development and kept."""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from todo_backend.auth.secret_ring import Secrets
from todo_backend.setting_types import checked_secret
from todo_backend.settings import Settings, SettingsError

KEY_FILE_NAME: Final = "better-auth-secret"


def secret_of(settings: Settings) -> str:
    """Return the secret that signs. Raises: SettingsError."""
    return secrets_of(settings).current


def secrets_of(settings: Settings) -> Secrets:
    """Return the configured secrets, or the one kept for development.

    As in Better Auth, BETTER_AUTH_SECRETS says which one signs, and BETTER_AUTH_SECRET beside it is
    one more that did. Raises: SettingsError.
    """
    named = [*settings.better_auth_secrets, settings.better_auth_secret]
    texts = list(dict.fromkeys(each.get_secret_value() for each in named if each is not None))
    current, *retired = texts or [development_secret(settings.data_dir)]
    return Secrets(current, tuple(retired), accepts_retired=settings.accept_retired_secrets)


def development_secret(data_dir: Path) -> str:
    """Return the secret kept under `data_dir`, made by the first call of whatever process.

    Raises: SettingsError where the folder can't be used or the file holds no secret.
    """
    path = data_dir / KEY_FILE_NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _publish(path, secrets.token_urlsafe(48))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        text = path.read_text(encoding="ascii").strip()
        checked_secret(SecretStr(text))
    except OSError as error:
        raise SettingsError(f"DATA_DIR wants a folder to write to: {error.strerror}") from None
    except (UnicodeError, PydanticCustomError):
        raise SettingsError(f"DATA_DIR holds a damaged {KEY_FILE_NAME}: delete it") from None
    return text


def _publish(path: Path, text: str) -> None:
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        # A link appears with its whole content, and only where no other starter was first.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
