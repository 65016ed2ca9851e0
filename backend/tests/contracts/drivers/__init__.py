"""What a test has to know of each contract to ask it for what all contracts promise.

A new contract is one more driver here, and every test of test_promises_*.py runs on it.
"""

from typing import Final

from tests.contracts.drivers.accounts import ACCOUNTS
from tests.contracts.drivers.driver import Driver, Refusal, Refusals, Task
from tests.contracts.drivers.envelope import ENVELOPE
from tests.contracts.drivers.plain import PLAIN
from tests.contracts.drivers.rich import RICH

__all__ = [
    "ACCOUNTS",
    "DRIVERS",
    "ENVELOPE",
    "PLAIN",
    "RICH",
    "Driver",
    "Refusal",
    "Refusals",
    "Task",
]

DRIVERS: Final = (ENVELOPE, PLAIN, RICH, ACCOUNTS)
