"""What happens to a database: each begins, is felt, and is over when the function returns."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress

import asyncpg

from tests.database.databases import until
from tests.faults.stage import SERVING, Stage
from tests.faults.writers import Ledger

WAVES = 6
FREEZE_SECONDS = LOCK_SECONDS = 3.0
AWAY_SECONDS = 2.0
_FEW = 6


async def crashed(stage: Stage, ledger: Ledger) -> None:
    """The server ends at once, and recovers when it starts."""
    await asyncio.to_thread(stage.crash)
    await away(ledger)
    await asyncio.to_thread(stage.start)


async def killed(stage: Stage, ledger: Ledger) -> None:
    """The kernel ends all of it, the postmaster too."""
    await asyncio.to_thread(stage.kill)
    await away(ledger)
    await asyncio.to_thread(stage.start)


async def down(stage: Stage, ledger: Ledger) -> None:
    """Stopped in good order, and away for a while."""
    await asyncio.to_thread(stage.stop)
    await away(ledger)
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(stage.start)


async def ended_sessions(stage: Stage, _ledger: Ledger) -> None:
    """An administrator ends the application's sessions, again and again."""
    for _ in range(WAVES):
        await stage.terminate()
        await asyncio.sleep(0.2)


async def cancelled_statements(stage: Stage, _ledger: Ledger) -> None:
    for _ in range(5 * WAVES):
        await stage.cancel()
        await asyncio.sleep(0.02)


async def frozen(stage: Stage, ledger: Ledger) -> None:
    """It refuses nothing and answers nothing."""
    stage.freeze()
    try:
        await asyncio.sleep(FREEZE_SECONDS)
        await away(ledger)
    finally:
        stage.thaw()


async def locked(stage: Stage, ledger: Ledger) -> None:
    """Somebody holds the table for longer than a request may wait."""
    async with stage.session() as session, session.transaction():
        await session.execute("LOCK TABLE tasks IN SHARE MODE")
        await refused(ledger)
        await asyncio.sleep(LOCK_SECONDS)


async def read_only(stage: Stage, ledger: Ledger) -> None:
    """As after a failover to a standby, which becomes the primary later."""
    await stage.setting("default_transaction_read_only", "on")
    try:
        await refused(ledger)
        await asyncio.sleep(0.5)
    finally:
        await stage.setting("default_transaction_read_only", None)


async def crowded(stage: Stage, ledger: Ledger) -> None:
    """Others have taken every connection that there is."""
    async with stage.session() as session:
        async with AsyncExitStack() as others:
            # Otherwise it is a race for those that become free.
            await session.execute(f"ALTER ROLE {SERVING} CONNECTION LIMIT 0")
            await stage.terminate()
            try:
                while True:
                    await others.enter_async_context(stage.session())
            except asyncpg.TooManyConnectionsError:
                await session.execute(f"ALTER ROLE {SERVING} CONNECTION LIMIT -1")
            await away(ledger)
            await asyncio.sleep(0.5)
        await stage.has_room(session)


async def other_password(stage: Stage, ledger: Ledger) -> None:
    """It is changed over there, and not in `DATABASE_URL`."""
    async with stage.session() as session:
        await session.execute(f"ALTER ROLE {SERVING} PASSWORD 'another'")
        try:
            await stage.terminate()
            await away(ledger)
        finally:
            await session.execute(f"ALTER ROLE {SERVING} PASSWORD '{stage.password}'")


async def redefined(stage: Stage, _ledger: Ledger) -> None:
    """The shape of the table changes under statements that are prepared."""
    async with stage.session() as session:
        for number in range(20):
            await session.execute(f"ALTER TABLE tasks ADD COLUMN extra_{number} integer")
            await asyncio.sleep(0.02)
            await session.execute(f"ALTER TABLE tasks DROP COLUMN extra_{number}")
            await asyncio.sleep(0.02)


async def disowned(stage: Stage, ledger: Ledger) -> None:
    """One session of the server is killed, and PostgreSQL ends all the others on that account.

    That is over so soon that it may have to happen again before everybody has noticed.
    """
    noticing = asyncio.create_task(away(ledger))
    while not noticing.done():
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # it recovers
            async with stage.session() as session:
                pid = await session.fetchval(
                    "SELECT pid FROM pg_stat_activity"
                    " WHERE application_name = 'todo-backend' LIMIT 1"
                )
            if pid is not None:
                stage.kill_session(pid)
        await asyncio.wait([noticing], timeout=0.2)
    await noticing
    await stage.is_back()


async def away(ledger: Ledger) -> None:
    """Wait until writers have been told so, and whoever asks after the server's health."""
    await refused(ledger)
    if ledger.health:
        await until(lambda: 503 in ledger.health["/health"])


async def refused(ledger: Ledger, *, since: float | None = None) -> None:
    """Wait until writers have been told so, from this moment on unless another is named."""
    moment = time.monotonic() if since is None else since
    await until(lambda: len(ledger.refusals(since=moment)) >= _FEW)
