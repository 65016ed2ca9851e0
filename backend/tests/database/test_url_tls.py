"""What a database address says about TLS, and what asyncpg then really sends."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import certifi
import pytest

from todo_backend.database.url import DatabaseUrlError, parse

SSL_REQUEST = 80877103
AUTHORITIES = certifi.where()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://h", "prefer"),
        ("postgresql://h?sslmode=prefer", "prefer"),
        ("postgresql://h?sslmode=allow", "allow"),
        ("postgresql://h?sslmode=disable", False),
        ("postgresql://h?ssl=false", False),
        ("postgresql://h?sslmode=disable&sslrootcert=/none", False),
        ("postgresql://h?channel_binding=prefer", "prefer"),
        ("postgresql://h?channel_binding=disable&gssencmode=disable", "prefer"),
        ("postgresql:///db?host=/run/pg", False),
        ("postgresql:///db?host=/run/pg&sslmode=require", False),
        ("postgresql://", "prefer"),
    ],
)
def test_connections_that_need_no_encryption(url: str, expected: object) -> None:
    """Without a mode, TCP prefers TLS as libpq does; a socket has none."""
    assert parse(url).ssl == expected


@pytest.mark.parametrize(
    ("query", "is_verified", "is_named"),
    [
        ("sslmode=require", False, False),
        ("ssl=require", False, False),
        ("ssl=true", False, False),
        ("sslmode=require&channel_binding=prefer", False, False),
        (f"sslmode=require&sslrootcert={AUTHORITIES}", True, False),
        (f"sslmode=verify-ca&sslrootcert={AUTHORITIES}", True, False),
        (f"sslmode=verify-full&sslrootcert={AUTHORITIES}", True, True),
        ("sslmode=verify-full&sslrootcert=system", True, True),
        ("sslmode=verify-full", True, True),
        ("sslrootcert=system", True, True),
        ("channel_binding=require", True, True),
        ("sslmode=require&channel_binding=require", True, True),
        ("channel_binding=require&sslmode=require&sslrootcert=system", True, True),
        (f"sslmode=verify-ca&channel_binding=require&sslrootcert={AUTHORITIES}", True, True),
    ],
)
def test_what_is_verified_of_the_server(query: str, is_verified: bool, is_named: bool) -> None:  # noqa: FBT001 - rows of a table
    """The certificate's chain and name are checked as the mode says, channel binding all of it."""
    context = parse(f"postgresql://h/db?{query}").ssl

    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == (ssl.CERT_REQUIRED if is_verified else ssl.CERT_NONE)
    assert context.check_hostname == is_named
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_named_authority_replaces_those_of_the_system(tmp_path: Path) -> None:
    """A private authority is trusted alone."""
    first = Path(AUTHORITIES).read_text(encoding="utf-8").split("-----END CERTIFICATE-----")[0]
    file = tmp_path / "root.crt"
    file.write_text(first + "-----END CERTIFICATE-----\n", encoding="utf-8")

    context = parse(f"postgresql://h?sslmode=verify-full&sslrootcert={file}").ssl

    assert isinstance(context, ssl.SSLContext)
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h?channel_binding=require&sslmode=disable",
        "postgresql://h?channel_binding=require&sslmode=allow",
        "postgresql://h?channel_binding=require&sslmode=prefer",
        "postgresql:///db?channel_binding=require",
        "postgresql:///db?channel_binding=require&host=/run/pg",
        "postgresql:///db?channel_binding=require&host=h,/run/pg",
        "postgresql://h?sslmode=require&sslrootcert=system",
        "postgresql://h?sslmode=verify-ca&sslrootcert=system",
        "postgresql://h?sslmode=verify-ca",
        "postgresql://h?gssencmode=require",
    ],
)
def test_a_protection_that_cannot_be_had_is_an_error(url: str) -> None:
    """What asks for more safety than the rest of the address allows is not weakened in silence."""
    with pytest.raises(DatabaseUrlError):
        parse(url)


@dataclass
class Listener:
    """A server of the PostgreSQL protocol that notes the first messages and hangs up."""

    port: int = 0
    tls_requests: int = 0
    startups: list[dict[str, str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not self.startups:
                size, code = struct.unpack("!ii", await reader.readexactly(8))
                if code == SSL_REQUEST:
                    self.tls_requests += 1
                    writer.write(b"N")
                    continue
                words = (await reader.readexactly(size - 8)).decode().split("\0")
                self.startups.append(dict(zip(words[::2], words[1::2], strict=False)))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


async def connect_in_vain(url: str) -> BaseException:
    arguments: dict[str, Any] = parse(url).kwargs()
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
        await asyncpg.connect(**arguments)
    return caught.value


async def test_asyncpg_sends_what_the_address_says() -> None:
    """User, database and settings reach the server as they are in the address."""
    async with listening() as listener:
        await connect_in_vain(
            f"postgresql+psycopg://a%40b:pw@127.0.0.1:{listener.port}/to%20do?sslmode=disable"
            "&application_name=a+b&options=-c%20work_mem%3D8MB&target_session_attrs=read-write"
        )

    (startup,) = listener.startups
    assert (startup["user"], startup["database"]) == ("a@b", "to do")
    assert (startup["application_name"], startup["options"]) == ("a+b", "-c work_mem=8MB")
    assert listener.tls_requests == 0


async def test_prefer_goes_on_without_tls() -> None:
    """A server without TLS is reached where TLS is no must."""
    async with listening() as listener:
        await connect_in_vain(f"postgresql://ada:pw@127.0.0.1:{listener.port}/todo")

    assert listener.tls_requests >= 1
    assert listener.startups[0]["user"] == "ada"


@pytest.mark.parametrize(
    "query", ["sslmode=require", "sslmode=verify-full", "channel_binding=require"]
)
async def test_nothing_is_sent_without_tls_where_it_is_a_must(query: str) -> None:
    """A server that declines TLS learns neither user nor database."""
    async with listening() as listener:
        error = await connect_in_vain(f"postgresql://ada:pw@127.0.0.1:{listener.port}/todo?{query}")

    assert isinstance(error, OSError)
    assert listener.tls_requests == 1
    assert listener.startups == []


async def test_the_next_host_is_tried() -> None:
    """Of several hosts, one that is away is passed over."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = unused.getsockname()[1]
        async with listening() as listener:
            await connect_in_vain(
                f"postgresql://ada:pw@127.0.0.1:{closed},127.0.0.1:{listener.port}/todo"
                "?sslmode=disable"
            )

    assert len(listener.startups) == 1
