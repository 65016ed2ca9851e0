"""What a client's key for a creation has brought, to be brought again.

A table of its own and nothing else, so no request waits for this revision.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TABLE = "idempotency_keys"
_OWNED = "user_id = NULLIF(current_setting('app.user_id', true), '')"
# A policy for a role binds its members too, such as a login role; they are not it.
_LOOKUP = "current_user = 'todo_lookup'"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name=f"pk_{_TABLE}"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=f"fk_{_TABLE}_user_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("user_id <> ''", name=op.f(f"ck_{_TABLE}_has_owner")),
        sa.CheckConstraint(
            "char_length(key) BETWEEN 1 AND 255", name=op.f(f"ck_{_TABLE}_key_length")
        ),
        sa.CheckConstraint(
            "octet_length(fingerprint) = 32", name=op.f(f"ck_{_TABLE}_fingerprint_length")
        ),
    )
    op.create_index(f"ix_{_TABLE}_user_expiry", _TABLE, ["user_id", "expires_at"])
    op.create_index(f"ix_{_TABLE}_expiry", _TABLE, ["expires_at"])
    _protect()


def downgrade() -> None:
    op.drop_table(_TABLE)


def _protect() -> None:
    op.execute(f"ALTER TABLE {_TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY owner ON {_TABLE} USING ({_OWNED}) WITH CHECK ({_OWNED})")
    op.execute(f"REVOKE ALL ON {_TABLE} FROM PUBLIC")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {_TABLE} TO todo_app")
    # Whose keys have expired, for pruning; neither the keys nor what they brought.
    op.execute(f"CREATE POLICY lookup ON {_TABLE} FOR SELECT TO todo_lookup USING ({_LOOKUP})")
    op.execute(f"GRANT SELECT (user_id, expires_at) ON {_TABLE} TO todo_lookup")
