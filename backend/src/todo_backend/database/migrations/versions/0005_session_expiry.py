"""Sessions that have expired are found without reading the others.

Building the index holds up sign-ins and refreshes for as long as it takes, and no task.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

_INDEX = "ix_sessions_expiry"


def upgrade() -> None:
    op.create_index(_INDEX, "sessions", ["expires_at"])


def downgrade() -> None:
    op.drop_index(_INDEX, "sessions")
