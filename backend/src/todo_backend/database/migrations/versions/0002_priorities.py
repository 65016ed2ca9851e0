"""Priorities, due dates, an index for each order of the list, and the role that looks ids up."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INDEXES = {
    "ix_tasks_updated": ["user_id", "updated_at", "id"],
    "ix_tasks_due": ["user_id", "due_date", "id"],
    "ix_tasks_priority": ["user_id", "priority", "id"],
    "ix_tasks_title": ["user_id", "title_key", "id"],
    "ix_tasks_id": ["id"],
}


def upgrade() -> None:
    op.add_column(
        "tasks",
        sa.Column("priority", sa.SmallInteger(), server_default=sa.text("2"), nullable=False),
    )
    op.add_column("tasks", sa.Column("due_date", sa.DateTime(timezone=True)))
    op.add_column(
        "tasks",
        sa.Column(
            "title_key",
            sa.Text(collation="C"),
            sa.Computed("lower(title)", persisted=True),
            nullable=False,
        ),
    )
    op.create_check_constraint(op.f("ck_tasks_priority_range"), "tasks", "priority BETWEEN 1 AND 3")
    for name, columns in _INDEXES.items():
        op.create_index(name, "tasks", columns)
    _create_role()
    op.execute("GRANT USAGE ON SCHEMA public TO todo_lookup")
    op.execute("GRANT SELECT (id) ON tasks TO todo_lookup")
    # A policy for a role binds its members too, such as a login role; they are not it.
    op.execute(
        "CREATE POLICY lookup ON tasks FOR SELECT TO todo_lookup"
        " USING (current_user = 'todo_lookup')"
    )


def downgrade() -> None:
    op.execute("DROP POLICY lookup ON tasks")
    op.execute("REVOKE SELECT (id) ON tasks FROM todo_lookup")
    op.execute("REVOKE USAGE ON SCHEMA public FROM todo_lookup")
    for name in _INDEXES:
        op.drop_index(name, "tasks")
    op.drop_constraint(op.f("ck_tasks_priority_range"), "tasks")
    for column in ("title_key", "due_date", "priority"):
        op.drop_column("tasks", column)


def _create_role() -> None:
    # As in 0001: another database of this server may have made it, perhaps this very moment.
    op.execute("""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'todo_lookup') THEN
                CREATE ROLE todo_lookup NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
    """)
    op.execute("""
        DO $$ BEGIN
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                GRANT todo_lookup TO CURRENT_USER;
            END IF;
        EXCEPTION WHEN insufficient_privilege THEN
            IF NOT pg_has_role(current_user, 'todo_lookup', 'MEMBER') THEN RAISE; END IF;
        END $$
    """)
