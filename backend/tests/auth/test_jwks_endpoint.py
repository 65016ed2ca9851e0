"""The address of the keys: which ones are taken, what is sent there, and whom it believes."""

import base64
import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from tests.support.jwks_server import PATH, key_service
from tests.support.signing_keys import signing_key
from todo_backend.auth.jwks import PublishedKeys
from todo_backend.auth.jwks_endpoint import FetchFailed, JwksEndpoint
from todo_backend.model.errors import KeysUnavailable

KEY = signing_key("EdDSA", "k")


def certificate(path: Path, host: str) -> ssl.SSLContext:
    """Write a certificate for a host at `path`, signed by itself, and use it for a server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    path.write_bytes(made.public_bytes(encoding))
    private = path.with_suffix(".key")
    private.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)
    return context


async def test_a_request_says_what_it_wants_and_nothing_else() -> None:
    """No token, no cookie, no encoding; a query is part of the address."""
    async with key_service(KEY.published) as service:
        endpoint = JwksEndpoint(f"{service.url}?apikey=visible#fragment")

        await endpoint.fetch()

        await endpoint.close()
    lines = service.requests[0].split("\r\n")
    assert lines[0] == f"GET {PATH}?apikey=visible HTTP/1.1"
    assert sorted(line.split(":")[0] for line in lines[1:] if line) == [
        "Accept",
        "Accept-Encoding",
        "Host",
        "User-Agent",
    ]
    assert f"Host: localhost:{service.url.split(':')[2].split('/')[0]}" in lines


async def test_credentials_in_the_address_are_sent_and_never_logged() -> None:
    """A service behind a password is asked with it, and a line shows neither it nor a query."""
    async with key_service() as service:
        service.answer("", status="401 Unauthorized")
        host = service.url.removeprefix("http://")
        keys = PublishedKeys(JwksEndpoint(f"http://us%20er:hunter2-%C3%A4@{host}?apikey=s3cret"))

        with capture_logs() as lines, pytest.raises(KeysUnavailable) as refused:
            await keys.find("k")

        await keys.close()
    sent = base64.b64encode("us er:hunter2-ä".encode()).decode("ascii")
    assert f"Authorization: Basic {sent}\r\n" in service.requests[0]
    assert [line["address"] for line in lines] == [service.url]
    assert refused.value.reason == "key service: answers 401"


@pytest.mark.parametrize("name", ["user:hunter2@", ""])
def test_the_address_for_logs_is_the_place_alone(name: str) -> None:
    """What may be secret in an address is left out of it."""
    endpoint = JwksEndpoint(f"https://{name}keys.example.com:8443/a/b?apikey=s3cret#part")

    assert endpoint.address == "https://keys.example.com:8443/a/b"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "keys.example.com",
        "//keys.example.com/jwks",
        "ftp://keys.example.com/jwks",
        "file:///etc/passwd",
        "http://",
        "http:///jwks",
        "http://:80/jwks",
        "http://host:0/jwks",
        "http://host:99999/jwks",
        "http://host:x/jwks",
        "http://a..b/jwks",
        f"http://{'a' * 64}/jwks",
        "http://[::1/jwks",
        "http://host/a b",
        "http://host/a\r\nX: y",
        "http://host/ключи",
    ],
)
def test_an_address_that_leads_nowhere_is_refused_at_the_start(url: str) -> None:
    """The complaint doesn't repeat it, because it may hold a password."""
    with pytest.raises(ValueError, match=r"^wants the http:// or https:// address") as refused:
        JwksEndpoint(url)

    assert refused.value.__cause__ is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_host_may_be_a_name_or_an_address(host: str) -> None:
    """What other people's servers listen on is reached by the names that they have."""
    async with key_service(KEY.published) as service:
        endpoint = JwksEndpoint(service.url.replace("localhost", host))

        keys = await endpoint.fetch()

        await endpoint.close()
    assert [key.kid for key in keys.keys] == ["k"]


async def test_a_certificate_of_a_trusted_authority_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority of one's own is made known the way that OpenSSL knows."""
    path = tmp_path / "authority.pem"
    async with key_service(KEY.published, tls=certificate(path, "localhost")) as service:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        endpoint = JwksEndpoint(service.url)

        keys = await endpoint.fetch()

        await endpoint.close()
    assert [key.kid for key in keys.keys] == ["k"]


@pytest.mark.parametrize(("is_known", "host"), [(False, "localhost"), (True, "other.example")])
async def test_another_certificate_is_not(
    *, is_known: bool, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a stranger's nor one for another host: nothing is asked of such a server."""
    path = tmp_path / "authority.pem"
    async with key_service(KEY.published, tls=certificate(path, host)) as service:
        if is_known:
            monkeypatch.setenv("SSL_CERT_FILE", str(path))
        endpoint = JwksEndpoint(service.url)

        with pytest.raises(FetchFailed) as refused:
            await endpoint.fetch()

        await endpoint.close()
    assert str(refused.value) == "its certificate is not trusted"
    assert service.requests == []


def test_an_ipv6_address_keeps_its_brackets() -> None:
    """In what is shown, and so in what is sent."""
    endpoint = JwksEndpoint(f"http://[{ipaddress.IPv6Address(1)}]:3000/jwks")

    assert endpoint.address == "http://[::1]:3000/jwks"
