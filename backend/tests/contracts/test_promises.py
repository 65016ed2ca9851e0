"""Every contract promises the same; test_promises_*.py ask each of them through its driver."""

from tests.contracts.drivers import DRIVERS
from todo_backend.contracts import CONTRACTS


def test_every_registered_contract_is_driven() -> None:
    """A contract without a driver would be held to nothing."""
    assert [driver.name for driver in DRIVERS] == list(CONTRACTS)
