"""A real Redis for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.canary import SUITE
from tests.support.redis_server import MISSING, REDIS, RedisServer, redis_server
from todo_backend.core.rate_limits import shared

PATIENT_SECONDS = 1.0


@pytest.fixture
def absent_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A server that is not running; what asks it is more patient than in production."""
    if REDIS is None:
        pytest.skip(MISSING)
    with redis_server(tmp_path) as server:
        SUITE.keep(server.password)
        # A machine that runs tests may take its time for an answer.
        monkeypatch.setattr(shared, "ANSWER_SECONDS", PATIENT_SECONDS)
        yield server


@pytest.fixture
def redis(absent_redis: RedisServer) -> RedisServer:
    """A server that is."""
    absent_redis.start()
    return absent_redis
