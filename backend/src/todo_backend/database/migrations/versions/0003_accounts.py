"""Accounts, their sessions and refresh tokens, behind a role of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002g"


# What todo_auth may do, and no more: it changes neither an address nor whose a session is.
_RIGHTS = {
    "accounts": "SELECT, INSERT, UPDATE (password_hash, updated_at)",
    "sessions": "SELECT, INSERT, UPDATE (revoked_at), DELETE",
    "refresh_tokens": "SELECT, INSERT, UPDATE (spent_at, child_hash)",
}
# A policy for a role binds its members too, such as a login role; they are not it.
_IT = "current_user = 'todo_auth'"
_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    # What the policy needs at the end. Taken after a weaker lock, it could meet a request halfway.
    op.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    _create_accounts()
    _create_sessions()
    _create_refresh_tokens()
    _create_role()
    op.execute("GRANT USAGE ON SCHEMA public TO todo_auth")
    for table, rights in _RIGHTS.items():
        _protect(table)
        op.execute(f"CREATE POLICY auth ON {table} TO todo_auth USING ({_IT}) WITH CHECK ({_IT})")
        op.execute(f"GRANT {rights} ON {table} TO todo_auth")
    op.execute(f"CREATE POLICY auth ON users FOR INSERT TO todo_auth WITH CHECK ({_IT})")
    op.execute("GRANT INSERT ON users TO todo_auth")


def downgrade() -> None:
    op.execute("DROP POLICY auth ON users")
    op.execute("REVOKE INSERT ON users FROM todo_auth")
    for table in ("refresh_tokens", "sessions", "accounts"):
        op.drop_table(table)
    op.execute("REVOKE USAGE ON SCHEMA public FROM todo_auth")


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        _user_id(),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        _moment("created_at", server_default=_NOW),
        _moment("updated_at", server_default=_NOW),
        sa.PrimaryKeyConstraint("user_id", name="pk_accounts"),
        sa.UniqueConstraint("email_key", name="uq_accounts_email_key"),
        _belongs_to_user("accounts"),
        _has_owner("accounts"),
        sa.CheckConstraint("char_length(email) <= 254", name=op.f("ck_accounts_email_length")),
        sa.CheckConstraint("char_length(name) <= 255", name=op.f("ck_accounts_name_length")),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        _user_id(),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        _moment("created_at", server_default=_NOW),
        _moment("expires_at"),
        _moment("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_sessions"),
        _belongs_to_user("sessions"),
        _has_owner("sessions"),
    )


def _create_refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        _user_id(),
        sa.Column("session_id", sa.Text(collation="C"), nullable=False),
        _moment("issued_at"),
        _moment("expires_at"),
        _moment("spent_at", nullable=True),
        sa.Column("child_hash", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"],
            ["sessions.user_id", "sessions.id"],
            name="fk_refresh_tokens_user_id_session_id",
            ondelete="CASCADE",
        ),
        _has_owner("refresh_tokens"),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_refresh_tokens_hash_length")),
        sa.CheckConstraint(
            "(spent_at IS NULL) = (child_hash IS NULL)",
            name=op.f("ck_refresh_tokens_spent_for_child"),
        ),
    )
    op.create_index("ix_refresh_tokens_session", "refresh_tokens", ["user_id", "session_id"])


def _user_id() -> sa.Column[str]:
    return sa.Column("user_id", sa.Text(collation="C"), nullable=False)


def _moment(
    name: str, *, nullable: bool = False, server_default: sa.TextClause | None = None
) -> sa.Column[object]:
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, nullable=nullable, server_default=server_default)


def _belongs_to_user(table: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE"
    )


def _has_owner(table: str) -> sa.Constraint:
    return sa.CheckConstraint("user_id <> ''", name=op.f(f"ck_{table}_has_owner"))


def _protect(table: str) -> None:
    """Bind everybody to the rows of the transaction's user, as in 0001; todo_app gets no rights."""
    owned = "user_id = NULLIF(current_setting('app.user_id', true), '')"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY owner ON {table} USING ({owned}) WITH CHECK ({owned})")
    op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")


def _create_role() -> None:
    # As in 0001: another database of this server may have made it, perhaps this very moment.
    op.execute("""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'todo_auth') THEN
                CREATE ROLE todo_auth NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
    """)
    op.execute("""
        DO $$ BEGIN
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                GRANT todo_auth TO CURRENT_USER;
            END IF;
        EXCEPTION WHEN insufficient_privilege THEN
            IF NOT pg_has_role(current_user, 'todo_auth', 'MEMBER') THEN RAISE; END IF;
        END $$
    """)
