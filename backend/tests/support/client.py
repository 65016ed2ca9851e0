"""The client of a test's server."""

import ssl
from typing import Any, Final

import httpx

_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For every client of a test: one that makes its own loads all certificate authorities, 20 ms."""
_PATIENCE_SECONDS: Final = 30.0
"""Nobody gives up because the machine is busy."""


def client_for(url: str, **options: Any) -> httpx.AsyncClient:
    """Make a client whose paths are those of `url`; httpx knows the options."""
    options = {"timeout": _PATIENCE_SECONDS, "verify": _NO_TLS, **options}
    return httpx.AsyncClient(base_url=url, **options)
