"""Users, their tasks and their counters, behind row-level security.

The runtime role belongs to the whole server, so `downgrade` leaves it: another database of the
same server may use it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_OWNER = {"users": "id", "task_counters": "user_id", "tasks": "user_id"}
_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    _create_role()
    _create_users()
    _create_counters()
    _create_tasks()
    for table, column in _OWNER.items():
        _protect(table, column)


def downgrade() -> None:
    for table in ("tasks", "task_counters", "users"):
        op.drop_table(table)
    op.execute("REVOKE USAGE ON SCHEMA public FROM todo_app")


def _create_role() -> None:
    # Another database of this server may have made the role, perhaps this very moment.
    op.execute("""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'todo_app') THEN
                CREATE ROLE todo_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
    """)
    # To give it functions, the migrating role must be able to become it. An administrator may have
    # arranged that already, without leave to pass it on.
    op.execute("""
        DO $$ BEGIN
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                GRANT todo_app TO CURRENT_USER;
            END IF;
        EXCEPTION WHEN insufficient_privilege THEN
            IF NOT pg_has_role(current_user, 'todo_app', 'MEMBER') THEN RAISE; END IF;
        END $$
    """)
    op.execute("GRANT USAGE ON SCHEMA public TO todo_app")


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("name", sa.Text()),
        *_timestamps(),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.CheckConstraint("char_length(id) BETWEEN 1 AND 255", name=op.f("ck_users_id_length")),
    )


def _create_counters() -> None:
    op.create_table(
        "task_counters",
        _user_id(),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("completed", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_task_counters"),
        *_belongs_to_user("task_counters"),
        sa.CheckConstraint(
            "completed BETWEEN 0 AND total", name=op.f("ck_task_counters_completed_within_total")
        ),
        postgresql_with={"fillfactor": 50},
    )


def _create_tasks() -> None:
    op.create_table(
        "tasks",
        _user_id(),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("completed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        *_timestamps(),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_tasks"),
        *_belongs_to_user("tasks"),
        sa.CheckConstraint(
            "char_length(title) BETWEEN 1 AND 255", name=op.f("ck_tasks_title_length")
        ),
        sa.CheckConstraint(
            "char_length(description) <= 2000", name=op.f("ck_tasks_description_length")
        ),
        sa.CheckConstraint("updated_at >= created_at", name=op.f("ck_tasks_updated_after_created")),
    )
    newest = [sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("ix_tasks_newest", "tasks", ["user_id", *newest])
    op.create_index("ix_tasks_newest_by_status", "tasks", ["user_id", "completed", *newest])


def _user_id() -> sa.Column[str]:
    return sa.Column("user_id", sa.Text(collation="C"), nullable=False)


def _timestamps() -> list[sa.Column[object]]:
    moment = sa.DateTime(timezone=True)
    return [
        sa.Column(name, moment, server_default=_NOW, nullable=False)
        for name in ("created_at", "updated_at")
    ]


def _belongs_to_user(table: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("user_id <> ''", name=op.f(f"ck_{table}_has_owner")),
    ]


def _protect(table: str, column: str) -> None:
    """Bind everybody, the table's owner too, to the rows of the transaction's user."""
    # Once a transaction has set it, the setting reads '' afterwards and not NULL.
    owned = f"{column} = NULLIF(current_setting('app.user_id', true), '')"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY owner ON {table} USING ({owned}) WITH CHECK ({owned})")
    op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO todo_app")
