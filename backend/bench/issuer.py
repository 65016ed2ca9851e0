"""An issuer that signs by EdDSA and publishes its key, as Better Auth's JWT plugin does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

_KID: Final = "ztlP3BzCTWtMyIqZxxI1JOGYuhiJVUMc"
_CREATED_AT: Final = "2026-11-01T10:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Issuer:
    """A running issuer; `url` is its `BETTER_AUTH_URL`."""

    url: str
    _key: Ed25519PrivateKey = field(repr=False)

    def token(self, user_id: str, *, issued: int, expires: int) -> str:
        """Sign a token that is as long as Better Auth's: it has the whole user in it."""
        claims = {
            "iat": issued,
            "name": f"Person {user_id}",
            "email": f"{user_id}@example.org",
            "emailVerified": False,
            "image": None,
            "createdAt": _CREATED_AT,
            "updatedAt": _CREATED_AT,
            "id": user_id,
            "sub": user_id,
            "exp": expires,
            "iss": self.url,
            "aud": self.url,
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": _KID, "typ": None})


@asynccontextmanager
async def running() -> AsyncIterator[Issuer]:
    """Publish a new key until the end; every request gets the key set."""
    key = Ed25519PrivateKey.generate()
    members = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    body = json.dumps({"keys": [members | {"alg": "EdDSA", "kid": _KID}]}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        yield Issuer(f"http://127.0.0.1:{port}", key)
