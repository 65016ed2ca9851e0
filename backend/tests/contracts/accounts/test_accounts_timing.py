"""How long a refused sign-in takes tells nothing of who has an account."""

import secrets
import statistics
import time

import httpx
import pytest

from tests.contracts.accounts.given import SIGN_IN, Member, fresh_email, fresh_password

TRIALS = 200
SHARE_OF_HASH = 0.05
# With 200 pairs, chance alone leaves this in two of 100,000 runs.
SLOWER_MIN, SLOWER_MAX = 0.35, 0.65


async def seconds_of(client: httpx.AsyncClient, email: str) -> float:
    body = {"email": email, "password": fresh_password()}
    started = time.perf_counter()
    response = await client.post(SIGN_IN, json=body)
    taken = time.perf_counter() - started
    assert response.status_code == 401
    return taken


@pytest.mark.slow
async def test_au_22_wrong_password_takes_as_long_as_an_unknown_address(
    client: httpx.AsyncClient, ann: Member
) -> None:
    """Neither is the slower one, in pairs that are sent one right after the other."""
    wrong, unknown = [], []
    for _ in range(TRIALS):
        if secrets.randbelow(2):
            wrong.append(await seconds_of(client, ann.email))
            unknown.append(await seconds_of(client, fresh_email()))
        else:
            unknown.append(await seconds_of(client, fresh_email()))
            wrong.append(await seconds_of(client, ann.email))

    differences = [one - other for one, other in zip(wrong, unknown, strict=True)]
    slower = sum(each > 0 for each in differences) / TRIALS
    assert abs(statistics.median(differences)) < SHARE_OF_HASH * statistics.median(wrong)
    assert SLOWER_MIN < slower < SLOWER_MAX
