"""Environments for tests of the settings: a good one, and one that is wrong in every variable."""

import pytest

from todo_backend.settings import Settings, SettingsError, load

SECRET = "correct-horse-battery-staple-123"
CONTRACTS = ("envelope", "accounts", "plain")
FAMILIES = {"envelope": "user_tasks", "plain": "user_tasks", "accounts": "own_tasks"}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://todo:pw@db.example/todo",
    "BETTER_AUTH_SECRET": SECRET,
    "ALLOWED_ORIGINS": "https://app.example",
}
CANARY = "canary51c7"
CANARIES = {
    "ENVIRONMENT": CANARY,
    "DEBUG": CANARY,
    "DOCS_ENABLED": CANARY,
    "LOG_LEVEL": CANARY,
    "LOG_FORMAT": CANARY,
    "HOST": f"{CANARY}/",
    "PORT": CANARY,
    "WORKERS": CANARY,
    "SHUTDOWN_DRAIN_SECONDS": CANARY,
    "DATA_DIR": f"{CANARY}\x1b",
    "DATABASE_URL": f"mysql://{CANARY}:{CANARY}@{CANARY}/{CANARY}?{CANARY}={CANARY}",
    "DATABASE_TIMEOUT": CANARY,
    "DB_POOL_SIZE": CANARY,
    "DB_MAX_OVERFLOW": CANARY,
    "DB_PREPARED_STATEMENTS": CANARY,
    "MIGRATE_ON_START": CANARY,
    "JWT_ALGORITHM": CANARY,
    "BETTER_AUTH_SECRETS": f"2:{CANARY},{CANARY}",
    "BETTER_AUTH_SECRET": CANARY,
    "ACCEPT_RETIRED_SECRETS": CANARY,
    "BETTER_AUTH_DATABASE_URL": f"mysql://{CANARY}:{CANARY}@{CANARY}/{CANARY}",
    "ALLOW_UNSIGNED_SESSION_TOKENS": CANARY,
    "ACCEPT_SESSION_COOKIE": CANARY,
    "BETTER_AUTH_URL": f"ftp://{CANARY}",
    "JWKS_URL": f"ftp://{CANARY}",
    "JWT_ISSUER": f"{CANARY}\0",
    "JWT_AUDIENCE": f"{CANARY}\n{CANARY}",
    "JWT_LEEWAY_SECONDS": CANARY,
    "ACCESS_TOKEN_EXPIRE_MINUTES": CANARY,
    "REFRESH_TOKEN_EXPIRE_DAYS": CANARY,
    "RATE_LIMIT_ENABLED": CANARY,
    "RATE_LIMIT_AUTH": CANARY,
    "RATE_LIMIT_ACCOUNT": f"10/{CANARY}",
    "RATE_LIMIT_TAKEN_EMAIL": f"0/minute;{CANARY}",
    "RATE_LIMIT_API": "0/minute",
    "RATE_LIMIT_STORAGE": f"mongodb://{CANARY}:{CANARY}@{CANARY}",
    "TRUSTED_PROXIES": CANARY,
    "CORS_ORIGINS": CANARY,
    "FRONTEND_URL": f"https://{CANARY}/{CANARY}",
    "ALLOWED_ORIGINS": f"https://*.{CANARY}",
    "API_CONTRACTS": CANARY,
}


def loaded(env: dict[str, str]) -> Settings:
    return load(env, env_file=None, contracts=CONTRACTS, families=FAMILIES)


def problems(env: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        loaded(env)
    return caught.value.problems
