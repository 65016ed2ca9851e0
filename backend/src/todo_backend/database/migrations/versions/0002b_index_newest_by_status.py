"""An index: the newest tasks first, of one status."""

import sqlalchemy as sa
from alembic import op

revision = "0002b"
down_revision = "0002a"

_INDEX = "ix_tasks_newest_by_status"
_NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]


def upgrade() -> None:
    op.create_index(_INDEX, "tasks", ["user_id", "completed", *_NEWEST])


def downgrade() -> None:
    op.drop_index(_INDEX, "tasks")
