"""An index: the most urgent tasks."""

from alembic import op

revision = "0002e"
down_revision = "0002d"

_INDEX = "ix_tasks_priority"


def upgrade() -> None:
    op.create_index(_INDEX, "tasks", ["user_id", "priority", "id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "tasks")
