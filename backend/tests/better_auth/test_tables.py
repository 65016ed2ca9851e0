"""Better Auth's tables, as its adapters make them, and what is said where they can't be read."""

import base64
import hmac
from dataclasses import replace

import asyncpg
import pytest

from tests.better_auth.application import SECRET
from tests.better_auth.verifying import judging
from tests.database.databases import login, session, url_of
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.model.errors import DatabaseUnavailable, TokenExpired, TokenInvalid
from todo_backend.model.principal import Principal

TOKEN = "a1B2c3D4" * 4
SIGNED = (
    f"{TOKEN}.{base64.b64encode(hmac.digest(SECRET.encode(), TOKEN.encode(), 'sha256')).decode()}"
)
ANN = Principal("ann", "ann@example.test", "Ann")


async def given_tables(
    connection: asyncpg.Connection,
    *,
    schema: str = "public",
    expires: str = '"expiresAt"',
    user: str = '"userId"',
    moment: str = "timestamptz",
    until: str = "now() + interval '1 hour'",
    owner: str = "ann",
) -> None:
    """Make the tables with one user in them, and one session of hers."""
    await connection.execute(
        f"""
        CREATE SCHEMA IF NOT EXISTS {schema};
        CREATE TABLE {schema}."user" (id text PRIMARY KEY, email text, name text);
        CREATE TABLE {schema}."session" (
            id text PRIMARY KEY, token text UNIQUE, {expires} {moment},
            {user} text REFERENCES {schema}."user");
        INSERT INTO {schema}."user" VALUES ('{owner}', '{owner}@example.test', 'Ann');
        INSERT INTO {schema}."session" VALUES ('s', '{TOKEN}', {until}, '{owner}');
        """  # noqa: S608 - the test's own names
    )


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima"])
@pytest.mark.parametrize(
    ("minutes", "expected"), [(5, "ann"), (-5, TokenExpired)], ids=["alive", "expired"]
)
async def test_snake_case_and_moments_without_a_zone(
    empty: ConnectArgs, zone: str, minutes: int, expected: object
) -> None:
    """As Drizzle and Prisma have it: the moments are UTC, wherever the server thinks that it is."""
    until = f"(now() AT TIME ZONE 'UTC') + interval '{minutes} minutes'"
    async with session(empty) as truth:
        await given_tables(
            truth, expires="expires_at", user="user_id", moment="timestamp", until=until
        )
        await truth.execute(f"ALTER DATABASE {empty.database} SET timezone = '{zone}'")

    async with judging(empty) as judge:
        assert await judge.outcome(SIGNED) == expected


async def test_what_is_shown_of_a_table_is_enough(empty: ConnectArgs) -> None:
    """An operator may show less than the table, by a view in its place."""
    async with session(empty) as truth:
        await given_tables(truth, schema="inner_auth", expires="ends")
        await truth.execute(
            """
            CREATE SCHEMA shown;
            CREATE VIEW shown."user" AS SELECT id, email, name FROM inner_auth."user";
            CREATE VIEW shown."session" AS
                SELECT token, ends AS "expiresAt", "userId" FROM inner_auth."session"
            """
        )

    async with judging(empty) as judge:
        assert await judge.principal(SIGNED) == ANN


async def test_a_schema_of_the_search_path_comes_first(empty: ConnectArgs) -> None:
    """Others may hold such tables too; between several of those nobody chooses."""
    async with session(empty) as truth:
        await given_tables(truth, schema="one", owner="eve")
        await given_tables(truth, schema='"Two"')

    async with judging(empty) as judge:
        with pytest.raises(TokenInvalid, match=r"several schemas .* BETTER_AUTH_DATABASE_URL"):
            await judge.principal(SIGNED)
    named = parse(url_of(empty) + "&options=-csearch_path%3D%22Two%22")
    async with judging(named) as judge:
        assert await judge.principal(SIGNED) == ANN


async def test_without_tables_the_kind_is_refused(empty: ConnectArgs) -> None:
    """Whatever is called `session` or `user` besides; and tables that come later are found."""
    async with session(empty) as truth, judging(empty) as judge:
        await truth.execute('CREATE TABLE "session" (token text); CREATE TABLE "user" (id text)')
        with pytest.raises(TokenInvalid, match=r"no tables of Better Auth .*_DATABASE_URL"):
            await judge.principal(SIGNED)

        await truth.execute('DROP TABLE "session", "user"')
        await given_tables(truth)
        assert await judge.principal(SIGNED) == ANN


async def test_tables_that_move_are_followed(empty: ConnectArgs) -> None:
    """A change of Better Auth's needs no restart here: of the schema, or of a column's name."""
    async with session(empty) as truth, judging(empty) as judge:
        await given_tables(truth, schema="before", until="now()")
        assert await judge.outcome(SIGNED) is TokenExpired

        await truth.execute("ALTER SCHEMA before RENAME TO after")
        assert await judge.outcome(SIGNED) is TokenExpired

        await truth.execute('ALTER TABLE after."session" RENAME "expiresAt" TO expires_at')
        assert await judge.outcome(SIGNED) is TokenInvalid
        await truth.execute('ALTER TABLE after."session" RENAME "userId" TO user_id')
        assert await judge.outcome(SIGNED) is TokenExpired


async def test_a_role_without_rights_is_told_to_the_operator(
    address: ConnectArgs,
) -> None:
    """Nobody can tell whose the token is, so it is no 401; and the log says what to grant."""
    async with login(address, "") as args:
        async with session(replace(address, database=args.database)) as truth:
            await given_tables(truth, schema="hidden")
        async with judging(args) as judge:
            with pytest.raises(DatabaseUnavailable, match=r'GRANT .* SELECT on "session"'):
                await judge.principal(SIGNED)


async def test_a_database_that_is_away_is_no_refusal(empty: ConnectArgs) -> None:
    """And one that comes back is asked again."""
    async with judging(replace(empty, database="nowhere")) as judge:
        assert await judge.outcome(SIGNED) is DatabaseUnavailable
    async with session(empty) as truth, judging(empty) as judge:
        await given_tables(truth)
        assert await judge.outcome(SIGNED) == "ann"


@pytest.mark.parametrize("owner", [" ", "x" * 256])
async def test_an_id_that_is_none_is_refused(empty: ConnectArgs, owner: str) -> None:
    """Whoever wrote the row: an id is 1 to 255 characters that can be seen."""
    async with session(empty) as truth, judging(empty) as judge:
        await given_tables(truth, owner=owner)

        with pytest.raises(TokenInvalid, match="user id"):
            await judge.principal(SIGNED)


async def test_nothing_is_written(empty: ConnectArgs) -> None:
    """Not even where the role could: the statements are reads."""
    async with session(empty) as truth:
        await given_tables(truth)
        await truth.execute(
            f"ALTER DATABASE {empty.database} SET default_transaction_read_only = on"
        )

    async with judging(empty) as judge:
        assert await judge.principal(SIGNED) == ANN
