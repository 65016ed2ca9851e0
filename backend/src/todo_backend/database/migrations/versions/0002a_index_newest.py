"""An index: the newest tasks first."""

import sqlalchemy as sa
from alembic import op

revision = "0002a"
down_revision = "0002"

_INDEX = "ix_tasks_newest"
_NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]


def upgrade() -> None:
    op.create_index(_INDEX, "tasks", ["user_id", *_NEWEST])


def downgrade() -> None:
    op.drop_index(_INDEX, "tasks")
