"""What a hostile client can cost: little memory, and nobody else's answers."""

import logging
from typing import Final

import pytest

from tests.limits import attacks
from tests.limits.attacks import Attack, Target
from tests.limits.watching import MEGABYTE, watched
from tests.support.command import Process

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("pace")]

_log: Final = logging.getLogger("limits")
GROWTH_MAX_BYTES: Final = 20 * MEGABYTE
# Whoever asks shares two cores with the attackers. It tells a server that is blocked; what else the
# machine does meanwhile is left out (tests/support/pace.py).
ANSWER_MAX_SECONDS: Final = 1.0

EXPECTED: Final[dict[Attack, set[int]]] = {
    attacks.body_of_200_mb: {413},
    attacks.body_of_200_mb_in_chunks: {413},
    attacks.body_of_200_mb_of_blank_lines: {413},
    attacks.header_of_60_mb_in_a_line: {431},
    attacks.header_of_60_mb_in_lines: {431},
    attacks.address_of_60_mb: {414},
    attacks.trailers_of_60_mb: {431},
    attacks.extension_of_60_mb: {431},
    attacks.pipelined: {200},
    attacks.half_open_with_a_request_line: set(),
    attacks.half_open_with_40_kb_of_headers: set(),
    attacks.half_open_with_15_kb_of_small_headers: set(),
    attacks.half_open_with_15_kb_of_a_body: set(),
    attacks.half_open_in_chunks_of_an_octet: set(),
    attacks.half_open_with_small_trailers: set(),
    attacks.half_open_with_most_of_a_body: set(),
    attacks.half_open_and_dribbling: set(),
    attacks.silent: set(),
    attacks.many_slow_readers: set(),
    attacks.slow_readers: set(),
    attacks.large_bodies_at_once: {201},
    attacks.json_that_hurts: {400, 413},
    attacks.other_protocols: {400},
}


@pytest.mark.parametrize("attack", EXPECTED, ids=lambda attack: f"G-10-{attack.__name__}")
async def test_attack_costs_little(attacked: tuple[Process, Target], attack: Attack) -> None:
    """The server stays small, answers others meanwhile, and lets go of all of it afterwards."""
    server, target = attacked

    async with watched(server) as watch:
        statuses = await attack(target)
    _log.info("%s: %s", attack.__name__, watch)

    assert statuses == EXPECTED[attack]
    assert watch.growth_bytes <= GROWTH_MAX_BYTES
    assert watch.left_bytes <= GROWTH_MAX_BYTES
    assert watch.late(promised=ANSWER_MAX_SECONDS) == 0
