"""`/docs`, `/redoc` and `/openapi.json`, with every asset served from here."""

import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any, Final

import orjson
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html

from todo_backend.web.answer import NO_STORE, Answer, json_answer
from todo_backend.web.operation import Operation, Route

_ASSETS: Final = "/docs/assets"
_TYPES: Final = {
    "favicon.png": b"image/png",
    "redoc.standalone.js": b"text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
}
# ReDoc shows it if it can, and nothing in its place if it can't.
_REMOTE_LOGO: Final = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def operations(openapi: Callable[[], dict[str, Any]], *, title: str) -> list[Operation]:
    """Make the documentation pages over the document that `openapi` returns."""

    @cache
    def document() -> bytes:
        return orjson.dumps(openapi())

    async def openapi_json() -> Answer:
        return json_answer(200, orjson.Fragment(document()))

    async def swagger() -> Answer:
        return _page(
            get_swagger_ui_html(
                openapi_url="/openapi.json",
                title=title,
                swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
                swagger_css_url=f"{_ASSETS}/swagger-ui.css",
                swagger_favicon_url=f"{_ASSETS}/favicon.png",
            ).body
        )

    async def redoc() -> Answer:
        return _page(
            get_redoc_html(
                openapi_url="/openapi.json",
                title=title,
                redoc_js_url=f"{_ASSETS}/redoc.standalone.js",
                redoc_favicon_url=f"{_ASSETS}/favicon.png",
                with_google_fonts=False,
            ).body
        )

    served = {"/openapi.json": openapi_json, "/docs": swagger, "/redoc": redoc}
    served |= {f"{_ASSETS}/{name}": _asset_endpoint(name) for name in _TYPES}
    return [
        Operation(Route("GET", path, endpoint, operation_id=path, is_documented=False))
        for path, endpoint in served.items()
    ]


def _asset_endpoint(name: str) -> Callable[[], Any]:
    async def asset() -> Answer:
        return Answer(200, _asset(name), ((b"content-type", _TYPES[name]), NO_STORE))

    return asset


@cache
def _asset(name: str) -> bytes:
    octets = resources.files("fastapi_offline").joinpath("static", name).read_bytes()
    return octets.replace(_REMOTE_LOGO, b"data:,")


def _page(html: bytes | memoryview) -> Answer:
    text = bytes(html).decode()
    scripts = " ".join(f"'sha256-{_digest(script)}'" for script in _INLINE_SCRIPT.findall(text))
    policy = (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:;"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        NO_STORE,
    )
    return Answer(200, text.encode(), headers)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
