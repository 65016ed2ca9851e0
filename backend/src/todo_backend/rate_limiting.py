"""What is counted, where and how often, as the settings say."""

from collections.abc import Sequence
from dataclasses import dataclass

from todo_backend.auth.attempts import Attempts
from todo_backend.core.rate_limits import Haste, RateLimiter, SharedCounters
from todo_backend.settings import Settings
from todo_backend.web.client_address import ClientAddress, client_address_behind
from todo_backend.web.rate_limits import BUDGETS, Gate, Gates
from todo_backend.web.utility import Check


@dataclass(frozen=True, slots=True)
class RateLimiting:
    """What the application asks who a client is and how often they may.

    `checks` say whether it can count as the settings want it.
    """

    limiter: RateLimiter
    client_of: ClientAddress
    gates: Gates
    attempts: Attempts
    checks: Sequence[Check]


def rate_limiting(settings: Settings) -> RateLimiting:
    """Put together what `settings` describe; nothing is opened before the limiter is."""
    storage = settings.rate_limit_storage if settings.rate_limit_enabled else None
    limiter = RateLimiter(SharedCounters(storage.get_secret_value()) if storage else None)
    return RateLimiting(
        limiter,
        client_address_behind(settings.trusted_proxies),
        gates=_gates(settings, limiter) if settings.rate_limit_enabled else {},
        attempts=_attempts(settings, limiter) if settings.rate_limit_enabled else Attempts(),
        checks=(Check("rate limit store", limiter.is_well),) if storage else (),
    )


def _gates(settings: Settings, limiter: RateLimiter) -> Gates:
    # The gates of one budget share its meter: what a user may do is one count, whatever the routes.
    return {
        budget: Gate(
            budget,
            limiter.meter(
                budget.name,
                settings.rate_limit_auth if budget.is_by_client else settings.rate_limit_api,
                haste=Haste.PATIENT if budget.is_by_client else Haste.HURRIED,
            ),
        )
        for budget in BUDGETS
    }


def _attempts(settings: Settings, limiter: RateLimiter) -> Attempts:
    return Attempts.limited(
        limiter, wrong=settings.rate_limit_account, taken=settings.rate_limit_taken_email
    )
