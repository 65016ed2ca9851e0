"""The documentation pages of the server, which work with no other host."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import httpx
import pytest

PAGES = ["/docs", "/redoc"]
EMBEDDING = {"src", "href", "spec-url", "action", "data", "poster"}


class Page(HTMLParser):
    """What a browser finds in a page: the addresses that it names, and inline scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.named: list[str] = []
        self.scripts: list[str] = []
        self._open = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.named += [value for name, value in attrs if name in EMBEDDING and value]

    def handle_data(self, data: str) -> None:
        if self._open == "script" and data.strip():
            self.scripts.append(data)
            self.named += re.findall(r"url: '([^']*)'", data)

    def handle_endtag(self, tag: str) -> None:
        self._open = "" if tag == self._open else self._open


def policy_of(response: httpx.Response) -> dict[str, list[str]]:
    directives = response.headers["content-security-policy"].split(";")
    return {name: sources for name, *sources in (each.split() for each in directives)}


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_and_all_that_it_names_come_from_here(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    """An intranet without a way out shows the documentation as well."""
    response = await anonymous.get(path)
    page = Page(response.text)
    loaded = {address: await anonymous.get(address) for address in page.named}

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"https?:|//[\w-]+\.", response.text) == []
    assert "/openapi.json" in loaded
    assert len(loaded) >= 3
    for address, asset in loaded.items():
        assert address.startswith("/")
        assert asset.status_code == 200, address
        assert asset.content, address


@pytest.mark.parametrize("path", PAGES)
async def test_the_policy_of_a_page_allows_what_it_needs_and_no_more(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    """Every script and style of the page may run, and nothing that somebody else put there."""
    response = await anonymous.get(path)
    page, policy = Page(response.text), policy_of(response)
    hashes = [hashlib.sha256(script.encode()).digest() for script in page.scripts]

    assert policy["default-src"] == ["'none'"]
    wanted = {f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes}
    assert set(policy["script-src"]) == {"'self'", *wanted}
    assert set(policy["style-src"]) == {"'self'", "'unsafe-inline'"}  # both pages write styles
    assert policy["connect-src"] == ["'self'"]
    assert policy["worker-src"] == ["blob:"]  # the search of ReDoc
    assert policy["frame-ancestors"] == ["'none'"]
    everything = {source for sources in policy.values() for source in sources}
    assert not [source for source in everything if "//" in source or source == "*"]


async def test_assets_load_nothing_from_elsewhere(anonymous: httpx.AsyncClient) -> None:
    """The logo that ReDoc fetches from its maker is not asked for (seen in a browser's log)."""
    scripts = [
        (await anonymous.get(f"/docs/assets/{name}")).text
        for name in ("redoc.standalone.js", "swagger-ui-bundle.js", "swagger-ui.css")
    ]

    for script in scripts:
        assert re.findall(r"""(?:src:|url\()\s*["']?https?://[^"')]+""", script) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("redoc.standalone.js", "text/javascript; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("favicon.png", "image/png"),
    ],
)
async def test_an_asset_has_its_type(anonymous: httpx.AsyncClient, name: str, kind: str) -> None:
    """Under nosniff a browser runs no script of another type."""
    response = await anonymous.get(f"/docs/assets/{name}")

    assert response.headers["content-type"] == kind
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["../docs.py", "..%2fdocs.py", "index.html", "", "%00"])
async def test_no_other_file_is_served(anonymous: httpx.AsyncClient, name: str) -> None:
    """The assets are four names and not a folder."""
    response = await anonymous.get(f"/docs/assets/{name}")

    assert response.status_code == 404
