"""An index: the tasks that are due first."""

from alembic import op

revision = "0002d"
down_revision = "0002c"

_INDEX = "ix_tasks_due"


def upgrade() -> None:
    op.create_index(_INDEX, "tasks", ["user_id", "due_date", "id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "tasks")
