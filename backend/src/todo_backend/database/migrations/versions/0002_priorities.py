"""Priorities, due dates, the key that titles are ordered by, and the role that looks ids up.

Nobody reads or writes a task while every row is written anew. So that it is over soon, it is one
pass, and the indexes that would be made anew with it come afterwards: each in a revision of its
own, while tasks are read, and written in between.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]
_ORDERS: dict[str, list[str | sa.TextClause]] = {
    "ix_tasks_newest": ["user_id", *_NEWEST],
    "ix_tasks_newest_by_status": ["user_id", "completed", *_NEWEST],
}


def upgrade() -> None:
    # Before anything is held that a request could wait for: the lock that all of it needs.
    op.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
    for name in _ORDERS:
        op.drop_index(name, "tasks")
    op.execute("""
        ALTER TABLE tasks
            ADD COLUMN priority smallint NOT NULL DEFAULT 2,
            ADD COLUMN due_date timestamptz,
            ADD COLUMN title_key text COLLATE "C" NOT NULL
                GENERATED ALWAYS AS (lower(title)) STORED,
            ADD CONSTRAINT ck_tasks_priority_range CHECK (priority BETWEEN 1 AND 3)
    """)
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
    op.drop_constraint(op.f("ck_tasks_priority_range"), "tasks")
    for column in ("title_key", "due_date", "priority"):
        op.drop_column("tasks", column)
    for name, columns in _ORDERS.items():
        op.create_index(name, "tasks", columns)


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
