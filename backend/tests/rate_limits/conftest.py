"""A real Redis for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.canary import SUITE
from tests.support.redis_server import MISSING, REDIS, RedisServer, redis_server


@pytest.fixture
def absent_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that is not running."""
    if REDIS is None:
        pytest.skip(MISSING)
    with redis_server(tmp_path) as server:
        SUITE.keep(server.password)
        yield server


@pytest.fixture
def redis(absent_redis: RedisServer) -> RedisServer:
    """A server that is."""
    absent_redis.start()
    return absent_redis
