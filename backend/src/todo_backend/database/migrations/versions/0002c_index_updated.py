"""An index: the tasks that changed last."""

from alembic import op

revision = "0002c"
down_revision = "0002b"

_INDEX = "ix_tasks_updated"


def upgrade() -> None:
    op.create_index(_INDEX, "tasks", ["user_id", "updated_at", "id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "tasks")
